"""What must hold of every cache, whatever its layers keep and however an engine lays it out."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ai_on_eks.catalog.engines import find_engine
from ai_on_eks.descriptors.inventory import (
    Activations,
    Inventory,
    Item,
    KeyValueState,
    Operations,
    RecurrentState,
    State,
)
from ai_on_eks.descriptors.schema import CachePrecision, Precision, WeightPrecision
from ai_on_eks.sizing.cache import kept_bytes, kv_bytes_per_token, rank_states
from ai_on_eks.sizing.cache_layout import CacheLayout, cache_layout
from ai_on_eks.units import GIB

BF16 = Precision(weights=WeightPrecision.BF16)
VERSIONS = st.sampled_from(["0.6.4", "0.11", "0.25", "0.33"])
DEGREES = st.sampled_from([1, 2, 4, 8, 16])
CONTEXTS = st.integers(1, 300_000)
WIDTHS = st.sampled_from([64, 96, 128, 256, 512])


@st.composite
def attention(draw: st.DrawFn) -> KeyValueState:
    width = draw(WIDTHS)
    return KeyValueState(
        layers=draw(st.integers(1, 64)),
        key_value_heads=draw(st.sampled_from([1, 2, 3, 4, 8])),
        key_dimension=width,
        value_dimension=draw(st.sampled_from([width, width // 2])),
        window_tokens=draw(st.none() | st.integers(1, 100_000)),
        tokens_per_entry=draw(st.sampled_from([1, 1, 1, 4])),
    )


LATENTS = st.builds(
    KeyValueState,
    layers=st.integers(1, 64),
    key_value_heads=st.just(1),
    key_dimension=st.sampled_from([132, 512, 576]),
    value_dimension=st.just(0),
    window_tokens=st.none() | st.sampled_from([8, 128]),
    tokens_per_entry=st.sampled_from([1, 1, 4, 128]),
    is_replicated=st.just(True),
    bits=st.sampled_from([None, None, 8, 32]),
)
CROSSED = st.builds(
    KeyValueState,
    layers=st.integers(1, 32),
    key_value_heads=st.sampled_from([8, 16]),
    key_dimension=st.just(64),
    value_dimension=st.just(64),
    fixed_tokens=st.integers(1, 4000),
)
RECURRENT = st.builds(
    RecurrentState,
    layers=st.integers(1, 64),
    elements=st.integers(1, 2_000_000),
    heads=st.sampled_from([1, 8, 32]),
    bits=st.none() | st.just(32),
)
STATES = st.lists(st.one_of(attention(), LATENTS, CROSSED, RECURRENT), min_size=1, max_size=4)
MODELS = STATES.map(lambda states: model(*states))


def model(*states: State) -> Inventory:
    return Inventory(
        architecture="states",
        item=Item.TOKEN,
        tensors=(),
        states=states,
        operations=Operations(1),
        activations=Activations(1),
        layers=64,
        hidden_size=4096,
    )


def layout(inventory: Inventory, version: str, tensor_parallel: int = 1, pipeline_parallel: int = 1) -> CacheLayout:
    engine = find_engine(f"vllm@{version}").memory
    return cache_layout(inventory, BF16, engine, tensor_parallel, pipeline_parallel, max_batched_tokens=2048)


@given(MODELS, VERSIONS, DEGREES, CONTEXTS, CONTEXTS)
def test_given_more_context_when_laid_out_then_a_sequence_never_takes_less(
    inventory: Inventory, version: str, ranks: int, first: int, second: int
) -> None:
    less, more = sorted((first, second))
    pages = layout(inventory, version, ranks)
    assert pages.sequence_bytes(less) <= pages.sequence_bytes(more)
    assert kept_bytes(inventory, BF16, ranks, context_tokens=less) <= kept_bytes(
        inventory, BF16, ranks, context_tokens=more
    )


@given(MODELS, DEGREES, DEGREES, CONTEXTS)
def test_given_more_ranks_or_stages_when_counted_then_no_rank_keeps_more(
    inventory: Inventory, first: int, second: int, context: int
) -> None:
    fewer, more = sorted((first, second))
    assert kv_bytes_per_token(inventory, BF16, fewer) >= kv_bytes_per_token(inventory, BF16, more)
    assert kv_bytes_per_token(inventory, BF16, 1, fewer) >= kv_bytes_per_token(inventory, BF16, 1, more)
    for tensor, pipeline in ((True, False), (False, True)):
        few, many = (
            kept_bytes(inventory, BF16, ranks if tensor else 1, ranks if pipeline else 1, context_tokens=context)
            for ranks in (fewer, more)
        )
        assert few >= many


@given(MODELS, VERSIONS, DEGREES, CONTEXTS)
def test_given_stages_when_laid_out_then_a_block_never_grows(
    inventory: Inventory, version: str, stages: int, context: int
) -> None:
    assert layout(inventory, version, 1, stages).reserved_bytes <= layout(inventory, version).reserved_bytes


@given(attention(), VERSIONS, CONTEXTS)
def test_given_a_window_when_laid_out_then_it_never_needs_more_than_all_tokens_and_one_page(
    state: KeyValueState, version: str, context: int
) -> None:
    everything = replace(state, window_tokens=None)
    window, full = (layout(model(each), version) for each in (state, everything))

    # the window's edge may lie within a page
    assert window.sequence_bytes(context) <= full.sequence_bytes(context) + full.reserved_bytes
    assert kept_bytes(model(state), BF16, context_tokens=context) <= kept_bytes(
        model(everything), BF16, context_tokens=context
    )


@given(STATES, VERSIONS, DEGREES, CONTEXTS, st.randoms(use_true_random=False))
def test_given_states_in_another_order_when_laid_out_then_nothing_changes(
    states: list[State], version: str, ranks: int, context: int, random: Random
) -> None:
    shuffled = list(states)
    random.shuffle(shuffled)
    first, second = (layout(model(*each), version, ranks) for each in (states, shuffled))

    assert first.sequence_bytes(context) == second.sequence_bytes(context)
    assert first.sequences(40 * GIB, context) == second.sequences(40 * GIB, context)
    assert first.tokens(40 * GIB, context) == second.tokens(40 * GIB, context)


@given(MODELS, VERSIONS, DEGREES, CONTEXTS, st.integers(0, 200 * GIB))
def test_given_any_pool_when_filled_then_it_holds_what_it_says(
    inventory: Inventory, version: str, ranks: int, context: int, pool: int
) -> None:
    pages = layout(inventory, version, ranks)
    sequences = pages.sequences(pool, context)

    assert sequences == 0 or pages.term(sequences, context).value_bytes <= pool
    assert pages.term(sequences + 1, context).value_bytes > pool
    assert pages.tokens(pool, context) >= sequences * context
    kept = kept_bytes(inventory, BF16, ranks, context_tokens=context)
    assert sequences * kept <= pool


@given(MODELS, VERSIONS, CONTEXTS)
def test_given_a_layout_when_written_down_then_every_kind_is_named_with_its_source(
    inventory: Inventory, version: str, context: int
) -> None:
    term = layout(inventory, version).term(1, context)
    assert all(state.formula in term.formula for state in rank_states(inventory, BF16))
    assert all(state.source in term.source for state in rank_states(inventory, BF16))


@pytest.mark.parametrize("bits", [None, 32])
def test_given_a_smaller_cache_type_when_counted_then_states_with_a_type_of_their_own_do_not_shrink(
    bits: int | None,
) -> None:
    inventory = model(KeyValueState(10, 2, 128, 128, bits=bits))
    small = BF16.model_copy(update={"kv_cache": CachePrecision.FP8})
    halved = 1 if bits else 2
    assert kv_bytes_per_token(inventory, BF16) == halved * kv_bytes_per_token(inventory, small)
