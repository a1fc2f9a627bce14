"""How a controller inside the cluster finds the subnets and the security group that nodes belong in.

By tag, because objects are written before anything is deployed, and the same objects serve GitOps; by id in a network
that stands already. Every tag is one that the platform's own stacks or EKS set: no other network carries them.
"""

from __future__ import annotations

from ai_on_eks.aws.helm_release import Json
from ai_on_eks.aws.network import PRIVATE_SUBNETS
from ai_on_eks.aws.platform_tags import PLATFORM_TAG
from ai_on_eks.descriptors.platform import Platform

SUBNET_NAME_TAG = "aws-cdk:subnet-name"
"""Set by CDK on each subnet of a VPC that it makes, to the name it is configured by (aws-cdk-lib 2.275)."""

CLUSTER_TAG = "aws:eks:cluster-name"
"""Set by EKS on the security group it makes for a cluster's nodes, to the cluster's name (EKS user guide,
sec-group-reqs, 2026-11). It is the one group whose rules EFA needs are there already."""


def subnet_terms(platform: Platform) -> list[Json]:
    """The private subnets of the platform's network. Zones are narrowed by the pool."""
    standing = platform.network.existing_vpc
    if standing is not None:
        return [{"id": subnet} for _, subnet in sorted(standing.private_subnet_ids.items())]
    return [{"tags": {PLATFORM_TAG: platform.name, SUBNET_NAME_TAG: PRIVATE_SUBNETS}}]


def security_group_terms(platform: Platform) -> list[Json]:
    """The group that lets nodes and control plane reach each other."""
    return [{"tags": {CLUSTER_TAG: platform.name}}]
