"""What a pass over an engine's largest batch takes: by version, held to logs, and divided by tensor parallelism."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from sizing_inventories import LLAMA_3_1_8B, LLAMA_3_70B, QWEN3_0_6B, QWEN3_32B

from ai_on_eks.catalog.engines import find_engine
from ai_on_eks.descriptors.inventory import Activations, Inventory
from ai_on_eks.descriptors.schema import Precision, WeightPrecision
from ai_on_eks.sizing.activation import HELD_HIDDEN_STATES, cached_activation_term
from ai_on_eks.units import GIB, MIB

BF16 = Precision(weights=WeightPrecision.BF16)
WORD = 128_256 * 4
"""Bytes of one sequence's scores in float32, Llama 3."""


@pytest.mark.parametrize(
    ("model", "logged_gib"),
    [(LLAMA_3_1_8B, 4.76), (LLAMA_3_70B, 4.84), (QWEN3_0_6B, 5.56), (QWEN3_32B, 5.64)],
)
def test_given_logs_of_0_11_when_profiled_then_the_peak_is_the_logged_one(model: Inventory, logged_gib: float) -> None:
    """llm-d-planner, empirical-vllm-memory-results: H100, 8,192 tokens, 1,024 sequences."""
    term = _peak(model, "vllm@0.11", tokens=8192, sequences=1024)
    assert term / GIB == pytest.approx(logged_gib, abs=0.01)


@pytest.mark.parametrize(
    ("engine", "copies", "rows", "kept"),
    [
        ("vllm@0.10.2", 9.5, 0, 0),
        ("vllm@0.16", 9.5, 0, 0),
        ("vllm@0.17", 3.5, 160, 0),
        ("vllm@0.20.2", 3.5, 160, 0),
        ("vllm@0.25", 3.5, 160, 0),
        ("vllm@0.27", 2.5, 160, 1.0625),
        ("vllm@0.33", 3.5, 0, 1.0625),
    ],
)
def test_given_a_version_when_it_samples_then_it_keeps_as_many_copies_of_the_scores_as_its_code_does(
    engine: str, copies: float, rows: int, kept: float
) -> None:
    hidden = (2048 + 2 * 256) * 4096 * 2
    expected = (copies + kept) * 256 * WORD + rows * WORD + hidden + 36 * MIB
    assert _peak(LLAMA_3_1_8B, engine, tokens=2048, sequences=256) == expected


def test_given_fewer_tokens_than_sequences_when_profiled_then_no_more_rows_than_tokens_are_sampled() -> None:
    few = _peak(LLAMA_3_1_8B, "vllm@0.11", tokens=64, sequences=1024)
    assert few == _peak(LLAMA_3_1_8B, "vllm@0.11", tokens=64, sequences=64)


def test_given_words_generated_are_kept_when_a_forward_pass_is_the_peak_then_they_are_there_too() -> None:
    engine = find_engine("vllm").memory
    without = replace(engine, sampler_states=0.0)
    both = (
        cached_activation_term(LLAMA_3_1_8B, BF16, one, max_batched_tokens=65_536, max_sequences=8)
        for one in (engine, without)
    )
    with_states, plain = both

    assert "forward pass" in with_states.name
    assert with_states.value_bytes - plain.value_bytes == 1.0625 * 8 * WORD


def test_given_tensor_parallelism_when_a_forward_pass_is_the_peak_then_only_what_lies_within_blocks_is_divided() -> (
    None
):
    wide = Activations(per_item=3 * 28_672 + 8192, vocabulary=128_256, undivided=8192)
    model = replace(LLAMA_3_70B, activations=wide)
    for ranks in (1, 2, 4, 8):
        per_token = 3 * 28_672 // ranks + 8192 + HELD_HIDDEN_STATES * 8192
        peak = _peak(model, "vllm@0.11", tokens=8192, sequences=1, ranks=ranks)
        assert peak == 8192 * per_token * 2 + 36 * MIB


def test_given_a_model_whose_parts_are_not_told_apart_when_divided_then_its_activations_are_not() -> None:
    model = replace(LLAMA_3_70B, activations=Activations(per_item=94_208, vocabulary=128_256))
    one, eight = (_peak(model, "vllm", tokens=8192, sequences=1, ranks=ranks) for ranks in (1, 8))
    assert one == eight


def _peak(model: Inventory, engine: str, *, tokens: int, sequences: int, ranks: int = 1) -> int:
    memory = find_engine(engine).memory
    return cached_activation_term(
        model, BF16, memory, ranks, max_batched_tokens=tokens, max_sequences=sequences
    ).value_bytes
