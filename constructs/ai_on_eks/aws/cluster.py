"""The EKS control plane, and the add-ons a node needs before it can become ready.

What is set here because its default is unsafe: endpoint (public), control-plane logs (none), envelope encryption of
secrets (AWS's key), deletion protection (off), the creator's hidden administrator rights (on), end of standard support
(silently moves to the paid extension).
"""

from __future__ import annotations

from hashlib import sha256
from importlib import import_module
from typing import cast

from aws_cdk import Annotations, RemovalPolicy
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_eks_v2 as eks
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

from ai_on_eks.aws.addons import EksAddon, NodeAddons
from ai_on_eks.aws.cluster_compute import allow_tags, cluster_compute
from ai_on_eks.aws.endpoint import endpoint_access
from ai_on_eks.aws.log_retention import RETENTION
from ai_on_eks.aws.network import node_subnets
from ai_on_eks.catalog.versions import check_kubernetes, kubectl_layer, numbers
from ai_on_eks.descriptors.platform import DeliveryMode, Platform

LOG_TYPES = (
    eks.ClusterLoggingTypes.API,
    eks.ClusterLoggingTypes.AUDIT,
    eks.ClusterLoggingTypes.AUTHENTICATOR,
    eks.ClusterLoggingTypes.CONTROLLER_MANAGER,
    eks.ClusterLoggingTypes.SCHEDULER,
)


class PlatformCluster(Construct):
    """An EKS cluster in API authentication mode, private unless networks are named.

    The name is fixed on purpose: CloudFormation refuses to replace a resource that has one, so no change of a template
    can swap the cluster for an empty one. The cluster, its key and its logs outlive the stack; to remove the cluster
    for good, lift its deletion protection and delete it by hand.

    In `apply` mode a Lambda with kubectl and Helm stands in the private subnets; CDK gives its role an access entry
    of its own, so nobody has to be the cluster's creator.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's name
        *,
        platform: Platform,
        vpc: ec2.IVpc,
    ) -> None:
        super().__init__(scope, id)
        check_kubernetes(platform.cluster.kubernetes_version)
        endpoint = endpoint_access(platform.cluster.public_access_cidrs)
        self.secrets_key = kms.Key(
            self,
            "SecretsKey",
            description=f"Kubernetes secrets of the EKS cluster {platform.name}",
            enable_key_rotation=True,
            removal_policy=RemovalPolicy.RETAIN,
        )
        # Made before the cluster, or EKS makes it without an end of retention. Not kept when the first deployment
        # fails: its name is fixed, so the next attempt would stop at "already exists".
        log_group = logs.LogGroup(
            self,
            "ControlPlaneLogs",
            log_group_name=f"/aws/eks/{platform.name}/cluster",
            retention=RETENTION[platform.retention.control_plane_logs_days],
            removal_policy=RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
        )
        strategy = platform.capacity.strategy
        compute = cluster_compute(self, strategy)
        resource = eks.Cluster(
            self,
            "Resource",
            cluster_name=platform.name,
            version=eks.KubernetesVersion.of(platform.cluster.kubernetes_version),
            vpc=vpc,
            vpc_subnets=[ec2.SubnetSelection(subnets=node_subnets(vpc))],
            endpoint_access=endpoint,
            cluster_logging=list(LOG_TYPES),
            secrets_encryption_key=self.secrets_key,
            default_capacity_type=compute.capacity_type,
            default_capacity=compute.capacity,
            compute=compute.config,
            bootstrap_cluster_creator_admin_permissions=False,
            bootstrap_self_managed_addons=False,
            kubectl_provider_options=self._kubectl(platform),
        )
        # jsii's types leave `kubectl_provider_options` out of the class; at run time every Cluster is an ICluster.
        self.cluster = cast("eks.ICluster", resource)
        if platform.network.existing_vpc is not None:
            Annotations.of(resource).acknowledge_warning(
                "@aws-cdk/aws-eks:clusterMustManuallyTagSubnet", "the tag is the owner's; docs/deploying.md names it"
            )
        _protect(resource, log_group)
        self._admit(resource, platform.cluster.admin_principal_arns)
        allow_tags(self, resource, strategy)
        self.addons: tuple[EksAddon, ...] = NodeAddons(
            self, "NodeAddons", cluster=self.cluster, platform=platform
        ).addons

    def _kubectl(self, platform: Platform) -> eks.KubectlProviderOptions | None:
        if platform.delivery.mode is not DeliveryMode.APPLY:
            return None
        minor = numbers(kubectl_layer(platform.cluster.kubernetes_version).kubectl)[1]
        # Imported here: the layer is 36 MB and pulls in all of aws_lambda, which render mode never needs.
        layers = import_module(f"aws_cdk.lambda_layer_kubectl_v{minor}")
        layer = getattr(layers, f"KubectlV{minor}Layer")(self, "KubectlLayer")
        return eks.KubectlProviderOptions(kubectl_layer=layer)

    def _admit(self, cluster: eks.Cluster, principal_arns: tuple[str, ...]) -> None:
        for arn in sorted(set(principal_arns)):
            cluster.grant_access(
                f"Admin{sha256(arn.encode()).hexdigest()[:8]}",  # by principal, so removing one replaces no other
                arn,
                [
                    eks.AccessPolicy.from_access_policy_name(
                        "AmazonEKSClusterAdminPolicy", access_scope_type=eks.AccessScopeType.CLUSTER
                    )
                ],
            )
        if not principal_arns:
            Annotations.of(self).add_warning_v2(
                "ai-on-eks:no-cluster-admins",
                "cluster.admin_principal_arns is empty: no person can use kubectl until an access entry is added",
            )


def _protect(cluster: eks.Cluster, log_group: logs.LogGroup) -> None:
    """Settings the L2 does not have. Retention is set on the cluster alone: CDK's own property would also keep the
    kubectl Lambda and every add-on."""
    resource = cast("eks.CfnCluster", cluster.node.default_child)
    resource.deletion_protection = True
    resource.upgrade_policy = eks.CfnCluster.UpgradePolicyProperty(support_type="STANDARD")
    resource.zonal_shift_config = eks.CfnCluster.ZonalShiftConfigProperty(enabled=True)
    resource.apply_removal_policy(RemovalPolicy.RETAIN)
    resource.node.add_dependency(log_group)
