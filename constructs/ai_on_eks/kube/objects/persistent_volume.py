"""v1 PersistentVolume and its claim: where a model's pods find weights that they do not fetch.

Volumes are static, one a model, and show the model's own folder alone: nobody makes a file system by applying an
object, and no pod sees another model's weights. Volume and claim name each other, so that no other claim can take it.
Neither driver looks at the size; it is constant because a claim's size cannot be changed.
"""

from __future__ import annotations

from ai_on_eks.descriptors.schema import Storage
from ai_on_eks.kube.objects.labels import metadata, object_labels
from ai_on_eks.serving.pod import ZONE_LABEL
from ai_on_eks.serving.storage import EfsAddress, LustreAddress, StorageAddresses
from ai_on_eks.serving.types import Json, WeightsClaim, Workload

FSX_DRIVER_NAME = "fsx.csi.aws.com"
EFS_DRIVER_NAME = "efs.csi.aws.com"
BUCKET_DRIVER_NAME = "s3.csi.aws.com"
NOMINAL_SIZE = "1Gi"
ACCESS_MODE = "ReadWriteMany"
"""All that the drivers take; that pods only read is said where they mount it."""


def volume_name(workload: Workload, claim: WeightsClaim) -> str:
    """Volumes have no namespace, so it is part of their name."""
    return f"{workload.namespace}-{claim.name}"


def persistent_volume(workload: Workload, claim: WeightsClaim, addresses: StorageAddresses) -> Json | None:
    """The volume, or None where the storage's address is not known."""
    source = _source(workload, claim, addresses)
    if source is None:
        return None
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": volume_name(workload, claim), "labels": object_labels(workload)},
        "spec": {
            "capacity": {"storage": NOMINAL_SIZE},
            "accessModes": [ACCESS_MODE],
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": "",
            "claimRef": {"namespace": workload.namespace, "name": claim.name},
            **source,
        },
    }


def persistent_volume_claim(workload: Workload, claim: WeightsClaim) -> Json:
    """The claim that the pods name."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": metadata(workload, claim.name),
        "spec": {
            "accessModes": [ACCESS_MODE],
            "storageClassName": "",
            "volumeName": volume_name(workload, claim),
            "resources": {"requests": {"storage": NOMINAL_SIZE}},
        },
    }


def _source(workload: Workload, claim: WeightsClaim, addresses: StorageAddresses) -> Json | None:
    if claim.storage is Storage.FSX and addresses.fsx is not None:
        return lustre_source(addresses.fsx, claim.folder, addresses.fsx.file_system_id)
    if claim.storage is Storage.EFS and addresses.efs is not None and claim.name in addresses.efs.access_points:
        return _efs(addresses.efs, claim)
    if claim.storage is Storage.S3 and addresses.bucket is not None and addresses.region is not None:
        user_id = workload.pod_spec["securityContext"]["runAsUser"]
        return _bucket(addresses.bucket, addresses.region, volume_name(workload, claim), claim, user_id)
    return None


def _bucket(bucket: str, region: str, handle: str, claim: WeightsClaim, user_id: int) -> Json:
    """Region and bandwidth are told because the driver would ask the node's metadata, which pods cannot reach; the user
    because a mount is root's alone otherwise (mountpoint-s3-csi-driver 2.7, CONFIGURATION.md and CACHING.md, 2026-11).
    Version 2 ignores a cache among the mount options: it is a volume of the mount's own pod."""
    cache = {"cache": "emptyDir", "cacheEmptyDirSizeLimit": f"{claim.cache_gib}Gi"} if claim.cache_gib else {}
    return {
        "mountOptions": [
            "allow-other",
            f"gid={user_id}",
            f"maximum-throughput-gbps={claim.network_gbps}",
            f"prefix={claim.folder}/",
            "read-only",
            f"region={region}",
            f"uid={user_id}",
        ],
        "csi": {
            "driver": BUCKET_DRIVER_NAME,
            "volumeHandle": handle,
            "volumeAttributes": {"bucketName": bucket, **cache},
        },
    }


def _efs(address: EfsAddress, claim: WeightsClaim) -> Json:
    """The access point shows the model's folder as the root (aws-efs-csi-driver 3.4, volumeHandle, 2026-11)."""
    return {
        "mountOptions": ["tls"],
        "csi": {
            "driver": EFS_DRIVER_NAME,
            "volumeHandle": f"{address.file_system_id}::{address.access_points[claim.name]}",
        },
    }


def lustre_source(address: LustreAddress, folder: str, handle: str, file_system_type: str | None = None) -> Json:
    """A folder of the file system as a volume.

    The driver mounts `dnsname@tcp:/mountname`, and Lustre takes a folder behind the mount name (FSx for Lustre user
    guide, mounting-fileset; aws-fsx-csi-driver 1.9, pkg/driver/node.go; 2026-11). The file system lies in one zone.
    """
    kind = {} if file_system_type is None else {"fsType": file_system_type}
    return {
        "mountOptions": ["flock", "noatime"],
        "csi": {
            "driver": FSX_DRIVER_NAME,
            **kind,
            "volumeHandle": handle,
            "volumeAttributes": {
                "dnsname": address.dns_name,
                "mountname": f"{address.mount_name}/{folder}",
            },
        },
        "nodeAffinity": {
            "required": {
                "nodeSelectorTerms": [
                    {"matchExpressions": [{"key": ZONE_LABEL, "operator": "In", "values": [address.zone]}]}
                ]
            }
        },
    }
