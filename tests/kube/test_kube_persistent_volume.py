"""Volumes of weights and their claims: each shows one model's folder and is taken by nobody else."""

from __future__ import annotations

from kube_samples import POD_SPEC, workload
from msgspec.structs import replace

from ai_on_eks.descriptors.schema import Storage
from ai_on_eks.kube.manifests import model_manifests
from ai_on_eks.serving.storage import EfsAddress, LustreAddress, StorageAddresses
from ai_on_eks.serving.types import WeightsClaim

LUSTRE = LustreAddress("fs-0123456789abcdef0", "fs-0123456789abcdef0.fsx.example", "abcdefgh", "us-east-1b")
CLAIM = WeightsClaim(Storage.FSX, "llama-weights", "models/llama", 16 * 10**9, 1.2e9)


def test_given_lustre_then_the_volume_shows_the_models_folder_in_its_zone() -> None:
    volume = model_manifests(workload(claim=CLAIM), StorageAddresses(fsx=LUSTRE))["PersistentVolume"]
    assert volume["metadata"]["name"] == "models-llama-weights"
    assert "namespace" not in volume["metadata"]
    assert volume["spec"] == {
        "capacity": {"storage": "1Gi"},
        "accessModes": ["ReadWriteMany"],
        "persistentVolumeReclaimPolicy": "Retain",
        "storageClassName": "",
        "claimRef": {"namespace": "models", "name": "llama-weights"},
        "mountOptions": ["flock", "noatime"],
        "csi": {
            "driver": "fsx.csi.aws.com",
            "volumeHandle": "fs-0123456789abcdef0",
            "volumeAttributes": {
                "dnsname": "fs-0123456789abcdef0.fsx.example",
                "mountname": "abcdefgh/models/llama",
            },
        },
        "nodeAffinity": {
            "required": {
                "nodeSelectorTerms": [
                    {
                        "matchExpressions": [
                            {"key": "topology.kubernetes.io/zone", "operator": "In", "values": ["us-east-1b"]}
                        ]
                    }
                ]
            }
        },
    }


def test_given_a_claim_then_it_and_its_volume_name_each_other_and_come_before_the_pods() -> None:
    manifests = model_manifests(workload(claim=CLAIM), StorageAddresses(fsx=LUSTRE))
    claim = manifests["PersistentVolumeClaim"]
    assert claim["spec"]["volumeName"] == manifests["PersistentVolume"]["metadata"]["name"]
    assert claim["spec"]["storageClassName"] == ""
    assert claim["metadata"]["namespace"] == "models"
    assert manifests["PersistentVolume"]["spec"]["claimRef"] == {
        "namespace": "models",
        "name": claim["metadata"]["name"],
    }
    order = list(manifests)
    assert order.index("PersistentVolume") < order.index("PersistentVolumeClaim") < order.index("Resource")


def test_given_an_address_that_is_not_known_yet_then_the_claim_waits() -> None:
    manifests = model_manifests(workload(claim=CLAIM))
    assert "PersistentVolume" not in manifests
    assert "PersistentVolumeClaim" in manifests


def test_given_no_claim_then_there_is_no_volume() -> None:
    manifests = model_manifests(workload(), StorageAddresses(fsx=LUSTRE))
    assert not {"PersistentVolume", "PersistentVolumeClaim"} & set(manifests)


def test_given_efs_then_the_volume_is_the_models_access_point_over_tls() -> None:
    claim = WeightsClaim(Storage.EFS, "llama-weights", "models/llama", 16 * 10**9, 1.5e9)
    address = EfsAddress("fs-0123456789abcdef0", {"llama-weights": "fsap-0123456789abcdef0"})
    volume = model_manifests(workload(claim=claim), StorageAddresses(fsx=LUSTRE, efs=address))["PersistentVolume"]
    assert volume["spec"]["mountOptions"] == ["tls"]
    assert volume["spec"]["csi"] == {
        "driver": "efs.csi.aws.com",
        "volumeHandle": "fs-0123456789abcdef0::fsap-0123456789abcdef0",
    }
    assert "nodeAffinity" not in volume["spec"]


MOUNTED = WeightsClaim(Storage.S3, "llama-weights", "models/llama", 16 * 10**9, 1e9, network_gbps=20)


def test_given_a_mount_of_the_bucket_then_driver_and_pod_are_told_what_they_cannot_ask() -> None:
    addresses = StorageAddresses(bucket="weights", region="us-east-1")
    volume = model_manifests(workload(claim=MOUNTED), addresses)["PersistentVolume"]
    assert volume["spec"]["mountOptions"] == [
        "allow-other",
        "gid=10001",
        "maximum-throughput-gbps=20",
        "prefix=models/llama/",
        "read-only",
        "region=us-east-1",
        "uid=10001",
    ]
    assert volume["spec"]["csi"] == {
        "driver": "s3.csi.aws.com",
        "volumeHandle": "models-llama-weights",
        "volumeAttributes": {"bucketName": "weights"},
    }


def test_given_pods_of_another_account_then_the_mount_is_theirs() -> None:
    """GIVEN an image that is made for an account WHEN its pods mount the bucket THEN they may read it."""
    pods = {**POD_SPEC, "securityContext": {"runAsUser": 1000}}
    addresses = StorageAddresses(bucket="weights", region="us-east-1")
    volume = model_manifests(workload(claim=MOUNTED, pod_spec=pods), addresses)["PersistentVolume"]
    assert {"uid=1000", "gid=1000"} <= {*volume["spec"]["mountOptions"]}


def test_given_a_cache_then_it_is_a_volume_with_a_limit() -> None:
    addresses = StorageAddresses(bucket="weights", region="us-east-1")
    volume = model_manifests(workload(claim=replace(MOUNTED, cache_gib=50)), addresses)["PersistentVolume"]
    assert volume["spec"]["csi"]["volumeAttributes"] == {
        "bucketName": "weights",
        "cache": "emptyDir",
        "cacheEmptyDirSizeLimit": "50Gi",
    }
