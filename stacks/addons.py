"""The add-ons stack."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import aws_eks_v2 as eks
from constructs import Construct

from ai_on_eks.aws.addon_specs import cluster_addons
from ai_on_eks.aws.addons import ClusterAddons
from ai_on_eks.aws.helm import InstalledRelease
from ai_on_eks.aws.helm_release import HelmRelease
from ai_on_eks.aws.load_balancer_chart import CHART as LOAD_BALANCER_CHART
from ai_on_eks.aws.load_balancer_role import admit_controller
from ai_on_eks.descriptors.platform import DeliveryMode, Platform
from stacks.base import PlatformStack


def needs_addons(platform: Platform, releases: Sequence[HelmRelease]) -> bool:
    """Whether anything would be in the stack: CloudFormation takes no empty one."""
    applied = releases if platform.delivery.mode is DeliveryMode.APPLY else ()
    return bool(applied or cluster_addons(platform) or platform.gateway.has_load_balancer)


class AddonsStack(PlatformStack):
    """What runs on nodes and is no model: DNS, health reports, and in `apply` mode the Helm releases."""

    def __init__(
        self, scope: Construct, *, platform: Platform, cluster: eks.ICluster, releases: Sequence[HelmRelease]
    ) -> None:
        super().__init__(
            scope, "addons", platform=platform, description="Cluster services of the AI platform", keeps_data=False
        )
        ClusterAddons(self, "ClusterAddons", cluster=cluster, platform=platform)
        admitted = None
        if platform.gateway.has_load_balancer:
            admitted = admit_controller(self, cluster=cluster, name=platform.name)
        if platform.delivery.mode is DeliveryMode.APPLY:
            installed = {
                release.name: InstalledRelease(self, release.name, release=release, cluster=cluster)
                for release in releases
            }
            for release in releases:
                installed[release.name].node.add_dependency(*(installed[name] for name in release.after))
            if admitted is not None:
                # A pod that starts before its association never gets its credentials.
                installed[LOAD_BALANCER_CHART].node.add_dependency(admitted)
