"""What a pipeline releases to one platform: the platform first, the objects in its cluster in a stage of their own.

A stage of CDK shares no tokens with another one, so what the models need of the platform goes by exports whose names
are fixed. CloudFormation then refuses to change such a value while a stack of the models uses it.
"""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import CfnOutput, Environment, Fn
from aws_cdk import aws_eks_v2 as eks
from constructs import Construct
from msgspec import Struct
from msgspec.structs import replace

from ai_on_eks.aws.verifier import ClusterVerifier
from ai_on_eks.descriptors.platform import DeliveryMode, Platform
from ai_on_eks.serving.storage import StorageAddresses
from stacks.application import (
    ChartRenderer,
    Deployment,
    PlatformStacks,
    add_platform_stacks,
    add_serving_stack,
)
from stacks.base import PlatformStack

SERVICE_TOKEN = "KubectlServiceToken"  # noqa: S105 - the ARN of a function


class Trust(Struct, frozen=True):
    """Who may look into the cluster after a release."""

    account: str
    role_arn: str


class PlatformStage(cdk.Stage):
    """Everything but the objects in the cluster."""

    def __init__(self, scope: Construct, stage: str, *, deployment: Deployment, verifier: Trust | None) -> None:
        platform = deployment.platform
        super().__init__(scope, f"{stage}-platform", env=_environment(platform))
        stacks = add_platform_stacks(self, deployment)
        applied = platform.delivery.mode is DeliveryMode.APPLY
        self.addresses = _handed_over(stacks, platform) if applied else stacks.addresses
        """Where the weights lie, as the models' stage imports it."""
        if verifier is not None:
            VerificationStack(self, platform=platform, cluster=stacks.cluster.cluster, trust=verifier)


class ModelsStage(cdk.Stage):
    """The objects in the cluster that another stage has made."""

    def __init__(
        self,
        scope: Construct,
        stage: str,
        *,
        platform: Platform,
        addresses: StorageAddresses,
        render_charts: ChartRenderer,
    ) -> None:
        super().__init__(scope, f"{stage}-models", env=_environment(platform))
        add_serving_stack(self, platform, render_charts(addresses), lambda stack: _imported_cluster(stack, platform))


class VerificationStack(PlatformStack):
    """Who may look into the cluster."""

    def __init__(self, scope: Construct, *, platform: Platform, cluster: eks.ICluster, trust: Trust) -> None:
        super().__init__(
            scope, "verification", platform=platform, description="Verifies the AI platform", keeps_data=False
        )
        ClusterVerifier(
            self,
            "Verifier",
            cluster=cluster,
            platform_name=platform.name,
            trusted_account=trust.account,
            trusted_role_arn=trust.role_arn,
        )


def _environment(platform: Platform) -> Environment:
    return Environment(account=platform.account, region=platform.region)


def _handed_over(stacks: PlatformStacks, platform: Platform) -> StorageAddresses:
    """The addresses as imports of what is exported here, with the function that applies objects."""

    def exported(stack: PlatformStack, name: str, value: str) -> str:
        export_name = f"{platform.name}-{name}"
        CfnOutput(stack, f"Release{name}", value=value, export_name=export_name)
        return Fn.import_value(export_name)

    cluster, storage, found = stacks.cluster, stacks.storage, stacks.addresses
    provider = eks.KubectlProvider.get_kubectl_provider(cluster, cluster.cluster)
    if provider is not None:
        exported(cluster, SERVICE_TOKEN, provider.service_token)
    if found.bucket is not None:
        found = replace(found, bucket=exported(storage, "Bucket", found.bucket))
    if found.fsx is not None:
        fsx = replace(
            found.fsx,
            file_system_id=exported(storage, "LustreId", found.fsx.file_system_id),
            dns_name=exported(storage, "LustreDnsName", found.fsx.dns_name),
            mount_name=exported(storage, "LustreMountName", found.fsx.mount_name),
        )
        found = replace(found, fsx=fsx)
    if found.efs is not None:
        points = found.efs.access_points.items()
        efs = replace(
            found.efs,
            file_system_id=exported(storage, "EfsId", found.efs.file_system_id),
            access_points={name: exported(storage, f"EfsAccessPoint-{name}", point) for name, point in points},
        )
        found = replace(found, efs=efs)
    if found.metrics is not None and stacks.observability is not None:
        found = replace(found, metrics=exported(stacks.observability, "Metrics", found.metrics))
    return found


def _imported_cluster(stack: Construct, platform: Platform) -> eks.ICluster:
    provider = eks.KubectlProvider.from_kubectl_provider_attributes(
        stack, "Kubectl", service_token=Fn.import_value(f"{platform.name}-{SERVICE_TOKEN}")
    )
    return eks.Cluster.from_cluster_attributes(stack, "Cluster", cluster_name=platform.name, kubectl_provider=provider)
