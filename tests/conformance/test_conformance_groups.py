"""LeaderWorkerSets against the definition that its controller installs."""

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
from ai_on_eks.kube.render import render_manifests
from ai_on_eks.placement.planning import plan_model
from ai_on_eks.serving.images import load_images
from ai_on_eks.serving.workload import build_workload

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "tests" / "k8s" / "engine_models" / "deepseek-r1-on-two-nodes.yaml"


@cache
def _leader_worker_set() -> dict[str, Any]:
    platform = load_platform(ROOT / "platform.yaml")
    descriptor = load_descriptor(MODEL)
    plan = plan_model(descriptor, build_inventory(descriptor), load_catalog(platform.region), platform)
    workload = build_workload(plan, platform, load_images(None))
    text = render_manifests([workload], platform)[f"{descriptor.name}.yaml"]
    manifests: list[dict[str, Any]] = list(yaml.safe_load_all(text))
    (found,) = (manifest for manifest in manifests if manifest["kind"] == "LeaderWorkerSet")
    return found


def test_a_replica_over_nodes_conforms(shared: Path) -> None:
    assert problems_of(shared / "crds", _leader_worker_set()) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        pytest.param("spec.leaderWorkerTemplate.restartPolicy", "Always", id="a policy it has not"),
        pytest.param("spec.leaderWorkerTemplate.size", "2", id="a string for a number"),
        pytest.param("spec.startPolicy", "LeaderCreated", id="unknown field"),
        pytest.param("spec.leaderWorkerTemplate.workerTemplate.spec.hostIpc", True, id="another spelling"),
    ],
)
def test_a_planted_fault_in_a_group_is_found(shared: Path, path: str, value: object) -> None:
    faulty = deepcopy(_leader_worker_set())
    *steps, last = path.split(".")
    target: Any = faulty
    for step in steps:
        target = target[step]
    target[last] = value

    assert problems_of(shared / "crds", faulty)
