"""Every Helm release of a platform, whoever installs it. Imports no CDK, so the command line may ask.

    of the platform   what its file asks for, what starts nodes, what the planned nodes need
    of the models     the controllers of the shapes that their pods have, and what scales them
    of the jobs       the queue that admits them

Observers are apart from the rest, because their stack waits for the other ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from ai_on_eks.aws import (
    fine_tune_charts,
    keda_chart,
    kserve_charts,
    kuberay_chart,
    load_balancer_chart,
    lws_chart,
    qdrant_chart,
)
from ai_on_eks.aws.charts import node_releases
from ai_on_eks.aws.helm_release import HelmRelease
from ai_on_eks.aws.karpenter.releases import karpenter_releases
from ai_on_eks.aws.mirror import mirrored
from ai_on_eks.aws.prometheus_chart import release as collector_release
from ai_on_eks.aws.prometheus_chart import remote_write_of, workspace_endpoint
from ai_on_eks.descriptors.platform import CapacityStrategy, Platform
from ai_on_eks.placement.types import CapacityRequest
from ai_on_eks.serving.fine_tune import FineTuneWorkload
from ai_on_eks.serving.types import Workload

CONTROLLER_RELEASES: Mapping[CapacityStrategy, Callable[[Platform], tuple[HelmRelease, ...]]] = {
    CapacityStrategy.KARPENTER: karpenter_releases
}


class Needs(Struct, frozen=True):
    """What releases follow from: the platform file, and what is planned and rendered on it."""

    platform: Platform
    requests: Sequence[CapacityRequest]
    workloads: Sequence[Workload]
    jobs: Sequence[FineTuneWorkload] = ()


def helm_releases(needs: Needs) -> tuple[HelmRelease, ...]:
    """The releases beside the observers, from the mirror if any."""
    platform, workloads = needs.platform, needs.workloads
    groups = (lws_chart.release(),) if lws_chart.is_required(workloads) else ()
    shapes = kserve_charts.releases(workloads)
    clusters = (kuberay_chart.release(),) if kuberay_chart.is_required(workloads) else ()
    trainers = fine_tune_charts.releases() if fine_tune_charts.is_required(needs.jobs) else ()
    gateways = (load_balancer_chart.release(platform),) if platform.gateway.has_load_balancer else ()
    nodes = (*controller_releases(platform), *node_releases(platform, needs.requests))
    releases = (*nodes, *groups, *shapes, *clusters, *trainers, *gateways, *qdrant_chart.releases(platform))
    return tuple(_from_mirror(release, platform) for release in releases)


def controller_releases(platform: Platform) -> tuple[HelmRelease, ...]:
    """The releases of what starts nodes; none where that is part of AWS."""
    makers = (CONTROLLER_RELEASES.get(strategy) for strategy in platform.capacity.strategies)
    return tuple(release for make in makers if make for release in make(platform))


def collectors(platform: Platform) -> tuple[HelmRelease, ...]:
    """The release that collects metrics, where one is asked for. Where it sends to a workspace that CDK makes, only
    the observability stack knows that one."""
    existing = platform.monitoring.existing_workspace
    url = None if existing is None else remote_write_of(workspace_endpoint(platform.region, existing))
    return (collector_release(platform, url),) if platform.monitoring.is_on else ()


def scaler(needs: Needs) -> HelmRelease | None:
    """The release that scales models by collected metrics, where one of them is."""
    if not keda_chart.is_required(needs.workloads):
        return None
    return _from_mirror(keda_chart.release(needs.platform), needs.platform)


def observers(needs: Needs) -> tuple[HelmRelease, ...]:
    """Every release of the observability stack."""
    scaling = scaler(needs)
    return (*collectors(needs.platform), *(() if scaling is None else (scaling,)))


def _from_mirror(release: HelmRelease, platform: Platform) -> HelmRelease:
    mirror = platform.image_mirror
    return release if mirror is None else mirrored(release, mirror)
