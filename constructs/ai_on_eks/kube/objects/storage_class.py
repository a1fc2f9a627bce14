"""storage.k8s.io/v1 StorageClass: encrypted EBS volumes for what keeps data in the cluster."""

from __future__ import annotations

from ai_on_eks.descriptors.platform import CapacityStrategy, Platform
from ai_on_eks.kube.objects.labels import platform_labels
from ai_on_eks.placement.node_owners import nodes_bring_add_on
from ai_on_eks.serving.types import Json

DRIVER = "ebs.csi.aws.com"
DRIVER_OF_AUTO_MODE = "ebs.csi.eks.amazonaws.com"
"""EKS user guide, create-storage-class, 2026-11. A volume of one cannot be mounted by the other."""


def volume_class(platform: Platform, name: str) -> Json:
    """gp3, made in the zone where the pod goes. Encryption is asked for: it is no default of every account."""
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": name, "labels": platform_labels(platform)},
        "provisioner": _provisioner(platform.capacity.strategy),
        "parameters": {"type": "gp3", "encrypted": "true"},
        "reclaimPolicy": "Delete",
        "allowVolumeExpansion": True,
        "volumeBindingMode": "WaitForFirstConsumer",
    }


def _provisioner(strategy: CapacityStrategy) -> str:
    return DRIVER_OF_AUTO_MODE if nodes_bring_add_on(strategy, "aws-ebs-csi-driver") else DRIVER
