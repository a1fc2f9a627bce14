"""IAM roles for pods, by EKS Pod Identity: no OIDC provider, no annotation, and a trust policy that names the pod."""

from __future__ import annotations

from aws_cdk import aws_eks_v2 as eks
from aws_cdk import aws_iam as iam
from constructs import Construct

POD_IDENTITY_PRINCIPAL = "pods.eks.amazonaws.com"


def pod_identity_role(
    scope: Construct,
    id: str,  # noqa: A002 - CDK's name
    *,
    cluster: eks.ICluster,
    namespace: str,
    service_account: str,
) -> iam.Role:
    """A role that only this service account of this cluster can assume.

    The conditions read the session tags that EKS adds (EKS user guide, pod-id-role and pod-id-abac, 2026-11). Without
    them anybody who may create an association in the account could hand the role to a pod of another cluster.
    """
    principal = iam.ServicePrincipal(
        POD_IDENTITY_PRINCIPAL,
        conditions={
            "StringEquals": {
                "aws:RequestTag/kubernetes-namespace": namespace,
                "aws:RequestTag/kubernetes-service-account": service_account,
            },
            "ArnEquals": {"aws:RequestTag/eks-cluster-arn": cluster.cluster_arn},
        },
    )
    return iam.Role(scope, id, assumed_by=iam.SessionTagsPrincipal(principal))


def associate(
    scope: Construct, cluster: eks.ICluster, namespace: str, service_account: str, role: iam.Role
) -> eks.CfnPodIdentityAssociation:
    """The association of a construct that makes one for its role: its `Resource`."""
    return eks.CfnPodIdentityAssociation(
        scope,
        "Resource",
        cluster_name=cluster.cluster_name,
        namespace=namespace,
        service_account=service_account,
        role_arn=role.role_arn,
    )


def admit_pods(
    scope: Construct,
    id: str,  # noqa: A002 - CDK's name
    *,
    cluster: eks.ICluster,
    namespace: str,
    service_account: str,
    statement: iam.PolicyStatement,
) -> eks.CfnPodIdentityAssociation:
    """Let the pods of a service account do what the statement says, and nothing else."""
    role = pod_identity_role(scope, f"{id}Role", cluster=cluster, namespace=namespace, service_account=service_account)
    role.add_to_policy(statement)
    return eks.CfnPodIdentityAssociation(
        scope,
        id,
        cluster_name=cluster.cluster_name,
        namespace=namespace,
        service_account=service_account,
        role_arn=role.role_arn,
    )
