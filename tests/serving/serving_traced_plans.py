"""Plans of models that are traced for the cores of an Inferentia2 device."""

from __future__ import annotations

from typing import Any

import serving_plans as plans
from msgspec.structs import replace

from ai_on_eks.catalog.engines import load_engines
from ai_on_eks.descriptors.inventory import Item
from ai_on_eks.descriptors.schema import (
    Architecture,
    Descriptor,
    Family,
    Format,
    Kind,
    Precision,
    Serving,
    Source,
    WeightPrecision,
)
from ai_on_eks.placement.types import Plan
from ai_on_eks.sizing.types import MemoryDemand
from ai_on_eks.units import GIB

ENGINE = load_engines()["torch-neuronx"]


def bge_on_inferentia2(**changes: Any) -> Plan:
    """The embedding model traced for both cores of a device, sixteen texts at once on each node."""
    demand = plans.memory(
        weights_bytes=670_000_000, fraction=1.0, batched_tokens=32 * 512, sequences=32, host_bytes=9 * GIB
    )
    demand = replace(demand, rank=replace(demand.rank, overhead_bytes=GIB, headroom_bytes=12 * GIB))
    settings: dict[str, Any] = {
        "name": "bge-large",
        "kind": Kind.EMBEDDING,
        "task": "feature-extraction",
        "source": _published("BAAI/bge-large-en-v1.5"),
        "architecture": Architecture(family=Family.TRANSFORMER),
        "precision": Precision(weights=WeightPrecision.BF16),
        "serving": Serving(context_tokens=512, concurrency=64, batch=32),
    }
    return _traced(settings | changes, demand, Item.TOKEN, attention_heads=16, max_model_len=512)


def resnet_on_inferentia2(**changes: Any) -> Plan:
    """A classifier from safetensors, traced likewise."""
    demand = plans.memory(weights_bytes=102_000_000, fraction=1.0, batched_tokens=16, sequences=16, host_bytes=9 * GIB)
    settings: dict[str, Any] = {
        "name": "resnet-50",
        "kind": Kind.TASK_SPECIFIC,
        "task": "image-classification",
        "source": _published("microsoft/resnet-50"),
        "architecture": Architecture(family=Family.CNN),
        "precision": Precision(weights=WeightPrecision.FP32),
        "serving": Serving(concurrency=600, batch=16),
    }
    return _traced(settings | changes, demand, Item.IMAGE, attention_heads=0, sequences_per_replica=300)


def _published(repository: str) -> Source:
    return Source(uri=f"hf://{repository}", revision=plans.REVISION, format=Format.SAFETENSORS)


def _traced(
    settings: dict[str, Any], demand: MemoryDemand, item: Item, *, attention_heads: int, **placement: Any
) -> Plan:
    node = plans.neuron_node("inf2.xlarge", plans.INFERENTIA2, 1)
    chosen = plans.placement("torch-neuronx", "torch-neuronx", node, demand, engine=ENGINE, **placement)
    made = plans.plan(Descriptor(**settings), chosen, item)
    return replace(made, inventory=replace(made.inventory, attention_heads=attention_heads))
