"""Batches of encoders, CNNs and image pipelines, computed by hand."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from performance_models import BF16, MACHINE, ideal

from ai_on_eks.descriptors.image_generation import Component, ImageRequest, Phase, Work
from ai_on_eks.descriptors.inventory import Activations, Inventory, Item, Operations, Sharding, Tensor, TensorRole
from ai_on_eks.descriptors.schema import Precision, WeightPrecision
from ai_on_eks.performance.batches import answer, kind_of
from ai_on_eks.performance.calibration import CONVOLUTION, DIFFUSION, ENCODER
from ai_on_eks.performance.divided import divide
from ai_on_eks.performance.estimate import estimate
from ai_on_eks.performance.machine import Division, Machine
from ai_on_eks.sizing.types import Load

ENCODER_MODEL = Inventory(
    architecture="encoder",
    item=Item.TOKEN,
    tensors=(Tensor("layers.*.weight", (7_000, 1_000), TensorRole.FEED_FORWARD, Sharding.SPLIT, 12),),
    states=(),
    operations=Operations(2 * 84_000_000, 4 * 12 * 768),
    activations=Activations(10_000),
    layers=12,
    hidden_size=768,
    attention_heads=12,
)
CNN = Inventory(
    architecture="cnn",
    item=Item.IMAGE,
    tensors=(Tensor("all", (25_000, 1_000), TensorRole.CONVOLUTION, Sharding.REPLICATED),),
    states=(),
    operations=Operations(8_000_000_000),
    activations=Activations(2_400_000),
    layers=0,
    hidden_size=2048,
)
REQUEST = ImageRequest(width=1024, height=1024, steps=30, guided=True, scale=8, multiple=8)
PIPELINE = replace(
    CNN,
    tensors=(Tensor("unet.all", (2_500_000, 1_000), TensorRole.CONVOLUTION, Sharding.REPLICATED),),
    components=(
        Component("text", Phase.ENCODE, Work(positions=1, fixed_flops=10**12)),
        Component("unet", Phase.DENOISE, Work(positions=128 * 128, flops=6 * 10**12)),
        Component("vae", Phase.DECODE, Work(positions=128 * 128, flops=2 * 10**12)),
    ),
    image=REQUEST,
)


def test_given_an_encoder_when_a_batch_is_answered_then_operations_decide() -> None:
    found = answer(divide(ENCODER_MODEL, BF16, MACHINE, Division()), ideal(encoder_compute=0.4), Load(512, 64, 64))
    seconds = 64 * 512 * (2 * 84_000_000 + 512 * 4 * 12 * 768) / (1e15 * 0.4)
    assert found.items_per_s == pytest.approx(64 / seconds)
    assert found.ttft_s == pytest.approx(seconds)
    assert (found.tpot_s, found.output_tokens_per_s) == (None, None)


def test_given_a_tiny_batch_when_it_is_answered_then_reading_the_weights_decides() -> None:
    found = answer(divide(ENCODER_MODEL, BF16, MACHINE, Division()), ideal(), Load(1, 1, 1))
    assert found.ttft_s == pytest.approx(2 * 84_000_000 / 4e12)


def test_given_a_cnn_when_images_are_answered_then_its_own_share_of_the_peak_counts() -> None:
    fp32 = Precision(weights=WeightPrecision.FP32)
    machine = Machine("none", {"fp32": 20e12}, 300e9)
    found = answer(divide(CNN, fp32, machine, Division()), ideal(convolution_compute=0.2), Load(1, 32, 32))
    assert found.items_per_s == pytest.approx(20e12 * 0.2 / 8e9)


def test_given_guidance_in_a_pass_of_its_own_then_as_much_work_in_twice_the_launches() -> None:
    constants = replace(ideal(diffusion_compute=0.5), step_s=0.01)
    apart = replace(PIPELINE, image=replace(REQUEST, guided_apart=True))
    together = answer(divide(PIPELINE, BF16, MACHINE, Division()), constants, Load(1, 1, 1)).ttft_s
    assert answer(divide(apart, BF16, MACHINE, Division()), constants, Load(1, 1, 1)).ttft_s == pytest.approx(
        together + 30 * 0.01
    )


def test_given_a_pipeline_when_an_image_is_made_then_steps_guidance_and_decoding_add_up() -> None:
    found = answer(divide(PIPELINE, BF16, MACHINE, Division()), ideal(diffusion_compute=0.5), Load(1, 1, 1))
    operations = 2 * 1e12 + 30 * 2 * 6e12 + 2e12
    assert found.ttft_s == pytest.approx(operations / (1e15 * 0.5), rel=1e-6)
    assert found.items_per_s == pytest.approx(1 / found.ttft_s)


@pytest.mark.parametrize(("changed", "factor"), [({"steps": 60}, 2), ({"width": 2048}, 2), ({"guided": False}, 0.5)])
def test_given_another_request_when_denoising_dominates_then_time_follows(
    changed: dict[str, int], factor: float
) -> None:
    denoise = replace(PIPELINE, components=PIPELINE.components[1:2])
    other = replace(denoise, image=replace(REQUEST, **changed))
    first, second = (
        answer(divide(model, BF16, MACHINE, Division()), ideal(diffusion_compute=0.1), Load(1, 1, 1)).ttft_s
        for model in (denoise, other)
    )
    assert second == pytest.approx(factor * first)


@pytest.mark.parametrize(
    ("inventory", "kind"), [(ENCODER_MODEL, ENCODER), (CNN, CONVOLUTION), (PIPELINE, DIFFUSION)], ids=str
)
def test_given_a_model_without_cache_when_it_is_calibrated_then_by_its_kind(inventory: Inventory, kind: str) -> None:
    assert kind_of(inventory) == kind


def test_given_images_when_estimated_on_an_unmeasured_device_then_the_evidence_is_the_roofline() -> None:
    found = estimate(
        CNN,
        BF16,
        Load(1, 8, 8),
        replace(MACHINE, generation="ada"),
        Division(),
        engine="triton",
        output_tokens=1,
        sequences=8,
    )
    assert (found.evidence, found.items_band) == ("roofline", None)
    assert found.items_per_s is not None
