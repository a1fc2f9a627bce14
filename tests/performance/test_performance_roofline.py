"""Estimates of speed: exact where a bound decides alone, and the directions they must move in."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_on_eks.descriptors.inventory import (
    Activations,
    Inventory,
    Item,
    KeyValueState,
    Operations,
    Sharding,
    Tensor,
    TensorRole,
)
from ai_on_eks.descriptors.schema import Precision, WeightPrecision
from ai_on_eks.performance.machine import Division, Machine
from ai_on_eks.performance.peaks import peak_flops
from ai_on_eks.performance.roofline import BANDWIDTH_EFFICIENCY, CONVOLUTION_EFFICIENCY, estimate
from ai_on_eks.performance.types import Estimates
from ai_on_eks.sizing.types import Load

BF16 = Precision(weights=WeightPrecision.BF16)
PARAMETERS = 8_030_261_248
LAUNCHES_S = 32 * 8 * 3e-6

LLAMA_8B = Inventory(
    architecture="decoder",
    item=Item.TOKEN,
    tensors=(Tensor("all", (PARAMETERS,), TensorRole.UNKNOWN, Sharding.SPLIT),),
    states=(KeyValueState(32, 8, 128, 128),),
    operations=Operations(2 * (PARAMETERS - 128256 * 4096), 4 * 32 * 4096),
    activations=Activations(55_296, 128256),
    layers=32,
    hidden_size=4096,
    attention_heads=32,
    key_value_heads=8,
)
RESNET_50 = Inventory(
    architecture="cnn",
    item=Item.IMAGE,
    tensors=(Tensor("all", (25_557_032,), TensorRole.CONVOLUTION, Sharding.REPLICATED),),
    states=(),
    operations=Operations(8_180_000_000),
    activations=Activations(2_400_000),
    layers=0,
    hidden_size=2048,
)
A100_40 = Machine("ampere", {"bf16": 312e12}, 1555e9, 300e9, ranks_per_node=8, link_domain_ranks=8)


def decode(
    context: int = 512,
    sequences: int = 1,
    tensor_parallel: int = 1,
    inventory: Inventory = LLAMA_8B,
    **machine: Any,
) -> Estimates:
    return estimate(
        inventory,
        BF16,
        Load(context, sequences),
        replace(A100_40, **machine),
        Division(tensor_parallel),
        engine="vllm",
        output_tokens=128,
        sequences=sequences,
    )


def test_given_one_sequence_when_estimated_then_bandwidth_decides() -> None:
    read_bytes = 2 * PARAMETERS + (384 + 64) * 131_072
    expected_s = read_bytes / (1555e9 * BANDWIDTH_EFFICIENCY) + LAUNCHES_S

    estimates = decode()

    assert estimates.tpot_ms == pytest.approx(1000 * expected_s)
    assert estimates.output_tokens_per_s == pytest.approx(1 / expected_s)
    assert estimates.evidence == "roofline"


def test_given_published_measurement_when_estimated_then_within_ten_percent() -> None:
    # Llama-3.1-8B BF16 on one A100-40, vLLM 0.23, one sequence: 75 tokens/s
    assert decode().output_tokens_per_s == pytest.approx(75, rel=0.1)


def test_given_images_when_estimated_then_compute_decides() -> None:
    estimates = estimate(
        RESNET_50,
        Precision(weights=WeightPrecision.FP32),
        Load(1, 64, 32),
        Machine("turing", {"fp32": 20e12}, 300e9),
        Division(),
        engine="triton",
        output_tokens=1,
        sequences=32,
    )
    assert estimates.items_per_s == pytest.approx(20e12 * CONVOLUTION_EFFICIENCY / 8_180_000_000)
    assert estimates.ttft_ms == pytest.approx(1000 * 32 * 8_180_000_000 / (20e12 * CONVOLUTION_EFFICIENCY))
    assert estimates.tpot_ms is None
    assert estimates.output_tokens_per_s is None


@pytest.mark.parametrize("missing", [{"dense_flops": {}}, {"bandwidth_bytes_per_second": 0.0}])
def test_given_no_peak_when_estimated_then_nothing_is_claimed(missing: dict[str, Any]) -> None:
    assert decode(**missing) == Estimates(None, None, None, None, "roofline")


def test_given_unknown_link_when_estimated_then_slower_than_a_known_one() -> None:
    known, unknown = decode(tensor_parallel=4), decode(tensor_parallel=4, link_bytes_per_second=0.0)
    assert known.ttft_ms is not None
    assert unknown.ttft_ms is not None
    assert unknown.ttft_ms > known.ttft_ms


@given(st.integers(1, 256), st.integers(1, 256), st.integers(256, 32768))
def test_given_more_sequences_when_estimated_then_each_is_slower_and_all_are_not(
    first: int, second: int, context: int
) -> None:
    few, many = sorted((first, second))
    small, large = decode(context, few), decode(context, many)
    assert small.tpot_ms is not None
    assert large.tpot_ms is not None
    assert small.ttft_ms is not None
    assert large.ttft_ms is not None
    assert small.tpot_ms <= large.tpot_ms
    assert small.ttft_ms <= large.ttft_ms * (1 + 1e-9)


@given(st.floats(1e11, 1e13), st.floats(1e11, 1e13), st.sampled_from([1, 2, 4, 8]))
def test_given_more_bandwidth_when_estimated_then_never_slower(first: float, second: float, ranks: int) -> None:
    low, high = sorted((first, second))
    slow = decode(tensor_parallel=ranks, bandwidth_bytes_per_second=low)
    fast = decode(tensor_parallel=ranks, bandwidth_bytes_per_second=high)
    assert slow.tpot_ms is not None
    assert fast.tpot_ms is not None
    assert fast.tpot_ms <= slow.tpot_ms


@given(
    st.floats(1e11, 1e13),
    st.floats(1e11, 1e13),
    st.sampled_from([1, 2, 8]),
    st.integers(1, 64),
    st.integers(256, 32768),
)
def test_given_more_bandwidth_when_estimated_then_the_first_token_is_never_later(
    first: float, second: float, ranks: int, sequences: int, context: int
) -> None:
    # a queue that is told only how many sequences run would call an H200 slower than an H100
    low, high = sorted((first, second))
    slow = decode(context, sequences, ranks, bandwidth_bytes_per_second=low)
    fast = decode(context, sequences, ranks, bandwidth_bytes_per_second=high)
    assert slow.ttft_ms is not None
    assert fast.ttft_ms is not None
    assert fast.ttft_ms <= slow.ttft_ms * (1 + 1e-9)


def test_given_sequences_running_when_estimated_then_a_prompt_waits_for_half_of_another() -> None:
    alone, among = decode(8192, 1), decode(8192, 16)
    prompt_s = 8064 * (LLAMA_8B.operations.per_item + 4 * 32 * 4096 * 4032) / (312e12 * 0.5) + LAUNCHES_S
    assert alone.ttft_ms is not None
    assert alone.tpot_ms is not None
    assert among.ttft_ms is not None
    assert among.tpot_ms is not None
    among_step_ms = among.tpot_ms - 15 * 1000 * prompt_s / 128
    assert alone.ttft_ms == pytest.approx(alone.tpot_ms + 1000 * prompt_s)
    assert among.ttft_ms == pytest.approx(among_step_ms + 1.5 * 1000 * prompt_s)


def test_given_a_prompt_when_estimated_then_the_head_counts_once() -> None:
    # GIVEN the same model with its embedding told apart, so that the head's share of the operations is known
    embedding = Tensor("embed", (128256, 4096), TensorRole.EMBEDDING, Sharding.SPLIT)
    told_apart = replace(LLAMA_8B, tensors=(embedding, *LLAMA_8B.tensors))
    head = 2 * 128256 * 4096

    # WHEN a prompt of 8,064 tokens is estimated on a device without any limit of bandwidth
    lumped, counted = (
        decode(8192, inventory=model, bandwidth_bytes_per_second=1e30) for model in (LLAMA_8B, told_apart)
    )

    # THEN it is shorter by the head of all its tokens but the last, and a step is as long as before
    assert lumped.ttft_ms is not None
    assert counted.ttft_ms is not None
    assert lumped.ttft_ms - counted.ttft_ms == pytest.approx(1000 * 8063 * head / (312e12 * 0.5))
    assert counted.tpot_ms == pytest.approx(lumped.tpot_ms)


@pytest.mark.parametrize(
    ("weights", "dense_flops", "expected"),
    [
        ("bf16", {"bf16": 989e12, "fp8": 1979e12}, 989e12),
        ("fp8", {"bf16": 989e12, "fp8": 1979e12}, 1979e12),
        ("fp8", {"bf16": 312e12, "int8": 624e12}, 312e12),
        ("int4", {"fp16": 65e12, "int8": 130e12}, 65e12),
        ("nvfp4", {"bf16": 2250e12, "fp8": 4500e12, "fp4": 9000e12}, 9000e12),
        ("bf16", {"fp16": 65e12}, 0.0),
    ],
)
def test_given_weights_and_device_when_the_peak_is_looked_up_then_only_native_types_count(
    weights: str, dense_flops: dict[str, float], expected: float
) -> None:
    assert peak_flops(dense_flops, Precision(weights=WeightPrecision(weights))) == expected
