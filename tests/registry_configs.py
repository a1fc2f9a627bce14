"""A small config of every model type in the registry, made by answering what its reader asks for.

A reader tells every hyper-parameter it misses; here each is given a value by its name, until nothing is missing. So a
new model type is held to the same invariants without a config of its own, unless it needs what no name tells.
"""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from typing import Any

import diffusion_configs as diffusion
import vision_configs as vision

from ai_on_eks.descriptors.architectures import registry, relevant_hyperparameters
from ai_on_eks.descriptors.inventory import Inventory
from ai_on_eks.errors import InputError

Config = dict[str, Any]

TURNS = 12
"""A reader may ask for more once it has what it asked for."""

VALUES: Config = {
    **dict.fromkeys(("hidden_size", "d_model", "n_embd", "dim", "embed_dim", "caption_projection_dim"), 1024),
    **dict.fromkeys(("out_hidden_size", "vt_hidden_size", "joint_attention_dim", "cross_attention_dim"), 1024),
    **dict.fromkeys(("num_hidden_layers", "num_layers", "n_layer", "n_layers", "depth", "vt_num_hidden_layers"), 4),
    **dict.fromkeys(("encoder_layers", "decoder_layers", "num_single_layers"), 4),
    **dict.fromkeys(("num_attention_heads", "num_heads", "n_head", "n_heads", "num_cross_attention_heads"), 32),
    **dict.fromkeys(
        ("encoder_attention_heads", "attention_heads", "decoder_attention_heads", "vt_num_attention_heads"), 16
    ),
    **dict.fromkeys(("intermediate_size", "d_ff", "hidden_dim", "ffn_dim", "vt_intermediate_size"), 2048),
    **dict.fromkeys(("encoder_ffn_dim", "decoder_ffn_dim", "ffn_hidden_size"), 2048),
    **dict.fromkeys(("head_dim", "d_kv", "v_head_dim", "qk_nope_head_dim", "index_head_dim"), 32),
    **dict.fromkeys(("attention_head_dim", "cross_attention_head_dim"), 32),
    **dict.fromkeys(("n_routed_experts", "num_local_experts", "num_experts", "moe_num_experts"), 8),
    **dict.fromkeys(("num_experts_per_tok", "num_experts_per_token"), 2),
    **dict.fromkeys(("moe_intermediate_size", "shared_expert_intermediate_size", "shared_intermediate_size"), 256),
    **dict.fromkeys(("max_position_embeddings", "n_positions"), 4096),
    "audio_config": {},
    "attn_config": {},
    "ffn_config": {},
    "text_config": {},
    "thinker_config": {},
    "vision_config": {},
    **dict.fromkeys(("num_mmdit_layers", "num_single_dit_layers", "o_groups", "layers_per_block"), 2),
    **dict.fromkeys(("width_coefficient", "depth_coefficient"), 1.0),
    **dict.fromkeys(("max_seq_len", "seq_length"), 4096),
    "padded_vocab_size": 1000,
    "moe_topk": 2,
    "num_key_value_heads": 4,
    "vocab_size": 1000,
    "q_lora_rank": 128,
    "kv_lora_rank": 64,
    "qk_rope_head_dim": 16,
    "n_shared_experts": 1,
    "share_expert_dim": 256,
    "index_n_heads": 4,
    "index_topk": 64,
    "o_lora_rank": 64,
    "sliding_window": 128,
    "compress_ratios": [0, 4, 4, 4],
    "hybrid_override_pattern": "M-M*",
    "image_size": 224,
    "patch_size": 16,
    "depths": [2, 2, 2, 2],
    "hidden_sizes": [64, 128, 256, 512],
    "embedding_size": 64,
    "in_channels": 16,
    "pooled_projection_dim": 768,
    "pos_embed_max_size": 96,
    "caption_channels": 1024,
    "sample_size": 64,
    "norm_type": "ada_norm_single",
    "activation_fn": "gelu-approximate",
    "block_out_channels": [64, 128, 256, 256],
}
"""By the last part of a hyper-parameter's path."""

LINEAR_ATTENTION = {
    "full_attn_layers": [4], "kda_layers": [1, 2, 3], "num_heads": 8, "head_dim": 32, "short_conv_kernel_size": 4
}  # fmt: skip

QWEN3_OMNI: Config = {
    "text_config": {"head_dim": 128},
    "audio_config": {"output_dim": 2048},
    "vision_config": {"out_hidden_size": 2048},
}

OWN: dict[str, Config] = {
    "AutoencoderKL": diffusion.SD_VAE,
    "AutoencoderKLCogVideoX": diffusion.COG_VAE,
    "AutoencoderKLHunyuanVideo": diffusion.HUNYUAN_VAE,
    "CogVideoXImageToVideoPipeline": {"transformer": diffusion.COG_5B, "vae": diffusion.COG_VAE},
    "CogVideoXPipeline": {"transformer": diffusion.COG_5B, "vae": diffusion.COG_VAE},
    "CogVideoXTransformer3DModel": diffusion.COG_5B,
    "HunyuanVideoPipeline": {"transformer": diffusion.HUNYUAN_VIDEO, "vae": diffusion.HUNYUAN_VAE},
    "HunyuanVideoTransformer3DModel": diffusion.HUNYUAN_VIDEO,
    "AutoencoderKLFlux2": diffusion.FLUX2_VAE,
    "AutoencoderKLQwenImage": diffusion.QWEN_IMAGE_VAE,
    "AutoencoderKLWan": diffusion.WAN_VAE,
    "AuraFlowPipeline": {"transformer": diffusion.AURA_FLOW, "vae": diffusion.SD_VAE},
    "AuraFlowTransformer2DModel": diffusion.AURA_FLOW,
    "ChromaPipeline": {"transformer": diffusion.CHROMA, "vae": diffusion.FLUX_VAE},
    "ChromaTransformer2DModel": diffusion.CHROMA,
    "Flux2KleinPipeline": {"transformer": diffusion.FLUX2_KLEIN, "vae": diffusion.FLUX2_VAE},
    "Flux2Pipeline": {"transformer": diffusion.FLUX2_DEV, "vae": diffusion.FLUX2_VAE},
    "Flux2Transformer2DModel": diffusion.FLUX2_DEV,
    "FluxPipeline": diffusion.FLUX,
    "KolorsPipeline": diffusion.KOLORS,
    "LatentConsistencyModelPipeline": diffusion.SD15,
    "Lumina2Pipeline": {"transformer": diffusion.LUMINA2, "vae": diffusion.FLUX_VAE},
    "Lumina2Transformer2DModel": diffusion.LUMINA2,
    "PixArtAlphaPipeline": {"transformer": diffusion.PIXART, "vae": diffusion.SD_VAE},
    "PixArtSigmaPipeline": {"transformer": diffusion.PIXART, "vae": diffusion.SD_VAE},
    "QwenImagePipeline": {
        "transformer": diffusion.QWEN_IMAGE,
        "vae": diffusion.SD_VAE,
        "text_encoder": diffusion.CLIP_L,
    },
    "SD3Transformer2DModel": diffusion.SD3_MEDIUM,
    "SanaTransformer2DModel": diffusion.SANA,
    "StableDiffusion3Pipeline": diffusion.SD3,
    "StableDiffusionPipeline": diffusion.SD15,
    "StableDiffusionXLImg2ImgPipeline": diffusion.SDXL,
    "StableDiffusionXLPipeline": diffusion.SDXL,
    "UNet2DConditionModel": diffusion.SD15["unet"],
    "WanImageToVideoPipeline": diffusion.WAN,
    "WanPipeline": diffusion.WAN,
    "WanTransformer3DModel": diffusion.WAN_14B,
    "ZImagePipeline": {"transformer": diffusion.Z_IMAGE, "vae": diffusion.FLUX_VAE},
    "ZImageTransformer2DModel": diffusion.Z_IMAGE,
    "aya_vision": {"vision_config": {"num_attention_heads": 16}},
    "bitnet": {"num_key_value_heads": 8},
    "conditional_detr": vision.CONDITIONAL_DETR,
    "deformable_detr": vision.DEFORMABLE_DETR,
    "depth_anything": vision.DEPTH_ANYTHING,
    "dpt": vision.DPT_LARGE,
    "deepseek_ref": {"architectures": ["DeepseekV4ForCausalLM"]},
    "efficientnet": {"hidden_dim": 1280},
    "gemma3": {"mm_tokens_per_image": 196},
    "gemma3n_text": {"num_hidden_layers": 20},
    "glm4v_moe": {"text_config": {"head_dim": 128}},
    "helium": {"hidden_size": 1280, "num_attention_heads": 20, "head_dim": 64},
    "kimi_k3": {"text_config": {"model_type": "kimi_linear", "linear_attn_config": LINEAR_ATTENTION}},
    "kimi_linear": {"linear_attn_config": LINEAR_ATTENTION},
    "layoutlmv3": {"coordinate_size": 192},
    "mamba2": {"num_heads": 32},
    "paligemma": {"text_config": {"hidden_size": 2048}},
    "qwen3_vl": {"vision_config": {"out_hidden_size": 4096}},
    "qwen3_omni_moe": {"thinker_config": QWEN3_OMNI},
    "qwen3_omni_moe_thinker": QWEN3_OMNI,
    "rt_detr": vision.RT_DETR,
    "rt_detr_v2": vision.RT_DETR_V2_18,
    "sam": vision.SAM_BASE,
    "segformer": vision.SEGFORMER_B0,
    "swin": {"num_heads": [2, 4, 8, 16]},
    "swinv2": vision.SWIN_V2,
    "zamba2": {"layers_block_type": ["mamba", "hybrid", "mamba", "hybrid"]},
    "yolos": {"image_size": [224, 224]},
}
"""What a model type needs that no name tells."""


def model_types() -> tuple[str, ...]:
    """Every model type that a config can name."""
    return tuple(name for names in registry.MODULES.values() for name in names)


@cache
def inventory_of(model_type: str) -> Inventory:
    """The model type's inventory; an AssertionError with what its reader still asks for."""
    key = "_class_name" if model_type[0].isupper() else "model_type"
    config: Config = {key: model_type} | {name: deepcopy(value) for name, value in OWN.get(model_type, {}).items()}
    config[key] = model_type
    problems: list[str] = []
    for _ in range(TURNS):
        try:
            return relevant_hyperparameters(config)[0]
        except InputError as error:
            problems = [f"{problem.path}: {problem.message}" for problem in error.problems]
            asked = [problem.path or "" for problem in error.problems if problem.code == "missing-hyperparameter"]
            answered = [_answer(config, path) for path in asked]
            if True not in answered:
                break
    raise AssertionError(f"{model_type}: {problems}")


def _answer(config: Config, path: str) -> bool:
    *parents, name = path.removeprefix("architecture.config.").split(".")
    if name not in VALUES:
        return False
    for parent in parents:
        config = config.setdefault(parent, {})
    if name in config:
        return False
    config[name] = deepcopy(VALUES[name])
    return True
