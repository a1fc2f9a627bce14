"""Karpenter's side in AWS: the nodes' role, the controller's role, the queue of interruptions."""

from __future__ import annotations

from aws_cdk import Stack
from aws_cdk import aws_eks_v2 as eks
from aws_cdk import aws_iam as iam
from constructs import Construct

from ai_on_eks.aws.karpenter.interruptions import InterruptionQueue
from ai_on_eks.aws.karpenter.names import (
    NAMESPACE,
    SERVICE_ACCOUNT,
    instance_profile_name,
    interruption_queue_name,
)
from ai_on_eks.aws.karpenter.policies import Reach, life_cycle, surroundings
from ai_on_eks.aws.node_groups import NodeRole
from ai_on_eks.aws.pod_identity import pod_identity_role
from ai_on_eks.descriptors.platform import Platform


class KarpenterController(Construct):
    """Everything that the chart and the pools refer to by name. `resource` ties the controller to its role.

    The nodes' role is admitted to the cluster by an access entry; EKS makes one only for managed groups. The instance
    profile is made here: Karpenter would need rights over IAM to make it, and could not in a network without a way to
    IAM.
    """

    def __init__(self, scope: Construct, id: str, *, platform: Platform, cluster: eks.ICluster) -> None:  # noqa: A002 - CDK's name
        super().__init__(scope, id)
        node_role = NodeRole(self, "NodeRole").role
        profile = iam.InstanceProfile(
            self, "NodeProfile", instance_profile_name=instance_profile_name(platform), role=node_role
        )
        eks.CfnAccessEntry(
            self,
            "NodeAccess",
            cluster_name=cluster.cluster_name,
            principal_arn=node_role.role_arn,
            type="EC2_LINUX",
        )
        interruptions = InterruptionQueue(self, "Interruptions", queue_name=interruption_queue_name(platform))
        role = pod_identity_role(self, "Role", cluster=cluster, namespace=NAMESPACE, service_account=SERVICE_ACCOUNT)
        reach = Reach(
            cluster=platform.name,
            cluster_arn=cluster.cluster_arn,
            region=platform.region,
            node_role_arn=node_role.role_arn,
            instance_profile_arn=profile.instance_profile_arn,
            queue_arn=interruptions.queue.queue_arn,
        )
        stack = Stack.of(self)
        policies = {"LifeCycle": life_cycle(stack, reach), "Surroundings": surroundings(stack, reach)}
        for name, statements in policies.items():
            iam.ManagedPolicy(self, name, statements=statements, roles=[role])
        self.resource = eks.CfnPodIdentityAssociation(
            self,
            "Resource",
            cluster_name=cluster.cluster_name,
            namespace=NAMESPACE,
            service_account=SERVICE_ACCOUNT,
            role_arn=role.role_arn,
        )
