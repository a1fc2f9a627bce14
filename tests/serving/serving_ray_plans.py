"""Plans of models on a cluster of Ray, and of checkpoints whose quantization lies beside their config."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace
from serving_plans import engine, llama

from ai_on_eks.descriptors.schema import Architecture, Family
from ai_on_eks.placement.types import Plan

QUANTIZED = Architecture(
    family=Family.TRANSFORMER,
    config={
        "model_type": "llama",
        "quantization_config": {"quant_method": "gptq", "bits": 4, "group_size": 128, "desc_act": False},
    },
)
"""What `describe` writes of a checkpoint whose settings lie beside its config."""


def llama_on_ray(*, nodes: int = 1, **changes: Any) -> Plan:
    """Two replicas on one cluster of Ray, each of one accelerator in a pod or a stage in each of several."""
    plan_ = llama(**changes)
    assert plan_.chosen is not None
    chosen = replace(
        plan_.chosen,
        engine=replace(engine("vllm-ray"), grouped=True),
        image_key="vllm-ray",
        pipeline_parallel=nodes,
        nodes_per_replica=nodes,
        replicas=2,
        nodes=2 * nodes,
    )
    return replace(plan_, chosen=chosen)
