"""What must hold for every model and target."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from sizing_inventories import decoder

from ai_on_eks.catalog.engines import load_engines
from ai_on_eks.descriptors.inventory import Inventory
from ai_on_eks.descriptors.schema import Precision, WeightPrecision
from ai_on_eks.sizing.cache import kv_bytes_per_token
from ai_on_eks.sizing.size import size_model
from ai_on_eks.sizing.types import Load, MemoryDemand, Target
from ai_on_eks.sizing.weights import weights_bytes
from ai_on_eks.units import GIB

HEAD_DIMENSION = 128


@st.composite
def models(draw: st.DrawFn) -> Inventory:
    key_value_heads = draw(st.sampled_from([1, 2, 4, 8]))
    heads = key_value_heads * draw(st.sampled_from([1, 2, 4, 8]))
    return decoder(
        layers=draw(st.integers(1, 96)),
        hidden=heads * HEAD_DIMENSION,
        intermediate=HEAD_DIMENSION * draw(st.integers(1, 256)),
        heads=heads,
        key_value_heads=key_value_heads,
        vocabulary=draw(st.integers(1000, 262144)),
        tied=draw(st.booleans()),
        head_norms=draw(st.booleans()),
    )


PRECISIONS = st.sampled_from(list(WeightPrecision)).map(lambda weights: Precision(weights=weights))
PARALLEL = st.sampled_from([1, 2, 3, 4, 6, 8, 16])


def size(
    inventory: Inventory, precision: Precision, load: Load, tensor_parallel: int = 1, memory_gib: int = 80
) -> MemoryDemand:
    where = Target(memory_gib * GIB, tensor_parallel, 1, load_engines()["vllm"].memory)
    return size_model(inventory, precision, load, where)


def used_bytes(demand: MemoryDemand) -> int:
    return demand.rank.budget_bytes - demand.rank.headroom_bytes


@given(models(), PRECISIONS, st.integers(1, 200_000), st.integers(1, 200_000))
def test_given_more_context_when_one_sequence_is_sized_then_memory_never_falls(
    inventory: Inventory, precision: Precision, first: int, second: int
) -> None:
    less, more = sorted((first, second))
    small, large = (size(inventory, precision, Load(context, 1)) for context in (less, more))
    assert used_bytes(small) <= used_bytes(large)
    assert small.sequences_per_replica >= large.sequences_per_replica
    assert small.host.memory_bytes <= large.host.memory_bytes


@given(models(), PRECISIONS, st.integers(1, 500), st.integers(1, 500))
def test_given_more_concurrency_when_sized_then_headroom_never_grows(
    inventory: Inventory, precision: Precision, first: int, second: int
) -> None:
    less, more = sorted((first, second))
    small, large = (size(inventory, precision, Load(2048, concurrency)) for concurrency in (less, more))
    assert small.rank.headroom_bytes >= large.rank.headroom_bytes
    assert small.fits == large.fits


@given(models(), PRECISIONS, PARALLEL, PARALLEL)
def test_given_more_ranks_when_sized_then_no_rank_holds_more(
    inventory: Inventory, precision: Precision, first: int, second: int
) -> None:
    fewer, more = sorted((first, second))
    assert weights_bytes(inventory, precision, fewer) >= weights_bytes(inventory, precision, more)
    assert kv_bytes_per_token(inventory, precision, fewer) >= kv_bytes_per_token(inventory, precision, more)


@given(models(), PRECISIONS, PARALLEL)
def test_given_any_division_when_ranks_are_summed_then_nothing_is_lost(
    inventory: Inventory, precision: Precision, ranks: int
) -> None:
    assert ranks * weights_bytes(inventory, precision, ranks) >= weights_bytes(inventory, precision)
    assert ranks * kv_bytes_per_token(inventory, precision, ranks) >= kv_bytes_per_token(inventory, precision)


@given(models(), PRECISIONS, st.sampled_from([1, 2, 4, 8]))
def test_given_more_stages_when_weighed_then_the_fullest_rank_never_grows(
    inventory: Inventory, precision: Precision, stages: int
) -> None:
    assert weights_bytes(inventory, precision, 1, 2 * stages) <= weights_bytes(inventory, precision, 1, stages)
    assert stages * weights_bytes(inventory, precision, 1, stages) >= weights_bytes(inventory, precision)


@given(models(), st.sampled_from([1, 2, 4, 8]))
def test_given_fewer_bits_when_weighed_then_weights_never_grow(inventory: Inventory, ranks: int) -> None:
    falling = ["fp32", "bf16", "fp8", "nvfp4", "mxfp4", "int4"]
    sizes = [weights_bytes(inventory, Precision(weights=WeightPrecision(name)), ranks) for name in falling]
    assert sizes == sorted(sizes, reverse=True)


@given(models(), PRECISIONS, PARALLEL, st.randoms(use_true_random=False))
def test_given_tensors_in_another_order_when_sized_then_the_answer_is_the_same(
    inventory: Inventory, precision: Precision, ranks: int, random: Random
) -> None:
    tensors = list(inventory.tensors)
    random.shuffle(tensors)
    shuffled = replace(inventory, tensors=tuple(tensors))
    load = Load(4096, 8)
    assert size(shuffled, precision, load, ranks) == size(inventory, precision, load, ranks)


@given(models(), PRECISIONS, PARALLEL, st.integers(1, 100_000), st.integers(8, 280))
def test_given_any_question_when_sized_then_the_answer_is_consistent(
    inventory: Inventory, precision: Precision, ranks: int, context: int, memory_gib: int
) -> None:
    demand = size(inventory, precision, Load(context, 4), ranks, memory_gib)
    assert demand.fits == (not demand.reasons) == (demand.sequences_per_replica > 0)
    assert demand.fits == (demand.rank.headroom_bytes >= 0)
    assert demand.rank.kv_cache_tokens * demand.rank.kv_bytes_per_token <= demand.rank.kv_cache_bytes
    assert demand.rank.kv_cache_tokens >= demand.sequences_per_replica * context
