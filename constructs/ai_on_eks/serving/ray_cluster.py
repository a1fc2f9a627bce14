"""The cluster of Ray that serves one model: how many pods, and what Ray Serve runs on them.

    pods      = replicas × nodes of a replica          the first is the head; there is none without accelerators
    placement = one bundle a rank, all on one node (STRICT_PACK) or on as few as can be (PACK)

Every pod has all that a replica asks of a node, so as few nodes as can be are exactly the nodes of a replica, and the
ranks of a stage lie on one. What runs is what was planned: Ray scales nothing and adds no node.
"""

from __future__ import annotations

import json
from typing import Any

from ai_on_eks.placement.types import Placement
from ai_on_eks.serving.engines import vllm
from ai_on_eks.serving.local_files import model_directory
from ai_on_eks.serving.pod import REQUEST_SECONDS
from ai_on_eks.serving.replica import Replica
from ai_on_eks.serving.types import RayCluster
from ai_on_eks.units import MIB

ENGINE = "vllm-ray"
VERSION = "2.58.0"
"""Of Ray in the image; KubeRay chooses by it what the version can do."""

OPERATOR_NAMESPACE = "kuberay-operator"
"""Where the platform installs KubeRay; its operator reaches every head."""

OBJECT_STORE_BYTES = 512 * MIB
"""Requests and answers, and what stages hand to each other; Ray's own 30 % of the memory would be taken from the
model's. Part of the shared memory that sizing counted."""

BUILDER = "ray.serve.llm:build_openai_app"


def ray_cluster(replica: Replica) -> RayCluster | None:
    """None for every other engine."""
    placement = replica.placement
    if placement.engine.name != ENGINE:
        return None
    return RayCluster(
        version=VERSION,
        pods=placement.replicas * placement.nodes_per_replica,
        accelerators=placement.accelerators_per_replica // placement.nodes_per_replica,
        object_store_bytes=OBJECT_STORE_BYTES,
        serve_config=json.dumps(_serve_config(replica), indent=2, sort_keys=True),
    )


def _serve_config(replica: Replica) -> dict[str, Any]:
    """The one proxy is the head's, where the Service leads."""
    placement = replica.placement
    return {
        "proxy_location": "HeadOnly",
        "http_options": {"host": "0.0.0.0", "port": 8000},  # noqa: S104 - the pod's own address
        "applications": [
            {
                "name": replica.name,
                "route_prefix": "/",
                "import_path": BUILDER,
                "args": {
                    "llm_configs": [_llm_config(replica)],
                    "ingress_deployment_config": {"num_replicas": placement.replicas},
                },
            }
        ],
    }


def _llm_config(replica: Replica) -> dict[str, Any]:
    placement = replica.placement
    return {
        "model_loading_config": {"model_id": replica.name, "model_source": model_directory(replica)},
        "engine_kwargs": _engine_arguments(replica),
        "placement_group_config": {
            "bundle_per_worker": {"GPU": 1},
            "strategy": "STRICT_PACK" if placement.nodes_per_replica == 1 else "PACK",
        },
        "deployment_config": {
            "num_replicas": placement.replicas,
            "graceful_shutdown_timeout_s": REQUEST_SECONDS,
        },
    }


def _engine_arguments(replica: Replica) -> dict[str, Any]:
    """Every figure that sizing used, under the names of vLLM's `AsyncEngineArgs`."""
    placement, rank = replica.placement, replica.placement.memory.rank
    quantization = vllm.named_quantization(replica.descriptor)
    return {
        "dtype": vllm.COMPUTE_DTYPES.get(replica.precision.weights, "auto"),
        **({"quantization": quantization} if quantization else {}),
        "kv_cache_dtype": vllm.CACHE_DTYPES[replica.precision.kv_cache],
        "max_model_len": placement.max_model_len,
        "max_num_seqs": rank.max_sequences,
        "max_num_batched_tokens": rank.max_batched_tokens,
        "gpu_memory_utilization": rank.memory_fraction,
        "tensor_parallel_size": placement.tensor_parallel,
        **_stages_and_experts(placement),
    }


def _stages_and_experts(placement: Placement) -> dict[str, Any]:
    stages = placement.pipeline_parallel
    return {
        **({"pipeline_parallel_size": stages} if stages > 1 else {}),
        **({"enable_expert_parallel": True} if placement.expert_parallel > 1 else {}),
    }
