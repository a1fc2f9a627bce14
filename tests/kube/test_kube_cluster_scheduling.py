"""What a scheduler asks beyond one pod and one node: each question alone."""

from __future__ import annotations

from typing import Any

import pytest

from ai_on_eks.kube.cluster_scheduling import Cluster, Node, Pod, why_unplaced
from ai_on_eks.kube.expansion import EXCLUSIVE_TOPOLOGY, pods_of

ZONE = "topology.kubernetes.io/zone"
HOST = "kubernetes.io/hostname"
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"


def node(name: str, zone: str = "a", **more: Any) -> Node:
    settings: dict[str, Any] = {"taints": [], "free": {"cpu": "4", "pods": 10}, **more}
    return Node(name=name, labels={ZONE: zone, HOST: name, **settings.pop("labels", {})}, **settings)


def pod(name: str, cpu: str = "1", labels: dict[str, str] | None = None, **spec: Any) -> Pod:
    container = {"name": "x", "resources": {"requests": {"cpu": cpu}}}
    return Pod(name=name, namespace="n", labels=labels or {"app": "x"}, spec={"containers": [container], **spec})


def affinity(kind: str, key: str, **term: Any) -> dict[str, Any]:
    selector = {"matchLabels": {"app": "x"}}
    return {"affinity": {kind: {REQUIRED: [{"topologyKey": key, "labelSelector": selector, **term}]}}}


def spread(**rule: Any) -> dict[str, Any]:
    selector = {"matchLabels": {"app": "x"}}
    plain = {"maxSkew": 1, "topologyKey": ZONE, "whenUnsatisfiable": "DoNotSchedule", "labelSelector": selector}
    return {"topologySpreadConstraints": [{**plain, **rule}]}


def test_nodes_fill_up_and_the_next_one_is_taken() -> None:
    pods = [pod(name, "3") for name in ("p", "q", "r")]

    assert why_unplaced(pods[:2], Cluster([node("one"), node("two")])) == ()
    assert why_unplaced(pods, Cluster([node("one"), node("two")])) == ("r: cpu: asks for 3, the node has 1 free",)


def test_the_larger_priority_is_placed_first() -> None:
    cluster = Cluster([node("one")], priorities={"high": 100})

    (reason,) = why_unplaced([pod("a", "3"), pod("b", "3", priorityClassName="high")], cluster)
    assert reason.startswith("a: ")


def test_the_first_of_a_group_is_let_in_and_the_others_follow_it() -> None:
    nodes = [node("one", "a", free={"cpu": "1", "pods": 9}), node("two", "b"), node("three", "b")]
    group = [pod(name, "1", **affinity("podAffinity", ZONE)) for name in ("p", "q")]

    assert why_unplaced(group, Cluster([nodes[1], nodes[2]])) == ()
    assert why_unplaced(group, Cluster(nodes)) == (
        "q: cpu: asks for 1, the node has 0 free",
        f"q: pod affinity: its partners are in another {ZONE} than b",
    )


def test_a_group_that_is_told_apart_by_a_label_does_not_follow_another() -> None:
    keyed = affinity("podAffinity", ZONE, matchLabelKeys=["group"])
    pods = [pod(f"{group}{n}", "1", {"app": "x", "group": group}, **keyed) for group in "gh" for n in "01"]
    nodes = [node("one", "a", free={"cpu": "2", "pods": 9}), node("two", "b", free={"cpu": "2", "pods": 9})]

    assert why_unplaced(pods, Cluster(nodes)) == ()


def test_who_belongs_to_no_group_of_its_own_waits_for_its_partner() -> None:
    lonely = pod("p", labels={"app": "y"}, **affinity("podAffinity", ZONE))

    assert why_unplaced([lonely], Cluster([node("one")])) == (
        "p: pod affinity: no pod that it has to lie beside is there",
    )


@pytest.mark.parametrize("who", ["p", "q"])
def test_anti_affinity_binds_both_sides(who: str) -> None:
    apart = affinity("podAntiAffinity", HOST)
    pods = [pod(name, **(apart if name == who else {})) for name in ("p", "q")]

    assert why_unplaced(pods, Cluster([node("one"), node("two")])) == ()
    (reason,) = why_unplaced(pods, Cluster([node("one")]))
    assert "would share the kubernetes.io/hostname one" in reason


def test_another_namespace_is_meant_only_where_it_is_named() -> None:
    apart = affinity("podAntiAffinity", HOST)
    there = Pod(name="a", namespace="other", labels={"app": "x"}, spec=pod("a").spec)

    assert why_unplaced([there, pod("p", **apart)], Cluster([node("one")])) == ()
    named = affinity("podAntiAffinity", HOST, namespaces=["other"])
    assert why_unplaced([there, pod("p", **named)], Cluster([node("one")])) != ()


def test_spread_evens_out_zones_and_refuses_what_would_not() -> None:
    nodes = [node("one", "a"), node("two", "b", free={"cpu": "1", "pods": 9})]
    pods = [pod(name, **spread()) for name in "pqrs"]

    assert why_unplaced(pods[:3], Cluster(nodes)) == ()
    assert f"s: spread: a would have 2 more pods than another {ZONE}" in why_unplaced(pods, Cluster(nodes))


def test_too_few_domains_count_as_empty_ones() -> None:
    pods = [pod(name, **spread(minDomains=2)) for name in "pq"]

    assert why_unplaced(pods[:1], Cluster([node("one")])) == ()
    assert why_unplaced(pods, Cluster([node("one")])) == (f"q: spread: a would have 2 more pods than another {ZONE}",)


def test_a_wish_to_spread_refuses_nothing() -> None:
    pods = [pod(name, **spread(whenUnsatisfiable="ScheduleAnyway")) for name in "pq"]

    assert why_unplaced(pods, Cluster([node("one"), node("two", "b", free={"cpu": "0", "pods": 1})])) == ()


def test_domains_of_nodes_that_a_pod_may_not_use_do_not_count() -> None:
    tainted = node("two", "b", taints=[{"key": "t", "value": "", "effect": "NoSchedule"}])
    pods = [pod(name, **spread()) for name in "pq"]

    assert why_unplaced(pods, Cluster([node("one"), tainted])) != (), "a tainted zone counts as an empty one"
    honoured = [pod(name, **spread(nodeTaintsPolicy="Honor")) for name in "pq"]
    assert why_unplaced(honoured, Cluster([node("one"), tainted])) == ()
    selected = [pod(name, nodeSelector={HOST: "one"}, **spread()) for name in "pq"]
    assert why_unplaced(selected, Cluster([node("one"), tainted])) == ()


def group_set(name: str, replicas: int, **annotations: str) -> dict[str, Any]:
    """A LeaderWorkerSet whose groups are two pods on a node each."""
    template = {"metadata": {"labels": {"app": name}}, "spec": pod("x", "3").spec}
    return {
        "apiVersion": "leaderworkerset.x-k8s.io/v1",
        "kind": "LeaderWorkerSet",
        "metadata": {"name": name, "namespace": "n", "annotations": annotations},
        "spec": {"replicas": replicas, "leaderWorkerTemplate": {"size": 2, "workerTemplate": template}},
    }


EXCLUSIVE = {EXCLUSIVE_TOPOLOGY: ZONE}
ONE_ZONE = Cluster([node(str(number)) for number in range(4)])
TWO_ZONES = Cluster([node(f"{zone}{number}", zone) for zone in "ab" for number in range(2)])


@pytest.mark.parametrize(
    "sets",
    [[group_set("p", 2, **EXCLUSIVE)], [group_set("p", 1, **EXCLUSIVE), group_set("q", 1, **EXCLUSIVE)]],
    ids=["replicas", "models"],
)
def test_exclusive_topology_keeps_every_other_group_out_of_the_zone(sets: list[dict[str, Any]]) -> None:
    """GIVEN room for two groups in one zone WHEN both have the annotation THEN one waits, of whatever model."""
    pods = pods_of(sets)

    reasons = why_unplaced(pods, ONE_ZONE)
    assert any("pod anti-affinity of" in reason and f"would share the {ZONE} a" in reason for reason in reasons)
    assert why_unplaced(pods, TWO_ZONES) == ()


def test_without_it_groups_share_a_zone() -> None:
    assert why_unplaced(pods_of([group_set("p", 2)]), ONE_ZONE) == ()


def test_exclusive_topology_keeps_a_group_together() -> None:
    torn = Cluster([node("one", "a"), node("two", "b")])

    reasons = why_unplaced(pods_of([group_set("p", 1, **EXCLUSIVE)]), torn)
    assert any("its partners are in another" in reason for reason in reasons)


def test_what_cannot_be_judged_is_a_defect_and_no_answer() -> None:
    elsewhere = affinity("podAntiAffinity", HOST, namespaceSelector={})
    with pytest.raises(ValueError, match="namespaceSelector"):
        why_unplaced([pod("p"), pod("q", **elsewhere)], Cluster([node("one")]))
    with pytest.raises(ValueError, match="pods of a StatefulSet are not known"):
        pods_of([{"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "x"}}])
