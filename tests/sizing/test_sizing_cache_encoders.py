"""What an engine reserves for the encoder before a decoder."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from sizing_inventories import LLAMA_3_1_8B

from ai_on_eks.catalog.engines import load_engines
from ai_on_eks.descriptors.inventory import InputEncoder, Operations
from ai_on_eks.descriptors.schema import Precision, WeightPrecision
from ai_on_eks.sizing.activation import cached_activation_term
from ai_on_eks.units import MIB

BF16 = Precision(weights=WeightPrecision.BF16)
VLLM = load_engines()["vllm"].memory
SAMPLED = cached_activation_term(LLAMA_3_1_8B, BF16, VLLM, max_batched_tokens=2048, max_sequences=256).value_bytes
KEPT = int(1.0625 * 256 * 128_256 * 4) + 36 * MIB
"""Beside every pass: counts of the words generated, and the workspace of matrix libraries."""


@pytest.mark.parametrize(
    ("encoder", "expected"),
    [
        # a small encoder: what it hands on stands beside the sampler, 16,384 tokens of an image of any size
        (InputEncoder(Operations(1), per_item=1000, handed=4096), SAMPLED + 16_384 * 4096 * 2),
        # of sound, 1,500 tokens apiece: one whole piece in a batch of 2,048
        (InputEncoder(Operations(1), per_item=1000, handed=1280, tokens=1500), SAMPLED + 1500 * 1280 * 2),
        # of images of 256 tokens: eight in a batch
        (InputEncoder(Operations(1), per_item=1000, handed=2560, tokens=256), SAMPLED + 8 * 256 * 2560 * 2),
        # a wide encoder: its own pass is the peak
        (InputEncoder(Operations(1), per_item=100_000, handed=4096), 16_384 * 104_096 * 2 + KEPT),
    ],
)
def test_given_an_encoder_when_profiled_then_the_larger_of_both_passes_counts(
    encoder: InputEncoder, expected: int
) -> None:
    model = replace(LLAMA_3_1_8B, encoders=(encoder,))
    term = cached_activation_term(model, BF16, VLLM, max_batched_tokens=2048, max_sequences=256)

    assert term.value_bytes == expected
    assert "encoders are profiled" in term.source


def test_given_an_engine_that_profiles_none_when_sized_then_nothing_is_added() -> None:
    model = replace(LLAMA_3_1_8B, encoders=(InputEncoder(Operations(1), per_item=10**6, handed=4096),))
    engine = replace(VLLM, largest_input_tokens=0)
    term = cached_activation_term(model, BF16, engine, max_batched_tokens=2048, max_sequences=256)
    assert term.value_bytes == SAMPLED
