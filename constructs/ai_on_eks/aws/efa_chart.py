"""The EFA device plugin: offers a node's adapters to pods. No machine image brings it, and no EKS add-on."""

from __future__ import annotations

from collections.abc import Iterable

from ai_on_eks.aws.helm_release import PRIVILEGED_NAMESPACE, HelmRelease, Json, pinned_release
from ai_on_eks.catalog.taints import EFA_LABEL, EFA_LABEL_VALUE, taint_key
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.placement.types import CapacityRequest

CHART = "aws-efa-k8s-device-plugin"


def is_required(requests: Iterable[CapacityRequest]) -> bool:
    """Whether any node asked for has adapters."""
    return any(request.efa for request in requests)


def release(platform: Platform, requests: Iterable[CapacityRequest]) -> HelmRelease:
    """The chart at the version whose keys `values` uses."""
    return pinned_release(
        CHART,
        name="efa-device-plugin",
        namespace="efa-device-plugin",
        namespace_labels=PRIVILEGED_NAMESPACE,
        values=values(requests),
    )


def values(requests: Iterable[CapacityRequest]) -> Json:
    """The chart's values for the nodes with adapters. Of itself it tolerates no taint of theirs, and knows the types of
    its release alone."""
    kinds = [request.instance_type for request in requests if request.efa]
    keys = sorted({taint_key(kind) for kind in kinds})
    return {
        "nodeSelector": {EFA_LABEL: EFA_LABEL_VALUE},
        "supportedInstanceLabels": {
            "keys": ["node.kubernetes.io/instance-type"],
            "values": sorted({kind.name for kind in kinds}),
        },
        "tolerations": [{"key": key, "operator": "Exists", "effect": "NoSchedule"} for key in keys],
    }
