"""Further vision models: parameters as transformers 5.23.0 counts them, multiply-adds as published, what is refused."""

from __future__ import annotations

import pytest
from vision_configs import (
    AST,
    CONDITIONAL_DETR,
    DEFORMABLE_DETR,
    DEPTH_ANYTHING,
    DPT_LABELS,
    DPT_LARGE,
    IJEPA,
    MSN,
    OWLV2,
    OWLVIT,
    RT_DETR,
    RT_DETR_V2_18,
    SAM_BASE,
    SAM_HUGE,
    SEGFORMER_B0,
    SEGFORMER_B5,
    SEGFORMER_LABELS,
    SWIN_V2,
    VIDEOMAE,
    Config,
)

from ai_on_eks.descriptors.architectures import relevant_hyperparameters
from ai_on_eks.descriptors.inventory import Inventory, Item
from ai_on_eks.descriptors.schema import Kind
from ai_on_eks.descriptors.tasks import purpose_of
from ai_on_eks.errors import InputError


def read(config: Config) -> Inventory:
    return relevant_hyperparameters(config)[0]


@pytest.mark.parametrize(
    ("config", "parameters"),
    [
        (AST, 86_594_063),
        (AST | {"architectures": ["ASTModel"], "qkv_bias": False}, 86_159_616),
        (VIDEOMAE, 86_534_800),
        (VIDEOMAE | {"use_mean_pooling": False, "qv_bias": False}, 86_516_368),
        (VIDEOMAE | {"architectures": ["VideoMAEModel"]}, 86_225_664),
        (IJEPA, 630_762_240),
        (MSN, 86_567_656),
        (SEGFORMER_B0, 3_752_694),
        (SEGFORMER_B5, 84_708_694),
        (SEGFORMER_LABELS, 3_576_392),
        (SWIN_V2, 28_347_154),
        (SWIN_V2 | {"use_absolute_embeddings": True, "qkv_bias": False}, 28_731_634),
        (DPT_LARGE, 343_030_465),
        (DPT_LARGE | {"readout_type": "ignore", "add_projection": True}, 335_227_841),
        (DPT_LABELS, 343_960_364),
        (DPT_LABELS | {"use_bias_in_fusion_residual": True, "use_auxiliary_head": False}, 343_335_574),
        (DPT_LARGE | {"architectures": ["DPTModel"]}, 304_740_352),
        (DEPTH_ANYTHING, 24_785_089),
        (CONDITIONAL_DETR, 43_418_401),
        (CONDITIONAL_DETR | {"architectures": ["ConditionalDetrModel"]}, 43_262_402),
        (DEFORMABLE_DETR, 40_069_665),
        (DEFORMABLE_DETR | {"with_box_refine": True}, 40_732_725),
        (DEFORMABLE_DETR | {"num_feature_levels": 3, "decoder_attention_heads": 4}, 34_831_937),
        (DEFORMABLE_DETR | {"architectures": ["DeformableDetrModel"], "decoder_n_points": 2}, 39_617_602),
        (RT_DETR, 42_891_372),
        (RT_DETR | {"freeze_backbone_batch_norms": False, "learn_initial_query": True, "num_denoising": 0}, 43_000_684),
        (RT_DETR | {"architectures": ["RTDetrModel"]}, 41_972_340),
        (RT_DETR_V2_18, 20_174_608),
        (OWLV2, 154_966_792),
        (OWLVIT, 153_231_879),
        (OWLVIT | {"architectures": ["OwlViTModel"]}, 151_650_817),
        (SAM_BASE, 93_735_728),
        (SAM_HUGE, 641_090_864),
        (SAM_BASE | {"vision_config": {"use_rel_pos": False, "qkv_bias": False, "window_size": 0}}, 93_615_408),
    ],
)
def test_given_a_config_when_read_then_its_parameters_are_those_the_library_counts(
    config: Config, parameters: int
) -> None:
    inventory, relevant = relevant_hyperparameters(config)
    assert inventory.parameters == parameters
    assert inventory.item is Item.IMAGE
    assert relevant_hyperparameters(relevant)[0] == inventory


@pytest.mark.parametrize(
    ("config", "giga_multiply_adds"),
    [
        # arXiv:2105.15203, table 1; arXiv:2111.09883, table 1; VideoMAE's model zoo, one clip; arXiv:2304.08069,
        # table 2, and arXiv:2407.17140, table 1, whose operations are two to a multiply-add
        (SEGFORMER_B0, 8.4), (SEGFORMER_B5, 183.3), (SWIN_V2, 5.9), (VIDEOMAE, 180.5), (RT_DETR, 136 / 2),
        (RT_DETR_V2_18, 60 / 2),
    ],
)  # fmt: skip
def test_given_a_config_when_read_then_its_operations_are_near_those_published(
    config: Config, giga_multiply_adds: float
) -> None:
    assert read(config).operations.per_item / 2e9 == pytest.approx(giga_multiply_adds, rel=0.025)


@pytest.mark.parametrize(
    ("config", "task"),
    [
        (AST, "audio-classification"),
        (VIDEOMAE, "video-classification"),
        (SEGFORMER_B0, "image-segmentation"),
        (SEGFORMER_LABELS, "image-classification"),
        (DPT_LARGE, "depth-estimation"),
        (DEPTH_ANYTHING, "depth-estimation"),
        (RT_DETR, "object-detection"),
        (CONDITIONAL_DETR, "object-detection"),
        (OWLV2, "zero-shot-object-detection"),
        (SAM_BASE, "mask-generation"),
    ],
)
def test_given_a_class_then_the_task_is_what_it_answers(config: Config, task: str) -> None:
    purpose = purpose_of(config, read(config))
    assert (purpose.kind, purpose.task) == (Kind.TASK_SPECIFIC, task)


def test_given_attention_to_the_whole_image_then_its_bias_of_every_pair_is_alive() -> None:
    plain = SAM_BASE | {"vision_config": {"use_rel_pos": False}}
    assert read(SAM_BASE).activations.per_item - read(plain).activations.per_item == 12 * 4096**2


def test_given_no_image_size_then_the_processors_is_assumed_and_said() -> None:
    unsaid = {key: value for key, value in SEGFORMER_B0.items() if key != "image_size"}
    assert "512 × 512" in read(unsaid).estimated[0]
    assert read(SEGFORMER_B0).estimated == ()


@pytest.mark.parametrize(
    ("config", "code", "path"),
    [
        (AST | {"num_attention_heads": 7}, "contradiction", "num_attention_heads"),
        (AST | {"max_length": 10**6}, "contradiction", "max_length"),
        (AST | {"num_mel_bins": 8}, "contradiction", "patch_size"),
        (VIDEOMAE | {"architectures": ["VideoMAEForPreTraining"]}, "unknown-architecture", "architectures"),
        (VIDEOMAE | {"tubelet_size": 32}, "contradiction", "tubelet_size"),
        (VIDEOMAE | {"num_frames": 10**6}, "contradiction", "num_frames"),
        (IJEPA | {"image_size": 8}, "contradiction", "patch_size"),
        (IJEPA | {"image_size": 10**6}, "contradiction", "image_size"),
        (SEGFORMER_B0 | {"sr_ratios": [8, 4]}, "contradiction", "sr_ratios"),
        (SEGFORMER_B0 | {"num_encoder_blocks": 3}, "contradiction", "num_encoder_blocks"),
        (SEGFORMER_B0 | {"num_attention_heads": [1, 2, 5, 7]}, "contradiction", "num_attention_heads"),
        (SEGFORMER_B0 | {"reshape_last_stage": False}, "unknown-architecture", "reshape_last_stage"),
        (SEGFORMER_B0 | {"depths": [2, 2, 2, 10**6]}, "contradiction", "depths"),
        (DPT_LARGE | {"is_hybrid": True}, "unknown-architecture", "is_hybrid"),
        (DPT_LARGE | {"backbone_config": {"model_type": "beit"}}, "unknown-architecture", "backbone_config"),
        (DPT_LARGE | {"reassemble_factors": [4, 2, 1]}, "contradiction", "reassemble_factors"),
        (DPT_LARGE | {"reassemble_factors": [4, 2, 1, 99]}, "unknown-architecture", "reassemble_factors"),
        (RT_DETR | {"backbone_config": {"model_type": "timm_backbone"}}, "not-allowed", "backbone_config.model_type"),
        (
            RT_DETR | {"backbone_config": {"model_type": "rt_detr_resnet", "out_features": ["stage9"]}},
            "unknown-architecture",
            "backbone_config.out_features",
        ),
        (
            RT_DETR | {"backbone_config": RT_DETR["backbone_config"] | {"downsample_in_first_stage": True}},
            "unknown-architecture",
            "backbone_config.downsample_in_first_stage",
        ),
        (CONDITIONAL_DETR | {"encoder_attention_heads": 7}, "contradiction", "encoder_attention_heads"),
        (CONDITIONAL_DETR | {"encoder_layers": 10**6}, "contradiction", "encoder_layers"),
        (
            CONDITIONAL_DETR | {"architectures": ["ConditionalDetrForSegmentation"]},
            "unknown-architecture",
            "architectures",
        ),
        (DEFORMABLE_DETR | {"two_stage": True}, "unknown-architecture", "two_stage"),
        (DEFORMABLE_DETR | {"num_feature_levels": 5}, "unknown-architecture", "num_feature_levels"),
        (RT_DETR | {"encoder_in_channels": [512]}, "contradiction", "encoder_in_channels"),
        (RT_DETR | {"num_feature_levels": 4}, "contradiction", "num_feature_levels"),
        (RT_DETR | {"decoder_attention_heads": 7}, "contradiction", "decoder_attention_heads"),
        (RT_DETR | {"decoder_layers": 10**6}, "contradiction", "decoder_layers"),
        (RT_DETR_V2_18 | {"decoder_n_levels": 4}, "contradiction", "decoder_n_levels"),
        (OWLV2 | {"architectures": ["Owlv2ForNothing"]}, "unknown-architecture", "architectures"),
        (
            SAM_BASE | {"vision_config": {"num_attention_heads": 7}},
            "contradiction",
            "vision_config.num_attention_heads",
        ),
        (SAM_BASE | {"vision_config": {"image_size": 10**6}}, "contradiction", "vision_config.image_size"),
        (SAM_BASE | {"vision_config": {"output_channels": 128}}, "contradiction", "prompt_encoder_config.hidden_size"),
        (
            SAM_BASE | {"prompt_encoder_config": {"mask_input_channels": 15}},
            "unknown-architecture",
            "prompt_encoder_config.mask_input_channels",
        ),
        (SAM_BASE | {"mask_decoder_config": {"hidden_size": 36}}, "contradiction", "mask_decoder_config.hidden_size"),
        (
            SAM_BASE | {"mask_decoder_config": {"iou_head_depth": 10**6}},
            "contradiction",
            "mask_decoder_config.iou_head_depth",
        ),
        (DEPTH_ANYTHING | {"backbone_config": {"model_type": "vit"}}, "not-allowed", "backbone_config.model_type"),
    ],
)
def test_given_what_is_not_known_when_read_then_it_is_refused(config: Config, code: str, path: str) -> None:
    with pytest.raises(InputError) as caught:
        relevant_hyperparameters(config)
    assert (code, f"architecture.config.{path}") in {(one.code, one.path) for one in caught.value.problems}
