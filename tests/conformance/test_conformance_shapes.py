"""Objects of KServe against the definitions that its controllers install."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from custom_resource_schemas import problems_of

from ai_on_eks.catalog.loading import load_catalog
from ai_on_eks.descriptors.architectures import build_inventory
from ai_on_eks.descriptors.loading import load_descriptor, load_platform
from ai_on_eks.descriptors.platform import PlannedEngines
from ai_on_eks.descriptors.schema import Shape
from ai_on_eks.kube.manifests import platform_manifests
from ai_on_eks.kube.render import render_manifests
from ai_on_eks.placement.planning import plan_model
from ai_on_eks.serving.images import load_images
from ai_on_eks.serving.workload import build_workload

ROOT = Path(__file__).resolve().parents[2]

CASES = {
    Shape.INFERENCE_SERVICE: (
        "tests/k8s/engine_models/resnet-50-savedmodel.yaml",
        "tests/k8s/engine_models/stable-diffusion-xl.yaml",
        "tests/k8s/engine_models/qwen3-14b-gguf.yaml",
        "models/llama-3-1-8b-instruct.yaml",
        "models/bge-large-en-v1-5.yaml",
    ),
    Shape.LLM_INFERENCE_SERVICE: (
        "models/llama-3-1-8b-instruct.yaml",
        "tests/k8s/engine_models/deepseek-r1-on-two-nodes.yaml",
    ),
}

RAY_MODELS = ("tests/k8s/engine_models/llama-3-1-8b-ray.yaml", "tests/k8s/engine_models/qwen3-32b-ray-stages.yaml")

KINDS = {Shape.INFERENCE_SERVICE: "InferenceService", Shape.LLM_INFERENCE_SERVICE: "LLMInferenceService"}

every_case = pytest.mark.parametrize(
    ("shape", "model"), [(shape, one) for shape, all_ in CASES.items() for one in all_]
)


@cache
def shaped(shape: Shape, model: str) -> dict[str, Any]:
    """The object that makes the pods of a model in a shape."""
    platform = load_platform(ROOT / "platform.yaml").model_copy(update={"engines": PlannedEngines.RENDERED})
    descriptor = load_descriptor(ROOT / model)
    serving = descriptor.serving.model_copy(update={"shape": shape})
    descriptor = descriptor.model_copy(update={"serving": serving})
    plan = plan_model(descriptor, build_inventory(descriptor), load_catalog(platform.region), platform)
    workload = build_workload(plan, platform, load_images(None))
    text = render_manifests([workload], platform)[f"{descriptor.name}.yaml"]
    manifests: list[dict[str, Any]] = list(yaml.safe_load_all(text))
    (found,) = (manifest for manifest in manifests if manifest["kind"] == KINDS[shape])
    return found


@every_case
def test_every_shape_conforms(shared: Path, shape: Shape, model: str) -> None:
    assert problems_of(shared / "crds", shaped(shape, model)) == []


def test_the_empty_preset_conforms(shared: Path) -> None:
    platform = load_platform(ROOT / "platform.yaml")
    shared_objects = platform_manifests(platform, None, shapes=(Shape.LLM_INFERENCE_SERVICE,))
    assert problems_of(shared / "crds", shared_objects["KservePreset"]) == []


@cache
def cluster(model: str) -> dict[str, Any]:
    """The RayService of a model that names its engine."""
    platform = load_platform(ROOT / "platform.yaml").model_copy(update={"engines": PlannedEngines.RENDERED})
    descriptor = load_descriptor(ROOT / model)
    plan = plan_model(descriptor, build_inventory(descriptor), load_catalog(platform.region), platform)
    workload = build_workload(plan, platform, load_images(None))
    manifests = yaml.safe_load_all(render_manifests([workload], platform)[f"{descriptor.name}.yaml"])
    (found,) = (manifest for manifest in manifests if manifest["kind"] == "RayService")
    return dict(found)


@pytest.mark.parametrize("model", RAY_MODELS)
def test_every_cluster_of_ray_conforms(shared: Path, model: str) -> None:
    assert problems_of(shared / "crds", cluster(model)) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        pytest.param("spec.serveConfigV2", {}, id="a mapping for a text"),
        pytest.param("spec.rayClusterConfig.headGroupSpec.rayStartParams", {"num-gpus": 1}, id="a number for a text"),
        pytest.param("spec.rayClusterConfig.headGroupSpec.pods", {}, id="unknown field"),
    ],
)
def test_a_fault_planted_in_a_cluster_is_found(shared: Path, path: str, value: object) -> None:
    faulty = deepcopy(cluster(RAY_MODELS[0]))
    *steps, last = path.split(".")
    target: Any = faulty
    for step in steps:
        target = target[step]
    target[last] = value

    assert problems_of(shared / "crds", faulty)


@pytest.mark.parametrize(
    ("shape", "path", "value"),
    [
        pytest.param(Shape.INFERENCE_SERVICE, "spec.predictor.minReplicas", "1", id="a string for a number"),
        pytest.param(Shape.INFERENCE_SERVICE, "spec.predictor.podSpec", {}, id="unknown field"),
        pytest.param(Shape.INFERENCE_SERVICE, "spec.predictor.hostIpc", True, id="another spelling"),
        pytest.param(Shape.LLM_INFERENCE_SERVICE, "spec.scaling", {"maxReplicas": 2}, id="replicas said twice"),
        pytest.param(Shape.LLM_INFERENCE_SERVICE, "spec.model", {"name": "llama"}, id="a model without an address"),
        pytest.param(Shape.LLM_INFERENCE_SERVICE, "spec.rollout", {}, id="a field of a later version"),
    ],
)
def test_a_planted_fault_is_found(shared: Path, shape: Shape, path: str, value: object) -> None:
    faulty = deepcopy(shaped(shape, CASES[shape][0]))
    *steps, last = path.split(".")
    target: Any = faulty
    for step in steps:
        target = target[step]
    target[last] = value

    assert problems_of(shared / "crds", faulty)
