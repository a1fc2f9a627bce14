"""Every engine that a workload is rendered for: its objects byte for byte, whether an API server takes them and a
scheduler places them.

`UPDATE_SNAPSHOTS=1 python -m pytest tests/k8s` writes the snapshots anew; read the difference before you commit it.
"""

from __future__ import annotations

import os
from copy import deepcopy
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from engine_plans import ENGINE_MODELS, engine_capacity, engine_placement, engine_platform, engine_workload
from planned_nodes import why_not_on_planned_node

from ai_on_eks.catalog.engines import load_engines
from ai_on_eks.kube.pod_security import why_not_restricted
from ai_on_eks.kube.render import render_manifests
from ai_on_eks.serving.engines import ENGINES
from ai_on_eks.serving.storage import StorageAddresses

SNAPSHOTS = Path(__file__).parent / "engine_snapshots"
BUCKET = "example-model-bucket"

CHOICES = {
    "bge-base-inferentia2": ("torch-neuronx", "inf2.xlarge", 1, 1),
    "deepseek-r1-on-two-nodes": ("vllm", "p4de.24xlarge", 4, 4),
    "deepseek-r1-stages": ("vllm", "p5en.48xlarge", 4, 2),
    "llama-3-1-8b-graviton": ("llama-cpp", "r8g.large", 1, 1),
    "llama-3-1-8b-inferentia2": ("nxd-inference", "inf2.8xlarge", 2, 1),
    "llama-3-1-8b-kserve": ("vllm", "g7e.2xlarge", 1, 1),
    "llama-3-1-8b-ray": ("vllm-ray", "g6e.xlarge", 1, 1),
    "llama-3-3-70b-gguf": ("llama-cpp", "g5.12xlarge", 1, 4),
    "llama-3-3-70b-trainium2": ("vllm-neuron", "trn2.48xlarge", 16, 1),
    "llama-3-3-70b-sglang": ("sglang", "p5.48xlarge", 4, 1),
    "llama-3-3-70b-tensorrt-llm": ("tensorrt-llm", "p5.48xlarge", 2, 1),
    "qwen3-14b-gguf": ("llama-cpp", "g6.xlarge", 1, 1),
    "qwen3-32b-ray-stages": ("vllm-ray", "g6e.xlarge", 1, 2),
    "resnet-50-inferentia2": ("torch-neuronx", "inf2.xlarge", 1, 1),
    "resnet-50-torchscript": ("triton", "m7a.medium", 1, 1),
    "resnet-50-savedmodel": ("tensorflow-serving", "g6.xlarge", 1, 1),
    "stable-diffusion-xl": ("vllm-omni", "g4dn.2xlarge", 1, 1),
    "vit-base-inferentia2": ("torch-neuronx", "inf2.xlarge", 1, 1),
}
"""Engine, instance type, tensor parallelism and stages that each model is an example of."""

every_model = pytest.mark.parametrize("model", ENGINE_MODELS)


def _rendered(model: str) -> str:
    addresses = StorageAddresses(bucket=BUCKET)
    return render_manifests([engine_workload(model)], engine_platform(model), addresses)[f"{model}.yaml"]


@every_model
def test_each_model_is_planned_as_the_example_it_is(model: str) -> None:
    placement = engine_placement(model)
    division = (placement.tensor_parallel, placement.pipeline_parallel)

    assert (placement.engine.name, placement.instance_type.name, *division) == CHOICES[model]


@every_model
def test_objects_are_their_snapshot(model: str) -> None:
    rendered = _rendered(model)
    path = SNAPSHOTS / f"{model}.yaml"
    if os.environ.get("UPDATE_SNAPSHOTS") == "1":
        path.write_text(rendered, encoding="utf-8")

    assert rendered == path.read_text(encoding="utf-8")


def test_every_engine_snapshot_belongs_to_a_model() -> None:
    assert [path.stem for path in sorted(SNAPSHOTS.iterdir())] == ENGINE_MODELS == sorted(CHOICES)


@pytest.mark.parametrize("version", ["1.34", "1.35", "1.36"])
@every_model
def test_every_object_conforms(model: str, version: str) -> None:
    manifests = [*yaml.safe_load_all(_rendered(model)), *map(_pod, _pod_specs(model))]
    for manifest in manifests:
        if manifest["kind"] not in ("LeaderWorkerSet", "LLMInferenceService", "RayService"):  # see tests/conformance
            kubernetes_validate.validate(manifest, version, strict=True)


@every_model
def test_the_engines_pods_are_admitted_and_scheduled(model: str) -> None:
    for pod_spec in _pod_specs(model):
        assert why_not_restricted(pod_spec) == ()
        assert _reasons(model, pod_spec) == ()


@every_model
def test_a_device_more_than_the_node_has_is_not_scheduled(model: str) -> None:
    for pod_spec in _pod_specs(model):
        for resource in ("cpu", *_extended(pod_spec)):
            greedy: dict[str, Any] = deepcopy(pod_spec)
            greedy["containers"][0]["resources"]["requests"][resource] = "999Gi"

            (reason,) = _reasons(model, greedy)
            assert reason.startswith(f"{resource}: asks for")


@every_model
def test_every_pod_asks_for_the_devices_of_its_ranks(model: str) -> None:
    placement = engine_placement(model)
    accelerator = placement.instance_type.accelerator
    devices = placement.accelerators_per_replica // placement.nodes_per_replica

    for pod_spec in _pod_specs(model):
        extended = _extended(pod_spec)
        expected = {} if accelerator is None else {accelerator.resource_name: str(devices)}
        if placement.nodes_per_replica > 1 and placement.instance_type.efa_interfaces:
            expected |= {
                "vpc.amazonaws.com/efa": str(placement.instance_type.efa_interfaces),
                "hugepages-2Mi": "5120Mi",
            }
        assert extended == expected


def _pod_specs(model: str) -> list[dict[str, Any]]:
    """Of every pod that a replica consists of."""
    workload = engine_workload(model)
    return [workload.pod_spec, *([] if workload.group is None else [workload.group.worker_pod_spec])]


def _pod(pod_spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pod"}, "spec": pod_spec}


def _reasons(model: str, pod_spec: dict[str, Any]) -> tuple[str, ...]:
    return why_not_on_planned_node(engine_capacity(model), pod_spec)


def _extended(pod_spec: dict[str, Any]) -> dict[str, str]:
    """What is neither processor time nor memory nor disk, as limited."""
    limits: dict[str, str] = pod_spec["containers"][0]["resources"]["limits"]
    return {name: amount for name, amount in limits.items() if name != "memory"}


def test_every_deployed_engine_has_a_module_and_the_other_way_round() -> None:
    assert {name for name, engine in load_engines().items() if engine.deployed} == set(ENGINES)
