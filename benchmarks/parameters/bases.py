"""What a library's default config leaves out or contradicts, by model type, so that there is a model to vary."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_EXPERTS = {"n_routed_experts": 16, "n_shared_experts": 1, "num_experts_per_tok": 4}
_LINEAR = {
    "full_attn_layers": [4, 8, 12, 16, 20, 24, 27],
    "head_dim": 128,
    "kda_layers": [1, 2, 3, 5, 6, 7, 9, 10, 11, 13, 14, 15, 17, 18, 19, 21, 22, 23, 25, 26],
    "num_heads": 32,
    "short_conv_kernel_size": 4,
}

_OMNI3 = {
    "text_config": {"head_dim": 128},
    "audio_config": {"output_dim": 2048},
    "vision_config": {"out_hidden_size": 2048},
}

BASES: Mapping[str, Mapping[str, Any]] = {
    "deepseek_v2": {"num_experts_per_tok": 6},
    "dots1": _EXPERTS,
    "esm": {"mask_token_id": 32, "pad_token_id": 1, "vocab_size": 33},
    "gemma3": {"vision_config": {"image_size": 896, "patch_size": 14}},
    "gemma4": {"vision_config": {"model_type": "gemma4_vision"}},
    "glm4_moe": {"head_dim": 128},
    "glm4v_moe": {"text_config": {"head_dim": 128}},
    "kimi_linear": {"linear_attn_config": _LINEAR},
    "paligemma": {"vision_config": {"projection_dim": 3072}},
    "aya_vision": {"vision_config": {"num_attention_heads": 16}},
    "qwen2_5_omni": {"enable_audio_output": False},
    "qwen3_omni_moe": {"enable_audio_output": False, "thinker_config": _OMNI3},
    "qwen3_omni_moe_thinker": _OMNI3,
    "hunyuan_v1_moe": {"head_dim": 128, "num_experts": 16, "moe_topk": 4},
    "qwen2_5_vl": {"vision_config": {"out_hidden_size": 8192}},
    "qwen3_vl": {"vision_config": {"out_hidden_size": 4096}},
    "qwen3_vl_moe": {"vision_config": {"out_hidden_size": 2048}},
    "qwen2_vl": {"vision_config": {"hidden_size": 8192}},
    "lfm2_moe": {"layer_types": (["conv"] * 3 + ["full_attention"]) * 8},
}
