"""No object of the matrix is refused by an API server for what no schema says; and each rule refuses something."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import pytest
from matrix_api_rules import pod_complaints, why_refused
from matrix_models import ENTRIES, FLEET, OTHERS, STRATEGIES, planned

from ai_on_eks.descriptors.platform import CapacityStrategy
from ai_on_eks.kube.expansion import pods_of
from ai_on_eks.serving.ownership import MANAGED_BY_LABEL, PART_OF_LABEL, REVISION_LABEL

Json = dict[str, Any]
MANAGED = CapacityStrategy.MANAGED_NODE_GROUPS


def _objects() -> Iterator[Json]:
    for entry in (*ENTRIES, *OTHERS):
        for strategy in STRATEGIES:
            for file in planned(entry, strategy).manifests().values():
                yield from file


def test_an_api_server_takes_every_object() -> None:
    assert {one["metadata"]["name"]: why_refused(one) for one in _objects() if why_refused(one)} == {}


def test_it_takes_the_objects_of_a_fleet_and_no_two_have_one_name() -> None:
    objects = [one for file in planned(FLEET, MANAGED).manifests().values() for one in file]
    names = [(one["kind"], one["metadata"].get("namespace"), one["metadata"]["name"]) for one in objects]

    assert [complaint for one in objects for complaint in why_refused(one)] == []
    assert len(names) == len(set(names))


def test_it_takes_every_pod_that_controllers_make_of_them() -> None:
    for entry in (*ENTRIES, *OTHERS):
        for pod in pods_of(one for file in planned(entry, MANAGED).manifests().values() for one in file):
            assert pod_complaints({"metadata": {"labels": dict(pod.labels)}, "spec": pod.spec}) == []


def test_every_object_says_whose_it_is_and_every_object_of_a_model_from_which_plan() -> None:
    for one in _objects():
        labels = one["metadata"].get("labels", {})
        assert {MANAGED_BY_LABEL, PART_OF_LABEL} <= set(labels), one["metadata"]["name"]
        if "ai-on-eks/model" in labels:
            assert {REVISION_LABEL, "ai-on-eks/plan-digest"} <= set(labels)


def _deployment() -> Json:
    found = planned(next(entry for entry in ENTRIES if entry.name == "resnet-50"), MANAGED)
    return deepcopy(next(one for one in found.manifests()["resnet-50.yaml"] if one["kind"] == "Deployment"))


def _pod(one: Json) -> Json:
    found: Json = one["spec"]["template"]["spec"]
    return found


def _engine(one: Json) -> Json:
    found: Json = _pod(one)["containers"][0]
    return found


PLANTED: dict[str, Callable[[Json], Any]] = {
    "name": lambda one: one["metadata"].update(name="Resnet_50"),
    "label value": lambda one: one["metadata"]["labels"].update(x="refs/pr/3"),
    "label key": lambda one: one["metadata"]["labels"].update({"a/b/c": "x"}),
    "long label": lambda one: one["metadata"]["labels"].update(x="a" * 64),
    "selector": lambda one: one["spec"]["selector"].update(matchLabels={"other": "label"}),
    "rollout": lambda one: one["spec"]["strategy"].update(rollingUpdate={"maxSurge": 0, "maxUnavailable": 0}),
    "container twice": lambda one: _pod(one)["containers"].append(_engine(one)),
    "volume": lambda one: _engine(one)["volumeMounts"].append({"name": "absent", "mountPath": "/absent"}),
    "mount path": lambda one: _engine(one)["volumeMounts"].append(_engine(one)["volumeMounts"][0]),
    "variable": lambda one: _engine(one)["env"].append({"name": "0 A", "value": "x"}),
    "variable twice": lambda one: _engine(one)["env"].append(_engine(one)["env"][0]),
    "port name": lambda one: _engine(one)["ports"].append({"name": "a-name-of-20-letters", "containerPort": 9}),
    "port": lambda one: _engine(one)["ports"].append({"containerPort": 70_000}),
    "device": lambda one: _engine(one)["resources"]["requests"].update({"nvidia.com/gpu": "2"}),
    "half a device": lambda one: [part.update({"x.y/z": "500m"}) for part in _engine(one)["resources"].values()],
    "limit below request": lambda one: _engine(one)["resources"]["limits"].update(memory="1Mi"),
    "page": lambda one: [part.update({"hugepages-2Mi": "3Mi"}) for part in _engine(one)["resources"].values()],
    "claim": lambda one: _engine(one)["resources"].update(claims=[{"name": "absent"}]),
    "probe's port": lambda one: _engine(one)["livenessProbe"]["httpGet"].update(port="absent"),
    "probe": lambda one: _engine(one)["startupProbe"].update(successThreshold=2),
    "hook": lambda one: _engine(one)["lifecycle"]["preStop"]["sleep"].update(seconds=76),
    "toleration": lambda one: _pod(one)["tolerations"].append({"operator": "Exists", "value": "x"}),
    "affinity": lambda one: _pod(one)["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"][
        "nodeSelectorTerms"
    ][0]["matchExpressions"].append({"key": "x", "operator": "In", "values": []}),
    "spread": lambda one: _pod(one).update(
        topologySpreadConstraints=[
            {
                "maxSkew": 1,
                "topologyKey": "zone",
                "whenUnsatisfiable": "DoNotSchedule",
                "labelSelector": {"matchLabels": {"a": "b"}},
                "matchLabelKeys": ["a"],
            }
        ]
    ),
}  # fmt: skip


@pytest.mark.parametrize("plant", PLANTED.values(), ids=PLANTED)
def test_what_is_planted_in_a_deployment_is_refused_and_nothing_else(plant: Callable[[Json], Any]) -> None:
    planted = _deployment()
    assert why_refused(planted) == []
    plant(planted)
    assert len(why_refused(planted)) >= 1


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("Service", {"metadata": {"name": "7b-model"}, "spec": {"ports": [{"name": "http", "port": 80}]}}),
        ("Service", {"spec": {"ports": [{"name": "http", "port": 80}, {"name": "metrics", "port": 80}]}}),
        ("ConfigMap", {"data": {"a/b": "x"}}),
        ("ConfigMap", {"data": {"a": "x" * 2**20}}),
        ("PodDisruptionBudget", {"spec": {"minAvailable": 1, "maxUnavailable": 1}}),
        ("PriorityClass", {"value": 2 * 10**9}),
        ("HorizontalPodAutoscaler", {"spec": {"minReplicas": 3, "maxReplicas": 2}}),
        ("NetworkPolicy", {"spec": {"ingress": [{"ports": [{"port": 0}]}]}}),
        ("NetworkPolicy", {"spec": {"egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}, "podSelector": {}}]}]}}),
        ("Job", {"spec": {"podFailurePolicy": {}, "template": {"spec": {"restartPolicy": "OnFailure",
                                                                          "containers": []}}}}),
    ],
)  # fmt: skip
def test_what_is_planted_in_another_object_is_refused(kind: str, body: Json) -> None:
    assert len(why_refused({"apiVersion": "v1", "kind": kind, "metadata": {"name": "a"}, **body})) == 1
