"""Configs of published vision models, with what their architecture follows from."""

from __future__ import annotations

from typing import Any

Config = dict[str, Any]

_BASE: Config = {
    "hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12
}  # fmt: skip

AST: Config = _BASE | {
    "model_type": "audio-spectrogram-transformer",
    "architectures": ["ASTForAudioClassification"],
    "frequency_stride": 10,
    "max_length": 1024,
    "num_labels": 527,
    "num_mel_bins": 128,
    "patch_size": 16,
    "time_stride": 10,
}
"""MIT/ast-finetuned-audioset-10-10-0.4593."""
VIDEOMAE: Config = _BASE | {
    "model_type": "videomae",
    "architectures": ["VideoMAEForVideoClassification"],
    "image_size": 224,
    "num_frames": 16,
    "num_labels": 400,
    "patch_size": 16,
    "tubelet_size": 2,
    "use_mean_pooling": True,
}
"""MCG-NJU/videomae-base-finetuned-kinetics."""
IJEPA: Config = {
    "model_type": "ijepa",
    "architectures": ["IJepaModel"],
    "hidden_size": 1280,
    "image_size": 224,
    "intermediate_size": 5120,
    "num_attention_heads": 16,
    "num_hidden_layers": 32,
    "patch_size": 14,
}
"""facebook/ijepa_vith14_1k."""
MSN: Config = _BASE | {
    "model_type": "vit_msn",
    "architectures": ["ViTMSNForImageClassification"],
    "image_size": 224,
    "num_labels": 1000,
    "patch_size": 16,
}
SEGFORMER_B0: Config = {
    "model_type": "segformer",
    "architectures": ["SegformerForSemanticSegmentation"],
    "decoder_hidden_size": 256,
    "depths": [2, 2, 2, 2],
    "hidden_sizes": [32, 64, 160, 256],
    "image_size": 512,
    "num_attention_heads": [1, 2, 5, 8],
    "num_encoder_blocks": 4,
    "num_labels": 150,
}
"""nvidia/segformer-b0-finetuned-ade-512-512."""
SEGFORMER_B5 = SEGFORMER_B0 | {
    "decoder_hidden_size": 768, "depths": [3, 6, 40, 3], "hidden_sizes": [64, 128, 320, 512], "image_size": 640
}  # fmt: skip
SEGFORMER_LABELS = SEGFORMER_B0 | {"architectures": ["SegformerForImageClassification"], "num_labels": 1000}
SWIN_V2: Config = {
    "model_type": "swinv2",
    "architectures": ["Swinv2ForImageClassification"],
    "depths": [2, 2, 6, 2],
    "embed_dim": 96,
    "image_size": 256,
    "num_heads": [3, 6, 12, 24],
    "num_labels": 1000,
    "patch_size": 4,
    "window_size": 8,
}
"""microsoft/swinv2-tiny-patch4-window8-256."""
DPT_LARGE: Config = {
    "model_type": "dpt",
    "architectures": ["DPTForDepthEstimation"],
    "backbone_out_indices": [5, 11, 17, 23],
    "fusion_hidden_size": 256,
    "hidden_size": 1024,
    "image_size": 384,
    "intermediate_size": 4096,
    "neck_hidden_sizes": [256, 512, 1024, 1024],
    "num_attention_heads": 16,
    "num_hidden_layers": 24,
    "patch_size": 16,
}
"""Intel/dpt-large."""
DPT_LABELS = DPT_LARGE | {
    "architectures": ["DPTForSemanticSegmentation"], "num_labels": 150, "use_batch_norm_in_fusion_residual": True
}  # fmt: skip
DEPTH_ANYTHING: Config = {
    "model_type": "depth_anything",
    "architectures": ["DepthAnythingForDepthEstimation"],
    "backbone_config": {
        "hidden_size": 384,
        "image_size": 518,
        "model_type": "dinov2",
        "num_attention_heads": 6,
        "out_indices": [3, 6, 9, 12],
        "patch_size": 14,
        "reshape_hidden_states": False,
    },
    "fusion_hidden_size": 64,
    "head_hidden_size": 32,
    "neck_hidden_sizes": [48, 96, 192, 384],
    "patch_size": 14,
    "reassemble_factors": [4, 2, 1, 0.5],
    "reassemble_hidden_size": 384,
}
"""depth-anything/Depth-Anything-V2-Small-hf."""
RT_DETR: Config = {
    "model_type": "rt_detr",
    "architectures": ["RTDetrForObjectDetection"],
    "backbone_config": {"model_type": "rt_detr_resnet", "out_features": ["stage2", "stage3", "stage4"]},
    "d_model": 256,
    "decoder_attention_heads": 8,
    "decoder_ffn_dim": 1024,
    "decoder_in_channels": [256, 256, 256],
    "decoder_layers": 6,
    "encoder_attention_heads": 8,
    "encoder_ffn_dim": 1024,
    "encoder_hidden_dim": 256,
    "encoder_in_channels": [512, 1024, 2048],
    "encoder_layers": 1,
    "num_labels": 80,
}
"""PekingU/rtdetr_r50vd."""
RT_DETR_V2_18 = RT_DETR | {
    "model_type": "rt_detr_v2",
    "architectures": ["RTDetrV2ForObjectDetection"],
    "backbone_config": {
        "model_type": "rt_detr_resnet",
        "depths": [2, 2, 2, 2],
        "hidden_sizes": [64, 128, 256, 512],
        "layer_type": "basic",
        "out_features": ["stage2", "stage3", "stage4"],
    },
    "decoder_layers": 3,
    "encoder_in_channels": [128, 256, 512],
    "hidden_expansion": 0.5,
}
"""PekingU/rtdetr_v2_r18vd."""
OWLV2: Config = {
    "model_type": "owlv2",
    "architectures": ["Owlv2ForObjectDetection"],
    "projection_dim": 512,
    "text_config": {"model_type": "owlv2_text_model"},
    "vision_config": {"image_size": 960, "model_type": "owlv2_vision_model", "patch_size": 16},
}
"""google/owlv2-base-patch16-ensemble."""
OWLVIT = OWLV2 | {
    "model_type": "owlvit", "architectures": ["OwlViTForObjectDetection"],
    "vision_config": {"image_size": 768, "patch_size": 32},
}  # fmt: skip
SAM_BASE: Config = {
    "model_type": "sam",
    "architectures": ["SamModel"],
    "mask_decoder_config": {"model_type": ""},
    "prompt_encoder_config": {"model_type": ""},
    "vision_config": {"model_type": "", "projection_dim": 512},
}
"""facebook/sam-vit-base, whose sections leave out what their classes document."""
SAM_HUGE = SAM_BASE | {
    "vision_config": {
        "global_attn_indexes": [7, 15, 23, 31], "hidden_size": 1280, "mlp_dim": 5120, "num_attention_heads": 16,
        "num_hidden_layers": 32,
    },
}  # fmt: skip
CONDITIONAL_DETR: Config = {
    "model_type": "conditional_detr",
    "architectures": ["ConditionalDetrForObjectDetection"],
    "backbone": "resnet50",
    "d_model": 256,
    "decoder_attention_heads": 8,
    "decoder_ffn_dim": 2048,
    "decoder_layers": 6,
    "encoder_attention_heads": 8,
    "encoder_ffn_dim": 2048,
    "encoder_layers": 6,
    "num_labels": 91,
    "num_queries": 300,
}
"""microsoft/conditional-detr-resnet-50."""
DEFORMABLE_DETR = CONDITIONAL_DETR | {
    "model_type": "deformable_detr", "architectures": ["DeformableDetrForObjectDetection"], "decoder_ffn_dim": 1024,
    "encoder_ffn_dim": 1024,
}  # fmt: skip
"""SenseTime/deformable-detr."""
