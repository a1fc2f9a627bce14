"""Which EKS add-ons a platform has, as plain data. Imports no CDK.

Two groups, because of what waits for what:

    control plane -> node_addons -> nodes become ready -> cluster_addons become active

A node without a network plugin never becomes ready, and CoreDNS without a node never becomes active; in one group
CloudFormation would wait for ever in one direction or the other. What nodes bring themselves is in neither.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct, field
from msgspec.structs import replace

from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.descriptors.platform_monitoring import MonitoringKind
from ai_on_eks.errors import Problem
from ai_on_eks.placement.node_owners import nodes_bring_add_on


class Permission(Struct, frozen=True):
    """Actions on resources of this account and region; `resource` None where they know none."""

    actions: tuple[str, ...]
    service: str | None = None
    resource: str | None = None


class AddonSpec(Struct, frozen=True):
    """One add-on and the IAM permissions of its service account: one of AWS's policies, or some of our own.

    Without a version EKS installs its default for the cluster's Kubernetes version and keeps it until someone asks for
    another. A version string that is not in EKS's list for that Kubernetes version fails the deployment, and that list
    can only be read with credentials; so a version stands here only where the platform file pins one.
    """

    name: str
    version: str | None = None
    configuration: Mapping[str, object] = field(default_factory=dict)
    service_account: str | None = None
    managed_policy: str | None = None
    permissions: tuple[Permission, ...] = ()


NODE_ADDONS = (
    AddonSpec("eks-pod-identity-agent"),
    AddonSpec("kube-proxy"),
    AddonSpec(
        "vpc-cni",
        # Prefix delegation stays off: it changes how many pods a node takes, and the catalogue's allocatable memory
        # is computed from the interface limit.
        configuration={"enableNetworkPolicy": "true"},
        service_account="aws-node",
        managed_policy="AmazonEKS_CNI_Policy",
    ),
)
"""Sorted so that each add-on stands after what it needs: the CNI reads its credentials from the agent."""

COREDNS = AddonSpec("coredns")
NODE_MONITORING = AddonSpec("eks-node-monitoring-agent")
"""It tells node repair of a broken accelerator; without it only a dead kubelet is noticed."""

METRICS_SERVER = AddonSpec("metrics-server")

VOLUMES = AddonSpec(
    "aws-ebs-csi-driver",  # its node pods tolerate every taint by themselves, and need no metadata service
    service_account="ebs-csi-controller-sa",
    managed_policy="service-role/AmazonEBSCSIDriverPolicy",
)
"""Volumes for what keeps data in the cluster; models keep none."""


FSX_DRIVER = AddonSpec(
    "aws-fsx-csi-driver",
    # Models' nodes are tainted, and a driver that does not run there mounts nothing.
    configuration={"node": {"tolerateAllTaints": True}},
    service_account="fsx-csi-controller-sa",
    # Volumes are static: the controller looks at file systems and makes none, so AmazonFSxFullAccess is not needed.
    permissions=(Permission(("fsx:DescribeFileSystems",)),),
)

EFS_DRIVER = AddonSpec(
    "aws-efs-csi-driver",  # its node pods tolerate every taint by themselves
    service_account="efs-csi-node-sa",
    # For a mount target's address where its name does not resolve (EFS user guide, mount-fs-auto-mount, 2026-11).
    # Access points are ours, so the controller makes none and needs no role.
    permissions=(
        Permission(("elasticfilesystem:DescribeMountTargets",), "elasticfilesystem", "file-system/*"),
        Permission(("ec2:DescribeAvailabilityZones",)),
    ),
)

BUCKET_DRIVER = AddonSpec(
    "aws-mountpoint-s3-csi-driver",
    configuration={"node": {"tolerateAllTaints": True}},
    # Its roles are associations of their own (aws.mountpoint): older versions of the add-on refuse them in it.
)

SECRETS_PROVIDER = AddonSpec("aws-secrets-store-csi-driver-provider")
"""The Secrets Store CSI driver with AWS's provider (EKS add-on since 2025-11). It tolerates no taint, so it runs on
system nodes alone, as do the jobs that mount a secret; it reads with their roles and has none."""


def node_addons(platform: Platform) -> tuple[AddonSpec, ...]:
    """What nodes wait for, in this order; none where nodes bring them."""
    return _needed(NODE_ADDONS, platform)


def cluster_addons(platform: Platform) -> tuple[AddonSpec, ...]:
    """What waits for nodes."""
    wanted = platform.cluster.add_ons
    chosen = (
        (NODE_MONITORING, wanted.node_monitoring),
        (METRICS_SERVER, wanted.metrics_server),
        (FSX_DRIVER, platform.storage.fsx is not None),
        (EFS_DRIVER, platform.storage.efs is not None),
        (BUCKET_DRIVER, platform.storage.s3_mount is not None),
        (VOLUMES, platform.vector_database is not None and not _collects_in_cluster(platform)),
        (SECRETS_PROVIDER, platform.model_store.sync is not None and platform.model_store.sync.hub_token is not None),
    )
    return _needed((COREDNS, *(spec for spec, is_wanted in chosen if is_wanted)), platform)


def monitoring_addons(platform: Platform) -> tuple[AddonSpec, ...]:
    """What the collector of metrics needs; it waits for nodes too."""
    return _needed((VOLUMES,) if _collects_in_cluster(platform) else (), platform)


def _collects_in_cluster(platform: Platform) -> bool:
    return platform.monitoring.kind is MonitoringKind.IN_CLUSTER


def all_addons(platform: Platform) -> tuple[AddonSpec, ...]:
    """Every group."""
    return (*node_addons(platform), *cluster_addons(platform), *monitoring_addons(platform))


def unused_pins(platform: Platform) -> list[Problem]:
    """Versions for add-ons that are not installed: a pin that does nothing is a mistake."""
    names = tuple(spec.name for spec in all_addons(platform))
    return [
        Problem(
            code="add-on-not-installed",
            message=f"{name} is not installed, so its version says nothing",
            path=f"cluster.add_ons.versions.{name}",
            value=name,
            allowed=names,
            fix="remove the line, or turn the add-on on",
        )
        for name in platform.cluster.add_ons.versions
        if name not in names
    ]


def _needed(specs: Iterable[AddonSpec], platform: Platform) -> tuple[AddonSpec, ...]:
    """Those that the strategy's nodes do not bring themselves, with their pinned versions."""
    strategy, versions = platform.capacity.strategy, platform.cluster.add_ons.versions
    return tuple(
        replace(spec, version=versions.get(spec.name)) for spec in specs if not nodes_bring_add_on(strategy, spec.name)
    )
