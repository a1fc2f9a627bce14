"""Bounds of what a placement takes are never above what it takes: else the search would end too early."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from ai_on_eks.catalog.loading import Catalog
from ai_on_eks.descriptors.architectures import build_inventory
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.descriptors.schema import Constraints, Descriptor
from ai_on_eks.performance.machine import Division
from ai_on_eks.placement.bounds import NEVER, Bounds
from ai_on_eks.placement.candidates import engines_for
from ai_on_eks.placement.planning import plan_model
from ai_on_eks.placement.requirements import resolve
from ai_on_eks.placement.types import Candidate, Placement

MIXTURE = {
    "model_type": "mixtral", "num_hidden_layers": 32, "hidden_size": 4096, "num_attention_heads": 32,
    "num_key_value_heads": 8, "intermediate_size": 14336, "vocab_size": 32000, "num_local_experts": 8,
    "num_experts_per_tok": 2, "max_position_embeddings": 32768,
}  # fmt: skip
WINDOWED = {
    "model_type": "gemma3_text", "num_hidden_layers": 26, "hidden_size": 1152, "num_attention_heads": 4,
    "num_key_value_heads": 1, "head_dim": 256, "intermediate_size": 6912, "vocab_size": 262144,
    "sliding_window": 512, "sliding_window_pattern": 6, "max_position_embeddings": 32768,
}  # fmt: skip
RECURRENT = {
    "model_type": "mamba2", "num_hidden_layers": 64, "hidden_size": 2560, "vocab_size": 50288, "state_size": 128,
    "num_heads": 80, "head_dim": 64, "n_groups": 1, "conv_kernel": 4, "expand": 2, "chunk_size": 256,
}  # fmt: skip

LOADS: tuple[dict[str, Any], ...] = (
    {"concurrency": 1},
    {"concurrency": 200, "context_tokens": 16384},
    {"concurrency": 24, "minimum_replicas": 2, "spare_replicas": 1},
    {"requests_per_second": 3.0},
    {"concurrency": 40, "memory_fraction": 0.7},
)


def foundation(config: dict[str, Any], load: dict[str, Any]) -> Descriptor:
    family = "ssm" if config["model_type"] == "mamba2" else "transformer"
    body = {
        "name": config["model_type"].replace("_", "-"),
        "kind": "foundation",
        "source": {"uri": "hf://organisation/model", "format": "safetensors"},
        "architecture": {"family": family, "config": config},
        "serving": load,
    }
    return Descriptor.model_validate(body, strict=False)


def bound_of(placement: Placement, bounds: Bounds, engines: dict[str, Any]) -> tuple[int, int]:
    division = Division(
        tensor_parallel=placement.tensor_parallel,
        pipeline_parallel=placement.pipeline_parallel,
        expert_parallel=placement.expert_parallel,
        nodes=placement.nodes_per_replica,
    )
    candidate = Candidate(placement.instance_type, engines[placement.engine.name], division)
    return bounds.of_type(placement.instance_type), bounds.of_candidate(candidate)


def broken(descriptor: Descriptor, catalog: Catalog, platform: Platform) -> tuple[int, list[tuple[Any, ...]]]:
    """How many placements there are, and those that a bound denies."""
    inventory = build_inventory(descriptor)
    requirements = resolve(descriptor, inventory, platform)
    engines, _rejected = engines_for(descriptor, catalog)
    bounds = Bounds(requirements, engines)
    accepted = plan_model(descriptor, inventory, catalog, platform).accepted
    found = [
        (placement.instance_type.name, placement.engine.name, placement.tensor_parallel, each, placement.nodes)
        for placement in accepted
        for each in bound_of(placement, bounds, {engine.name: engine for engine in engines})
        if each == NEVER or each > placement.nodes
    ]
    return len(accepted), found


@pytest.mark.parametrize("load", LOADS, ids=str)
@pytest.mark.parametrize("config", [MIXTURE, WINDOWED, RECURRENT], ids=lambda config: str(config["model_type"]))
def test_given_any_load_of_a_writer_when_bounded_then_no_placement_takes_less(
    config: dict[str, Any], load: dict[str, Any], catalog: Catalog, platform: Platform
) -> None:
    count, found = broken(foundation(config, load), catalog, platform)
    assert count > 0
    assert found == []


@pytest.mark.parametrize("load", LOADS, ids=str)
def test_given_a_share_of_what_is_free_when_bounded_then_no_placement_takes_less(
    load: dict[str, Any], catalog: Catalog, platform: Platform
) -> None:
    named = foundation(MIXTURE, load).model_copy(update={"constraints": Constraints(engines=("tensorrt-llm",))})
    count, found = broken(named, catalog, platform)
    assert count
    assert found == []


@pytest.mark.parametrize("per_second", [1.0, 500.0, 4000.0])
def test_given_a_throughput_of_batches_when_bounded_then_no_placement_takes_less(
    per_second: float, models: dict[str, Descriptor], catalog: Catalog, platform: Platform
) -> None:
    for name in ("resnet-50", "bge-large-en-v1-5"):
        model = models[name]
        targets = model.serving.targets.model_copy(update={"items_per_second": per_second})
        serving = model.serving.model_copy(update={"targets": targets, "concurrency": 512})
        count, found = broken(model.model_copy(update={"serving": serving}), catalog, platform)
        assert count > 0
        assert found == []


def test_given_a_model_too_large_for_a_type_when_bounded_then_it_is_never_looked_at(
    catalog: Catalog, platform: Platform
) -> None:
    descriptor = foundation(MIXTURE, {"concurrency": 1})
    engines, _rejected = engines_for(descriptor, catalog)
    bounds = Bounds(resolve(descriptor, build_inventory(descriptor), platform), engines)
    one = catalog.instance_types["g6.xlarge"]
    assert bounds.of_candidate(Candidate(one, engines[0], Division())) == NEVER
    assert bounds.of_type(one) > 1, "93 GB of weights take several nodes of 22 GiB"
    assert bounds.of_type(replace(one, accelerator_memory_bytes=10**9)) == NEVER
