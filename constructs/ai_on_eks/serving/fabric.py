"""Elastic Fabric Adapter: what every pod of a replica needs so that its ranks reach those on other nodes.

    adapters    all of the node: a pod takes all of its accelerators, and each is near adapters of its own
    huge pages  for libfabric's buffers: of 5,128 pages of 2 MiB that the node's image sets aside a pod asks for half
    variables   the provider, named: without it libfabric may choose TCP and nobody notices

All of it belongs together and to leader and workers alike; a pod without it joins by TCP, or not at all.

No capability is added. IPC_LOCK is in many examples, and does nothing for a process of another user than root: it is
permitted and never effective, since Kubernetes sets no ambient capabilities (kubernetes/kubernetes#56374). How much
memory may be locked is a limit of the node's container runtime.
"""

from __future__ import annotations

from collections.abc import Mapping

from ai_on_eks.catalog.types import InstanceType
from ai_on_eks.serving.quantities import bytes_quantity
from ai_on_eks.units import MIB

EFA_RESOURCE = "vpc.amazonaws.com/efa"
HUGE_PAGES_RESOURCE = "hugepages-2Mi"
HUGE_PAGES_BYTES = 5120 * MIB
"""What AWS' own examples ask for (aws-do-eks; EKS user guide, node-efa, 2026-11)."""

REMOTE_MEMORY_LINKS = frozenset({"NVSwitch"})
"""Types whose devices are joined by these have adapters that read another node's device memory (EC2 user guide, efa,
supported instance types, 2026-11); libfabric ends where it is told to and cannot."""

SOCKETS: Mapping[str, str] = {"GLOO_SOCKET_IFNAME": "eth0", "NCCL_SOCKET_IFNAME": "eth0"}
"""Ranks find each other over the pod's own interface; left alone they take the first they see."""


def adapters(instance_type: InstanceType, nodes: int) -> int:
    """That each pod of a group on so many nodes has; 0 on one node, and where the type has none."""
    return instance_type.efa_interfaces if nodes > 1 else 0


def fabric_resources(instance_type: InstanceType, nodes: int) -> Mapping[str, str]:
    """Extended resources, whose limits equal their requests."""
    count = adapters(instance_type, nodes)
    return {EFA_RESOURCE: str(count), HUGE_PAGES_RESOURCE: bytes_quantity(HUGE_PAGES_BYTES)} if count else {}


def group_environment(instance_type: InstanceType, nodes: int) -> Mapping[str, str]:
    """Variables of every pod of a group that spans nodes; none for others."""
    if nodes == 1:
        return {}
    if not adapters(instance_type, nodes):
        return SOCKETS
    accelerator = instance_type.accelerator
    reads_memory = accelerator is not None and accelerator.link in REMOTE_MEMORY_LINKS
    remote = {"FI_EFA_USE_DEVICE_RDMA": "1"} if reads_memory else {}
    return {**SOCKETS, "FI_EFA_FORK_SAFE": "1", "FI_PROVIDER": "efa", **remote}
