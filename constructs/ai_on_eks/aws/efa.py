"""The fabric between the nodes of one pool: everything that EFA needs, together or not at all.

    interfaces        one adapter on each card of the node (`catalog.efa`)
    security group    all traffic from and to itself; `0.0.0.0/0` does not cover what EFA sends
    placement group   of strategy cluster, for nodes that are bought by the hour
    one zone          the capacity request has one; EFA does not cross zones

The group is our own. The cluster's own security group has the same two rules, which EKS made with it, but a template
could neither show nor repeat them: a second rule like one that exists fails the deployment. A launch template that
names interfaces gets no group from EKS, so the node's own interface names both. Where the adapters reach a Lustre file
system as well, all of them do: it is the cluster's group that the file system lets in.

Reserved nodes have no placement group of ours: EC2 finds no capacity for a reservation that was not made in the group
(terraform-aws-eks pull request 3730, 2026-07), and refuses one for a Capacity Block, whose instances stand close
together already (aws-parallelcluster pull request 6311, 2024-06).
"""

from __future__ import annotations

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_eks_v2 as eks
from constructs import Construct

from ai_on_eks.catalog.efa import OWN, efa_interfaces
from ai_on_eks.catalog.types import InstanceType

ALL_PROTOCOLS = "-1"

Interface = ec2.CfnLaunchTemplate.NetworkInterfaceProperty


class EfaFabric(Construct):
    """What the nodes of one pool share so that they reach each other by EFA."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's name
        *,
        pool: str,
        cluster: eks.ICluster,
        vpc: ec2.IVpc,
    ) -> None:
        super().__init__(scope, id)
        self._cluster_group_id = cluster.cluster_security_group_id
        # Rules of their own: CDK drops a rule to itself where a group allows all outbound traffic, without a word.
        self.security_group = ec2.CfnSecurityGroup(
            self, "SecurityGroup", group_description=f"EFA between the nodes of {pool}", vpc_id=vpc.vpc_id
        )
        ec2.CfnSecurityGroupIngress(
            self,
            "FromItself",
            group_id=self.security_group.attr_group_id,
            ip_protocol=ALL_PROTOCOLS,
            source_security_group_id=self.security_group.attr_group_id,
            description="EFA from nodes of the pool",
        )
        ec2.CfnSecurityGroupEgress(
            self,
            "ToItself",
            group_id=self.security_group.attr_group_id,
            ip_protocol=ALL_PROTOCOLS,
            destination_security_group_id=self.security_group.attr_group_id,
            description="EFA to nodes of the pool",
        )
        self.placement_group = ec2.CfnPlacementGroup(self, "PlacementGroup", strategy="cluster")

    def interfaces(self, instance_type: InstanceType, *, to_lustre: bool = False) -> list[Interface]:
        """Every network interface of one node, with the groups that belong to it."""
        own_groups = [self._cluster_group_id, self._group_id]
        adapter_groups = own_groups if to_lustre else [self._group_id]
        return [
            Interface(
                network_card_index=one.card,
                device_index=one.device,
                interface_type=one.kind,
                groups=own_groups if one.kind == OWN else adapter_groups,
                delete_on_termination=True,
            )
            for one in efa_interfaces(instance_type)
        ]

    def placement(self, reservation_id: str | None) -> ec2.CfnLaunchTemplate.PlacementProperty | None:
        """Near each other; nodes of a reservation stand where it was made."""
        if reservation_id is not None:
            return None
        return ec2.CfnLaunchTemplate.PlacementProperty(group_name=self.placement_group.ref)

    @property
    def _group_id(self) -> str:
        return self.security_group.attr_group_id
