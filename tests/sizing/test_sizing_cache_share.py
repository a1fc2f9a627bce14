"""The share of a device that an engine asks for, and what is free when it starts."""

from __future__ import annotations

import pytest
from sizing_inventories import LLAMA_3_1_8B, LLAMA_3_70B

from ai_on_eks.catalog.engines import find_engine
from ai_on_eks.descriptors.schema import Precision, WeightPrecision
from ai_on_eks.sizing.size import size_model
from ai_on_eks.sizing.types import Load, MemoryDemand, Target
from ai_on_eks.units import GIB

BF16 = Precision(weights=WeightPrecision.BF16)


def size(share: float, tensor_parallel: int = 1, version: str = "0.33", device_gib: int = 80) -> MemoryDemand:
    model = LLAMA_3_1_8B if tensor_parallel == 1 else LLAMA_3_70B
    where = Target(device_gib * GIB, tensor_parallel, 1, find_engine(f"vllm@{version}").memory, memory_fraction=share)
    return size_model(model, BF16, Load(4096, 1), where)


@pytest.mark.parametrize(("share", "ranks", "starts"), [(0.99, 1, True), (1.0, 1, False), (0.99, 4, False)])
def test_given_a_share_when_more_than_is_free_at_the_start_then_the_engine_does_not_start(
    share: float, ranks: int, starts: bool
) -> None:
    demand = size(share, ranks)

    assert demand.fits is starts
    assert (demand.sequences_per_replica > 0) is starts
    assert (demand.rank.headroom_bytes >= 0) is starts


def test_given_the_whole_device_when_refused_then_the_reason_says_how_much_is_not_free() -> None:
    demand = size(1.0)

    assert demand.rank.headroom_bytes == -GIB // 2
    assert demand.reasons == (
        "the share of 1 × 80.00 GiB is 0.50 GiB more than is free when the engine starts: give it a smaller share",
    )


def test_given_a_model_too_large_as_well_when_refused_then_both_reasons_are_told() -> None:
    demand = size(1.0, device_gib=16)
    share, shortfall = demand.reasons
    assert share.startswith("the share of 1 × 16.00 GiB")
    assert "of weights" in shortfall


def test_given_the_first_generation_when_it_starts_then_nothing_is_looked_for() -> None:
    # vllm-project/vllm#14447 (2025-04): sixteen RTX 3090 ran with 0.99 of 23.58 GiB
    assert size(0.99, 4, version="0.8").fits


@pytest.mark.parametrize(
    ("context_tokens", "batched_tokens"), [(20_000, 20_000), (29_000, 29_000), (32_768, 32_768), (35_000, 2048)]
)
def test_given_the_first_generation_when_contexts_grow_then_long_prompts_are_computed_in_chunks(
    context_tokens: int, batched_tokens: int
) -> None:
    # vllm-project/vllm#10517 (0.6.4): 2.01 GiB at 20,000 tokens, 2.93 GiB at 29,000, and 35,000 ran again
    where = Target(80 * GIB, 1, 1, find_engine("vllm@0.6.4").memory)
    assert size_model(LLAMA_3_1_8B, BF16, Load(context_tokens, 1), where).rank.max_batched_tokens == batched_tokens
