"""Every object of the matrix: the same bytes each time, those of the golden digests, and taken by an API server.

`UPDATE_SNAPSHOTS=1 python -m pytest tests/matrix` writes the digests and docs/matrix.md anew.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import kubernetes_validate
import pytest
import yaml
from custom_resource_schemas import NoSchemaError, problems_of
from matrix_models import ENTRIES, OTHERS, STRATEGIES, Entry, plan_anew, planned

from ai_on_eks.descriptors.platform import CapacityStrategy
from ai_on_eks.kube.expansion import pods_of
from ai_on_eks.kube.pod_security import why_not_restricted
from ai_on_eks.kube.render import render_manifests
from ai_on_eks.kube.yaml_text import to_yaml
from ai_on_eks.review.rules.acknowledged import ACKNOWLEDGED
from ai_on_eks.review.rules.assembly import read_assembly
from ai_on_eks.review.rules.checking import findings
from ai_on_eks.serving.types import Json

DIGESTS = Path(__file__).parent / "digests.json"
MANAGED = CapacityStrategy.MANAGED_NODE_GROUPS
LEAST_MODELS = 24

every_entry = pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
every_strategy = pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda strategy: strategy.value)


def _texts(entry: Entry, strategy: CapacityStrategy) -> dict[str, str]:
    return {name: to_yaml(objects) for name, objects in planned(entry, strategy).manifests().items()}


def _digest(entry: Entry, strategy: CapacityStrategy) -> str:
    """Of all files, or what refuses the strategy."""
    found = planned(entry, strategy)
    if not found.workloads:
        return found.refusal or "nothing-fits"
    text = json.dumps(_texts(entry, strategy), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _objects() -> Iterator[tuple[str, Json]]:
    """Every object of every entry under every strategy, once for each content."""
    seen: set[str] = set()
    for entry in (*ENTRIES, *OTHERS):
        for strategy in STRATEGIES:
            for objects in planned(entry, strategy).manifests().values():
                for one in objects:
                    text = json.dumps(one, sort_keys=True)
                    if text not in seen:
                        seen.add(text)
                        yield f"{entry.name}: {one['kind']} {one['metadata']['name']}", one


@every_entry
def test_objects_are_those_of_the_golden_digest(entry: Entry) -> None:
    """The digests come from another process, so equal ones also mean that no run differs from another."""
    digests = {strategy.value: _digest(entry, strategy) for strategy in STRATEGIES}
    golden = json.loads(DIGESTS.read_text(encoding="utf-8")) if DIGESTS.exists() else {}
    if os.environ.get("UPDATE_SNAPSHOTS") == "1":
        golden = {one.name: golden.get(one.name) for one in ENTRIES} | {entry.name: digests}
        DIGESTS.write_text(json.dumps(golden, indent=1) + "\n", encoding="utf-8")

    assert golden[entry.name] == digests


@every_entry
def test_planned_and_rendered_again_they_are_the_same_bytes(entry: Entry) -> None:
    again = plan_anew(entry, MANAGED)

    assert {name: to_yaml(objects) for name, objects in again.manifests().items()} == _texts(entry, MANAGED)


@pytest.mark.parametrize("number", range(4))
def test_the_files_are_the_same_bytes_each_time_and_hold_these_objects(number: int) -> None:
    """GIVEN a quarter of the models WHEN cdk8s renders them twice THEN the files are equal, and no field got lost."""
    for entry in ENTRIES[number::4]:
        found = planned(entry, MANAGED)
        once, twice = (render_manifests(found.workloads, found.platform.platform, found.addresses) for _ in range(2))
        assert once == twice
        objects = found.manifests()
        for workload in found.workloads:
            name = f"{workload.name}.yaml"
            assert [*yaml.load_all(once[name], Loader=yaml.CSafeLoader)] == objects[name]


@pytest.mark.parametrize("version", ["1.34", "1.35", "1.36"])
def test_an_api_server_of_the_version_takes_every_object(version: str, shared: Path) -> None:
    checked: Counter[str] = Counter()
    for where, manifest in _objects():
        group = manifest["apiVersion"].rpartition("/")[0]
        if "." not in group or group.endswith(".k8s.io"):
            kubernetes_validate.validate(manifest, version, strict=True)
            checked["core"] += 1
            continue
        try:
            assert problems_of(shared / "crds", manifest) == [], where
            checked["custom"] += 1
        except NoSchemaError:
            checked[manifest["kind"]] += 1
    # EKS publishes no definition of Auto Mode's NodeClass.
    assert {*checked} == {"core", "custom", "NodeClass"}


@pytest.mark.parametrize("version", ["1.34", "1.35", "1.36"])
def test_an_api_server_takes_every_pod(version: str) -> None:
    """Pods of a LeaderWorkerSet are made by its controller, so their template is checked as the pod that it becomes."""
    for entry in (*ENTRIES, *OTHERS):
        for pod in pods_of(one for objects in planned(entry, MANAGED).manifests().values() for one in objects):
            metadata = {"name": pod.name, "namespace": pod.namespace, "labels": dict(pod.labels)}
            manifest = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": pod.spec}
            kubernetes_validate.validate(manifest, version, strict=True)
            assert why_not_restricted(pod.spec) == ()


@pytest.mark.parametrize("entry", [*ENTRIES, *OTHERS], ids=lambda entry: entry.name)
@every_strategy
def test_our_own_rules_find_nothing(entry: Entry, strategy: CapacityStrategy) -> None:
    """What `make synth` would refuse, no plan may lead to."""
    assert findings(read_assembly({}, planned(entry, strategy).manifests()), ACKNOWLEDGED) == ()


def test_the_matrix_is_as_wide_as_it_is_said_to_be() -> None:
    rendered = [planned(entry, MANAGED) for entry in ENTRIES]
    models = [plan for one in rendered for plan in one.plans if one.workloads]
    descriptors = [plan.descriptor for plan in models]

    assert len(models) >= LEAST_MODELS
    assert {one.kind.value for one in descriptors} == {"foundation", "task-specific", "embedding"}
    assert {one.architecture.family.value for one in descriptors} == {
        "transformer",
        "cnn",
        "diffusion",
        "ssm",
        "hybrid",
    }
    assert {one.source.format.value for one in descriptors} == {"safetensors", "onnx", "pytorch", "tensorflow", "gguf"}
    sizes = sorted(plan.inventory.parameters for plan in models)
    assert sizes[0] < 25e6
    assert sizes[-1] > 670e9
    weights = {one.precision.weights.value for one in descriptors if one.precision is not None}
    assert weights >= {"fp32", "fp16", "bf16", "int4", "int8", "mxfp4", "nvfp4"}
