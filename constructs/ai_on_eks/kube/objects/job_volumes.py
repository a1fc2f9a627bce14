"""v1 PersistentVolumes and claims of a fine-tuning job: folders of the platform's Lustre file system.

Both are of one file system and may be in one pod, so their handles differ: of two with the same handle the kubelet
mounts one, and the pod waits for ever. The driver takes a volume's address from its attributes, never from its handle
(aws-fsx-csi-driver 1.9, pkg/driver/node.go, 2026-11).

What is written belongs to root where nobody says otherwise. The kubelet gives a volume to the pod's group only where
its access modes hold ReadWriteOnce and it has a file system's type (aws-fsx-csi-driver 1.10, values.yaml,
csidriver.fsGroupPolicy: ReadWriteOnceWithFSType; kubernetes, pkg/volume/csi/csi_mounter.go, supportsFSGroup); which of
the modes the driver is told is the first, and it takes that one alone. A folder that a pod's subPath names is made with
the mode of the volume's own (kubernetes, pkg/kubelet/kubelet_pods.go).
"""

from __future__ import annotations

from ai_on_eks.kube.objects.persistent_volume import ACCESS_MODE, NOMINAL_SIZE, lustre_source
from ai_on_eks.serving.job_storage import JobClaim
from ai_on_eks.serving.storage import LustreAddress
from ai_on_eks.serving.types import Json

WRITTEN_ACCESS_MODES = (ACCESS_MODE, "ReadWriteOnce")
FILE_SYSTEM_TYPE = "lustre"


def job_volume(claim: JobClaim, namespace: str, labels: Json, address: LustreAddress) -> Json:
    """The volume that `job_claim` names. Volumes have no namespace, so it is part of their name."""
    kind = FILE_SYSTEM_TYPE if claim.is_written else None
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": _volume_name(claim, namespace), "labels": labels},
        "spec": {
            "capacity": {"storage": NOMINAL_SIZE},
            "accessModes": list(WRITTEN_ACCESS_MODES) if claim.is_written else [ACCESS_MODE],
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": "",
            "claimRef": {"namespace": namespace, "name": claim.name},
            **lustre_source(address, claim.folder, f"{address.file_system_id}::{claim.folder}", kind),
        },
    }


def job_claim(claim: JobClaim, namespace: str, metadata: Json) -> Json:
    """The claim that the job's pods name."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": metadata,
        "spec": {
            "accessModes": [ACCESS_MODE],
            "storageClassName": "",
            "volumeName": _volume_name(claim, namespace),
            "resources": {"requests": {"storage": NOMINAL_SIZE}},
        },
    }


def _volume_name(claim: JobClaim, namespace: str) -> str:
    return f"{namespace}-{claim.name}"
