"""The whole platform as one CDK app: which stacks there are and what waits for what.

`app.py` and the tests compose through here, so what is tested is what is deployed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aws_cdk import App
from constructs import Construct
from msgspec import Struct
from msgspec.structs import replace

from ai_on_eks.aws import qdrant_chart
from ai_on_eks.aws.addon_specs import all_addons
from ai_on_eks.aws.deployable import check_deployable
from ai_on_eks.aws.helm_release import HelmRelease, Json
from ai_on_eks.aws.lustre_readers import check_readers, lustre_readers
from ai_on_eks.aws.model_nodes import model_specs
from ai_on_eks.aws.node_groups import NodeGroupSpec
from ai_on_eks.aws.node_placement import placed_spec
from ai_on_eks.aws.node_strategies import node_objects, waiting_pools
from ai_on_eks.aws.platform_releases import Needs, helm_releases, observers, scaler
from ai_on_eks.catalog.types import InstanceType
from ai_on_eks.catalog.versions import mismatches
from ai_on_eks.descriptors.platform import DeliveryMode, Platform
from ai_on_eks.descriptors.platform_checks import check_platform
from ai_on_eks.descriptors.platform_images import mirror_path
from ai_on_eks.errors import InputError
from ai_on_eks.placement.pool_strategies import unknown_pools
from ai_on_eks.placement.training_capacity import idle_pools
from ai_on_eks.placement.types import CapacityRequest
from ai_on_eks.serving.fine_tune import FineTuneWorkload
from ai_on_eks.serving.storage import UNKNOWN, StorageAddresses
from ai_on_eks.serving.types import Workload
from stacks.addons import AddonsStack, needs_addons
from stacks.base import PlatformStack
from stacks.capacity import CapacityStack
from stacks.cluster import ClusterStack
from stacks.network import NetworkStack
from stacks.serving import ClusterIn, Objects, ServingStack
from stacks.storage import StorageStack

if TYPE_CHECKING:
    from stacks.observability import ObservabilityStack

CDK_JSON = Path(__file__).parent.parent / "cdk.json"


class Charts(Struct, frozen=True):
    """Kubernetes objects by chart, as plain data."""

    nodes: Objects
    platform: Objects
    models: Mapping[str, Objects]
    monitoring: Objects = ()
    queues: Objects = ()
    jobs: Mapping[str, Objects] = {}


ChartRenderer = Callable[[StorageAddresses], Charts]
"""From where the weights lie, whose names may be tokens, to the charts. Stacks know no cdk8s."""


class Deployment(Struct, frozen=True):
    """Everything the stacks are made from.

    addresses  what an earlier deployment made, for the objects that are rendered and not applied
    jobs       that train, on nodes of their own among the requests
    """

    platform: Platform
    system_instance_type: InstanceType
    requests: tuple[CapacityRequest, ...]
    workloads: tuple[Workload, ...]
    addresses: StorageAddresses = UNKNOWN
    jobs: tuple[FineTuneWorkload, ...] = ()

    def helm_releases(self) -> tuple[HelmRelease, ...]:
        """The releases beside the observers, whoever installs them, from the mirror if any."""
        return helm_releases(self._needs)

    @property
    def job_requests(self) -> tuple[CapacityRequest, ...]:
        """Those of the requests that jobs train on."""
        pools = {job.pool for job in self.jobs}
        return tuple(request for request in self.requests if request.pool in pools)

    @property
    def lustre_readers(self) -> frozenset[str]:
        """Models and jobs that mount the platform's Lustre file system."""
        return lustre_readers(self.workloads, self.jobs)

    def node_objects(self, addresses: StorageAddresses) -> dict[str, Json]:
        """Objects by construct id that describe the models' nodes to what starts them."""
        return node_objects(self.platform, self._node_specs(addresses))

    def waiting_pools(self) -> tuple[str, ...]:
        """Pools that are in no rendered file until an earlier deployment has told the names of placement groups."""
        return waiting_pools(self.platform, self._node_specs(self.addresses))

    def _node_specs(self, addresses: StorageAddresses) -> list[NodeGroupSpec]:
        specs = model_specs(self.platform, self.requests, self.lustre_readers)
        return [placed_spec(spec, addresses.placement_groups) for spec in specs]

    def installed(self) -> dict[str, str | None]:
        """What runs in the cluster beside the models: name of add-on or chart to version, None = EKS's default."""
        add_ons = {spec.name: spec.version for spec in all_addons(self.platform)}
        return add_ons | {release.chart: release.version for release in (*self.helm_releases(), *self.observers())}

    def scaler(self) -> HelmRelease | None:
        """The release that scales models by collected metrics, where one of them is."""
        return scaler(self._needs)

    def observers(self) -> tuple[HelmRelease, ...]:
        """Every release of the observability stack."""
        return observers(self._needs)

    @property
    def _needs(self) -> Needs:
        return Needs(self.platform, self.requests, self.workloads, self.jobs)


def app_context(cdk_json: Path = CDK_JSON) -> dict[str, Any]:
    """The feature flags of cdk.json and what the CDK command line makes of its other settings.

    Given to the app itself, so `python app.py` and `cdk synth` write the same templates.

    One flag is not CDK's recommendation: stacks refer to each other by export and import, not by `Fn::GetStackOutput`.
    CloudFormation then refuses a change that would replace the VPC, a subnet or the bucket while another stack uses it,
    before it has touched anything; and it asks for no output once per occurrence, by which many models and node groups
    in one template were throttled (aws-cdk issue 38010, 2026-05).
    """
    settings = json.loads(cdk_json.read_text(encoding="utf-8"))
    return {**settings["context"], "aws:cdk:enable-path-metadata": settings["pathMetadata"]}


def build_app(
    deployment: Deployment, render_charts: ChartRenderer, *, outdir: str | None = None, validate: bool | None = None
) -> App:
    """The app with all its stacks, ready to synthesize.

    `validate=False` turns CDK's built-in template validation off, `None` leaves it to the environment.
    """
    app = App(
        outdir=outdir,
        context=app_context(),
        analytics_reporting=False,
        builtin_cloud_formation_validation=validate,
    )
    add_stacks(app, deployment, render_charts)
    return app


class PlatformStacks(Struct, frozen=True):
    """What models are served on. awaited: the stacks that have to stand before the models come."""

    cluster: ClusterStack
    storage: StorageStack
    observability: ObservabilityStack | None
    addresses: StorageAddresses
    awaited: tuple[PlatformStack, ...]


def add_stacks(app: App, deployment: Deployment, render_charts: ChartRenderer) -> None:
    """Network, cluster, capacity, add-ons, storage and, where CDK applies the objects, serving."""
    stacks = add_platform_stacks(app, deployment)
    if deployment.platform.delivery.mode is DeliveryMode.APPLY:
        serving = add_serving_stack(
            app, deployment.platform, render_charts(stacks.addresses), lambda _: stacks.cluster.cluster
        )
        for stack in stacks.awaited:
            serving.add_stack_dependency(stack)


def add_serving_stack(scope: Construct, platform: Platform, charts: Charts, cluster_in: ClusterIn) -> ServingStack:
    """The objects in the cluster."""
    return ServingStack(
        scope,
        platform=platform,
        cluster_in=cluster_in,
        nodes_chart=charts.nodes,
        platform_chart=charts.platform,
        model_charts=charts.models,
        monitoring_chart=charts.monitoring,
        queues_chart=charts.queues,
        job_charts=charts.jobs,
    )


def add_platform_stacks(scope: Construct, deployment: Deployment) -> PlatformStacks:
    """Everything but the objects in the cluster.

    References alone order most of it; dependencies are named where no reference shows an order.
    """
    platform = deployment.platform
    # check_platform once more: a platform need not come from a file
    problems = [
        *check_platform(platform),
        *unknown_pools(platform.capacity, deployment.requests),
        *idle_pools(platform.capacity, deployment.job_requests),
        *mismatches(platform.cluster.kubernetes_version, deployment.installed()),
    ]
    if problems:
        raise InputError(problems)
    check_deployable(platform)
    qdrant_chart.check_room(platform, deployment.system_instance_type)
    check_readers(platform, deployment.requests, deployment.lustre_readers)
    if platform.image_cache is not None and (prefix := mirror_path(platform.image_mirror or "")) is not None:
        from stacks.registry import RegistryStack  # noqa: PLC0415 - most platforms have none

        RegistryStack(scope, platform=platform, prefix=prefix, cache=platform.image_cache)
    network = NetworkStack(scope, platform=platform)
    cluster = ClusterStack(scope, platform=platform, vpc=network.vpc)
    capacity = CapacityStack(
        scope,
        platform=platform,
        vpc=network.vpc,
        cluster=cluster.cluster,
        system_instance_type=deployment.system_instance_type,
        requests=deployment.requests,
        lustre_readers=deployment.lustre_readers,
    )
    storage = StorageStack(
        scope,
        platform=platform,
        vpc=network.vpc,
        cluster=cluster.cluster,
        workloads=deployment.workloads,
        jobs=deployment.jobs,
    )
    releases = deployment.helm_releases()
    services: PlatformStack = capacity  # what the models wait for, where nodes bring everything else themselves
    if needs_addons(platform, releases):
        services = AddonsStack(scope, platform=platform, cluster=cluster.cluster, releases=releases)
        services.add_stack_dependency(capacity)
        if platform.storage.s3_mount is not None:
            # a driver's pod that starts before its association never gets its credentials
            services.add_stack_dependency(storage)
    capacity.add_stack_dependency(cluster)
    observability = None
    if platform.monitoring.is_on or platform.budget is not None:
        # Here, because its services' modules take a tenth of a second that most platforms have no use for.
        from stacks.observability import ObservabilityStack  # noqa: PLC0415

        observability = ObservabilityStack(
            scope,
            platform=platform,
            cluster=cluster.cluster,
            workloads=deployment.workloads,
            scaler=deployment.scaler(),
        )
        observability.add_stack_dependency(services)
    gitops = platform.delivery.gitops
    if gitops is not None and gitops.managed_argo_cd is not None:
        from stacks.gitops import GitOpsStack  # noqa: PLC0415 - as above

        GitOpsStack(
            scope, platform=platform, cluster=cluster.cluster, settings=gitops.managed_argo_cd
        ).add_stack_dependency(services)
    return PlatformStacks(
        cluster=cluster,
        storage=storage,
        observability=observability,
        addresses=replace(
            storage.addresses,
            metrics=None if observability is None else observability.query_address,
            placement_groups=capacity.placement_groups,
        ),
        awaited=(services, storage, *(() if observability is None else (observability,))),
    )
