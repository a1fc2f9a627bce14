"""EKS add-ons in a cluster; which there are, and why there are two groups of them, stands in `addon_specs`."""

from __future__ import annotations

import json

from aws_cdk import Stack
from aws_cdk import aws_eks_v2 as eks
from aws_cdk import aws_iam as iam
from constructs import Construct

from ai_on_eks.aws.addon_specs import AddonSpec, Permission, cluster_addons, node_addons
from ai_on_eks.aws.pod_identity import pod_identity_role
from ai_on_eks.descriptors.platform import Platform


class EksAddon(Construct):
    """One EKS add-on, with its own IAM role by Pod Identity where it needs one."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's name
        *,
        spec: AddonSpec,
        cluster: eks.ICluster,
    ) -> None:
        super().__init__(scope, id)
        self.resource = eks.CfnAddon(
            self,
            "Resource",
            addon_name=spec.name,
            cluster_name=cluster.cluster_name,
            addon_version=spec.version,
            configuration_values=json.dumps(spec.configuration, sort_keys=True) if spec.configuration else None,
            pod_identity_associations=self._associations(spec, cluster),
            resolve_conflicts="OVERWRITE",  # the template is the truth, not what someone edited in the cluster
        )

    def _associations(
        self, spec: AddonSpec, cluster: eks.ICluster
    ) -> list[eks.CfnAddon.PodIdentityAssociationProperty] | None:
        if spec.service_account is None:
            return None
        role = pod_identity_role(
            self, "Role", cluster=cluster, namespace="kube-system", service_account=spec.service_account
        )
        if spec.managed_policy is not None:
            role.add_managed_policy(iam.ManagedPolicy.from_aws_managed_policy_name(spec.managed_policy))
        for permission in spec.permissions:
            role.add_to_policy(
                iam.PolicyStatement(actions=list(permission.actions), resources=[_arn(self, permission)])
            )
        return [
            eks.CfnAddon.PodIdentityAssociationProperty(service_account=spec.service_account, role_arn=role.role_arn)
        ]


def _arn(scope: Construct, permission: Permission) -> str:
    if permission.service is None or permission.resource is None:
        return "*"
    return Stack.of(scope).format_arn(service=permission.service, resource=permission.resource)


class NodeAddons(Construct):
    """The add-ons nodes wait for, each after the one before it; none where nodes bring them."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's name
        *,
        cluster: eks.ICluster,
        platform: Platform,
    ) -> None:
        super().__init__(scope, id)
        self.addons = tuple(EksAddon(self, spec.name, spec=spec, cluster=cluster) for spec in node_addons(platform))
        for earlier, later in zip(self.addons, self.addons[1:], strict=False):
            later.node.add_dependency(earlier)


class ClusterAddons(Construct):
    """The add-ons that wait for nodes; deploy them after the system nodes."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's name
        *,
        cluster: eks.ICluster,
        platform: Platform,
    ) -> None:
        super().__init__(scope, id)
        self.addons = tuple(EksAddon(self, spec.name, spec=spec, cluster=cluster) for spec in cluster_addons(platform))
