"""Small models to begin with: every known model type with the hyper-parameters that most of them share."""

from __future__ import annotations

from typing import Any

from ai_on_eks.descriptors.architectures.registry import MODULES

_TEXT: dict[str, Any] = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "vocab_size": 100,
    "max_position_embeddings": 64,
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
}
_MIXTURE: dict[str, Any] = {
    "num_experts": 8,
    "num_local_experts": 8,
    "n_routed_experts": 8,
    "n_shared_experts": 1,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 32,
    "first_k_dense_replace": 1,
    "q_lora_rank": 16,
    "kv_lora_rank": 16,
    "qk_nope_head_dim": 8,
    "qk_rope_head_dim": 8,
    "v_head_dim": 8,
}
_STATE: dict[str, Any] = {
    "state_size": 16,
    "conv_kernel": 4,
    "expand": 2,
    "time_step_rank": 4,
    "n_groups": 1,
    "layer_types": ["full_attention", "sliding_attention"] * 2,
    "sliding_window": 16,
}
_BOTH: dict[str, Any] = {
    "d_model": 64,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    "encoder_ffn_dim": 128,
    "decoder_ffn_dim": 128,
    "d_ff": 128,
    "d_kv": 16,
    "num_layers": 2,
    "num_heads": 4,
    "num_mel_bins": 8,
}
_IMAGES: dict[str, Any] = {
    "image_size": 32,
    "patch_size": 8,
    "num_channels": 3,
    "hidden_sizes": [8, 16],
    "depths": [1, 2],
    "embed_dim": 8,
    "window_size": 4,
    "projection_dim": 16,
    "num_labels": 2,
    "id2label": {"0": "a", "1": "b"},
}
_PARTS: dict[str, Any] = {
    "text_config": {"model_type": "llama", **_TEXT},
    "vision_config": {"model_type": "siglip_vision_model", **_TEXT, **_IMAGES},
}

SMALL_CONFIGS: list[dict[str, Any]] = [
    {"model_type": model_type, **_TEXT, **_MIXTURE, **_STATE, **_BOTH, **_IMAGES, **_PARTS}
    for model_types in MODULES.values()
    for model_type in model_types
]

_NETWORK: dict[str, Any] = {
    "attention_head_dim": 8,
    "num_attention_heads": 2,
    "num_layers": 2,
    "num_single_layers": 2,
    "in_channels": 4,
    "out_channels": 4,
    "joint_attention_dim": 16,
    "cross_attention_dim": 16,
    "caption_channels": 16,
    "caption_projection_dim": 16,
    "pooled_projection_dim": 16,
    "patch_size": 2,
    "sample_size": 8,
    "pos_embed_max_size": 8,
    "block_out_channels": [32, 64],
    "layers_per_block": 1,
    "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D"],
    "up_block_types": ["CrossAttnUpBlock2D", "UpBlock2D"],
}

NETWORKS: list[dict[str, Any]] = [
    {"_class_name": name, **_NETWORK} for names in MODULES.values() for name in names if name.endswith(("Model", "KL"))
]
