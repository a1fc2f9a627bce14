"""Configs of diffusion networks, as their libraries write them; hyper-parameters of the published models."""

from __future__ import annotations

from typing import Any

Config = dict[str, Any]

CROSS_DOWN, DOWN = "CrossAttnDownBlock2D", "DownBlock2D"
CROSS_UP, UP = "CrossAttnUpBlock2D", "UpBlock2D"

SD15_UNET: Config = {
    "_class_name": "UNet2DConditionModel",
    "sample_size": 64,
    "in_channels": 4,
    "out_channels": 4,
    "attention_head_dim": 8,
    "block_out_channels": [320, 640, 1280, 1280],
    "cross_attention_dim": 768,
    "down_block_types": [CROSS_DOWN, CROSS_DOWN, CROSS_DOWN, DOWN],
    "up_block_types": [UP, CROSS_UP, CROSS_UP, CROSS_UP],
    "layers_per_block": 2,
}
SD21_UNET = SD15_UNET | {"sample_size": 96, "cross_attention_dim": 1024, "use_linear_projection": True}
SDXL_UNET: Config = {
    "_class_name": "UNet2DConditionModel",
    "sample_size": 128,
    "in_channels": 4,
    "out_channels": 4,
    "block_out_channels": [320, 640, 1280],
    "cross_attention_dim": 2048,
    "down_block_types": [DOWN, CROSS_DOWN, CROSS_DOWN],
    "up_block_types": [CROSS_UP, CROSS_UP, UP],
    "mid_block_type": "UNetMidBlock2DCrossAttn",
    "layers_per_block": 2,
    "transformer_layers_per_block": [1, 2, 10],
    "use_linear_projection": True,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 256,
    "projection_class_embeddings_input_dim": 2816,
}
KOLORS_UNET = SDXL_UNET | {
    "encoder_hid_dim": 4096,
    "encoder_hid_dim_type": "text_proj",
    "projection_class_embeddings_input_dim": 5632,
}
SD_VAE: Config = {
    "_class_name": "AutoencoderKL",
    "block_out_channels": [128, 256, 512, 512],
    "layers_per_block": 2,
    "latent_channels": 4,
    "sample_size": 512,
    "down_block_types": ["DownEncoderBlock2D"] * 4,
    "up_block_types": ["UpDecoderBlock2D"] * 4,
}
SDXL_VAE = SD_VAE | {"sample_size": 1024, "force_upcast": True}
FLUX_VAE = SDXL_VAE | {"latent_channels": 16, "use_quant_conv": False, "use_post_quant_conv": False}
FLUX_DEV: Config = {
    "_class_name": "FluxTransformer2DModel",
    "attention_head_dim": 128,
    "guidance_embeds": True,
    "in_channels": 64,
    "joint_attention_dim": 4096,
    "num_attention_heads": 24,
    "num_layers": 19,
    "num_single_layers": 38,
    "patch_size": 1,
    "pooled_projection_dim": 768,
}
FLUX_SCHNELL = FLUX_DEV | {"guidance_embeds": False}
SD3_MEDIUM: Config = {
    "_class_name": "SD3Transformer2DModel",
    "attention_head_dim": 64,
    "caption_projection_dim": 1536,
    "in_channels": 16,
    "out_channels": 16,
    "joint_attention_dim": 4096,
    "num_attention_heads": 24,
    "num_layers": 24,
    "patch_size": 2,
    "pooled_projection_dim": 2048,
    "pos_embed_max_size": 192,
    "sample_size": 128,
}
SD35_MEDIUM = SD3_MEDIUM | {"dual_attention_layers": list(range(13)), "qk_norm": "rms_norm", "pos_embed_max_size": 384}
SD35_LARGE = SD3_MEDIUM | {
    "caption_projection_dim": 2432,
    "num_attention_heads": 38,
    "num_layers": 38,
    "qk_norm": "rms_norm",
}
PIXART: Config = {
    "_class_name": "PixArtTransformer2DModel",
    "attention_bias": True,
    "attention_head_dim": 72,
    "caption_channels": 4096,
    "cross_attention_dim": 1152,
    "in_channels": 4,
    "norm_elementwise_affine": False,
    "norm_type": "ada_norm_single",
    "activation_fn": "gelu-approximate",
    "num_attention_heads": 16,
    "num_layers": 28,
    "out_channels": 8,
    "patch_size": 2,
    "sample_size": 128,
}
PIXART_ALPHA = PIXART | {"_class_name": "Transformer2DModel"}
QWEN_IMAGE: Config = {
    "_class_name": "QwenImageTransformer2DModel",
    "attention_head_dim": 128,
    "in_channels": 64,
    "joint_attention_dim": 3584,
    "num_attention_heads": 24,
    "num_layers": 60,
    "out_channels": 16,
    "patch_size": 2,
}
AURA_FLOW: Config = {
    "_class_name": "AuraFlowTransformer2DModel",
    "attention_head_dim": 256,
    "caption_projection_dim": 3072,
    "in_channels": 4,
    "joint_attention_dim": 2048,
    "num_attention_heads": 12,
    "num_mmdit_layers": 4,
    "num_single_dit_layers": 32,
    "out_channels": 4,
    "patch_size": 2,
    "pos_embed_max_size": 1024,
    "sample_size": 64,
}
SANA: Config = {
    "_class_name": "SanaTransformer2DModel",
    "attention_head_dim": 32,
    "caption_channels": 2304,
    "cross_attention_dim": 2240,
    "cross_attention_head_dim": 112,
    "in_channels": 32,
    "mlp_ratio": 2.5,
    "num_attention_heads": 70,
    "num_cross_attention_heads": 20,
    "num_layers": 20,
    "out_channels": 32,
    "sample_size": 32,
}
CLIP_L: Config = {
    "architectures": ["CLIPTextModel"],
    "model_type": "clip_text_model",
    "hidden_size": 768,
    "intermediate_size": 3072,
    "max_position_embeddings": 77,
    "num_attention_heads": 12,
    "num_hidden_layers": 12,
    "vocab_size": 49408,
}
CLIP_G = CLIP_L | {
    "architectures": ["CLIPTextModelWithProjection"],
    "hidden_size": 1280,
    "intermediate_size": 5120,
    "num_attention_heads": 20,
    "num_hidden_layers": 32,
    "projection_dim": 1280,
}
T5_XXL: Config = {
    "architectures": ["T5EncoderModel"],
    "model_type": "t5",
    "d_ff": 10240,
    "d_kv": 64,
    "d_model": 4096,
    "feed_forward_proj": "gated-gelu",
    "num_heads": 64,
    "num_layers": 24,
    "vocab_size": 32128,
    "tie_word_embeddings": False,
}
SD15: Config = {
    "_class_name": "StableDiffusionPipeline",
    "unet": SD15_UNET,
    "vae": SD_VAE,
    "text_encoder": CLIP_L,
}
SDXL: Config = {
    "_class_name": "StableDiffusionXLPipeline",
    "unet": SDXL_UNET,
    "vae": SDXL_VAE,
    "text_encoder": CLIP_L,
    "text_encoder_2": CLIP_G,
}
FLUX: Config = {
    "_class_name": "FluxPipeline",
    "transformer": FLUX_DEV,
    "vae": FLUX_VAE,
    "text_encoder": CLIP_L,
    "text_encoder_2": T5_XXL,
}
SD3: Config = {
    "_class_name": "StableDiffusion3Pipeline",
    "transformer": SD3_MEDIUM,
    "vae": FLUX_VAE,
    "text_encoder": CLIP_L | {"architectures": ["CLIPTextModelWithProjection"], "projection_dim": 768},
    "text_encoder_2": CLIP_G,
    "text_encoder_3": T5_XXL,
}
KOLORS: Config = {
    "_class_name": "KolorsPipeline",
    "unet": KOLORS_UNET,
    "vae": SDXL_VAE,
    "text_encoder": {"parameters": 6_243_584_000},
}
WAN_14B: Config = {
    "_class_name": "WanTransformer3DModel",
    "attention_head_dim": 128,
    "cross_attn_norm": True,
    "ffn_dim": 13824,
    "freq_dim": 256,
    "in_channels": 16,
    "num_attention_heads": 40,
    "num_layers": 40,
    "out_channels": 16,
    "patch_size": [1, 2, 2],
    "text_dim": 4096,
}
WAN_1B = WAN_14B | {"ffn_dim": 8960, "num_attention_heads": 12, "num_layers": 30}
WAN_5B = WAN_14B | {
    "ffn_dim": 14336, "num_attention_heads": 24, "num_layers": 30, "in_channels": 48, "out_channels": 48
}  # fmt: skip
WAN_14B_FROM_IMAGE = WAN_14B | {"image_dim": 1280, "added_kv_proj_dim": 5120, "in_channels": 36}
WAN_VAE: Config = {
    "_class_name": "AutoencoderKLWan",
    "base_dim": 96,
    "dim_mult": [1, 2, 4, 4],
    "num_res_blocks": 2,
    "temperal_downsample": [False, True, True],
    "z_dim": 16,
}
WAN_22_VAE = WAN_VAE | {
    "base_dim": 160, "decoder_base_dim": 256, "z_dim": 48, "is_residual": True, "patch_size": 2,
    "in_channels": 12, "out_channels": 12,
}  # fmt: skip
QWEN_IMAGE_VAE = WAN_VAE | {"_class_name": "AutoencoderKLQwenImage"}
UMT5_XXL: Config = {
    "architectures": ["UMT5EncoderModel"],
    "model_type": "umt5",
    "d_ff": 10240,
    "d_kv": 64,
    "d_model": 4096,
    "feed_forward_proj": "gated-gelu",
    "num_heads": 64,
    "num_layers": 24,
    "vocab_size": 256384,
}
WAN: Config = {
    "_class_name": "WanPipeline",
    "text_encoder": UMT5_XXL,
    "transformer": WAN_14B,
    "vae": WAN_VAE,
}
FLUX2_DEV: Config = {
    "_class_name": "Flux2Transformer2DModel",
    "attention_head_dim": 128,
    "in_channels": 128,
    "joint_attention_dim": 15360,
    "mlp_ratio": 3.0,
    "num_attention_heads": 48,
    "num_layers": 8,
    "num_single_layers": 48,
    "patch_size": 1,
}
FLUX2_KLEIN = FLUX2_DEV | {
    "guidance_embeds": False, "joint_attention_dim": 7680, "num_attention_heads": 24, "num_layers": 5,
    "num_single_layers": 20,
}  # fmt: skip
FLUX2_VAE = {key: value for key, value in FLUX_VAE.items() if key not in ("force_upcast", "use_quant_conv")} | {
    "_class_name": "AutoencoderKLFlux2", "latent_channels": 32, "use_quant_conv": True, "use_post_quant_conv": True,
}  # fmt: skip
CHROMA: Config = {
    "_class_name": "ChromaTransformer2DModel",
    "approximator_hidden_dim": 5120,
    "approximator_layers": 5,
    "approximator_num_channels": 64,
    "attention_head_dim": 128,
    "in_channels": 64,
    "joint_attention_dim": 4096,
    "num_attention_heads": 24,
    "num_layers": 19,
    "num_single_layers": 38,
    "patch_size": 1,
}
LUMINA2: Config = {
    "_class_name": "Lumina2Transformer2DModel",
    "cap_feat_dim": 2304,
    "hidden_size": 2304,
    "in_channels": 16,
    "num_attention_heads": 24,
    "num_kv_heads": 8,
    "num_layers": 26,
    "num_refiner_layers": 2,
    "patch_size": 2,
}
Z_IMAGE: Config = {
    "_class_name": "ZImageTransformer2DModel",
    "cap_feat_dim": 2560,
    "dim": 3840,
    "in_channels": 16,
    "n_heads": 30,
    "n_kv_heads": 30,
    "n_layers": 30,
    "n_refiner_layers": 2,
}
COG_5B: Config = {
    "_class_name": "CogVideoXTransformer3DModel",
    "attention_head_dim": 64,
    "in_channels": 16,
    "num_attention_heads": 48,
    "num_layers": 42,
    "out_channels": 16,
    "patch_size": 2,
    "sample_frames": 49,
    "sample_height": 60,
    "sample_width": 90,
    "text_embed_dim": 4096,
    "time_embed_dim": 512,
    "use_rotary_positional_embeddings": True,
}
COG_2B = COG_5B | {"num_attention_heads": 30, "num_layers": 30, "use_rotary_positional_embeddings": False}
COG_VAE: Config = {
    "_class_name": "AutoencoderKLCogVideoX",
    "block_out_channels": [128, 256, 256, 512],
    "down_block_types": ["CogVideoXDownBlock3D"] * 4,
    "latent_channels": 16,
    "layers_per_block": 3,
    "up_block_types": ["CogVideoXUpBlock3D"] * 4,
}
HUNYUAN_VIDEO: Config = {
    "_class_name": "HunyuanVideoTransformer3DModel",
    "attention_head_dim": 128,
    "guidance_embeds": True,
    "in_channels": 16,
    "mlp_ratio": 4.0,
    "num_attention_heads": 24,
    "num_layers": 20,
    "num_refiner_layers": 2,
    "num_single_layers": 40,
    "out_channels": 16,
    "patch_size": 2,
    "patch_size_t": 1,
    "pooled_projection_dim": 768,
    "text_embed_dim": 4096,
}
HUNYUAN_VAE: Config = {
    "_class_name": "AutoencoderKLHunyuanVideo",
    "block_out_channels": [128, 256, 512, 512],
    "latent_channels": 16,
    "layers_per_block": 2,
}
