"""Helm releases in the cluster, through CDK's kubectl provider."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_eks_v2 as eks
from constructs import Construct

from ai_on_eks.aws.helm_release import HelmRelease

INSTALL_TIMEOUT_MINUTES = 10
"""The provider's Lambda ends after 15 minutes. A Helm that waits as long is cut off half way and leaves the release
locked ("pending-upgrade"); five minutes remain to report."""


class InstalledRelease(Construct):
    """A namespace with its labels, then the chart in it.

    Helm does not wait for pods: they need nodes with GPUs, which a deployment may get later than a Lambda lives.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's name
        *,
        release: HelmRelease,
        cluster: eks.ICluster,
    ) -> None:
        super().__init__(scope, id)
        namespace = release.namespace_manifest()
        self.chart = eks.HelmChart(
            self,
            "Resource",
            cluster=cluster,
            release=release.name,
            repository=release.source,
            chart=release.chart,
            version=release.version,
            namespace=release.namespace,
            create_namespace=False,
            values=release.values,
            wait=False,
            timeout=Duration.minutes(INSTALL_TIMEOUT_MINUTES),
        )
        if namespace is not None:
            self.chart.node.add_dependency(
                eks.KubernetesManifest(self, "Namespace", cluster=cluster, manifest=[namespace], overwrite=True)
            )
