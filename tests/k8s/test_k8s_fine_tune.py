"""Fine-tuning jobs as objects: accepted by schemas, admitted, scheduled on the nodes that were planned, complete."""

from __future__ import annotations

import json
import sys
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
from msgspec.structs import replace

sys.path.insert(0, str(Path(__file__).parent.parent / "conformance"))

from custom_resource_schemas import problems_of
from real_models import real_catalog, real_platform

from ai_on_eks.catalog.daemonsets import reserved_by_daemonsets
from ai_on_eks.catalog.efa import HUGE_PAGES_BYTES
from ai_on_eks.descriptors.fine_tune_loading import LoadedJob, load_fine_tune
from ai_on_eks.errors import InputError
from ai_on_eks.kube.objects.fine_tune import fine_tune_manifests, queue_manifests
from ai_on_eks.kube.pod_security import why_not_restricted
from ai_on_eks.kube.quantity import parse_quantity
from ai_on_eks.kube.scheduling import pod_requests, why_unschedulable
from ai_on_eks.placement.training import TrainingPlacement, TrainingPlan, plan_training
from ai_on_eks.programs import fine_tune as program
from ai_on_eks.serving import drivers
from ai_on_eks.serving.fine_tune import FINAL_EXIT_CODE, IMAGE_KEY, FineTuneWorkload, build_fine_tune
from ai_on_eks.serving.images import load_images

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples" / "fine-tune"
JOBS = ("llama-70b-full", "llama-8b-lora")


@cache
def loaded(name: str, *, over_nodes: bool = False) -> LoadedJob:
    found = load_fine_tune(EXAMPLES / f"{name}.yaml")
    if not over_nodes:
        return found
    constraints = found.job.constraints.model_copy(update={"instance_families": ("p5",)})
    job = found.job.model_copy(update={"constraints": constraints})
    return LoadedJob(found.file, job, found.descriptor, found.inventory)


@cache
def plan(name: str, *, over_nodes: bool = False) -> TrainingPlan:
    one = loaded(name, over_nodes=over_nodes)
    return plan_training(one.job, one.inventory, real_catalog(), real_platform())


def placement(name: str, *, over_nodes: bool = False) -> TrainingPlacement:
    found = plan(name, over_nodes=over_nodes).chosen
    assert found is not None
    return found


@cache
def workload(name: str, *, over_nodes: bool = False) -> FineTuneWorkload:
    one = loaded(name, over_nodes=over_nodes)
    return build_fine_tune(plan(name, over_nodes=over_nodes), one.descriptor, real_platform(), load_images(None))


CASES = [("llama-8b-lora", False), ("llama-70b-full", False), ("llama-70b-full", True)]
case = pytest.mark.parametrize(("name", "over_nodes"), CASES, ids=["adapters", "one node", "over nodes"])


def job_set(name: str, *, over_nodes: bool) -> dict[str, Any]:
    return fine_tune_manifests(workload(name, over_nodes=over_nodes))["Resource"]


def job_of(name: str, *, over_nodes: bool) -> dict[str, Any]:
    """The Job that JobSet's controller makes."""
    found = job_set(name, over_nodes=over_nodes)
    (replicated,) = found["spec"]["replicatedJobs"]
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": f"{found['metadata']['name']}-{replicated['name']}-0", "namespace": "models"},
        "spec": replicated["template"]["spec"],
    }


@case
@pytest.mark.parametrize("version", ["1.34", "1.35", "1.36"])
def test_the_schema_of_kubernetes_accepts_everything_but_the_set_and_the_job_in_it(
    name: str, over_nodes: bool, version: str
) -> None:
    objects = fine_tune_manifests(workload(name, over_nodes=over_nodes))
    plain = [one for one in objects.values() if one["kind"] != "JobSet"]
    assert len(plain) == 3
    for one in (*plain, job_of(name, over_nodes=over_nodes)):
        kubernetes_validate.validate(one, version, strict=True)


def test_the_definitions_of_kueue_accept_the_queues(shared: Path) -> None:
    manifests = queue_manifests(real_platform(), [workload(name) for name in JOBS])
    assert sorted({one["kind"] for one in manifests.values()}) == ["ClusterQueue", "LocalQueue", "ResourceFlavor"]
    assert [problem for one in manifests.values() for problem in problems_of(shared / "crds", one)] == []


@case
def test_pod_security_admits_the_pods(name: str, over_nodes: bool) -> None:
    assert why_not_restricted(job_of(name, over_nodes=over_nodes)["spec"]["template"]["spec"]) == ()


@case
def test_the_pods_run_on_the_planned_nodes_and_on_no_others(name: str, over_nodes: bool) -> None:
    spec = job_of(name, over_nodes=over_nodes)["spec"]["template"]["spec"]
    one = placement(name, over_nodes=over_nodes)
    node = one.instance_type
    assert node.accelerator is not None
    fabric = node.efa_interfaces if one.nodes > 1 else 0
    free: dict[str, str | int] = {
        "cpu": f"{node.allocatable_cpu_millicores}m",
        "memory": node.allocatable_memory_bytes - (HUGE_PAGES_BYTES if fabric else 0),
        "ephemeral-storage": "64Ti",
        node.accelerator.resource_name: node.accelerator_count,
        "vpc.amazonaws.com/efa": fabric,
        "hugepages-2Mi": HUGE_PAGES_BYTES if fabric else 0,
    }
    millicores, memory_bytes = reserved_by_daemonsets(node)
    reserve: dict[str, str | int] = {"cpu": f"{millicores}m", "memory": memory_bytes}
    pool = workload(name, over_nodes=over_nodes).pool
    labels = {"node.kubernetes.io/instance-type": node.name, "ai-on-eks/capacity": pool}
    other_type = {**labels, "node.kubernetes.io/instance-type": "x1.other"}
    taints = [{"key": node.accelerator.resource_name, "value": "present", "effect": "NoSchedule"}]
    assert why_unschedulable(spec, free, labels, taints, reserve) == ()
    assert why_unschedulable(spec, free, other_type, taints, reserve) != ()
    assert why_unschedulable(spec, free, {**labels, "ai-on-eks/capacity": "models"}, taints, reserve) != ()
    assert why_unschedulable(spec, {**free, node.accelerator.resource_name: 0}, labels, taints, reserve) != ()


def test_nodes_that_exchange_have_adapters_pages_and_one_zone() -> None:
    one = placement("llama-70b-full", over_nodes=True)
    assert one.nodes > 1
    spec = job_of("llama-70b-full", over_nodes=True)["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    for kind in ("requests", "limits"):
        assert container["resources"][kind]["vpc.amazonaws.com/efa"] == str(one.instance_type.efa_interfaces)
        assert "hugepages-2Mi" in container["resources"][kind]
    assert {"name": "FI_PROVIDER", "value": "efa"} in container["env"]
    (near,) = spec["affinity"]["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert near["topologyKey"] == "topology.kubernetes.io/zone"


@case
def test_every_node_is_one_pod_and_all_of_them_meet_at_the_first(name: str, over_nodes: bool) -> None:
    one, found = placement(name, over_nodes=over_nodes), job_set(name, over_nodes=over_nodes)
    job = job_of(name, over_nodes=over_nodes)["spec"]
    assert (job["parallelism"], job["completions"], job["completionMode"]) == (one.nodes, one.nodes, "Indexed")
    arguments = job["template"]["spec"]["containers"][0]["args"]
    assert f"--nnodes={one.nodes}" in arguments
    assert f"--nproc-per-node={one.instance_type.accelerator_count}" in arguments
    first = f"{found['metadata']['name']}-node-0-0.{found['metadata']['name']}"
    assert (f"--master-addr={first}" in arguments) is (one.nodes > 1)
    assert found["spec"]["network"]["enableDNSHostnames"] is True
    assert len(f"{found['metadata']['name']}-node-0-{one.nodes - 1}") <= 63


@case
def test_a_job_waits_in_the_queue_and_its_quota_holds_it(name: str, over_nodes: bool) -> None:
    one = workload(name, over_nodes=over_nodes)
    manifests = queue_manifests(real_platform(), [one])
    assert (
        job_set(name, over_nodes=over_nodes)["metadata"]["labels"]["kueue.x-k8s.io/queue-name"]
        == (manifests["LocalQueue"]["metadata"]["name"])
    )
    (group,) = manifests["ClusterQueue"]["spec"]["resourceGroups"]
    quota = {item["name"]: parse_quantity(item["nominalQuota"]) for item in group["flavors"][0]["resources"]}
    assert set(group["coveredResources"]) == set(quota)
    assert quota == {resource: one.nodes * amount for resource, amount in pod_requests(one.pod_spec).items()}


@case
def test_a_job_ends_and_is_not_tried_again_where_that_is_no_use(name: str, over_nodes: bool) -> None:
    found, job = job_set(name, over_nodes=over_nodes), job_of(name, over_nodes=over_nodes)["spec"]
    assert job["activeDeadlineSeconds"] == loaded(name).job.deadline_hours * 3600
    assert job["backoffLimit"] == 0
    assert found["spec"]["failurePolicy"]["maxRestarts"] > 0
    (rule,) = found["spec"]["failurePolicy"]["rules"]
    assert (rule["action"], rule["onJobFailureReasons"]) == ("FailJobSet", ["DeadlineExceeded", "PodFailurePolicy"])
    assert found["spec"]["ttlSecondsAfterFinished"] > 0
    assert program.EXIT_FINAL == FINAL_EXIT_CODE


def test_the_programs_settings_are_the_jobs_own() -> None:
    one = loaded("llama-8b-lora").job
    arguments = program.training_arguments(
        json.loads(workload("llama-8b-lora").config_map["settings.json"]),
        Path("work"),
        placement("llama-8b-lora").ranks,
    )
    assert arguments["gradient_accumulation_steps"] == placement("llama-8b-lora").accumulation
    assert arguments["num_train_epochs"] == one.training.epochs == 2


def test_an_image_that_the_nodes_driver_does_not_run_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """And one that says nothing of its CUDA is told of."""
    one, images = loaded("llama-8b-lora"), dict(load_images(None))
    unknown = images | {IMAGE_KEY: replace(images[IMAGE_KEY], cuda=None)}
    found = build_fine_tune(plan("llama-8b-lora"), one.descriptor, real_platform(), unknown)
    assert any("does not say what it is built with" in warning for warning in found.warnings)
    monkeypatch.setattr(drivers, "image_driver", lambda *_: "570.195.03")
    with pytest.raises(InputError) as caught:
        build_fine_tune(plan("llama-8b-lora"), one.descriptor, real_platform(), images)
    assert [problem.code for problem in caught.value.problems] == ["driver-too-old"]
