"""Argo CD as a capability of EKS: it runs at AWS, reaches private endpoints and keeps nothing on nodes.

EKS itself admits the capability's role to the cluster, and allows it nothing there: what Argo CD may do is somebody's
decision, taken once by the command that the stack tells. CloudFormation cannot take it, because the entry is not its.
"""

from __future__ import annotations

from aws_cdk import aws_eks as eks_v1
from aws_cdk import aws_iam as iam
from constructs import Construct

from ai_on_eks.catalog.gitops import argo_cd
from ai_on_eks.descriptors.platform_gitops import ManagedArgoCd

DEPLOYING_POLICY = "arn:{partition}:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
"""It installs operators, which bring definitions and roles of their own (EKS user guide, argocd-register-clusters)."""


class ArgoCdCapability(Construct):
    """The capability and the role that it asks AWS with, which may do nothing until a repository needs it."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's name
        *,
        cluster_name: str,
        settings: ManagedArgoCd,
        region: str,
    ) -> None:
        super().__init__(scope, id)
        self.role = iam.Role(
            self,
            "Role",
            description=f"Argo CD of the cluster {cluster_name}",
            assumed_by=iam.SessionTagsPrincipal(iam.ServicePrincipal("capabilities.eks.amazonaws.com")),
        )
        roles = {"ADMIN": settings.admin_groups, "VIEWER": settings.viewer_groups}
        capability = eks_v1.CfnCapability
        self.resource = capability(
            self,
            "Resource",
            capability_name="argo-cd",
            cluster_name=cluster_name,
            type="ARGOCD",
            role_arn=self.role.role_arn,
            delete_propagation_policy="RETAIN",  # without Argo CD the models run on
            configuration=capability.CapabilityConfigurationProperty(
                argo_cd=capability.ArgoCdProperty(
                    namespace=argo_cd()["namespace"],
                    aws_idc=capability.AwsIdcProperty(
                        idc_instance_arn=settings.identity_center_arn,
                        idc_region=settings.identity_center_region or region,
                    ),
                    rbac_role_mappings=[
                        capability.ArgoCdRoleMappingProperty(
                            role=role,
                            identities=[capability.SsoIdentityProperty(id=group, type="SSO_GROUP") for group in groups],
                        )
                        for role, groups in roles.items()
                        if groups
                    ],
                )
            ),
        )
