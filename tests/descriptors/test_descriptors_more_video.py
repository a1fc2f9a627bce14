"""CogVideoX and HunyuanVideo; parameters and values alive as counted with diffusers 0.42.1."""

from __future__ import annotations

import pytest
from diffusion_configs import COG_2B, COG_5B, COG_VAE, HUNYUAN_VAE, HUNYUAN_VIDEO, T5_XXL, Config

from ai_on_eks.descriptors.architectures import relevant_hyperparameters
from ai_on_eks.descriptors.inventory import Inventory
from ai_on_eks.errors import InputError

COG: Config = {"_class_name": "CogVideoXPipeline", "text_encoder": T5_XXL, "transformer": COG_5B, "vae": COG_VAE}
HUNYUAN: Config = {"_class_name": "HunyuanVideoPipeline", "transformer": HUNYUAN_VIDEO, "vae": HUNYUAN_VAE}


def read(config: Config) -> Inventory:
    return relevant_hyperparameters(config)[0]


@pytest.mark.parametrize(
    ("config", "parameters"),
    [
        (COG_2B, 1_693_783_872),
        (COG_5B, 5_570_283_072),
        (COG_5B | {"ofs_embed_dim": 512, "attention_bias": False}, 5_570_421_312),
        (COG_VAE, 215_583_907),
        (HUNYUAN_VIDEO, 12_821_012_544),
        (HUNYUAN_VIDEO | {"guidance_embeds": False, "num_refiner_layers": 1, "mlp_ratio": 3.0}, 11_168_420_928),
        (HUNYUAN_VAE, 246_478_803),
        (HUNYUAN_VAE | {"mid_block_add_attention": False}, 244_375_507),
    ],
)
def test_given_a_network_of_videos_when_counted_then_the_parameters_are_diffusers_own(
    config: Config, parameters: int
) -> None:
    inventory, relevant = relevant_hyperparameters(config)
    assert inventory.parameters == parameters
    assert relevant_hyperparameters(relevant)[0] == inventory


@pytest.mark.parametrize(
    ("config", "size", "frames", "latent_frames", "passes"),
    [(COG, (720, 480), 49, 13, 100), (HUNYUAN, (1280, 720), 129, 33, 50)],
)
def test_given_a_pipeline_when_nothing_is_asked_then_its_own_video_steps_and_guidance(
    config: Config, size: tuple[int, int], frames: int, latent_frames: int, passes: int
) -> None:
    image = read(config).image
    assert image is not None
    assert (image.width, image.height) == size
    assert (image.frames, image.latent_frames, image.steps * image.passes_per_step) == (frames, latent_frames, passes)


@pytest.mark.parametrize(
    ("config", "frames", "places", "counted"),
    [
        # values alive for each latent position of a frame while the decoder works in bf16, counted on the meta device
        (COG_VAE, 9, 60 * 90, 1_465_104),
        (COG_VAE, 13, 60 * 90, 1_465_168),
        (HUNYUAN_VAE, 5, 30 * 40, 1_262_108),
        (HUNYUAN_VAE, 13, 30 * 40, 1_268_636),
    ],
)
def test_given_a_decoder_when_frames_are_decoded_then_about_as_many_values_are_alive_as_were_counted(
    config: Config, frames: int, places: int, counted: int
) -> None:
    work, positions = read(config).components[0].work, frames * places
    alive = work.elements_at(positions, frames) + work.kept_at(positions) + work.pairs_at(positions, frames)
    assert 1.0 <= alive / places / counted < 1.06


def test_given_the_middles_attention_then_its_mask_grows_with_the_square_of_a_frame() -> None:
    work = read(HUNYUAN_VAE).components[0].work
    assert work.pairs_at(33 * 90 * 160, 33) == (5 * 90 * 160) ** 2
    assert read(HUNYUAN_VAE | {"mid_block_add_attention": False}).components[0].work.pairs_at(33 * 90 * 160, 33) == 0


def test_given_learned_positions_then_they_are_stored_beside_the_parameters() -> None:
    assert read(COG_5B).components[0].work.buffer_elements == 0
    assert read(COG_2B).components[0].work.buffer_elements == (226 + 13 * 30 * 45) * 1920


@pytest.mark.parametrize(
    ("config", "code", "path"),
    [
        (COG_5B | {"patch_size": 4}, "unknown-architecture", "patch_size"),
        (COG_5B | {"patch_size_t": 2}, "unknown-architecture", "patch_size_t"),
        (COG_5B | {"norm_elementwise_affine": False}, "unknown-architecture", "norm_elementwise_affine"),
        (COG_5B | {"patch_bias": False}, "unknown-architecture", "patch_bias"),
        (COG_5B | {"sample_frames": 48}, "contradiction", "sample_frames"),
        (COG_5B | {"sample_frames": 10**6 + 1}, "contradiction", "sample_frames"),
        (COG_5B | {"sample_width": 10**6}, "contradiction", "sample_height"),
        (COG_5B | {"num_layers": 10**6}, "contradiction", "num_layers"),
        (COG_VAE | {"block_out_channels": [128, 256]}, "unknown-architecture", "block_out_channels"),
        (COG_VAE | {"up_block_types": ["Other"] * 4}, "unknown-architecture", "up_block_types"),
        (COG_VAE | {"use_quant_conv": True}, "unknown-architecture", "use_quant_conv"),
        (COG_VAE | {"layers_per_block": 99}, "contradiction", "layers_per_block"),
        (HUNYUAN_VAE | {"temporal_compression_ratio": 8}, "unknown-architecture", "temporal_compression_ratio"),
        (HUNYUAN_VAE | {"spatial_compression_ratio": 16}, "unknown-architecture", "spatial_compression_ratio"),
        (HUNYUAN_VIDEO | {"patch_size_t": 2}, "unknown-architecture", "patch_size_t"),
        (HUNYUAN_VIDEO | {"image_condition_type": "token_replace"}, "unknown-architecture", "image_condition_type"),
    ],
)
def test_given_what_is_not_known_when_read_then_it_is_refused(config: Config, code: str, path: str) -> None:
    with pytest.raises(InputError) as caught:
        relevant_hyperparameters(config)
    assert (code, f"architecture.config.{path}") in {(one.code, one.path) for one in caught.value.problems}
