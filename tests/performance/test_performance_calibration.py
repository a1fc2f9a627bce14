"""The shipped constants: complete, sourced, and within what hardware can do."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec.structs import astuple, fields

from ai_on_eks.catalog.loading import load_catalog
from ai_on_eks.performance.calibration import DATA, SHARES, Constants, band, constants, widened
from ai_on_eks.performance.machine import CPU
from ai_on_eks.performance.peaks import peak_flops

DOCUMENT: dict[str, Any] = json.loads(DATA.read_bytes())
GENERATIONS = sorted({*DOCUMENT["generations"], CPU, "ada", "turing"})
ENGINES = sorted({*DOCUMENT["engines"], "vllm", "tei"})

LARGEST_S = {
    "exchange_s": 2e-4,
    "all_to_all_s": 5e-4,
    "layer_s": 1e-3,
    "step_s": 2e-2,
    "sequence_s": 1e-3,
    "first_token_s": 0.5,
    "prompt_layer_s": 1e-2,
}


@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize("engine", ENGINES)
def test_given_any_device_and_engine_when_asked_then_every_constant_is_physical(generation: str, engine: str) -> None:
    found = constants(generation, engine)
    for field in fields(Constants):
        value = getattr(found, field.name)
        assert value >= 0.0, field.name
        if field.name in SHARES:
            assert 0.0 < value <= 1.0, field.name
        if field.name in LARGEST_S:
            assert value <= LARGEST_S[field.name], field.name
    assert all(value == value for value in astuple(found))  # noqa: PLR0124 - no NaN


def test_given_the_file_when_read_then_it_says_where_its_figures_are_from() -> None:
    assert DOCUMENT["source"]
    assert len(DOCUMENT["date"]) == len("2026-11-28")
    assert {name for part in ("shared",) for name in DOCUMENT[part]} <= {field.name for field in fields(Constants)}


def test_given_generations_when_named_then_the_catalogue_knows_them() -> None:
    known = {accelerator.generation for accelerator in load_catalog("us-east-1").accelerators.values()}
    assert {name for name in DOCUMENT["generations"] if name != "*"} <= known


def test_given_bands_when_read_then_each_holds_the_estimate_itself() -> None:
    for generation, entry in DOCUMENT["generations"].items():
        for kind, by_figure in entry.get("bands", {}).items():
            for figure, (low, high) in by_figure.items():
                assert 0.0 < low <= 1.0 <= high, (generation, kind, figure)


def test_given_an_engine_that_was_not_measured_when_asked_for_a_band_then_there_is_none() -> None:
    assert band("hopper", "vllm", "decoder", "tpot") is not None
    assert band("hopper", "llama-cpp", "decoder", "tpot") is None
    assert band("ada", "vllm", "decoder", "tpot") is None


def test_given_a_compiler_that_casts_when_fp32_is_served_then_products_run_in_bf16() -> None:
    assert widened("neuroncore-v2", "fp32") == "bf16"
    assert widened("hopper", "fp32") == "fp32"


@pytest.mark.parametrize(
    ("data_type", "compute_type", "dense_flops", "expected"),
    [
        ("bf16", "bf16", {"bf16": 989e12, "fp8": 1979e12}, (989e12, "bf16")),
        ("fp8", "bf16", {"bf16": 989e12, "fp8": 1979e12}, (1979e12, "fp8")),
        ("fp8", "bf16", {"bf16": 312e12, "int8": 624e12}, (312e12, "bf16")),
        ("widened", "bf16", {"fp16": 65e12, "int8": 130e12}, (65e12, "fp16")),
        ("fp4", "bf16", {"bf16": 2250e12, "fp8": 4500e12, "fp4": 9000e12}, (9000e12, "fp4")),
        ("fp4", "bf16", {"bf16": 989e12, "fp8": 1979e12}, (989e12, "bf16")),
        ("bf16", "bf16", {"fp16": 65e12}, (0.0, "bf16")),
    ],
)
def test_given_weights_and_device_when_the_peak_is_looked_up_then_only_native_types_count(
    data_type: str, compute_type: str, dense_flops: dict[str, float], expected: tuple[float, str]
) -> None:
    assert peak_flops(dense_flops, data_type, compute_type) == expected
