"""LeaderWorkerSet and what goes with it: who is selected, who may talk to whom."""

from __future__ import annotations

from typing import Any

import pytest
from kube_samples import POD_SPEC, platform, workload

from ai_on_eks.errors import InputError
from ai_on_eks.kube.manifests import model_manifests
from ai_on_eks.kube.render import render_manifests
from ai_on_eks.serving.types import Group, Workload

WORKER_POD_SPEC: dict[str, Any] = {**POD_SPEC, "enableServiceLinks": False}


def group(**changes: Any) -> Workload:
    return workload(group=Group(nodes=3, worker_pod_spec=WORKER_POD_SPEC), **changes)


def test_the_object_makes_leader_and_workers_together_and_anew_together() -> None:
    resource = model_manifests(group(replicas=2))["Resource"]

    assert (resource["apiVersion"], resource["kind"]) == ("leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet")
    spec = resource["spec"]
    template = spec.pop("leaderWorkerTemplate")
    assert spec == {
        "replicas": 2,
        "startupPolicy": "LeaderCreated",
        "rolloutStrategy": {
            "type": "RollingUpdate",
            "rollingUpdateConfiguration": {"maxSurge": 0, "maxUnavailable": 1},
        },
        "networkConfig": {"subdomainPolicy": "Shared"},
    }
    assert (template["size"], template["restartPolicy"]) == (3, "RecreateGroupOnPodRestart")
    assert template["leaderTemplate"]["spec"] == POD_SPEC
    assert template["workerTemplate"]["spec"] == WORKER_POD_SPEC


def test_callers_reach_the_leader_alone() -> None:
    manifests = model_manifests(group())
    template = manifests["Resource"]["spec"]["leaderWorkerTemplate"]
    selector = manifests["Service"]["spec"]["selector"]

    assert selector.items() <= template["leaderTemplate"]["metadata"]["labels"].items()
    assert not selector.items() <= template["workerTemplate"]["metadata"]["labels"].items()
    assert manifests["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"] == selector


def test_metrics_are_scraped_from_the_leader_alone() -> None:
    template = model_manifests(group())["Resource"]["spec"]["leaderWorkerTemplate"]

    assert template["leaderTemplate"]["metadata"]["annotations"]["prometheus.io/scrape"] == "true"
    assert "annotations" not in template["workerTemplate"]["metadata"]


def test_pods_of_a_model_may_talk_to_each_other_on_any_port_and_to_no_other_model() -> None:
    policy = model_manifests(group())["GroupNetworkPolicy"]
    own = {"podSelector": {"matchLabels": {"ai-on-eks/model": "llama"}}}

    assert policy["metadata"]["name"] == "llama-group"
    assert policy["spec"]["podSelector"] == own["podSelector"]
    assert policy["spec"]["ingress"] == [{"from": [own]}]
    assert policy["spec"]["egress"][0] == {"to": [own]}
    assert "GroupNetworkPolicy" not in model_manifests(workload())


def test_the_service_that_the_controller_makes_is_not_the_models() -> None:
    manifests = model_manifests(group())

    assert manifests["Resource"]["metadata"]["name"] == "llama-group"
    assert manifests["Service"]["metadata"]["name"] == "llama"


def test_a_model_named_as_anothers_group_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        render_manifests([group(), workload(name="llama-group")], platform())

    assert [(problem.code, problem.value) for problem in caught.value.problems] == [("name-reserved", "llama-group")]


def test_a_drain_takes_one_pod_of_all_groups_at_a_time() -> None:
    budget = model_manifests(group(replicas=2))["PodDisruptionBudget"]["spec"]

    assert budget["maxUnavailable"] == 1
    assert budget["selector"] == {"matchLabels": {"ai-on-eks/model": "llama"}}
