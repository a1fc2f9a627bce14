"""What a cluster's role needs besides, so that nodes of Auto Mode may carry the platform's tags.

AWS's policies let Auto Mode set its own tags and no others; a node class with more could start nothing. The conditions
are those of the EKS user guide (auto-learn-iam, "Custom AWS tags", 2026-11): only for the cluster that asks, only for
nodes of a class and pool.
"""

from __future__ import annotations

from aws_cdk import aws_iam as iam

CLUSTER_TAG = "aws:RequestTag/eks:eks-cluster-name"
OF_THE_CLUSTER = {CLUSTER_TAG: "${aws:PrincipalTag/eks:eks-cluster-name}"}


def tagging_statements() -> list[iam.PolicyStatement]:
    """Starting instances with tags of ours, and the interfaces that their pods' addresses lie on."""
    return [
        iam.PolicyStatement(
            sid="StartTagged",
            actions=["ec2:CreateFleet", "ec2:RunInstances", "ec2:CreateLaunchTemplate"],
            resources=["*"],
            conditions={
                "StringEquals": OF_THE_CLUSTER,
                "StringLike": {
                    "aws:RequestTag/eks:kubernetes-node-class-name": "*",
                    "aws:RequestTag/eks:kubernetes-node-pool-name": "*",
                },
            },
        ),
        iam.PolicyStatement(
            sid="AttachTagged",
            actions=["ec2:CreateNetworkInterface"],
            resources=["*"],
            conditions={
                "StringEquals": OF_THE_CLUSTER,
                "StringLike": {"aws:RequestTag/eks:kubernetes-cni-node-name": "*"},
            },
        ),
    ]
