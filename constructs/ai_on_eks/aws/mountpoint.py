"""Who reads the bucket where it is mounted: the driver of Mountpoint for S3, and not the pods.

The driver can also use the role of the pod that mounts, which would be narrower; with Pod Identity that has failed in
several versions (awslabs/mountpoint-s3-csi-driver issues 564 and 781, 2026-04). So it reads every model, and a pod sees
the one folder that its volume names: volumes are made by whoever administers the cluster.
"""

from __future__ import annotations

from aws_cdk import aws_eks_v2 as eks
from constructs import Construct

from ai_on_eks.aws.model_store import ModelStore
from ai_on_eks.aws.pod_identity import pod_identity_role

DRIVER_NAMESPACE = "kube-system"

DRIVER_SERVICE_ACCOUNTS = ("s3-csi-driver-controller-sa", "s3-csi-driver-sa")
"""Version 2 has two: the node's part, and the controller that starts the pods in which Mountpoint runs. With only one
of them mounts are refused credentials (chart 2.7, serviceAccount.name of controller and node, 2026-11)."""


class BucketMountIdentity(Construct):
    """Read access to every model for both parts of the driver."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's name
        *,
        store: ModelStore,
        cluster: eks.ICluster,
    ) -> None:
        super().__init__(scope, id)
        for account in DRIVER_SERVICE_ACCOUNTS:
            role = pod_identity_role(
                self, f"{account}-role", cluster=cluster, namespace=DRIVER_NAMESPACE, service_account=account
            )
            store.grant_read_all(role)
            eks.CfnPodIdentityAssociation(
                self,
                account,
                cluster_name=cluster.cluster_name,
                namespace=DRIVER_NAMESPACE,
                service_account=account,
                role_arn=role.role_arn,
            )
