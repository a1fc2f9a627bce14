"""Invariants of every pod: what the restricted profile wants, what the node has, what sizing said."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import serving_plans as plans
from msgspec.structs import replace

from ai_on_eks.catalog.daemonsets import reserved_by_daemonsets
from ai_on_eks.catalog.schedulers import NEURON_SCHEDULER
from ai_on_eks.catalog.types import Vendor
from ai_on_eks.placement.types import Placement, Plan
from ai_on_eks.serving.quantities import bytes_quantity, cpu_quantity
from ai_on_eks.serving.types import Json, Workload
from ai_on_eks.serving.workload import build_workload
from ai_on_eks.units import GIB, MIB

every_plan = pytest.mark.parametrize("plan", plans.ALL_PLANS.values(), ids=plans.ALL_PLANS.keys())


def built(plan: Plan) -> Workload:
    return build_workload(plan, plans.PLATFORM, plans.IMAGES)


def chosen(plan: Plan) -> Placement:
    assert plan.chosen is not None
    return plan.chosen


def containers(spec: Json) -> list[Json]:
    return [*spec.get("initContainers", []), *spec["containers"]]


def millicores(quantity: str) -> int:
    return int(quantity[:-1]) if quantity.endswith("m") else int(quantity) * 1000


def in_bytes(quantity: str) -> int:
    return int(quantity[:-2]) * MIB if quantity.endswith("Mi") else int(quantity)


@every_plan
def test_given_a_plan_then_its_pod_holds_the_restricted_profile_and_more(plan: Plan) -> None:
    spec = built(plan).pod_spec
    context = spec["securityContext"]
    assert context["runAsNonRoot"] is True
    assert context["runAsUser"] > 0
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is False
    assert spec["enableServiceLinks"] is False
    assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys()
    assert all({"emptyDir", "configMap", "secret"} & volume.keys() for volume in spec["volumes"])
    for container in containers(spec):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        }


@every_plan
def test_given_a_plan_then_its_pod_fits_beside_the_daemonsets(plan: Plan) -> None:
    node = chosen(plan).instance_type
    reserved_millicores, reserved_bytes = reserved_by_daemonsets(node)
    for container in containers(built(plan).pod_spec):
        requests = container["resources"]["requests"]
        assert millicores(requests["cpu"]) <= node.allocatable_cpu_millicores - reserved_millicores
        assert in_bytes(requests["memory"]) <= node.allocatable_memory_bytes - reserved_bytes


def test_given_neuron_devices_then_the_scheduler_that_knows_how_they_are_joined_places_the_pod() -> None:
    plan = next(iter(plans.ALL_PLANS.values()))
    device = replace(plans.L40S, name="inferentia2", vendor=Vendor.NEURON, resource_name="aws.amazon.com/neuron")
    placed = chosen(plan)
    on_neuron = replace(placed, instance_type=replace(placed.instance_type, name="inf2.24xlarge", accelerator=device))
    spec = built(replace(plan, chosen=on_neuron)).pod_spec
    assert spec["schedulerName"] == NEURON_SCHEDULER
    assert spec["tolerations"][0]["key"] == "aws.amazon.com/neuron"
    assert "schedulerName" not in built(plan).pod_spec


@every_plan
def test_given_a_plan_then_memory_is_what_sizing_said_and_limited_to_it(plan: Plan) -> None:
    resources = built(plan).pod_spec["containers"][0]["resources"]
    host = chosen(plan).memory.host
    assert in_bytes(resources["requests"]["memory"]) == host.memory_bytes
    assert resources["limits"]["memory"] == resources["requests"]["memory"]
    assert in_bytes(resources["requests"]["ephemeral-storage"]) == host.ephemeral_bytes
    assert millicores(resources["requests"]["cpu"]) == chosen(plan).cpu_request_millicores


@every_plan
def test_given_a_plan_then_accelerators_equal_the_ranks_and_are_tolerated(plan: Plan) -> None:
    spec = built(plan).pod_spec
    resources = spec["containers"][0]["resources"]
    count = chosen(plan).accelerators_per_replica // chosen(plan).nodes_per_replica
    devices = {"nvidia.com/gpu", "aws.amazon.com/neuron", "aws.amazon.com/neuroncore"}
    accelerator = chosen(plan).instance_type.accelerator
    if accelerator is None:
        assert not devices & (resources["requests"].keys() | resources["limits"].keys())
        assert spec["tolerations"] == [{"key": "ai-on-eks/models", "operator": "Exists", "effect": "NoSchedule"}]
        return
    name = accelerator.resource_name
    assert devices & resources["limits"].keys() == {name}, "one of them, never mixed"
    assert resources["requests"][name] == resources["limits"][name] == str(count)
    assert spec["tolerations"] == [{"key": name, "operator": "Exists", "effect": "NoSchedule"}]


@pytest.mark.parametrize("plan", [plans.llama(), plans.llama_70b()], ids=["one accelerator", "four accelerators"])
def test_given_vllm_then_flags_are_the_plan_numbers(plan: Plan) -> None:
    container = built(plan).pod_spec["containers"][0]
    flags = dict(argument.split("=", 1) for argument in container["args"] if argument.startswith("--"))
    assert float(flags["--gpu-memory-utilization"]) == chosen(plan).memory.rank.memory_fraction
    assert flags["--tensor-parallel-size"] == container["resources"]["limits"]["nvidia.com/gpu"]
    assert int(flags["--max-model-len"]) == chosen(plan).max_model_len


@every_plan
def test_given_a_plan_then_every_mount_has_a_volume_and_every_volume_a_mount(plan: Plan) -> None:
    spec = built(plan).pod_spec
    names = [volume["name"] for volume in spec["volumes"]]
    assert len(names) == len(set(names))
    mounted = {mount["name"] for container in containers(spec) for mount in container["volumeMounts"]}
    assert mounted == set(names)
    for container in containers(spec):
        paths = sorted(mount["mountPath"] for mount in container["volumeMounts"])
        nested = [(a, b) for a in paths for b in paths if a != b and b.startswith(f"{a}/")]
        assert nested == [], "a mount point cannot be made inside another volume"


@every_plan
def test_given_a_plan_then_every_scratch_volume_is_bounded(plan: Plan) -> None:
    spec = built(plan).pod_spec
    for volume in spec["volumes"]:
        if "emptyDir" in volume:
            assert in_bytes(volume["emptyDir"]["sizeLimit"]) > 0


@every_plan
def test_given_a_plan_then_no_shell_runs_and_no_secret_is_a_variable(plan: Plan) -> None:
    for container in containers(built(plan).pod_spec):
        command = [*container.get("command", []), *container["args"]]
        assert not {"sh", "bash", "/bin/sh", "/bin/bash", "-c"} & set(command)
        for variable in container["env"]:
            assert "secretKeyRef" not in variable.get("valueFrom", {})
            assert variable["name"] not in {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "AWS_SECRET_ACCESS_KEY"}


@every_plan
def test_given_a_plan_then_variables_used_in_arguments_are_set(plan: Plan) -> None:
    for container in containers(built(plan).pod_spec):
        if any("$(MODEL_BUCKET)" in argument for argument in container["args"]):
            assert container["env"][0]["name"] == "MODEL_BUCKET"
        known = {"MODEL_BUCKET", "LWS_WORKER_INDEX", "LWS_LEADER_ADDRESS"}
        assert all(set(re.findall(r"\$\(?(\w*)", argument)) <= known for argument in container["args"])


@every_plan
def test_given_a_plan_then_config_maps_and_mounts_agree(plan: Plan) -> None:
    workload = built(plan)
    mounted = {volume["configMap"]["name"] for volume in workload.pod_spec["volumes"] if "configMap" in volume}
    assert mounted == set(workload.config_maps)


@every_plan
def test_given_a_plan_then_only_its_instance_type_is_scheduled_on(plan: Plan) -> None:
    affinity = built(plan).pod_spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert affinity == {
        "nodeSelectorTerms": [
            {
                "matchExpressions": [
                    {
                        "key": "node.kubernetes.io/instance-type",
                        "operator": "In",
                        "values": [chosen(plan).instance_type.name],
                    }
                ]
            }
        ]
    }


@every_plan
def test_given_a_plan_then_stopping_leaves_time_for_draining_and_running_requests(plan: Plan) -> None:
    """Where the engine waits for running requests itself it is told early, else only once they have had their time."""
    spec = built(plan).pod_spec
    seconds = 60 if chosen(plan).engine.name in {"llama-cpp", "nxd-inference", "sglang", "vllm-neuron"} else 15
    assert spec["containers"][0]["lifecycle"] == {"preStop": {"sleep": {"seconds": seconds}}}
    assert spec["terminationGracePeriodSeconds"] == (630 if chosen(plan).engine.name == "vllm-omni" else 75)


@every_plan
def test_given_a_plan_then_the_pod_is_plain_json_and_the_same_twice(plan: Plan) -> None:
    first: Any = json.dumps(built(plan).pod_spec)
    assert first == json.dumps(built(plan).pod_spec)
    assert json.loads(first) == built(plan).pod_spec


def test_given_several_ranks_then_shared_memory_is_bounded_in_memory() -> None:
    volumes = {volume["name"]: volume for volume in built(plans.llama_70b()).pod_spec["volumes"]}
    assert volumes["shared-memory"]["emptyDir"] == {"medium": "Memory", "sizeLimit": bytes_quantity(6 * GIB)}
    assert "shared-memory" not in {volume["name"] for volume in built(plans.llama()).pod_spec["volumes"]}


def test_given_several_replicas_then_they_spread_over_zones_and_hosts() -> None:
    spread = built(plans.llama_70b()).pod_spec["topologySpreadConstraints"]
    assert [entry["topologyKey"] for entry in spread] == ["topology.kubernetes.io/zone", "kubernetes.io/hostname"]
    labels = built(plans.llama_70b()).labels
    assert all(entry["labelSelector"]["matchLabels"].items() <= labels.items() for entry in spread)
    assert "topologySpreadConstraints" not in built(plans.llama()).pod_spec


def test_given_weights_to_fetch_then_only_the_init_container_may_write_them() -> None:
    spec = built(plans.bge()).pod_spec
    models = {
        container["name"]: next(mount for mount in container["volumeMounts"] if mount["name"] == "models")
        for container in containers(spec)
    }
    assert models["engine"]["readOnly"] is True
    assert "readOnly" not in models["weights-fetch"]


@pytest.mark.parametrize(
    ("value_bytes", "quantity"), [(0, "0Mi"), (MIB, "1Mi"), (6 * GIB, "6144Mi"), (MIB + 1, "1048577")]
)
def test_given_bytes_then_the_quantity_is_exact(value_bytes: int, quantity: str) -> None:
    assert bytes_quantity(value_bytes) == quantity


@pytest.mark.parametrize(("value", "quantity"), [(500, "500m"), (1000, "1"), (2500, "2500m"), (9000, "9")])
def test_given_millicores_then_whole_cores_are_written_as_such(value: int, quantity: str) -> None:
    assert cpu_quantity(value) == quantity
