"""Every Helm release that the nodes of a platform need."""

from __future__ import annotations

from collections.abc import Sequence

from ai_on_eks.aws import efa_chart, neuron_chart
from ai_on_eks.aws.gpu_software import gpu_releases
from ai_on_eks.aws.helm_release import HelmRelease
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.placement.node_owners import nodes_bring_devices
from ai_on_eks.placement.types import CapacityRequest


def node_releases(platform: Platform, requests: Sequence[CapacityRequest]) -> tuple[HelmRelease, ...]:
    """The releases for this capacity, whoever installs them; none for nodes that are not asked for, and none where
    nodes bring drivers and device plugins themselves."""
    if nodes_bring_devices(platform.capacity.strategy):
        return ()
    others = (chart.release(platform, requests) for chart in (efa_chart, neuron_chart) if chart.is_required(requests))
    return (*gpu_releases(platform, requests), *others)
