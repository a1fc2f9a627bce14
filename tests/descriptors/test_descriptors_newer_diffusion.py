"""FLUX.2, Chroma, Lumina 2 and Z-Image; parameters and values alive as counted with diffusers 0.42.1."""

from __future__ import annotations

import pytest
from diffusion_configs import (
    CHROMA,
    FLUX2_DEV,
    FLUX2_KLEIN,
    FLUX2_VAE,
    FLUX_VAE,
    LUMINA2,
    QWEN_IMAGE,
    QWEN_IMAGE_VAE,
    Z_IMAGE,
    Config,
)

from ai_on_eks.descriptors.architectures import relevant_hyperparameters
from ai_on_eks.descriptors.image_generation import ImageRequest
from ai_on_eks.descriptors.inventory import Inventory
from ai_on_eks.errors import InputError

KLEIN: Config = {"_class_name": "Flux2KleinPipeline", "transformer": FLUX2_KLEIN, "vae": FLUX2_VAE}


def read(config: Config) -> Inventory:
    return relevant_hyperparameters(config)[0]


def request_of(config: Config) -> ImageRequest:
    found = read(config).image
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("config", "parameters"),
    [
        (FLUX2_DEV, 32_223_281_152),
        (FLUX2_KLEIN, 3_875_544_576),
        (FLUX2_VAE, 84_046_115),
        (FLUX2_VAE | {"decoder_block_out_channels": [96, 192, 384, 384]}, 62_373_091),
        (CHROMA, 8_899_983_424),
        (LUMINA2, 2_609_769_152),
        (LUMINA2 | {"ffn_dim_multiplier": 1.3, "num_refiner_layers": 1}, 2_989_587_776),
        (Z_IMAGE, 6_154_908_736),
        (Z_IMAGE | {"qk_norm": False, "n_layers": 3}, 1_270_327_872),
    ],
)
def test_given_a_network_when_counted_then_the_parameters_are_diffusers_own(config: Config, parameters: int) -> None:
    inventory, relevant = relevant_hyperparameters(config)
    assert inventory.parameters == parameters
    assert relevant_hyperparameters(relevant)[0] == inventory


@pytest.mark.parametrize(
    ("config", "widths", "prompt_tokens"),
    [(FLUX2_DEV, 21.58 * 6144, 512), (CHROMA, 16.45 * 3072, 512), (Z_IMAGE, 15.91 * 3840, 512),
     (LUMINA2, 26.53 * 2304, 256)],
)  # fmt: skip
def test_given_a_megapixel_when_denoised_then_about_as_many_values_are_alive_as_were_counted(
    config: Config, widths: float, prompt_tokens: int
) -> None:
    work = read(config).components[0].work
    assert 1.0 <= work.elements_at(128**2) / (widths * (64**2 + prompt_tokens)) < 1.05


def test_given_guidance_within_the_network_then_one_pass_a_step_and_else_two_one_after_the_other() -> None:
    image = request_of({"_class_name": "Flux2Pipeline", "transformer": FLUX2_DEV, "vae": FLUX2_VAE})
    assert (image.width, image.steps, image.passes_per_step) == (1024, 50, 1)
    image = request_of({"_class_name": "ChromaPipeline", "transformer": CHROMA, "vae": FLUX_VAE})
    assert (image.width, image.steps, image.passes_per_step, image.guided_apart) == (1024, 35, 2, True)
    image = request_of({"_class_name": "ZImagePipeline", "transformer": Z_IMAGE, "vae": FLUX_VAE})
    assert (image.steps, image.passes_per_step, image.guided_apart) == (50, 2, False)


def test_given_a_distilled_klein_then_four_steps_without_guidance() -> None:
    full, distilled = request_of(KLEIN), request_of(KLEIN | {"is_distilled": True})
    assert (full.steps, full.guided, full.guided_apart) == (50, True, True)
    assert (distilled.steps, distilled.guided) == (4, False)
    assert request_of(KLEIN | {"is_distilled": False}) == full


def test_given_qwen_image_with_its_own_autoencoder_then_every_network_is_exact() -> None:
    inventory = read({"_class_name": "QwenImagePipeline", "transformer": QWEN_IMAGE, "vae": QWEN_IMAGE_VAE})
    assert inventory.parameters == 20_430_401_088 + 126_892_531
    assert inventory.image is not None
    assert (inventory.image.width, inventory.image.frames, inventory.image.frame_scale) == (1024, 1, 1)


@pytest.mark.parametrize(
    ("config", "code", "path"),
    [
        (FLUX2_DEV | {"patch_size": 2}, "unknown-architecture", "patch_size"),
        (FLUX2_DEV | {"num_single_layers": 10**6}, "contradiction", "num_single_layers"),
        (CHROMA | {"approximator_layers": 10**6}, "contradiction", "approximator_layers"),
        (FLUX2_VAE | {"decoder_block_out_channels": [64]}, "contradiction", "decoder_block_out_channels"),
        (LUMINA2 | {"num_attention_heads": 23}, "contradiction", "num_attention_heads"),
        (LUMINA2 | {"patch_size": 4}, "unknown-architecture", "patch_size"),
        (LUMINA2 | {"num_layers": 10**6}, "contradiction", "num_layers"),
        (Z_IMAGE | {"n_heads": 7}, "contradiction", "n_heads"),
        (Z_IMAGE | {"n_kv_heads": 15}, "unknown-architecture", "n_kv_heads"),
        (Z_IMAGE | {"all_patch_size": [2, 4]}, "unknown-architecture", "all_patch_size"),
        (Z_IMAGE | {"siglip_feat_dim": 1152}, "unknown-architecture", "siglip_feat_dim"),
    ],
)
def test_given_what_is_not_known_when_read_then_it_is_refused(config: Config, code: str, path: str) -> None:
    with pytest.raises(InputError) as caught:
        relevant_hyperparameters(config)
    assert (code, f"architecture.config.{path}") in {(one.code, one.path) for one in caught.value.problems}
