"""Sizing against figures that engines logged. Skipped where the records are not beside the repository."""

from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import Any

import pytest
import yaml
from sizing_inventories import LLAMA_2_7B, LLAMA_3_1_8B, LLAMA_3_70B, QWEN3_0_6B, QWEN3_32B, YI_34B

from ai_on_eks.catalog.engines import find_engine
from ai_on_eks.descriptors.architectures import build_inventory
from ai_on_eks.descriptors.inventory import Inventory
from ai_on_eks.descriptors.loading import load_descriptor
from ai_on_eks.descriptors.schema import Precision, WeightPrecision
from ai_on_eks.sizing.size import size_model
from ai_on_eks.sizing.types import Load, MemoryDemand, Target
from ai_on_eks.units import GIB

MODEL_FILES = Path(__file__).resolve().parents[2] / "models"
RECORDS = Path(__file__).resolve().parents[3] / "shared" / "truth" / "memory.yaml"

MODELS = {
    "RedHatAI/Llama-3.3-70B-Instruct-FP8-dynamic": (LLAMA_3_70B, WeightPrecision.FP8),
    "meta-llama/Llama-3.1-8B-Instruct": (LLAMA_3_1_8B, WeightPrecision.BF16),
    "Qwen/Qwen3-0.6B": (QWEN3_0_6B, WeightPrecision.BF16),
    "Qwen/Qwen3-32B": (QWEN3_32B, WeightPrecision.BF16),
    "meta-llama/Llama-2-7b-hf": (LLAMA_2_7B, WeightPrecision.BF16),
    "meta-llama/Llama-3.1-70B-Instruct": (LLAMA_3_70B, WeightPrecision.BF16),
    "01-ai/Yi-34B": (YI_34B, WeightPrecision.BF16),
}
ENGINES = {"0.6.4": "vllm@0.6.4", "V1": "vllm@0.11", "0.11": "vllm@0.11"}
H100_GIB = 79.18


@pytest.fixture(scope="module")
def records() -> list[dict[str, Any]]:
    if not RECORDS.exists():
        pytest.skip("the measured records (../shared/truth/memory.yaml) are not beside the repository")
    found: list[dict[str, Any]] = yaml.load(RECORDS.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)["records"]
    return [
        record
        for record in found
        if record["model"] in MODELS and any(part in record.get("framework", "vllm 0.11") for part in ENGINES)
    ]


def test_given_measured_pools_when_sized_then_errors_are_small_and_never_optimistic(
    records: list[dict[str, Any]],
) -> None:
    errors = [error for record in records if (error := _pool_error(record)) is not None]

    assert len(errors) >= 8
    assert median(abs(error) for error in errors) <= 0.05
    assert max(abs(error) for error in errors) <= 0.10
    assert max(errors) <= 0.05


def test_given_measured_weights_when_sized_then_within_two_percent(records: list[dict[str, Any]]) -> None:
    measured = [(record, record["weights_gib_per_gpu"]) for record in records if "weights_gib_per_gpu" in record]

    assert len(measured) >= 5
    for record, weights_gib in measured:
        assert _size(record).rank.weights_bytes / GIB == pytest.approx(weights_gib, rel=0.02), record["id"]


def test_given_reported_failures_when_sized_then_they_do_not_fit(records: list[dict[str, Any]]) -> None:
    failures = [record for record in records if record["kind"] == "does_not_fit"]

    assert len(failures) >= 2
    for record in failures:
        demand = _size(record)
        assert not demand.fits, record["id"]
        assert demand.reasons


@pytest.mark.parametrize(
    ("name", "written_down"), [("llama-3-1-8b-instruct", LLAMA_3_1_8B), ("llama-3-3-70b-instruct", LLAMA_3_70B)]
)
def test_given_a_shipped_model_when_read_then_it_is_the_inventory_held_to_the_measurements(
    name: str, written_down: Inventory
) -> None:
    read = build_inventory(load_descriptor(MODEL_FILES / f"{name}.yaml"))

    assert read.parameters == written_down.parameters
    assert read.states == written_down.states
    assert read.activations == written_down.activations
    assert read.operations == written_down.operations


def _pool_error(record: dict[str, Any]) -> float | None:
    if record["kind"] != "measured_vllm":
        return None
    rank = _size(record).rank
    if "kv_cache_gib_per_gpu" in record:
        return rank.kv_cache_bytes / GIB / float(record["kv_cache_gib_per_gpu"]) - 1
    if "kv_blocks" in record:
        return rank.kv_cache_tokens / int(record["kv_blocks"] * record["block_size"]) - 1
    return None


def _size(record: dict[str, Any]) -> MemoryDemand:
    inventory: Inventory
    inventory, weights = MODELS[record["model"]]
    total_gib = record.get("gpu_total_gib", H100_GIB)
    framework = record.get("framework", "vllm 0.11")
    engine = find_engine(next(name for part, name in ENGINES.items() if part in framework))
    target = Target(
        device_memory_bytes=int(total_gib * GIB),
        tensor_parallel=record["tp"],
        pipeline_parallel=1,
        engine=engine.memory,
        memory_fraction=record.get("gpu_memory_utilization", 0.9),
        accelerator="h100",
    )
    return size_model(
        inventory,
        Precision(weights=weights),
        Load(context_tokens=record.get("max_model_len", 4096), concurrency=1),
        target,
        max_sequences=record.get("max_num_seqs"),
        max_batched_tokens=record.get("max_num_batched_tokens"),
    )
