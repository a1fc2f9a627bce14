"""What Elastic Fabric Adapters ask of a security group."""

from __future__ import annotations

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_eks_v2 as eks
from constructs import Construct

ALL_PROTOCOLS = "-1"


class FabricTraffic(Construct):
    """Lets nodes send everything to nodes, by a rule that names the security group itself.

    EFA traffic is not IP: "all to 0.0.0.0/0" does not cover it, and without this rule it falls back to TCP in silence
    (EKS user guide, node-efa). The way in stands in the group EKS makes. Written with the L1, because the L2 drops a
    rule to itself from a group that allows all outbound traffic.
    """

    def __init__(self, scope: Construct, id: str, *, cluster: eks.ICluster) -> None:  # noqa: A002 - CDK's name
        super().__init__(scope, id)
        group = cluster.cluster_security_group_id
        self.resource = ec2.CfnSecurityGroupEgress(
            self,
            "Resource",
            group_id=group,
            destination_security_group_id=group,
            ip_protocol=ALL_PROTOCOLS,
            description="EFA between nodes",
        )
