"""Decoders that make vectors or scores: one pass, and nothing kept for a next token."""

from __future__ import annotations

from pathlib import Path

import pytest

from ai_on_eks.catalog.engines import find_engine
from ai_on_eks.descriptors.architectures import build_inventory
from ai_on_eks.descriptors.loading import load_descriptor
from ai_on_eks.descriptors.schema import Descriptor, Kind
from ai_on_eks.placement.requirements import effective_precision
from ai_on_eks.sizing.size import size_model
from ai_on_eks.sizing.types import Load, MemoryDemand, Target
from ai_on_eks.units import GIB, MIB

RERANKER = Path(__file__).parents[2] / "docs" / "examples" / "models" / "qwen3-reranker-0-6b.yaml"
CACHE = "cache of one prompt"
TOKEN_BYTES = 28 * 8 * (128 + 128) * 2


@pytest.fixture(scope="module")
def reranker() -> Descriptor:
    return load_descriptor(RERANKER)


def size(descriptor: Descriptor, engine: str, device_bytes: int = 22 * GIB) -> MemoryDemand:
    target = Target(device_bytes, 1, 1, find_engine(engine).memory)
    return size_model(build_inventory(descriptor), effective_precision(descriptor), Load(4096, 16, 8), target)


def test_given_what_writes_nothing_then_it_has_no_states(reranker: Descriptor) -> None:
    found = build_inventory(reranker)
    assert found.states == ()
    assert found.prompt_states
    writer = build_inventory(reranker.model_copy(update={"kind": Kind.FOUNDATION}))
    assert writer.states == found.prompt_states
    assert writer.prompt_states == ()


@pytest.mark.parametrize(
    ("engine", "prompt_bytes"),
    [
        ("vllm", (4096 + 16) * TOKEN_BYTES),  # in blocks of 16 tokens, and one that is never used
        ("sglang", 4096 * TOKEN_BYTES),
        ("tei", 0),
        ("torch-neuronx", 0),
    ],
)
def test_given_an_engine_that_pages_then_it_has_room_for_one_prompt(
    reranker: Descriptor, engine: str, prompt_bytes: int
) -> None:
    rank = size(reranker, engine).rank
    terms = {term.name: term.value_bytes for term in rank.terms}
    assert terms.get(CACHE, 0) == prompt_bytes
    assert rank.kv_cache_bytes == 0


def test_given_no_room_for_a_prompt_then_the_engine_does_not_start(reranker: Descriptor) -> None:
    rank = size(reranker, "vllm").rank
    taken = rank.weights_bytes + rank.activation_bytes + rank.overhead_bytes
    enough = int((taken + MIB) / 0.92) + MIB
    assert size(reranker, "vllm", enough).fits
    assert not size(reranker, "vllm", enough - 4096 * TOKEN_BYTES).fits
