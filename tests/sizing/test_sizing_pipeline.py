"""Memory of diffusion pipelines, against peaks that others measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from diffusion_configs import FLUX, FLUX_DEV, KOLORS, SD3, SD15, SD35_LARGE, SDXL, WAN_VAE, Config

from ai_on_eks.catalog.types import EngineMemory
from ai_on_eks.descriptors.architectures import build_inventory
from ai_on_eks.descriptors.image_generation import Offload
from ai_on_eks.descriptors.schema import (
    Architecture,
    Descriptor,
    Family,
    Format,
    Image,
    Kind,
    Precision,
    Serving,
    Source,
    WeightPrecision,
)
from ai_on_eks.sizing.size import size_model
from ai_on_eks.sizing.types import Load, MemoryDemand, Target
from ai_on_eks.units import GIB

ALONE = EngineMemory(
    memory_fraction=1.0,
    overhead_bytes=0,
    overhead_bytes_parallel=0,
    sampler_copies=0.0,
    graph_bytes=0,
    block_tokens=1,
    batch_limits=(),
)
"""An engine that takes nothing itself: what torch reports as allocated."""

L40S_BYTES = 45_776 * 2**20


def sized(config: Config | None, weights: str, memory_bytes: int = 80 * GIB, **image: Any) -> MemoryDemand:
    descriptor = Descriptor(
        name="pictures",
        kind=Kind.FOUNDATION,
        source=Source(uri="hf://a/b", format=Format.SAFETENSORS),
        architecture=Architecture(
            family=Family.DIFFUSION, config=config, parameters=12 * 10**9 if config is None else None
        ),
        serving=Serving(image=Image(**image)) if image else Serving(),
    )
    inventory = build_inventory(descriptor)
    assert inventory.image is not None
    load = Load(context_tokens=1, concurrency=1, batch=inventory.image.batch)
    precision = Precision(weights=WeightPrecision(weights))
    return size_model(inventory, precision, load, Target(memory_bytes, 1, 1, ALONE))


def peak_gib(demand: MemoryDemand) -> float:
    return (demand.rank.weights_bytes + demand.rank.activation_bytes) / GIB


@pytest.mark.parametrize(
    ("config", "weights", "image", "measured_gib", "low", "high"),
    [
        # huggingface.co/datasets/sayakpaul/sample-datasets, collated_results_sdxl.csv, A100
        (SDXL, "fp32", {}, 16.827, 0.98, 1.02),
        (SDXL, "bf16", {}, 8.961, 0.98, 1.25),
        # huggingface.co/blog/simple_sdxl_optimizations, four images, A100
        (SDXL, "fp32", {"batch": 4}, 28.0, 0.97, 1.05),
        (SDXL, "fp16", {"batch": 4}, 21.7, 0.97, 1.05),
        # huggingface.co/blog/diffusers-quantization, H100
        (FLUX, "bf16", {}, 36.166, 0.98, 1.02),
        # huggingface.co/blog/quanto-diffusers, H100
        (SD3, "fp16", {}, 18.765, 0.98, 1.15),
        # huggingface.co/datasets/diffusers/benchmarks, the transformer alone
        (FLUX_DEV, "bf16", {}, 22.63, 0.99, 1.01),
    ],
)
def test_given_a_published_peak_when_sized_then_near_it_and_not_below(
    config: Config, weights: str, image: Config, measured_gib: float, low: float, high: float
) -> None:
    assert low <= peak_gib(sized(config, weights, **image)) / measured_gib <= high


@pytest.mark.parametrize(("side", "percent"), [(512, 5.6), (1024, 20.0)])
def test_given_a_decoder_alone_when_sized_then_as_published_for_an_rtx_4090(side: int, percent: float) -> None:
    """huggingface.co/docs/diffusers, hybrid inference: Stable Diffusion 1.5, share of 24 GiB, weights included."""
    demand = sized(SD15["vae"], "fp16", width=side, height=side)
    assert peak_gib(demand) == pytest.approx(percent / 100 * 24, rel=0.05)


@pytest.mark.parametrize("config", [KOLORS, SD3 | {"transformer": SD35_LARGE}])
@pytest.mark.parametrize("weights", ["bf16", "fp16"])
def test_given_what_is_published_to_run_on_an_l40s_then_it_fits(config: Config, weights: str) -> None:
    """awslabs/ai-on-eks-charts: Kolors and Stable Diffusion 3.5 large on g6e.2xlarge."""
    assert sized(config, weights, L40S_BYTES).fits


def test_given_offload_then_one_network_is_resident_and_the_host_holds_all() -> None:
    resident, offloaded = sized(FLUX, "bf16"), sized(FLUX, "bf16", offload=Offload.MODEL)
    assert offloaded.rank.weights_bytes == 2 * 11_901_408_320
    assert peak_gib(offloaded) < peak_gib(resident)
    assert offloaded.host.memory_bytes - resident.host.memory_bytes == resident.rank.weights_bytes
    assert offloaded.weights_bytes == resident.weights_bytes


def test_given_fp16_then_what_libraries_keep_in_float32_is_counted_so() -> None:
    half, brain = sized(SD3, "fp16"), sized(SD3, "bf16")
    assert half.rank.weights_bytes - brain.rank.weights_bytes == 24 * 4096 * 10240 * 2
    upcast, plain = sized(SDXL, "fp16"), sized(SDXL | {"vae": SDXL["vae"] | {"force_upcast": False}}, "fp16")
    assert upcast.rank.weights_bytes - plain.rank.weights_bytes == 83_653_863 * 2


def test_given_larger_images_or_more_of_them_then_never_less_memory() -> None:
    sides = [sized(SDXL, "bf16", width=side, height=side).rank.activation_bytes for side in (512, 768, 1024, 2048)]
    assert sides == sorted(sides)
    batches = [sized(SDXL, "bf16", batch=batch).rank.activation_bytes for batch in (1, 2, 4, 8)]
    assert batches == pytest.approx([batches[0] * batch for batch in (1, 2, 4, 8)], abs=8)


def test_given_tiles_or_slices_then_the_decoder_takes_one_at_a_time() -> None:
    one = sized(SDXL, "bf16").rank.activation_bytes
    large = {"width": 2048, "height": 2048}
    assert sized(SDXL, "bf16", **large).rank.activation_bytes == pytest.approx(4 * one, abs=4)
    assert sized(SDXL, "bf16", vae_tiling=True, **large).rank.activation_bytes < 2 * one
    assert sized(SDXL, "bf16", batch=4, vae_slicing=True).rank.activation_bytes < 2 * one


def test_given_a_video_then_its_decoded_frames_stay_beside_the_decoder_and_tiles_do_not_shrink_them() -> None:
    vae = {"width": 832, "height": 480}
    short, long = (sized(WAN_VAE, "bf16", frames=frames, **vae).rank.activation_bytes for frames in (5, 81))
    assert long - short == 2 * 3 * 832 * 480 * 19 * 4 * 2
    tiled = sized(WAN_VAE, "bf16", vae_tiling=True, frames=81, **vae).rank.activation_bytes
    assert tiled == pytest.approx((short - 2 * 3 * 832 * 480 * 8 * 2) * 32**2 / (104 * 60) + 2 * 3 * 832 * 480 * 84 * 2)


def test_given_a_quantized_pipeline_then_less_weight_and_the_same_decoder() -> None:
    plain, quantized = sized(FLUX, "bf16"), sized(FLUX, "fp8")
    assert quantized.rank.weights_bytes < 0.6 * plain.rank.weights_bytes
    assert quantized.rank.activation_bytes == plain.rank.activation_bytes


def test_given_one_network_with_a_quantization_of_its_own_then_only_its_weights_shrink() -> None:
    """FLUX.1-dev's transformer in NF4: 6.72 GiB published (huggingface.co/datasets/diffusers/benchmarks)."""
    nf4 = {"quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_quant_type": "nf4"}
    plain, quantized = (
        sized(FLUX, "bf16"),
        sized(FLUX | {"transformer": FLUX_DEV | {"quantization_config": nf4}}, "bf16"),
    )
    saved = plain.rank.weights_bytes - quantized.rank.weights_bytes
    left = 2 * 11_901_408_320 - saved
    assert 5.5 < left / GIB < 7.0


def test_given_only_a_parameter_count_then_weights_and_a_decoder() -> None:
    demand = sized(None, "bf16")
    assert demand.rank.weights_bytes == 24 * 10**9
    assert demand.rank.activation_bytes == sized(FLUX, "bf16").rank.activation_bytes


def test_given_truth_of_others_when_counted_then_every_diffusion_network_is_exact(shared: Path) -> None:
    import json  # noqa: PLC0415 - only this test reads files

    from ai_on_eks.descriptors.architectures import relevant_hyperparameters  # noqa: PLC0415

    expected = {
        "stable-diffusion-v1-5__unet": 859_520_964,
        "stabilityai__stable-diffusion-2-1__unet": 865_910_724,
        "stabilityai__stable-diffusion-xl-base-1.0__unet": 2_567_463_684,
        "stabilityai__stable-diffusion-xl-base-1.0__vae": 83_653_863,
        "stabilityai__stable-diffusion-3-medium__transformer": 2_028_328_000,
        "stabilityai__stable-diffusion-3.5-large__transformer": 8_056_627_520,
        "black-forest-labs__FLUX.1-dev__transformer": 11_901_408_320,
        "black-forest-labs__FLUX.1-dev__vae": 83_819_683,
        "black-forest-labs__FLUX.1-schnell__transformer": 11_891_178_560,
    }
    folder = shared / "truth" / "configs"
    counted = {
        name: relevant_hyperparameters(json.loads((folder / f"{name}.json").read_text()))[0].parameters
        for name in expected
    }
    assert counted == expected
