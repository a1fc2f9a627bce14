"""Jobs with data and checkpoints in Lustre, and those with both in the bucket: byte for byte, accepted, placed in the
file system's zone, and written to by an ordinary user.

`UPDATE_SNAPSHOTS=1 python -m pytest tests/k8s` writes the snapshots anew; read the difference before you commit it.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
from real_models import real_catalog, real_platform

from ai_on_eks.descriptors.fine_tune import Checkpoints, FineTuneJob, JobStorage
from ai_on_eks.descriptors.fine_tune_loading import LoadedJob, load_fine_tune
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.descriptors.platform_storage import FsxForLustre, PlatformStorage
from ai_on_eks.kube.cluster_scheduling import Cluster, Node, Pod, why_unplaced
from ai_on_eks.kube.fine_tune import render_fine_tunes
from ai_on_eks.kube.objects.fine_tune import fine_tune_manifests
from ai_on_eks.kube.pod_security import why_not_restricted
from ai_on_eks.placement.training import TrainingPlan, plan_training
from ai_on_eks.serving.fine_tune import FineTuneWorkload, build_fine_tune
from ai_on_eks.serving.images import load_images
from ai_on_eks.serving.job_storage import job_storage_problems
from ai_on_eks.serving.storage import LustreAddress, StorageAddresses

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"
SNAPSHOTS = Path(__file__).parent / "fine_tune_snapshots"
ZONE = "us-east-1b"
ADDRESSES = StorageAddresses(
    fsx=LustreAddress("fs-0123456789abcdef0", "fs-0123456789abcdef0.fsx.us-east-1.amazonaws.com", "abcdefgh", ZONE)
)
JOBS = ("llama-8b-lora", "llama-8b-lustre")
FILES = {"llama-8b-lora": "fine-tune/llama-8b-lora.yaml", "llama-8b-lustre": "fine-tune-lustre/llama-8b-lustre.yaml"}


@cache
def platform() -> Platform:
    fsx = FsxForLustre(zone=ZONE, size_gib=2400, training=True)
    return real_platform().model_copy(update={"storage": PlatformStorage(fsx=fsx)})


@cache
def loaded(name: str) -> LoadedJob:
    return load_fine_tune(EXAMPLES / FILES[name])


@cache
def plan(name: str) -> TrainingPlan:
    one = loaded(name)
    return plan_training(one.job, one.inventory, real_catalog(), platform())


@cache
def workload(name: str) -> FineTuneWorkload:
    return build_fine_tune(plan(name), loaded(name).descriptor, platform(), load_images(None))


def manifests(name: str) -> dict[str, dict[str, Any]]:
    return fine_tune_manifests(workload(name), ADDRESSES)


def pod_spec(name: str) -> dict[str, Any]:
    (replicated,) = manifests(name)["Resource"]["spec"]["replicatedJobs"]
    spec: dict[str, Any] = replicated["template"]["spec"]["template"]["spec"]
    return spec


def trainer(name: str) -> dict[str, Any]:
    (container,) = pod_spec(name)["containers"]
    return dict(container)


def cluster(zone: str, name: str = "llama-8b-lustre") -> Cluster:
    found = plan(name).chosen
    assert found is not None
    node = found.instance_type
    assert node.accelerator is not None
    labels = {
        "node.kubernetes.io/instance-type": node.name,
        "ai-on-eks/capacity": workload(name).pool,
        "topology.kubernetes.io/zone": zone,
    }
    free: dict[str, str | int] = {
        "cpu": f"{node.allocatable_cpu_millicores}m",
        "memory": node.allocatable_memory_bytes,
        "ephemeral-storage": "64Ti",
        node.accelerator.resource_name: node.accelerator_count,
        "pods": 10,
    }
    taints = [{"key": node.accelerator.resource_name, "value": "present", "effect": "NoSchedule"}]
    objects = manifests(name).values()
    volumes = {one["spec"]["claimRef"]["name"]: one for one in objects if one["kind"] == "PersistentVolume"}
    return Cluster([Node("node", labels, taints, free)], {("models", claim): one for claim, one in volumes.items()})


@pytest.mark.parametrize("name", JOBS)
def test_objects_are_their_snapshot_but_for_the_program(name: str) -> None:
    """The program's text stands in the ConfigMap, and is read where it is written."""
    (_queues, rendered) = render_fine_tunes([workload(name)], platform(), ADDRESSES).values()
    documents = rendered.split("---\n")
    kept = "---\n".join(one for one in documents if "kind: ConfigMap\n" not in one)
    assert len(documents) - kept.count("---\n") == 2
    path = SNAPSHOTS / f"{name}.yaml"
    if os.environ.get("UPDATE_SNAPSHOTS") == "1":
        path.write_text(kept, encoding="utf-8")
    assert kept == path.read_text(encoding="utf-8")


def test_every_snapshot_belongs_to_a_job() -> None:
    assert [path.stem for path in sorted(SNAPSHOTS.iterdir())] == list(JOBS)


@pytest.mark.parametrize("version", ["1.34", "1.35", "1.36"])
def test_the_schema_of_kubernetes_accepts_volumes_and_claims(version: str) -> None:
    found = [one for one in manifests("llama-8b-lustre").values() if one["kind"].startswith("PersistentVolume")]
    assert len(found) == 4
    for one in found:
        kubernetes_validate.validate(one, version, strict=True)


def test_pod_security_admits_a_pod_that_writes_to_lustre() -> None:
    assert why_not_restricted(pod_spec("llama-8b-lustre")) == ()


def test_pods_run_in_the_file_systems_zone_and_nowhere_else() -> None:
    pods = [Pod("j-node-0-0", "models", {}, pod_spec("llama-8b-lustre"))]
    assert why_unplaced(pods, cluster(ZONE)) == ()
    assert why_unplaced(pods, cluster("us-east-1a")) != ()
    without = Cluster(cluster(ZONE).nodes, {})
    assert any("there is no claim llama-8b-lustre-data" in reason for reason in why_unplaced(pods, without))


def test_nodes_are_planned_in_the_file_systems_zone() -> None:
    there, anywhere = plan("llama-8b-lustre").chosen, plan("llama-8b-lora").chosen
    assert there is not None
    assert anywhere is not None
    assert (there.zones, ZONE in anywhere.zones, len(anywhere.zones) > 1) == ((ZONE,), True, True)


def test_a_type_that_the_zone_does_not_offer_is_rejected_with_the_smallest_fix() -> None:
    elsewhere = FsxForLustre(zone="us-east-1z", size_gib=2400, training=True)
    one = platform().model_copy(update={"storage": PlatformStorage(fsx=elsewhere)})
    job = loaded("llama-8b-lustre")
    found = plan_training(job.job, job.inventory, real_catalog(), one)
    assert found.chosen is None
    words = [other.violation.words for other in found.rejected if other.rule == "region-offering"]
    assert any("the file system lies in us-east-1z" in word.reason for word in words)
    assert {word.fix for word in words if "lies in" in word.reason} == {
        "write s3 for data.storage and checkpoints.storage"
    }


def test_two_volumes_of_one_file_system_have_handles_of_their_own() -> None:
    """GIVEN two volumes with one handle in a pod THEN the kubelet mounts one of them, and the pod waits for ever."""
    volumes = [one for one in manifests("llama-8b-lustre").values() if one["kind"] == "PersistentVolume"]
    assert len({one["spec"]["csi"]["volumeHandle"] for one in volumes}) == len(volumes) == 2
    assert [one["spec"]["csi"]["volumeAttributes"]["mountname"] for one in volumes] == [
        "abcdefgh/datasets",
        "abcdefgh/finetunes",
    ]


def test_what_is_written_becomes_the_pods_groups_and_data_stay_as_they_are() -> None:
    """GIVEN a driver with fsGroupPolicy ReadWriteOnceWithFSType WHEN a volume lacks that mode or a type THEN the
    kubelet leaves it to root, and the job cannot write."""
    data, results = (one["spec"] for one in manifests("llama-8b-lustre").values() if one["kind"] == "PersistentVolume")
    assert (results["accessModes"], results["csi"]["fsType"]) == (["ReadWriteMany", "ReadWriteOnce"], "lustre")
    assert (data["accessModes"], "fsType" in data["csi"]) == (["ReadWriteMany"], False)
    assert pod_spec("llama-8b-lustre")["securityContext"]["fsGroup"] == 10001


def test_a_job_sees_its_own_results_alone_and_cannot_change_data() -> None:
    mounts = {one["name"]: one for one in trainer("llama-8b-lustre")["volumeMounts"]}
    assert mounts["results"] == {"name": "results", "mountPath": "/results", "subPath": "llama-8b-lustre"}
    assert mounts["data"] == {"name": "data", "mountPath": "/data", "readOnly": True}
    claims = {one["name"]: one.get("persistentVolumeClaim") for one in pod_spec("llama-8b-lustre")["volumes"]}
    assert claims["data"] == {"claimName": "llama-8b-lustre-data", "readOnly": True}


def test_the_program_is_told_where_things_are_and_of_no_bucket() -> None:
    arguments = trainer("llama-8b-lustre")["args"]
    assert {"--results=/results", "--data=/data/support.jsonl"} <= set(arguments)
    assert not any("bucket" in one.lower() or "prefix" in one for one in arguments)
    assert {"--bucket=$(MODEL_BUCKET)", "--data=datasets/support.jsonl"} <= set(trainer("llama-8b-lora")["args"])


def test_data_in_lustre_and_checkpoints_in_the_bucket_go_together() -> None:
    job = loaded("llama-8b-lustre").job.model_copy(update={"checkpoints": Checkpoints()})
    found = build_fine_tune(
        TrainingPlan(job, plan("llama-8b-lustre").inventory, "us-east-1", plan("llama-8b-lustre").accepted, ()),
        loaded("llama-8b-lustre").descriptor,
        platform(),
        load_images(None),
    )
    (container,) = found.pod_spec["containers"]
    assert {"--bucket=$(MODEL_BUCKET)", "--prefix=finetunes/llama-8b-lustre"} <= set(container["args"])
    assert [claim.name for claim in found.claims] == ["llama-8b-lustre-data"]


def test_before_the_address_is_known_claims_wait() -> None:
    kinds = [one["kind"] for one in fine_tune_manifests(workload("llama-8b-lustre")).values()]
    assert kinds.count("PersistentVolumeClaim") == 2
    assert "PersistentVolume" not in kinds


def job_with(**storage: JobStorage) -> FineTuneJob:
    job = loaded("llama-8b-lora").job
    data = job.data.model_copy(update={"storage": storage.get("data", JobStorage.S3)})
    checkpoints = Checkpoints(storage=storage.get("checkpoints", JobStorage.S3))
    return job.model_copy(update={"data": data, "checkpoints": checkpoints})


@pytest.mark.parametrize(
    ("fsx", "fix"),
    [
        (None, "write s3, or add `storage.fsx: {zone: ZONE, size_gib: 2400, training: true}` to it"),
        (FsxForLustre(zone=ZONE), "write s3, or set storage.fsx.training to true there"),
    ],
    ids=["none", "not for training"],
)
def test_a_platform_without_such_a_file_system_is_told_with_the_smallest_fix(
    fsx: FsxForLustre | None, fix: str
) -> None:
    one = real_platform().model_copy(update={"storage": PlatformStorage(fsx=fsx)})
    inventory = loaded("llama-8b-lora").inventory
    both = job_storage_problems(job_with(data=JobStorage.FSX, checkpoints=JobStorage.FSX), inventory, one)
    assert [problem.path for problem in both] == ["data.storage", "checkpoints.storage"]
    assert {(problem.code, problem.fix) for problem in both} == {("storage-not-on-platform", fix)}
    (alone,) = job_storage_problems(job_with(data=JobStorage.FSX), inventory, one)
    assert alone.path == "data.storage"
    assert job_storage_problems(job_with(), inventory, one) == ()


def test_checkpoints_that_the_file_system_cannot_hold_are_refused() -> None:
    full = load_fine_tune(EXAMPLES / "fine-tune" / "llama-70b-full.yaml")
    job = full.job.model_copy(update={"checkpoints": Checkpoints(storage=JobStorage.FSX)})
    small = platform().model_copy(
        update={"storage": PlatformStorage(fsx=FsxForLustre(zone=ZONE, size_gib=1200, training=True))}
    )
    (problem,) = job_storage_problems(job, full.inventory, small)
    assert (problem.code, problem.path) == ("fsx-too-small", "checkpoints.storage")
    large = platform().model_copy(
        update={"storage": PlatformStorage(fsx=FsxForLustre(zone=ZONE, size_gib=4800, training=True))}
    )
    assert job_storage_problems(job, full.inventory, large) == ()
