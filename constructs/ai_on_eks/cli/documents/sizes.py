"""The answer of `size`: the model alone, and on a target when one is given."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from ai_on_eks.cli.documents.memory import host_mapping, rank_mapping
from ai_on_eks.descriptors.inventory import Inventory
from ai_on_eks.descriptors.schema import Precision
from ai_on_eks.descriptors.size_class import size_class
from ai_on_eks.sizing.types import Load, MemoryDemand


class TargetName(Struct, frozen=True):
    """What the user pointed at, by name."""

    accelerator: str | None
    instance_type: str | None
    engine: str
    engine_version: str
    tensor_parallel: int
    pipeline_parallel: int


class Objection(Struct, frozen=True):
    """A rule by which `plan` would reject the target, whatever its memory."""

    rule: str
    reason: str


class SizeAnswer(Struct, frozen=True):
    """Everything `size` knows. `target` and `demand` are both None or both set."""

    model: str
    inventory: Inventory
    precision: Precision
    load: Load
    weights_bytes: int
    kv_bytes_per_token: int
    target: TargetName | None
    demand: MemoryDemand | None
    objections: tuple[Objection, ...] = ()


def size_body(answer: SizeAnswer) -> dict[str, Any]:
    """The document; without a target `per_accelerator`, `host` and `fits` are null.

    `fits` and `reasons` speak of memory alone, `objections` of engine, device and division.
    """
    demand, target = answer.demand, answer.target
    return {
        "model": answer.model,
        "architecture": answer.inventory.architecture,
        "parameters": {"total": answer.inventory.parameters, "active": answer.inventory.active_parameters},
        "size_class": size_class(answer.inventory.parameters),
        "precision": {
            "weights": answer.precision.weights.value,
            "scheme": answer.precision.scheme,
            "kv_cache": answer.precision.kv_cache.value,
        },
        "weights_bytes": answer.weights_bytes,
        "kv_bytes_per_token": answer.kv_bytes_per_token,
        "context_tokens": answer.load.context_tokens,
        "max_context_tokens": answer.inventory.max_context_tokens,
        "concurrency": answer.load.concurrency,
        "batch": answer.load.batch,
        "estimated": list(answer.inventory.estimated),
        "target": None if target is None else _target_mapping(target),
        "per_accelerator": None if demand is None else rank_mapping(demand.rank),
        "host": None if demand is None else host_mapping(demand.host),
        "sequences_per_replica": None if demand is None else demand.sequences_per_replica,
        "fits": None if demand is None else demand.fits,
        "reasons": [] if demand is None else list(demand.reasons),
        "objections": [{"rule": one.rule, "reason": one.reason} for one in answer.objections],
    }


def _target_mapping(target: TargetName) -> dict[str, Any]:
    return {
        "accelerator": target.accelerator,
        "instance_type": target.instance_type,
        "engine": target.engine,
        "engine_version": target.engine_version,
        "tensor_parallel": target.tensor_parallel,
        "pipeline_parallel": target.pipeline_parallel,
    }
