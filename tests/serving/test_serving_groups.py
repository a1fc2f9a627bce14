"""Replicas that span nodes: what leader and workers share, and what each has alone."""

from __future__ import annotations

import pytest
import serving_plans as plans
from msgspec.structs import replace

from ai_on_eks.placement.types import Plan
from ai_on_eks.serving.types import Json
from ai_on_eks.serving.workload import build_workload

ZONE_TERM = {
    "topologyKey": "topology.kubernetes.io/zone",
    "labelSelector": {"matchLabels": {"app.kubernetes.io/name": "llama-70b"}},
    "matchLabelKeys": ["leaderworkerset.sigs.k8s.io/group-index"],
}


def pods(plan: Plan) -> tuple[Json, Json]:
    workload = build_workload(plan, plans.PLATFORM, plans.IMAGES)
    assert workload.group is not None
    assert workload.group.nodes == 2
    return workload.pod_spec, workload.group.worker_pod_spec


def environment(pod_spec: Json) -> dict[str, str]:
    return {entry["name"]: entry["value"] for entry in pod_spec["containers"][0]["env"] if "value" in entry}


def test_given_two_nodes_then_every_pod_starts_the_same_program_with_its_own_rank() -> None:
    leader, worker = (pod["containers"][0] for pod in pods(plans.llama_on_two_nodes()))
    assert leader["args"][-5:] == [
        "--shutdown-timeout=45",
        "--nnodes=2",
        "--node-rank=$(LWS_WORKER_INDEX)",
        "--master-addr=$(LWS_LEADER_ADDRESS)",
        "--master-port=29501",
    ]
    assert worker["args"] == [*leader["args"], "--headless"]
    assert leader["env"] == worker["env"]
    assert leader["image"] == worker["image"]


def test_given_one_node_then_nothing_is_said_of_a_group() -> None:
    workload = build_workload(plans.llama_70b(), plans.PLATFORM, plans.IMAGES)
    assert workload.group is None
    arguments = workload.pod_spec["containers"][0]["args"]
    assert not [argument for argument in arguments if argument.startswith(("--nnodes", "--master"))]
    assert "podAffinity" not in workload.pod_spec["affinity"]
    assert not {"FI_PROVIDER", "NCCL_SOCKET_IFNAME"} & set(environment(workload.pod_spec))


def test_given_adapters_then_leader_and_workers_have_the_same_block_of_them() -> None:
    leader, worker = pods(plans.llama_on_two_nodes(efa_interfaces=4))
    for pod in (leader, worker):
        resources = pod["containers"][0]["resources"]
        for kind in ("requests", "limits"):
            assert resources[kind]["vpc.amazonaws.com/efa"] == "4"
            assert resources[kind]["hugepages-2Mi"] == "5120Mi"
            assert resources[kind]["nvidia.com/gpu"] == "4"
        assert environment(pod).items() >= {"FI_PROVIDER": "efa", "FI_EFA_FORK_SAFE": "1"}.items()
    assert leader["containers"][0]["resources"] == worker["containers"][0]["resources"]
    assert leader["affinity"] == worker["affinity"]


@pytest.mark.parametrize(("link", "told"), [("NVSwitch", True), ("PCIe 4.0", False)])
def test_given_adapters_that_cannot_read_remote_memory_then_libfabric_is_not_told_to(link: str, told: bool) -> None:
    plan = plans.llama_on_two_nodes()
    assert plan.chosen is not None
    node = replace(plan.chosen.instance_type, accelerator=replace(plans.L40S, link=link))
    for pod in pods(replace(plan, chosen=replace(plan.chosen, instance_type=node))):
        assert ("FI_EFA_USE_DEVICE_RDMA" in environment(pod)) is told


def test_given_no_adapters_then_pods_exchange_over_their_own_interface() -> None:
    for pod in pods(plans.llama_on_two_nodes(efa_interfaces=0)):
        limits = pod["containers"][0]["resources"]["limits"]
        assert not {"vpc.amazonaws.com/efa", "hugepages-2Mi"} & set(limits)
        assert environment(pod).items() >= {"GLOO_SOCKET_IFNAME": "eth0", "NCCL_SOCKET_IFNAME": "eth0"}.items()
        assert "FI_PROVIDER" not in environment(pod)


def test_given_adapters_then_one_zone_is_a_condition_and_otherwise_a_wish() -> None:
    leader, _worker = pods(plans.llama_on_two_nodes())
    assert leader["affinity"]["podAffinity"] == {"requiredDuringSchedulingIgnoredDuringExecution": [ZONE_TERM]}
    leader, _worker = pods(plans.llama_on_two_nodes(efa_interfaces=0))
    assert leader["affinity"]["podAffinity"] == {
        "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "podAffinityTerm": ZONE_TERM}]
    }


def test_given_several_replicas_then_they_are_not_spread_out_of_the_fabric() -> None:
    for pod in pods(plans.llama_on_two_nodes(replicas=2)):
        assert "topologySpreadConstraints" not in pod


def test_given_a_worker_then_it_is_not_asked_anything_and_outlives_its_leader() -> None:
    leader, worker = (pod["containers"][0] for pod in pods(plans.llama_on_two_nodes()))
    assert {"ports", "startupProbe", "readinessProbe", "livenessProbe"} <= leader.keys()
    assert not {"ports", "startupProbe", "readinessProbe", "livenessProbe"} & worker.keys()
    assert leader["lifecycle"]["preStop"]["sleep"]["seconds"] == 15
    assert worker["lifecycle"]["preStop"]["sleep"]["seconds"] == 60


def test_given_a_group_then_the_leader_is_waited_for_until_every_worker_has_its_image() -> None:
    plan = plans.llama_on_two_nodes()
    assert plan.chosen is not None
    large = {key: replace(image, size_bytes=30 * 10**9) for key, image in plans.IMAGES.items()}
    waits = {
        nodes: build_workload(
            replace(plan, chosen=replace(plan.chosen, nodes_per_replica=nodes)), plans.PLATFORM, large
        ).pod_spec["containers"][0]["startupProbe"]["failureThreshold"]
        for nodes in (1, 2)
    }
    assert waits[2] - waits[1] == 60  # 3 × 30 GB ÷ 150 MB/s ÷ 10 s
