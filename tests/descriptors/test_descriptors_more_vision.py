"""Further vision models: parameters as transformers 5.23.0 counts them, multiply-adds as published, what is refused."""

from __future__ import annotations

import pytest
from vision_configs import (
    AST,
    DEPTH_ANYTHING,
    DPT_LABELS,
    DPT_LARGE,
    IJEPA,
    MSN,
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
        # arXiv:2105.15203, table 1; arXiv:2111.09883, table 1; VideoMAE's model zoo, one clip
        (SEGFORMER_B0, 8.4), (SEGFORMER_B5, 183.3), (SWIN_V2, 5.9), (VIDEOMAE, 180.5),
    ],
)  # fmt: skip
def test_given_a_config_when_read_then_its_operations_are_near_those_published(
    config: Config, giga_multiply_adds: float
) -> None:
    assert read(config).operations.per_item / 2e9 == pytest.approx(giga_multiply_adds, rel=0.02)


@pytest.mark.parametrize(
    ("config", "task"),
    [
        (AST, "audio-classification"),
        (VIDEOMAE, "video-classification"),
        (SEGFORMER_B0, "image-segmentation"),
        (SEGFORMER_LABELS, "image-classification"),
        (DPT_LARGE, "depth-estimation"),
        (DEPTH_ANYTHING, "depth-estimation"),
    ],
)
def test_given_a_class_then_the_task_is_what_it_answers(config: Config, task: str) -> None:
    purpose = purpose_of(config, read(config))
    assert (purpose.kind, purpose.task) == (Kind.TASK_SPECIFIC, task)


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
        (DEPTH_ANYTHING | {"backbone_config": {"model_type": "vit"}}, "not-allowed", "backbone_config.model_type"),
    ],
)
def test_given_what_is_not_known_when_read_then_it_is_refused(config: Config, code: str, path: str) -> None:
    with pytest.raises(InputError) as caught:
        relevant_hyperparameters(config)
    assert (code, f"architecture.config.{path}") in {(one.code, one.path) for one in caught.value.problems}
