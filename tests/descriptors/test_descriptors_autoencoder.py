"""Autoencoders, counted with diffusers 0.42.1 on the meta device."""

from __future__ import annotations

import pytest
from diffusion_configs import FLUX_VAE, SD_VAE, Config

from ai_on_eks.descriptors.architectures import relevant_hyperparameters
from ai_on_eks.errors import InputError

MEBI = 2**20


def levels(number: int, **changes: object) -> Config:
    blocks = {"down_block_types": ["DownEncoderBlock2D"] * number, "up_block_types": ["UpDecoderBlock2D"] * number}
    return {"_class_name": "AutoencoderKL"} | blocks | changes


@pytest.mark.parametrize(
    ("config", "parameters"),
    [
        (SD_VAE, 83_653_863),
        (FLUX_VAE, 83_819_683),
        (FLUX_VAE | {"mid_block_add_attention": False}, 81_716_387),
        (levels(1, block_out_channels=[64], layers_per_block=1), 563_175),
        (levels(2, block_out_channels=[32, 64], layers_per_block=1), 658_375),
    ],
)
def test_given_an_autoencoder_when_counted_then_the_parameters_are_diffusers_own(
    config: Config, parameters: int
) -> None:
    inventory, relevant = relevant_hyperparameters(config)
    assert inventory.parameters == parameters
    assert relevant_hyperparameters(relevant)[0] == inventory


def test_given_a_megapixel_when_decoded_then_three_maps_of_256_channels_are_alive() -> None:
    work = relevant_hyperparameters(SD_VAE)[0].components[0].work
    assert work.elements_at(128**2) == 3 * 256 * MEBI


@pytest.mark.parametrize(
    ("config", "code"),
    [
        (SD_VAE | {"up_block_types": ["AttnUpDecoderBlock2D"] * 4}, "unknown-architecture"),
        (SD_VAE | {"block_out_channels": [64] * 9}, "contradiction"),
        (SD_VAE | {"block_out_channels": [64]}, "contradiction"),
        (SD_VAE | {"layers_per_block": 10**6}, "contradiction"),
        (SD_VAE | {"layers_per_block": None}, "missing-hyperparameter"),
    ],
)
def test_given_an_autoencoder_that_is_not_known_when_read_then_it_is_refused(config: Config, code: str) -> None:
    with pytest.raises(InputError) as caught:
        relevant_hyperparameters(config)
    assert code in {problem.code for problem in caught.value.problems}
