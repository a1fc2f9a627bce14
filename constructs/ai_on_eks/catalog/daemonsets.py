"""What DaemonSets take of every node before a model's pod gets anything.

    free for a model = allocatable − Σ over DaemonSets on that node

Placement refuses what does not fit into this and serving requests within it; both read the one table below. The
scheduler itself only counts *requests*, and several of these request nothing: their use is reserved all the same, or
a pod that asks for every remaining byte would push the node into eviction.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from ai_on_eks.catalog.types import InstanceType, Vendor
from ai_on_eks.units import MIB


@dataclass(frozen=True, slots=True)
class DaemonSet:
    """One pod that runs on every node it is meant for.

    cpu_millicores, memory_bytes  the request where there is one, else the use we set aside
    vendor                        None = every node, else only nodes with that vendor's accelerators
    source                        where the figure is published, or `assumption` and its reason
    """

    name: str
    cpu_millicores: int
    memory_bytes: int
    vendor: Vendor | None
    source: str


DAEMONSETS: tuple[DaemonSet, ...] = (
    DaemonSet(
        name="aws-node",
        cpu_millicores=50,
        memory_bytes=128 * MIB,
        vendor=None,
        source="cpu: aws/amazon-vpc-cni-k8s chart, 25m each for aws-node and the network policy agent, 2026-11; "
        "memory: assumption, none is requested",
    ),
    DaemonSet(
        name="kube-proxy",
        cpu_millicores=100,
        memory_bytes=64 * MIB,
        vendor=None,
        source="cpu: EKS add-on default 100m, 2026-11; memory: assumption, none is requested",
    ),
    DaemonSet(
        name="eks-pod-identity-agent",
        cpu_millicores=10,
        memory_bytes=32 * MIB,
        vendor=None,
        source="assumption: aws/eks-pod-identity-agent chart requests nothing, 2026-11",
    ),
    DaemonSet(
        name="eks-node-monitoring-agent",
        cpu_millicores=10,
        memory_bytes=200 * MIB,
        vendor=None,
        source="aws/eks-node-monitoring-agent chart v1.7.0: cpu request 10m; memory is its limit 200Mi, 2026-11",
    ),
    DaemonSet(
        name="dcgm-server",
        cpu_millicores=50,
        memory_bytes=256 * MIB,
        vendor=Vendor.NVIDIA,
        source="assumption: part of eks-node-monitoring-agent, requests nothing, 2026-11",
    ),
    DaemonSet(
        name="nvidia-dcgm-exporter",
        cpu_millicores=100,
        memory_bytes=512 * MIB,
        vendor=Vendor.NVIDIA,
        source="assumption: GPU operator v26.7.0 sets no requests, 2026-11",
    ),
    DaemonSet(
        name="nvidia-device-plugin",
        cpu_millicores=50,
        memory_bytes=128 * MIB,
        vendor=Vendor.NVIDIA,
        source="assumption: GPU operator v26.7.0 sets no requests, 2026-11",
    ),
    DaemonSet(
        name="gpu-feature-discovery",
        cpu_millicores=50,
        memory_bytes=64 * MIB,
        vendor=Vendor.NVIDIA,
        source="assumption: GPU operator v26.7.0 sets no requests, 2026-11",
    ),
    DaemonSet(
        name="nvidia-operator-validator",
        cpu_millicores=10,
        memory_bytes=32 * MIB,
        vendor=Vendor.NVIDIA,
        source="assumption: GPU operator v26.7.0 sets no requests, 2026-11",
    ),
    DaemonSet(
        name="node-feature-discovery-worker",
        cpu_millicores=5,
        memory_bytes=64 * MIB,
        vendor=Vendor.NVIDIA,
        source="kubernetes-sigs/node-feature-discovery chart 0.19.0: requests 5m and 64Mi, 2026-11",
    ),
    DaemonSet(
        name="neuron-device-plugin",
        cpu_millicores=100,
        memory_bytes=128 * MIB,
        vendor=Vendor.NEURON,
        source="assumption: neuron-helm-chart 1.10.0, with the node problem detector beside it, 2026-11",
    ),
)
"""Sorted as they start on a node; order has no meaning."""


def daemonsets_on(instance_type: InstanceType) -> tuple[DaemonSet, ...]:
    """The DaemonSets that run on nodes of this type."""
    return _of_vendor(instance_type.accelerator.vendor if instance_type.accelerator else None)


def reserved_by_daemonsets(instance_type: InstanceType) -> tuple[int, int]:
    """Processor time in millicores and memory in bytes that no model may request on a node of this type."""
    return _reserved(instance_type.accelerator.vendor if instance_type.accelerator else None)


@cache
def _reserved(vendor: Vendor | None) -> tuple[int, int]:
    daemonsets = _of_vendor(vendor)
    return (
        sum(daemonset.cpu_millicores for daemonset in daemonsets),
        sum(daemonset.memory_bytes for daemonset in daemonsets),
    )


def _of_vendor(vendor: Vendor | None) -> tuple[DaemonSet, ...]:
    return tuple(daemonset for daemonset in DAEMONSETS if daemonset.vendor in (None, vendor))
