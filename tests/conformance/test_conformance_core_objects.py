"""Every object the repository's own models and platform consist of, against the published schemas of Kubernetes."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from custom_resource_schemas import problems_of
from msgspec.structs import replace

from ai_on_eks.catalog.loading import load_catalog
from ai_on_eks.descriptors.architectures import build_inventory
from ai_on_eks.descriptors.loading import load_descriptor, load_platform
from ai_on_eks.descriptors.platform import PlannedEngines
from ai_on_eks.kube.render import render_manifests
from ai_on_eks.placement.planning import plan_model
from ai_on_eks.serving.images import load_images
from ai_on_eks.serving.storage import StorageAddresses
from ai_on_eks.serving.types import Workload
from ai_on_eks.serving.workload import build_workload

ROOT = Path(__file__).resolve().parents[2]
KUBERNETES_VERSIONS = ("1.34", "1.35", "1.36")

CORE_GROUPS = frozenset(
    {
        *("", "apps", "autoscaling", "batch", "policy"),
        *("admissionregistration.k8s.io", "networking.k8s.io", "rbac.authorization.k8s.io", "resource.k8s.io"),
        *("scheduling.k8s.io", "storage.k8s.io"),
    }
)


@cache
def _files() -> dict[str, str]:
    """As rendered, and once more with three replicas of every model, which adds what one replica does not need."""
    platform = load_platform(ROOT / "platform.yaml").model_copy(update={"engines": PlannedEngines.RENDERED})
    catalog = load_catalog(platform.region)
    workloads: list[Workload] = []
    for path in sorted((ROOT / "models").glob("*.yaml")):
        descriptor = load_descriptor(path)
        plan = plan_model(descriptor, build_inventory(descriptor), catalog, platform)
        workloads.append(build_workload(plan, platform, load_images(None)))
    several = [replace(workload, name=f"{workload.name}-x3", replicas=3) for workload in workloads]
    return render_manifests([*workloads, *several], platform, StorageAddresses(bucket="example-model-bucket"))


def _objects() -> Iterator[dict[str, Any]]:
    for text in _files().values():
        yield from yaml.safe_load_all(text)


def _is_core(manifest: dict[str, Any]) -> bool:
    group, _, _ = manifest["apiVersion"].rpartition("/")
    return group in CORE_GROUPS


@pytest.mark.parametrize("version", KUBERNETES_VERSIONS)
def test_every_core_object_conforms(version: str) -> None:
    checked = 0
    for manifest in filter(_is_core, _objects()):
        kubernetes_validate.validate(manifest, version, strict=True)
        checked += 1

    assert checked > 0


def test_every_other_object_conforms_to_its_definition(shared: Path) -> None:
    others = [manifest for manifest in _objects() if not _is_core(manifest)]

    assert {manifest["metadata"]["name"]: problems_of(shared / "crds", manifest) for manifest in others} == {
        manifest["metadata"]["name"]: [] for manifest in others
    }


def test_all_kinds_are_among_what_is_checked() -> None:
    assert {manifest["kind"] for manifest in _objects()} == {
        "ConfigMap",
        "Deployment",
        "Namespace",
        "NetworkPolicy",
        "PodDisruptionBudget",
        "Service",
        "ServiceAccount",
    }


@pytest.mark.parametrize(
    ("path", "value"),
    [
        pytest.param("spec.progressDeadline", 5, id="unknown field"),
        pytest.param("spec.replicas", "1", id="a string for a number"),
        pytest.param("spec.template.spec.hostIpc", True, id="another spelling"),
        pytest.param("spec.template.spec.containers.0.ports.0.containerPort", "http", id="a name for a number"),
    ],
)
def test_a_planted_fault_is_found(path: str, value: object) -> None:
    faulty = deepcopy(next(manifest for manifest in _objects() if manifest["kind"] == "Deployment"))
    *steps, last = path.split(".")
    target: Any = faulty
    for step in steps:
        target = target[int(step)] if step.isdigit() else target[step]
    target[last] = value

    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(faulty, "1.36", strict=True)
