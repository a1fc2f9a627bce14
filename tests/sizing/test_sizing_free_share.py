"""A share of what is free beside the model: TensorRT-LLM's cache."""

from __future__ import annotations

import pytest
from sizing_inventories import LLAMA_3_1_8B, LLAMA_3_70B

from ai_on_eks.catalog.engines import find_engine
from ai_on_eks.descriptors.schema import Precision, WeightPrecision
from ai_on_eks.sizing.free_share import free_share
from ai_on_eks.sizing.size import size_model
from ai_on_eks.sizing.types import Load, MemoryDemand, Target
from ai_on_eks.units import GIB, MIB

BF16 = Precision(weights=WeightPrecision.BF16)
ENGINE = find_engine("tensorrt-llm").memory


def size(memory_gib: int, ranks: int = 1, share: float | None = None, context: int = 4096) -> MemoryDemand:
    model = LLAMA_3_1_8B if ranks == 1 else LLAMA_3_70B
    return size_model(model, BF16, Load(context, 1), Target(memory_gib * GIB, ranks, 1, ENGINE, memory_fraction=share))


def test_the_logged_run_is_reproduced() -> None:
    """139.81 GiB of a device, 91.46 GiB taken, a share of 0.85: 41.11 GiB for the cache (log of 2026-01-16)."""
    found = free_share(int(139.81 * GIB), int(91.46 * GIB), 0, 0.85)
    assert (found.budget_bytes - int(91.46 * GIB)) / GIB == pytest.approx(41.11, abs=0.02)


@pytest.mark.parametrize(
    ("memory", "taken", "graphs", "fraction", "share", "cache"),
    [
        (80, 30, 1, 0.9, 0.9, 45),
        (80, 30, 10, 0.9, 0.8, 40),  # a share that leaves the graphs too little is lowered
        (80, 30, 1, 0.5, 0.5, 25),
        (80, 30, 50, 0.9, 0.9, 0),  # and none is left where they take all of it
        (80, 90, 1, 0.9, 0.9, -10),
    ],
)
def test_given_what_is_taken_then_the_cache_has_its_share_of_the_rest(
    memory: int, taken: int, graphs: int, fraction: float, share: float, cache: int
) -> None:
    found = free_share(memory * GIB, taken * GIB, graphs * GIB, fraction)
    assert found.fraction == share
    assert found.budget_bytes - taken * GIB == cache * GIB


@pytest.mark.parametrize(("memory_gib", "ranks", "share"), [(80, 1, None), (80, 4, None), (20, 1, None), (80, 1, 0.6)])
def test_given_a_model_then_cache_and_graphs_together_fit_beside_it(
    memory_gib: int, ranks: int, share: float | None
) -> None:
    rank = size(memory_gib, ranks, share).rank
    free = rank.memory_bytes - rank.weights_bytes - rank.activation_bytes - rank.overhead_bytes
    graphs = (32 if ranks == 1 else 80) * 15 * MIB
    assert rank.kv_cache_bytes == int(free * rank.memory_fraction)
    assert rank.kv_cache_bytes + graphs <= free
    assert rank.budget_bytes == rank.memory_bytes - free + rank.kv_cache_bytes
    assert rank.memory_fraction <= (share or 0.9)


def test_given_little_beside_the_model_then_the_share_is_lowered() -> None:
    assert size(20).rank.memory_fraction < size(80).rank.memory_fraction == 0.9


def test_given_graphs_then_they_are_held_beside_the_share_and_not_counted_twice() -> None:
    names = [term.name for term in size(80).rank.terms]
    assert "device context and communication" in names
    assert "captured graphs" not in names


def test_given_one_rank_then_it_has_shared_memory_too() -> None:
    """The server is one process and the rank another."""
    assert size(80).host.shared_memory_bytes > 0


def test_given_too_small_a_device_then_the_reason_says_what_is_left_to_graphs() -> None:
    demand = size(16)
    assert not demand.fits
    (reason,) = demand.reasons
    assert "exceed 16.00 GiB (16.00 GiB without what is left to captured graphs)" in reason


@pytest.mark.parametrize(("context", "batch"), [(4096, 8192), (20_000, 20_000), (32_768, 32_768), (32_769, 8192)])
def test_given_a_context_then_prompts_are_one_batch_as_far_as_chunks_begin(context: int, batch: int) -> None:
    assert size(80, context=context).rank.max_batched_tokens == batch
