"""Transformers that denoise, and pipelines of networks; counted with diffusers 0.42.1 and transformers 5.23.0."""

from __future__ import annotations

from typing import Any

import pytest
from diffusion_configs import (
    AURA_FLOW,
    FLUX,
    FLUX_DEV,
    FLUX_SCHNELL,
    KOLORS,
    PIXART,
    PIXART_ALPHA,
    QWEN_IMAGE,
    SANA,
    SD3,
    SD3_MEDIUM,
    SD15,
    SD35_LARGE,
    SD35_MEDIUM,
    SDXL,
    SDXL_UNET,
    T5_XXL,
    Config,
)

from ai_on_eks.descriptors.architectures import build_inventory, relevant_hyperparameters
from ai_on_eks.descriptors.checks import check_descriptor, check_inventory
from ai_on_eks.descriptors.image_generation import Phase
from ai_on_eks.descriptors.inventory import Inventory, Item
from ai_on_eks.descriptors.schema import Architecture, Descriptor, Family, Format, Image, Kind, Serving, Source
from ai_on_eks.errors import InputError

TINY_FLUX = FLUX_DEV | {
    "num_layers": 1,
    "num_single_layers": 2,
    "num_attention_heads": 2,
    "attention_head_dim": 16,
    "joint_attention_dim": 32,
    "pooled_projection_dim": 32,
    "in_channels": 4,
    "guidance_embeds": False,
}
SHORT_PIXART = {key: value for key, value in PIXART.items() if key not in ("out_channels", "cross_attention_dim")}
SIGMA: Config = {
    "_class_name": "PixArtSigmaPipeline",
    "transformer": PIXART,
    "vae": SDXL["vae"],
    "text_encoder": T5_XXL,
}


def descriptor(config: Config | None, parameters: int | None = None, **image: Any) -> Descriptor:
    return Descriptor(
        name="pictures",
        kind=Kind.FOUNDATION,
        source=Source(uri="hf://a/b", format=Format.SAFETENSORS),
        architecture=Architecture(family=Family.DIFFUSION, config=config, parameters=parameters),
        serving=Serving(image=Image(**image)) if image else Serving(),
    )


def inventory_of(config: Config, **image: Any) -> Inventory:
    return build_inventory(descriptor(config, **image))


@pytest.mark.parametrize(
    ("config", "parameters"),
    [
        (FLUX_DEV, 11_901_408_320),
        (FLUX_SCHNELL, 11_891_178_560),
        (FLUX_DEV | {"in_channels": 384, "out_channels": 64}, 11_902_391_360),
        (TINY_FLUX, 84_228),
        (SD3_MEDIUM, 2_028_328_000),
        (SD35_MEDIUM, 2_243_171_520),
        (SD35_LARGE, 8_056_627_520),
        (SD3_MEDIUM | {"num_layers": 18, "num_attention_heads": 18, "caption_projection_dim": 1152}, 856_159_552),
        (PIXART, 611_349_152),
        (PIXART | {"use_additional_conditions": False}, 610_856_096),
        (PIXART | {"caption_channels": None}, 605_301_152),
        (SHORT_PIXART, 611_349_152),
        (PIXART | {"num_layers": 2, "sample_size": 64, "attention_bias": False, "norm_elementwise_affine": True},
         58_207_136),
        (PIXART_ALPHA, 611_349_152),
        (PIXART_ALPHA | {"sample_size": 64}, 610_856_096),
        (QWEN_IMAGE, 20_430_401_088),
        (AURA_FLOW, 6_833_439_744),
        (SANA, 1_604_462_752),
    ],
)  # fmt: skip
def test_given_a_transformer_when_counted_then_the_parameters_are_diffusers_own(
    config: Config, parameters: int
) -> None:
    inventory, relevant = relevant_hyperparameters(config)
    assert inventory.parameters == parameters
    assert relevant_hyperparameters(relevant)[0] == inventory


@pytest.mark.parametrize(
    ("config", "parameters"),
    [
        (SD15, 859_520_964 + 83_653_863 + 123_060_480),
        (SDXL, 2_567_463_684 + 83_653_863 + 123_060_480 + 694_659_840),
        (FLUX, 11_901_408_320 + 83_819_683 + 123_060_480 + 4_762_310_656),
        (SD3, 2_028_328_000 + 83_819_683 + 123_650_304 + 694_659_840 + 4_762_310_656),
        (SIGMA, 611_349_152 + 83_653_863 + 4_762_310_656),
        (KOLORS, 2_579_458_820 + 83_653_863 + 6_243_584_000),
    ],
)
def test_given_a_pipeline_then_it_is_all_its_networks_each_under_its_name(config: Config, parameters: int) -> None:
    inventory, relevant = relevant_hyperparameters(config)
    assert inventory.parameters == parameters
    assert inventory.item is Item.IMAGE
    prefixes = tuple(component.prefix for component in inventory.components)
    assert all(tensor.name.startswith(prefixes) for tensor in inventory.tensors)
    assert relevant_hyperparameters(relevant)[0] == inventory


def test_given_a_pipeline_then_each_network_works_in_its_phase() -> None:
    phases = {component.name: component.phase for component in inventory_of(SDXL).components}
    assert phases == {
        "text_encoder": Phase.ENCODE,
        "text_encoder_2": Phase.ENCODE,
        "unet": Phase.DENOISE,
        "vae": Phase.DECODE,
    }


@pytest.mark.parametrize(
    ("config", "side", "steps", "guided"),
    [(SD15, 512, 50, True), (SDXL, 1024, 50, True), (FLUX, 1024, 28, False), (SD3, 1024, 28, True),
     (FLUX | {"transformer": FLUX_SCHNELL}, 1024, 4, False), (SIGMA, 1024, 20, True)],
)  # fmt: skip
def test_given_a_pipeline_when_nothing_is_asked_then_its_own_resolution_steps_and_guidance(
    config: Config, side: int, steps: int, guided: bool
) -> None:
    image = inventory_of(config).image
    assert image is not None
    assert (image.width, image.height, image.steps, image.guided) == (side, side, steps, guided)


def test_given_half_the_steps_or_no_guidance_then_half_the_operations() -> None:
    full = inventory_of(SDXL).operations.per_item
    assert inventory_of(SDXL, steps=25).operations.per_item == pytest.approx(full / 2, rel=0.02)
    assert inventory_of(SDXL, guidance=False).operations.per_item == pytest.approx(full / 2, rel=0.02)


def test_given_an_encoder_of_decoders_kind_then_the_pipeline_keeps_no_states() -> None:
    assert inventory_of(FLUX).states == ()


def test_given_a_pipeline_as_foundation_model_then_nothing_contradicts() -> None:
    given = descriptor(SDXL, width=768, height=1344)
    assert check_descriptor(given) + check_inventory(given, build_inventory(given)) == []


@pytest.mark.parametrize(
    ("config", "width", "fix"), [(SDXL, 1025, "write 1024"), (FLUX, 1032, "write 1024"), (SD3, 1000, "write 992")]
)
def test_given_a_side_that_the_latents_cannot_hold_then_the_nearest_is_told(
    config: Config, width: int, fix: str
) -> None:
    given = descriptor(config, width=width)
    (problem,) = check_inventory(given, build_inventory(given))
    assert (problem.code, problem.path, problem.fix) == ("out-of-range", "serving.image.width", fix)


def test_given_an_image_asked_of_a_language_model_then_it_is_refused() -> None:
    given = descriptor(None, 7 * 10**9, width=512).model_copy(
        update={"architecture": Architecture(family=Family.TRANSFORMER, parameters=7 * 10**9)}
    )
    problems = check_inventory(given, build_inventory(given))
    assert [(problem.code, problem.path) for problem in problems] == [("contradiction", "serving.image")]


def test_given_only_a_parameter_count_then_an_estimate_with_its_assumptions() -> None:
    inventory = build_inventory(descriptor(None, 12 * 10**9, width=512, height=512, batch=2))
    assert inventory.parameters == 12 * 10**9
    assert inventory.image is not None
    assert inventory.image.batch == 2
    assert len(inventory.estimated) == 3


@pytest.mark.parametrize(
    ("config", "code", "path"),
    [
        (SDXL | {"unet": None}, "missing-hyperparameter", "unet"),
        (SDXL | {"vae": 7}, "wrong-type", "vae"),
        (SDXL | {"vae": SDXL_UNET}, "contradiction", "vae"),
        (SDXL | {"unet": SDXL}, "contradiction", "unet"),
        (SDXL | {"text_encoder": SDXL["vae"]}, "contradiction", "text_encoder"),
        (
            SDXL | {"unet": SDXL_UNET | {"block_out_channels": None}},
            "missing-hyperparameter",
            "unet.block_out_channels",
        ),
        (SDXL | {"text_encoder": {"model_type": "mystery"}}, "unknown-architecture", "text_encoder.model_type"),
        (SDXL | {"unet": {"parameters": 5}}, "missing-hyperparameter", "unet.parameters"),
        (SDXL | {"text_encoder": {"parameters": -5}}, "out-of-range", "text_encoder.parameters"),
        (SDXL | {"text_encoder": {"parameters": "many"}}, "wrong-type", "text_encoder.parameters"),
    ],
)
def test_given_a_network_that_is_not_known_when_read_then_it_is_told_where(
    config: Config, code: str, path: str
) -> None:
    with pytest.raises(InputError) as caught:
        relevant_hyperparameters(config)
    assert (code, f"architecture.config.{path}") in {(one.code, one.path) for one in caught.value.problems}


@pytest.mark.parametrize(
    ("config", "key"),
    [(SD3_MEDIUM, "num_layers"), (FLUX_DEV, "num_single_layers"), (PIXART, "num_layers"), (QWEN_IMAGE, "num_layers")],
)
def test_given_more_layers_than_any_model_then_it_is_refused(config: Config, key: str) -> None:
    with pytest.raises(InputError):
        relevant_hyperparameters(config | {key: 10**6})
