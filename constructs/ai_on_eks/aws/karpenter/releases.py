"""Karpenter's Helm releases: its definitions first, then the controller that watches objects of them.

The definitions are a release of their own because Helm installs those inside a chart once and never updates them.
"""

from __future__ import annotations

from ai_on_eks.aws.helm_release import HelmRelease, Json, pinned_release
from ai_on_eks.aws.karpenter.names import NAMESPACE, SERVICE_ACCOUNT, interruption_queue_name
from ai_on_eks.catalog.taints import ROLE_LABEL, SYSTEM_ROLE
from ai_on_eks.descriptors.platform import Platform

DEFINITIONS = "karpenter-crd"
CONTROLLER = "karpenter"

RESTRICTED_NAMESPACE = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("audit", "enforce", "warn")}
"""The controller is no root, writes nothing and drops every capability (chart 1.15, deployment template)."""

MOST_REPLICAS = 2
"""One leads, the other waits. They never share a node, so there are no more than system nodes."""

REQUESTED_CPU = "1"
REQUESTED_MEMORY = "1Gi"
"""Of the controller (Karpenter 1.15, getting started, 2026-10)."""


def karpenter_releases(platform: Platform) -> tuple[HelmRelease, ...]:
    """Both releases, at the one version whose keys `values` uses."""
    return (
        pinned_release(
            DEFINITIONS,
            namespace=NAMESPACE,
            namespace_labels=RESTRICTED_NAMESPACE,
            values={},
        ),
        pinned_release(
            CONTROLLER,
            namespace=NAMESPACE,
            namespace_labels=None,
            values=values(platform),
            after=(DEFINITIONS,),
        ),
    )


def values(platform: Platform) -> Json:
    """The controller's values. Its role comes by Pod Identity, so the service account has no annotation."""
    system_nodes = {"key": ROLE_LABEL, "operator": "In", "values": [SYSTEM_ROLE]}
    return {
        "replicas": min(MOST_REPLICAS, platform.capacity.system_nodes.count),
        "serviceAccount": {"name": SERVICE_ACCOUNT},
        "controller": {
            # Else it asks the metadata service, which no pod reaches.
            "env": [{"name": "AWS_REGION", "value": platform.region}],
            "resources": {
                "requests": {"cpu": REQUESTED_CPU, "memory": REQUESTED_MEMORY},
                "limits": {"memory": REQUESTED_MEMORY},
            },
        },
        # Never on a node of its own, which it could not replace.
        "affinity": {
            "nodeAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": {
                    "nodeSelectorTerms": [{"matchExpressions": [system_nodes]}]
                }
            }
        },
        "settings": {
            "clusterName": platform.name,
            "interruptionQueue": interruption_queue_name(platform),
            # Both ask services that have no endpoint in a network without a way out.
            "enableZonalShift": not platform.network.is_isolated,
            "isolatedVPC": platform.network.is_isolated,
            # A wish to spread would buy a node for each replica where the plan put them on one.
            "preferencePolicy": "Ignore",
            "featureGates": {"reservedCapacity": True},
            # The price list has no endpoint inside a VPC; without this every refresh waits for it in vain.
            **({"isolatedVPC": True} if platform.network.is_isolated else {}),
        },
    }
