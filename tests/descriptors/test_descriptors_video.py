"""Pipelines of videos: exact networks, and work and memory that depend on the frames; counted with diffusers 0.42.1."""

from __future__ import annotations

from typing import Any

import pytest
from diffusion_configs import (
    FLUX,
    QWEN_IMAGE_VAE,
    SD_VAE,
    WAN,
    WAN_1B,
    WAN_5B,
    WAN_14B,
    WAN_14B_FROM_IMAGE,
    WAN_22_VAE,
    WAN_VAE,
    Config,
)

from ai_on_eks.descriptors.architectures import build_inventory, relevant_hyperparameters
from ai_on_eks.descriptors.checks import check_inventory
from ai_on_eks.descriptors.image_generation import ImageRequest, Phase, Work
from ai_on_eks.descriptors.inventory import Inventory
from ai_on_eks.descriptors.schema import Architecture, Descriptor, Family, Format, Image, Kind, Serving, Source
from ai_on_eks.descriptors.tasks import purpose_of
from ai_on_eks.errors import InputError

UMT5_XXL_PARAMETERS = 5_680_910_336


def descriptor(config: Config, **image: Any) -> Descriptor:
    return Descriptor(
        name="videos",
        kind=Kind.FOUNDATION,
        source=Source(uri="hf://a/b", format=Format.SAFETENSORS),
        architecture=Architecture(family=Family.DIFFUSION, config=config),
        serving=Serving(image=Image(**image)) if image else Serving(),
    )


def request_of(config: Config, **image: Any) -> ImageRequest:
    found = build_inventory(descriptor(config, **image)).image
    assert found is not None
    return found


def alive(inventory: Inventory, name: str) -> int:
    """Values alive in a network at work on the video that is asked for."""
    (component,) = [one for one in inventory.components if one.name == name]
    assert inventory.image is not None
    return component.work.elements_at(inventory.image.positions, inventory.image.latent_frames)


@pytest.mark.parametrize(
    ("config", "parameters"),
    [
        (WAN_14B, 14_288_491_584),
        (WAN_1B, 1_418_996_800),
        (WAN_5B, 4_999_787_712),
        (WAN_14B_FROM_IMAGE, 16_394_878_784),
        (WAN_VAE, 126_892_531),
        (WAN_22_VAE, 704_688_668),
        (QWEN_IMAGE_VAE, 126_892_531),
    ],
)
def test_given_a_network_of_videos_when_counted_then_the_parameters_are_diffusers_own(
    config: Config, parameters: int
) -> None:
    inventory, relevant = relevant_hyperparameters(config)
    assert inventory.parameters == parameters
    assert relevant_hyperparameters(relevant)[0] == inventory


def test_given_a_pipeline_of_videos_then_all_networks_and_what_it_makes_by_default() -> None:
    inventory, _ = relevant_hyperparameters(WAN)
    assert inventory.parameters == UMT5_XXL_PARAMETERS + 14_288_491_584 + 126_892_531
    request = request_of(WAN)
    assert (request.width, request.height, request.frames, request.latent_frames) == (832, 480, 81, 21)
    assert (request.steps, request.guided, request.positions) == (50, True, 21 * 104 * 60)


def test_given_an_autoencoder_of_sixteen_pixels_then_the_same_video_has_fewer_positions() -> None:
    request = request_of(WAN | {"transformer": WAN_5B, "vae": WAN_22_VAE})
    assert (request.width, request.height, request.multiple) == (832, 480, 32)
    assert request.positions == 21 * 52 * 30


def test_given_two_denoisers_that_take_turns_then_both_are_resident_and_one_works() -> None:
    one, two = build_inventory(descriptor(WAN)), build_inventory(descriptor(WAN | {"transformer_2": WAN_14B}))
    assert two.parameters - one.parameters == 14_288_491_584
    assert two.operations == one.operations
    assert two.activations == one.activations


def test_given_a_second_pass_that_follows_the_first_then_it_takes_no_more_memory() -> None:
    request = request_of(WAN)
    assert request.images_at_once(Phase.DENOISE) == 1
    assert request.passes(Phase.DENOISE) == 100
    assert request_of(FLUX, guidance=True).images_at_once(Phase.DENOISE) == 2


def test_given_more_frames_then_the_denoiser_grows_with_them_and_the_decoder_works_on_one_after_another() -> None:
    short, long = (build_inventory(descriptor(WAN, frames=frames)) for frames in (41, 81))
    assert alive(long, "transformer") / alive(short, "transformer") == pytest.approx(21 / 11, rel=1e-6)
    assert alive(long, "vae") == alive(short, "vae")
    assert long.operations.per_item > 2 * short.operations.per_item


def test_given_frames_one_after_another_then_attention_grows_with_their_number_only() -> None:
    work = Work(positions=100, attention_flops=100**2 * 10, frames_at_once=1)
    assert work.flops_at(100, 1) == 100**2 * 10
    assert work.flops_at(300, 3) == 3 * work.flops_at(100, 1)


def test_given_values_of_every_pair_then_they_grow_with_the_square_of_the_positions_at_once() -> None:
    work = Work(positions=100, pair_elements=100**2, frames_at_once=2)
    assert work.pairs_at(100, 1) == 100**2
    assert work.pairs_at(400, 4) == 200**2


def test_given_what_is_kept_then_it_grows_with_the_whole_video() -> None:
    work = Work(positions=10, elements=50, kept_elements=30, frames_at_once=2)
    assert (work.elements_at(40, 4), work.kept_at(40)) == (100, 120)
    assert (work.elements_at(10, 1), work.kept_at(10)) == (50, 30)


@pytest.mark.parametrize(
    ("config", "frames", "code", "fix"),
    [
        (WAN, 80, "out-of-range", "write 81"),
        (WAN, 6, "out-of-range", "write 5"),
        (FLUX, 5, "contradiction", "remove 'frames'"),
    ],
)
def test_given_frames_that_the_model_cannot_make_then_it_is_told(
    config: Config, frames: int, code: str, fix: str
) -> None:
    given = descriptor(config, frames=frames)
    (problem,) = check_inventory(given, build_inventory(given))
    assert (problem.code, problem.path, problem.fix) == (code, "serving.image.frames", fix)


@pytest.mark.parametrize(("config", "frames"), [(WAN, 1), (WAN, 121), (FLUX, 1)])
def test_given_frames_that_the_model_can_make_then_nothing_is_said(config: Config, frames: int) -> None:
    given = descriptor(config, frames=frames)
    assert check_inventory(given, build_inventory(given)) == []


@pytest.mark.parametrize(
    ("config", "task"),
    [
        (WAN, "text-to-video"),
        (WAN | {"_class_name": "WanImageToVideoPipeline"}, "image-to-video"),
        (FLUX, "text-to-image"),
    ],
)
def test_given_a_pipeline_then_its_task_says_what_it_makes(config: Config, task: str) -> None:
    assert purpose_of(config, build_inventory(descriptor(config))).task == task


@pytest.mark.parametrize(
    ("config", "code", "path"),
    [
        (WAN | {"vae": SD_VAE}, "contradiction", "vae"),
        (FLUX | {"vae": WAN_VAE}, "contradiction", "vae"),
        (WAN | {"vae": {"parameters": 126_892_531}}, "missing-hyperparameter", "vae.parameters"),
        (WAN | {"transformer_2": WAN_1B}, "contradiction", "transformer_2"),
        (WAN | {"transformer_2": {"parameters": 5}}, "missing-hyperparameter", "transformer_2.parameters"),
        (WAN_14B | {"patch_size": [1, 2, 1]}, "unknown-architecture", "patch_size"),
        (WAN_14B | {"num_layers": 10**6}, "contradiction", "num_layers"),
        (WAN_VAE | {"attn_scales": [0.5]}, "unknown-architecture", "attn_scales"),
        (WAN_VAE | {"temperal_downsample": [True]}, "contradiction", "temperal_downsample"),
        (WAN_VAE | {"num_res_blocks": 100}, "contradiction", "num_res_blocks"),
        (WAN_VAE | {"dim_mult": [1] * 9}, "contradiction", "dim_mult"),
        (WAN_22_VAE | {"patch_size": 9}, "unknown-architecture", "patch_size"),
    ],
)
def test_given_what_is_not_known_when_read_then_it_is_refused(config: Config, code: str, path: str) -> None:
    with pytest.raises(InputError) as caught:
        relevant_hyperparameters(config)
    assert (code, f"architecture.config.{path}") in {(one.code, one.path) for one in caught.value.problems}
