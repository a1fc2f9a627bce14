"""Who brings the software of a node, by capacity strategy.

    managed-node-groups, karpenter   the machine image has the drivers; charts and add-ons bring the rest
    auto-mode                        everything is part of the node: drivers, device plugins, networking, DNS

What a node brings itself must not be installed a second time: a second device plugin offers every device twice.
"""

from __future__ import annotations

from collections.abc import Mapping

from ai_on_eks.descriptors.platform import CapacityStrategy

ADD_ONS_OF_NODES: Mapping[CapacityStrategy, frozenset[str]] = {
    CapacityStrategy.AUTO_MODE: frozenset(
        {
            "aws-ebs-csi-driver",
            "coredns",
            "eks-node-monitoring-agent",
            "eks-pod-identity-agent",
            "kube-proxy",
            "vpc-cni",
        }
    )
}
"""Names of EKS add-ons that are part of the nodes (EKS user guide, automode and eks-add-ons, 2026-11)."""


def nodes_bring_add_on(strategy: CapacityStrategy, name: str) -> bool:
    """Whether an EKS add-on of this name would be there twice."""
    return name in ADD_ONS_OF_NODES.get(strategy, ())


def nodes_bring_devices(strategy: CapacityStrategy) -> bool:
    """Whether drivers and device plugins of every vendor are part of the nodes (EKS user guide, auto-accelerated,
    2026-11)."""
    return strategy is CapacityStrategy.AUTO_MODE
