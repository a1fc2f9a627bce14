"""Would a scheduler place every pod of the matrix on exactly the nodes that its plan buys? And not on others?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

import pytest
from matrix_models import ENTRIES, FLEET, OTHERS, STRATEGIES, Entry, planned
from matrix_nodes import cluster_of, system_cluster
from msgspec.structs import replace

from ai_on_eks.descriptors.platform import CapacityStrategy
from ai_on_eks.kube.cluster_scheduling import Cluster, Node, Pod, why_unplaced
from ai_on_eks.kube.expansion import pods_of

MANAGED = CapacityStrategy.MANAGED_NODE_GROUPS
BY_CLAIM, ON_VOLUMES = OTHERS[:2]
BY_NAME = {entry.name: entry for entry in ENTRIES}

SpecChange = Callable[[dict[str, Any]], None]


def _pods(entry: Entry, strategy: CapacityStrategy = MANAGED) -> tuple[Pod, ...]:
    """Those that serve."""
    return _expanded(entry, strategy, jobs=False)


def _expanded(entry: Entry, strategy: CapacityStrategy, *, jobs: bool) -> tuple[Pod, ...]:
    objects = (one for file in planned(entry, strategy).manifests().values() for one in file)
    return pods_of(one for one in objects if (one["kind"] == "Job") is jobs)


def _changed(pods: tuple[Pod, ...], change: SpecChange) -> tuple[Pod, ...]:
    specs = [deepcopy(pod.spec) for pod in pods]
    for spec in specs:
        change(spec)
    return tuple(replace(pod, spec=spec) for pod, spec in zip(pods, specs, strict=True))


def _with(cluster: Cluster, change: Callable[[Node], Node]) -> Cluster:
    return replace(cluster, nodes=tuple(change(node) for node in cluster.nodes))


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda strategy: strategy.value)
@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_every_pod_finds_its_node(entry: Entry, strategy: CapacityStrategy) -> None:
    found = planned(entry, strategy)
    pods = _pods(entry, strategy)

    assert bool(pods) is bool(found.workloads)
    assert len(pods) == sum(
        plan.chosen.replicas * plan.chosen.nodes_per_replica for plan in found.plans if plan.chosen and found.workloads
    )
    if pods:
        assert why_unplaced(pods, cluster_of(found, strategy)) == ()


def test_every_job_of_a_model_runs_on_the_nodes_of_cluster_services_and_never_on_a_models() -> None:
    """One at a time is enough: a job waits for another to end."""
    jobs = [(entry, pod) for entry in (*ENTRIES, *OTHERS) for pod in _expanded(entry, MANAGED, jobs=True)]

    assert jobs
    for entry, pod in jobs:
        found = planned(entry, MANAGED)
        assert why_unplaced([pod], system_cluster(found)) == ()
        assert why_unplaced([pod], cluster_of(found, MANAGED)) != ()


@pytest.mark.parametrize("strategy", STRATEGIES[:2], ids=lambda strategy: strategy.value)
@pytest.mark.parametrize("entry", OTHERS, ids=lambda entry: entry.name)
def test_claimed_devices_volumes_and_pods_that_kserve_keeps_schedule(entry: Entry, strategy: CapacityStrategy) -> None:
    assert why_unplaced(_pods(entry, strategy), cluster_of(planned(entry, strategy), strategy)) == ()


def test_thirty_models_fit_together_on_the_nodes_that_they_share() -> None:
    cluster = cluster_of(planned(FLEET, MANAGED), MANAGED)
    pods = _pods(FLEET)

    assert why_unplaced(pods, cluster) == ()
    assert why_unplaced(pods, replace(cluster, nodes=cluster.nodes[1:])), "one node less is not enough"


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_no_node_that_is_bought_is_too_many(entry: Entry) -> None:
    """GIVEN one node less of those with accelerators WHEN pods are placed THEN one of them finds none."""
    found = planned(entry, MANAGED)
    cluster = cluster_of(found, MANAGED)
    if cluster.nodes:
        assert why_unplaced(_pods(entry), replace(cluster, nodes=cluster.nodes[1:]))


def _ask(resource: str, amount: str) -> SpecChange:
    def change(spec: dict[str, Any]) -> None:
        resources = spec["containers"][0]["resources"]
        resources["requests"][resource] = amount
        resources.setdefault("limits", {})[resource] = amount

    return change


def _set(name: str, value: Any) -> SpecChange:
    def change(spec: dict[str, Any]) -> None:
        spec[name] = value

    return change


def _required(spec: dict[str, Any]) -> list[dict[str, Any]]:
    terms = spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    expressions: list[dict[str, Any]] = terms[0]["matchExpressions"]
    return expressions


def _other_type(spec: dict[str, Any]) -> None:
    _required(spec)[0]["values"] = ["x1.unknown"]


def _other_pool(spec: dict[str, Any]) -> None:
    _required(spec).append({"key": "ai-on-eks/capacity", "operator": "In", "values": ["another"]})


def _label_of_another_strategy(spec: dict[str, Any]) -> None:
    _required(spec).append({"key": "karpenter.sh/nodepool", "operator": "Exists"})


def _apart(spec: dict[str, Any]) -> None:
    term = {"topologyKey": "topology.kubernetes.io/region", "labelSelector": {}}
    spec["affinity"]["podAntiAffinity"] = {"requiredDuringSchedulingIgnoredDuringExecution": [term]}


def _strict_spread(key: str, **more: Any) -> SpecChange:
    rule = {"maxSkew": 1, "topologyKey": key, "whenUnsatisfiable": "DoNotSchedule", "labelSelector": {}, **more}
    return _set("topologySpreadConstraints", [rule])


def _host_port(spec: dict[str, Any]) -> None:
    spec["nodeName"] = None
    spec["containers"][0]["ports"][0]["hostPort"] = 8000


PLANTED: Mapping[str, tuple[str, SpecChange, str]] = {
    "processors": ("llama-3-1-405b", _ask("cpu", "1k"), "cpu: asks for"),
    "memory": ("llama-3-1-405b", _ask("memory", "64Ti"), "memory: asks for"),
    "disk": ("llama-3-1-405b", _ask("ephemeral-storage", "64Ti"), "ephemeral-storage: asks for"),
    "GPUs": ("llama-3-1-405b", _ask("nvidia.com/gpu", "5"), "nvidia.com/gpu: asks for 5, the node has 4 free"),
    "GPUs of a Neuron node": ("llama-3-1-8b-inferentia2", _ask("nvidia.com/gpu", "1"), "nvidia.com/gpu: asks for 1"),
    "adapters": ("deepseek-r1", _ask("vpc.amazonaws.com/efa", "5"), "vpc.amazonaws.com/efa: asks for"),
    "huge pages": ("deepseek-r1", _ask("hugepages-2Mi", "64Gi"), "hugepages-2Mi: asks for"),
    "huge pages of another size": ("deepseek-r1", _ask("hugepages-1Gi", "1Gi"), "hugepages-1Gi: asks for"),
    "taint": ("llama-3-1-405b", _set("tolerations", []), "is not tolerated"),
    "instance type": ("llama-3-1-405b", _other_type, "node.kubernetes.io/instance-type In x1.unknown"),
    "pool": ("llama-3-1-405b", _other_pool, "ai-on-eks/capacity In another"),
    "strategy": ("llama-3-1-405b", _label_of_another_strategy, "karpenter.sh/nodepool Exists"),
    "selector": ("llama-3-1-405b", _set("nodeSelector", {"disk": "fast"}), "node selector disk=fast"),
    "scheduler": ("llama-3-1-405b", _set("schedulerName", "my-scheduler"), "no scheduler my-scheduler runs"),
    "priority": ("llama-3-1-405b", _set("priorityClassName", "x"), "there is no priority class x"),
    "claim": (
        "llama-3-1-405b",
        _set("volumes", [{"name": "x", "persistentVolumeClaim": {"claimName": "x"}}]),
        "there is no claim x",
    ),
    "apart": ("deepseek-r1", _apart, "would share the topology.kubernetes.io/region us-east-1"),
    "spread over domains that there are not": (
        "llama-3-1-405b",
        _strict_spread("topology.kubernetes.io/zone", minDomains=9),
        "more pods than another topology.kubernetes.io/zone",
    ),
    "spread by a label that nodes lack": ("llama-3-1-405b", _strict_spread("rack"), "the node has no label rack"),
}
"""A mismatch for each question: the model that it is planted in, what is planted, what is said."""


@pytest.mark.parametrize("planted", PLANTED.values(), ids=PLANTED)
def test_a_planted_mismatch_is_found(planted: tuple[str, SpecChange, str]) -> None:
    name, change, expected = planted
    reasons = why_unplaced(_changed(_pods(BY_NAME[name]), change), cluster_of(planned(BY_NAME[name], MANAGED), MANAGED))

    assert any(expected in reason for reason in reasons), reasons


def test_a_group_whose_zone_is_full_is_not_torn_over_two() -> None:
    """GIVEN nodes of which no zone holds a whole group WHEN a group starts THEN it waits."""
    entry = BY_NAME["deepseek-r1"]
    cluster = cluster_of(planned(entry, MANAGED), MANAGED)

    def alternately(node: Node) -> Node:
        zone = f"us-east-1{'ab'[int(node.name[-1]) % 2]}"
        return replace(node, labels={**node.labels, "topology.kubernetes.io/zone": zone})

    reasons = why_unplaced(_pods(entry), _with(cluster, alternately))
    assert any("its partners are in another topology.kubernetes.io/zone" in reason for reason in reasons)


def test_a_volume_keeps_its_pods_in_its_zone() -> None:
    cluster = cluster_of(planned(ON_VOLUMES, MANAGED), MANAGED)

    def moved(node: Node) -> Node:
        return replace(node, labels={**node.labels, "topology.kubernetes.io/zone": "us-east-1c"})

    reasons = why_unplaced(_pods(ON_VOLUMES), _with(cluster, moved))
    assert {reason.partition(": ")[0].rpartition("-")[0] for reason in reasons} == {"on-fsx"}
    assert any("cannot be reached from us-east-1c" in reason for reason in reasons)


def test_claimed_devices_run_out() -> None:
    cluster = cluster_of(planned(BY_CLAIM, MANAGED), MANAGED)

    reasons = why_unplaced(_pods(BY_CLAIM), _with(cluster, lambda node: replace(node, devices={})))
    assert any("device class gpu.nvidia.com: claims 1, the node has 0 free" in reason for reason in reasons)


def test_a_node_takes_no_more_pods_than_its_kubelet() -> None:
    entry = BY_NAME["llama-3-1-8b-instruct"]
    cluster = cluster_of(planned(entry, MANAGED), MANAGED)

    reasons = why_unplaced(_pods(entry), _with(cluster, lambda node: replace(node, free={**node.free, "pods": 0})))
    assert any("pods: the node takes 0" in reason for reason in reasons)


def test_two_pods_do_not_share_a_port_of_the_host() -> None:
    entry = BY_NAME["deberta-v3-base"]
    cluster = cluster_of(planned(entry, MANAGED), MANAGED)
    roomy = _with(cluster, lambda node: replace(node, free={**node.free, "cpu": "64", "memory": "1Ti",
                                                            "ephemeral-storage": "1Ti"}))  # fmt: skip
    (pod,) = _pods(entry)
    two = (pod, replace(pod, name="second"))

    assert why_unplaced(two, roomy) == ()
    assert any("host port 80" in reason for reason in why_unplaced(_changed(two, _host_port), roomy))
