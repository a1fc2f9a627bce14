"""Nodes as their node group makes them: the labels, the taint, what kubelet and DaemonSets leave."""

from __future__ import annotations

from typing import Any

from ai_on_eks.aws.launch_template import uses_local_disks
from ai_on_eks.aws.node_groups import capacity_spec
from ai_on_eks.catalog.daemonsets import reserved_by_daemonsets
from ai_on_eks.catalog.efa import HUGE_PAGES_BYTES
from ai_on_eks.catalog.taints import CAPACITY_LABEL, MODEL_ROLE, ROLE_LABEL, TAINT_VALUE
from ai_on_eks.kube.scheduling import why_unschedulable
from ai_on_eks.placement.types import CapacityRequest
from ai_on_eks.units import GIB

KUBE_RESERVED_EPHEMERAL_BYTES = GIB
"""What the EKS AMI's kubelet keeps of its disk (amazon-eks-ami, nodeadm: ephemeral-storage 1Gi, 2026-11)."""
DISK_EVICTION_SHARE = 0.1
"""Share of the disk at which the kubelet starts to evict pods (its default, nodefs.available<10%)."""


def why_not_on_planned_node(request: CapacityRequest, pod_spec: dict[str, Any]) -> tuple[str, ...]:
    """Every reason why the pod would not run on an empty node of the request."""
    instance_type = request.instance_type
    spec = capacity_spec(request, request.zones)
    needed_gib = request.root_volume_gib
    disk_bytes = instance_type.local_nvme_bytes if uses_local_disks(instance_type, needed_gib) else needed_gib * GIB
    allocatable: dict[str, str | int] = {
        "cpu": f"{instance_type.allocatable_cpu_millicores}m",
        "memory": instance_type.allocatable_memory_bytes,
        "ephemeral-storage": int(disk_bytes * (1 - DISK_EVICTION_SHARE)) - KUBE_RESERVED_EPHEMERAL_BYTES,
    }
    if request.efa:
        # A node with adapters attached; the pages set aside for them are no memory of pods.
        allocatable["vpc.amazonaws.com/efa"] = instance_type.efa_interfaces
        allocatable["hugepages-2Mi"] = HUGE_PAGES_BYTES
        allocatable["memory"] = instance_type.allocatable_memory_bytes - HUGE_PAGES_BYTES
    if instance_type.accelerator is not None:
        allocatable[instance_type.accelerator.resource_name] = instance_type.accelerator_count
    labels = {
        ROLE_LABEL: MODEL_ROLE,
        CAPACITY_LABEL: spec.pool,
        "node.kubernetes.io/instance-type": instance_type.name,
        "kubernetes.io/os": "linux",
    }
    taints = [{"key": spec.taint_key, "value": TAINT_VALUE, "effect": "NoSchedule"}] if spec.taint_key else []
    millicores, memory_bytes = reserved_by_daemonsets(instance_type)
    reserve: dict[str, str | int] = {"cpu": f"{millicores}m", "memory": memory_bytes}
    return why_unschedulable(pod_spec, allocatable, labels, taints, reserve)
