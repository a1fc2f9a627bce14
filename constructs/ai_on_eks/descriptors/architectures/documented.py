"""Defaults that transformers documents for a hyper-parameter a published config may leave out.

Source: the `configuration_<model type>.py` classes and `configuration_utils.py` of transformers 5.23.0, read
2026-11-24. Widths and depths are never listed, although the classes have defaults for them: a config without them is
incomplete, and a guessed dimension is a wrong size. Rules that depend on other hyper-parameters
(head_dim = hidden_size / heads) are in the family's module.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_LABELS = {"num_labels": 2}
_DECODER = {"tie_word_embeddings": False}
_ENCODER = _LABELS | {"type_vocab_size": 2}

DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "llama": _DECODER | {"attention_bias": False, "mlp_bias": False},
    "mistral": _DECODER | {"num_key_value_heads": 8},
    "qwen2": _DECODER | {"num_key_value_heads": 32},
    "qwen3": _DECODER | {"num_key_value_heads": 32, "head_dim": 128, "attention_bias": False},
    "phi3": _DECODER,
    "gemma2": {
        "tie_word_embeddings": True,
        "num_key_value_heads": 4,
        "head_dim": 256,
        "attention_bias": False,
    },
    "gpt2": {"tie_word_embeddings": True, "add_cross_attention": False},
    "opt": {
        "tie_word_embeddings": True,
        "do_layer_norm_before": True,
        "_remove_final_layer_norm": False,
        "layer_norm_elementwise_affine": True,
        "enable_bias": True,
    },
    "bloom": {"tie_word_embeddings": True},
    "gpt_neox": _DECODER | {"attention_bias": True, "use_parallel_residual": True},
    "falcon": {
        "tie_word_embeddings": True,
        "max_position_embeddings": 2048,
        "new_decoder_architecture": False,
        "multi_query": True,
        "parallel_attn": True,
        "bias": False,
    },
    "phi": _DECODER | {"qk_layernorm": False},
    "mixtral": _DECODER | {"num_key_value_heads": 8},
    "qwen2_moe": _DECODER | {"num_key_value_heads": 16, "qkv_bias": True, "decoder_sparse_step": 1},
    "qwen3_moe": _DECODER | {"num_key_value_heads": 4, "attention_bias": False, "decoder_sparse_step": 1},
    "minimax_m2": _DECODER | {"num_key_value_heads": 8, "head_dim": 128},
    "gpt_oss": _DECODER | {"num_key_value_heads": 8, "head_dim": 64, "attention_bias": True},
    "bert": _ENCODER,
    "roberta": _ENCODER | {"pad_token_id": 1},
    "xlm-roberta": _ENCODER | {"pad_token_id": 1},
    "distilbert": _LABELS,
    "mpnet": _LABELS | {"relative_attention_num_buckets": 32},
    "deberta-v2": _LABELS
    | {
        "type_vocab_size": 0,
        "relative_attention": False,
        "position_biased_input": True,
        "position_buckets": -1,
        "max_relative_positions": -1,
        "share_att_key": False,
        "conv_kernel_size": 0,
        "conv_groups": 1,
    },
    "modernbert": _LABELS
    | {
        "tie_word_embeddings": True,
        "norm_bias": False,
        "attention_bias": False,
        "mlp_bias": False,
        "classifier_bias": False,
        "decoder_bias": True,
        "local_attention": 128,
    },
    "vit": _LABELS | {"num_channels": 3, "qkv_bias": True},
    "resnet": _LABELS
    | {
        "num_channels": 3,
        "layer_type": "bottleneck",
        "downsample_in_first_stage": False,
        "downsample_in_bottleneck": False,
    },
}
