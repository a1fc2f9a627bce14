"""The jobs of this repository's own models, on a platform that copies weights: accepted, admitted, scheduled."""

from __future__ import annotations

from functools import cache
from math import ceil
from typing import Any

import kubernetes_validate
import pytest
from engine_plans import engine_fleet, engine_platform
from real_models import MODELS, real_catalog, real_plan, real_platform

from ai_on_eks.catalog.daemonsets import reserved_by_daemonsets
from ai_on_eks.descriptors.platform import ModelStore, Platform
from ai_on_eks.descriptors.platform_sync import WeightSync
from ai_on_eks.kube.manifests import model_manifests, platform_manifests
from ai_on_eks.kube.pod_security import why_not_restricted
from ai_on_eks.kube.scheduling import why_unschedulable
from ai_on_eks.serving.images import load_images
from ai_on_eks.serving.types import Workload
from ai_on_eks.serving.workload import build_workload

SECRET = "arn:aws:secretsmanager:us-east-1:111122223333:secret:hub-token-AbCdEf"  # noqa: S105 - names a secret


@cache
def syncing() -> Platform:
    store = ModelStore(sync=WeightSync(hub_token=SECRET, megabytes_per_second=200))
    return real_platform().model_copy(update={"model_store": store})


@cache
def workload(model: str) -> Workload:
    return build_workload(real_plan(model), syncing(), load_images(None))


@cache
def shared() -> dict[str, dict[str, Any]]:
    return platform_manifests(syncing(), "weights")


def job(model: str) -> dict[str, Any]:
    (found,) = [one for one in model_manifests(workload(model)).values() if one["kind"] == "Job"]
    return found


def pod(model: str) -> dict[str, Any]:
    spec: dict[str, Any] = job(model)["spec"]["template"]["spec"]
    return spec


@pytest.mark.parametrize("version", ["1.34", "1.35", "1.36"])
@pytest.mark.parametrize("model", MODELS)
def test_the_schema_of_kubernetes_accepts_the_job(model: str, version: str) -> None:
    kubernetes_validate.validate(job(model), version, strict=True)


@pytest.mark.parametrize("version", ["1.34", "1.35", "1.36"])
def test_the_schema_of_kubernetes_accepts_what_jobs_share(version: str) -> None:
    of_core = [one for one in shared().values() if one["kind"] != "SecretProviderClass"]
    assert len(of_core) == 6
    for one in of_core:
        kubernetes_validate.validate(one, version, strict=True)


@pytest.mark.parametrize("model", MODELS)
def test_pod_security_admits_the_jobs_pod(model: str) -> None:
    assert why_not_restricted(pod(model)) == ()


@pytest.mark.parametrize("model", MODELS)
def test_the_jobs_pod_runs_on_a_system_node_and_on_no_models_node(model: str) -> None:
    node = real_catalog().instance_type(syncing().capacity.system_nodes.instance_type)
    millicores, memory_bytes = reserved_by_daemonsets(node)
    free: dict[str, str | int] = {
        "cpu": f"{node.allocatable_cpu_millicores}m",
        "memory": node.allocatable_memory_bytes,
        "ephemeral-storage": "40Gi",
    }
    reserve: dict[str, str | int] = {"cpu": f"{millicores}m", "memory": memory_bytes}
    assert why_unschedulable(pod(model), free, {}, [], reserve) == ()
    tainted = [{"key": "nvidia.com/gpu", "value": "true", "effect": "NoSchedule"}]
    assert why_unschedulable(pod(model), free, {}, tainted, reserve) != ()


@pytest.mark.parametrize("model", MODELS)
def test_whatever_the_jobs_pod_refers_to_is_among_what_jobs_share(model: str) -> None:
    names = {(one["kind"], one["metadata"]["name"]) for one in shared().values()}
    spec = pod(model)
    references = {("ServiceAccount", spec["serviceAccountName"]), ("ConfigMap", "model-store")}
    for volume in spec["volumes"]:
        if "configMap" in volume:
            references.add(("ConfigMap", volume["configMap"]["name"]))
        if "csi" in volume:
            references.add(("SecretProviderClass", volume["csi"]["volumeAttributes"]["secretProviderClass"]))
    assert len(references) == 4
    assert references <= names


def test_the_deadline_of_a_known_model_comes_from_its_published_size() -> None:
    """Llama 3.1 8B: 8,030,261,248 parameters of 2 bytes."""
    copied_seconds = 8_030_261_248 * 2 / 200e6
    assert job("llama-3-1-8b-instruct")["spec"]["activeDeadlineSeconds"] == 900 + ceil(3 * copied_seconds)


@pytest.mark.parametrize("version", ["1.34", "1.35", "1.36"])
def test_the_schema_of_kubernetes_accepts_what_compiles_ahead(version: str) -> None:
    store = ModelStore(compile_ahead=True)
    platform = engine_platform("llama-3-1-8b-inferentia2").model_copy(update={"model_store": store})
    (planned,) = engine_fleet("llama-3-1-8b-inferentia2").plans
    found = build_workload(planned, platform, load_images(None))
    jobs = [one for one in model_manifests(found).values() if one["kind"] == "Job"]
    assert [one["metadata"]["name"].split("-")[-2] for one in jobs] == ["compile"]
    shared = platform_manifests(platform, "weights")
    for one in (*jobs, *(shared[key] for key in ("CompileProgram", "CompilePolicy", "CompilePriority"))):
        kubernetes_validate.validate(one, version, strict=True)


@pytest.mark.parametrize("version", ["1.34", "1.35", "1.36"])
def test_the_schema_of_kubernetes_accepts_what_compiles_torchs_programs(version: str) -> None:
    platform = real_platform().model_copy(update={"model_store": ModelStore(torch_compile_ahead=True)})
    found = build_workload(real_plan("llama-3-1-8b-instruct"), platform, load_images(None))
    objects = model_manifests(found)
    (compiling,) = [one for one in objects.values() if one["kind"] == "Job"]
    for one in (compiling, objects["CompileAccount"], objects["Resource"]):
        kubernetes_validate.validate(one, version, strict=True)
