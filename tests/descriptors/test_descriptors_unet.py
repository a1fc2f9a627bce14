"""U-Nets, counted with diffusers 0.42.1 on the meta device."""

from __future__ import annotations

import pytest
from diffusion_configs import CROSS_DOWN, CROSS_UP, DOWN, KOLORS_UNET, SD15_UNET, SD21_UNET, SDXL_UNET, UP, Config

from ai_on_eks.descriptors.architectures import relevant_hyperparameters
from ai_on_eks.errors import InputError

TWO_LEVELS: Config = {
    "_class_name": "UNet2DConditionModel",
    "block_out_channels": [32, 64],
    "down_block_types": [DOWN, CROSS_DOWN],
    "up_block_types": [CROSS_UP, UP],
    "cross_attention_dim": 32,
}
REFINER = SDXL_UNET | {
    "block_out_channels": [384, 768, 1536, 1536],
    "cross_attention_dim": 1280,
    "down_block_types": [DOWN, CROSS_DOWN, CROSS_DOWN, DOWN],
    "up_block_types": [UP, CROSS_UP, CROSS_UP, UP],
    "transformer_layers_per_block": 4,
    "projection_class_embeddings_input_dim": 2560,
}
UPSCALER = SD15_UNET | {
    "num_class_embeds": 1000,
    "in_channels": 7,
    "block_out_channels": [256, 512, 512, 1024],
    "down_block_types": [DOWN, CROSS_DOWN, CROSS_DOWN, CROSS_DOWN],
    "up_block_types": [CROSS_UP, CROSS_UP, CROSS_UP, UP],
    "only_cross_attention": [True, True, True, False],
    "cross_attention_dim": 1024,
    "use_linear_projection": True,
}
UNCLIP = SD21_UNET | {"class_embed_type": "projection", "projection_class_embeddings_input_dim": 2048}
NO_MIDDLE = TWO_LEVELS | {"mid_block_type": None, "block_out_channels": [320, 640], "cross_attention_dim": 1280}
UNEVEN = TWO_LEVELS | {
    "layers_per_block": [1, 3],
    "transformer_layers_per_block": [1, 2],
    "use_linear_projection": True,
    "addition_embed_type": "text_time",
    "projection_class_embeddings_input_dim": 80,
}


@pytest.mark.parametrize(
    ("config", "parameters"),
    [
        (SD15_UNET, 859_520_964),
        (SD21_UNET, 865_910_724),
        (SDXL_UNET, 2_567_463_684),
        (KOLORS_UNET, 2_579_458_820),
        (REFINER, 2_259_526_660),
        (UPSCALER, 473_398_020),
        (UNCLIP, 870_173_124),
        (SD15_UNET | {"time_cond_proj_dim": 256}, 859_602_884),
        (SD15_UNET | {"cross_attention_dim": 1280}, 872_300_484),
        (TWO_LEVELS, 1_427_012),
        (UNEVEN, 2_413_028),
        (NO_MIDDLE, 122_402_564),
    ],
)
def test_given_a_unet_when_counted_then_the_parameters_are_diffusers_own(config: Config, parameters: int) -> None:
    inventory, relevant = relevant_hyperparameters(config)
    assert inventory.parameters == parameters
    assert relevant_hyperparameters(relevant)[0] == inventory


def test_given_sdxl_when_a_step_is_counted_then_it_is_the_published_one_and_attention() -> None:
    """5,980 G multiply-adds of a batch of two without attention (huggingface.co/datasets/diffusers/benchmarks)."""
    inventory, _ = relevant_hyperparameters(SDXL_UNET)
    work = inventory.components[0].work
    assert (work.flops_at(128**2) - work.attention_flops) / 2 == pytest.approx(5.98e12 / 2, rel=0.03)


def test_given_twice_the_side_then_maps_grow_fourfold_and_attention_sixteenfold() -> None:
    work = relevant_hyperparameters(SDXL_UNET)[0].components[0].work
    assert work.elements_at(256**2) == 4 * work.elements_at(128**2)
    more = work.flops_at(256**2) - work.fixed_flops - 4 * (work.flops_at(128**2) - work.fixed_flops)
    assert more == 12 * work.attention_flops


def test_given_a_lone_unet_then_the_account_says_what_is_missing() -> None:
    inventory, _ = relevant_hyperparameters(SDXL_UNET)
    assert "encoders of the prompt and the autoencoder are not included" in inventory.estimated[0]
    assert inventory.image is not None
    assert (inventory.image.width, inventory.image.height) == (1024, 1024)


@pytest.mark.parametrize(
    ("changes", "code", "path"),
    [
        ({"down_block_types": ["AttnDownBlock2D"] * 4}, "unknown-architecture", "down_block_types"),
        ({"up_block_types": [UP]}, "contradiction", "up_block_types"),
        ({"block_out_channels": None}, "missing-hyperparameter", "block_out_channels"),
        ({"addition_embed_type": "image"}, "not-allowed", "addition_embed_type"),
        ({"dual_cross_attention": True}, "unknown-architecture", "dual_cross_attention"),
        ({"layers_per_block": 10**6}, "contradiction", "layers_per_block"),
        ({"transformer_layers_per_block": [[1], [2]]}, "wrong-type", "transformer_layers_per_block"),
        ({"block_out_channels": [32] * 9}, "contradiction", "block_out_channels"),
        ({"sample_size": 10**7}, "contradiction", "sample_size"),
    ],
)
def test_given_a_unet_that_is_not_known_when_read_then_it_is_refused_at_its_key(
    changes: Config, code: str, path: str
) -> None:
    with pytest.raises(InputError) as caught:
        relevant_hyperparameters(SD15_UNET | changes)
    assert (code, f"architecture.config.{path}") in {(one.code, one.path) for one in caught.value.problems}


def test_given_heads_that_do_not_divide_a_block_when_read_then_it_is_refused() -> None:
    # diffusers 0.42.1 makes them narrower in all than the block: 5 heads of 64 beside 9 of 35
    with pytest.raises(InputError) as caught:
        relevant_hyperparameters(SD15_UNET | {"attention_head_dim": 9})
    assert [(problem.code, problem.path) for problem in caught.value.problems] == [
        ("unknown-architecture", "architecture.config.attention_head_dim")
    ]
