"""What a way of getting nodes is told: one value, made once for a platform."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_eks_v2 as eks
from constructs import Construct
from msgspec import Struct

from ai_on_eks.aws.node_groups import NodeGroupSpec
from ai_on_eks.descriptors.platform import Platform


class NodeNeeds(Struct, frozen=True):
    """The nodes of a platform and where they stand.

    system  cluster services run on them
    models  one for each capacity request
    tags    of everything a node consists of
    """

    platform: Platform
    vpc: ec2.IVpc
    cluster: eks.ICluster
    system: NodeGroupSpec
    models: tuple[NodeGroupSpec, ...]
    tags: Mapping[str, str]


NodeStrategy = Callable[[Construct, NodeNeeds], Mapping[str, str]]
"""One way of getting nodes: makes, in the scope given, everything in AWS that the nodes need. The placement groups that
objects in the cluster have to name, by pool."""
