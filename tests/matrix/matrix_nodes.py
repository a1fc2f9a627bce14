"""Nodes as each strategy starts them: its labels and taints, what kubelet and DaemonSets leave, claimable devices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from matrix_models import Planned

from ai_on_eks.aws.launch_template import uses_local_disks
from ai_on_eks.aws.node_groups import NodeGroupSpec, system_spec
from ai_on_eks.catalog.daemonsets import daemonsets_on, reserved_by_daemonsets
from ai_on_eks.catalog.efa import HUGE_PAGES_BYTES
from ai_on_eks.catalog.schedulers import NEURON_SCHEDULER
from ai_on_eks.catalog.taints import CAPACITY_LABEL, ROLE_LABEL, TAINT_VALUE
from ai_on_eks.catalog.types import Vendor
from ai_on_eks.descriptors.platform import CapacityStrategy, GpuSoftware
from ai_on_eks.kube.cluster_scheduling import DEFAULT_SCHEDULER, Cluster, Node
from ai_on_eks.serving.claims import GPU_CLASS
from ai_on_eks.serving.types import Json
from ai_on_eks.units import GIB

KUBE_RESERVED_EPHEMERAL_BYTES = GIB
"""What the EKS AMI's kubelet keeps of its disk (amazon-eks-ami, nodeadm: ephemeral-storage 1Gi, 2026-11)."""
DISK_EVICTION_SHARE = 0.1
"""Share of the disk at which the kubelet starts to evict pods (its default, nodefs.available<10%)."""


def cluster_of(planned: Planned, strategy: CapacityStrategy) -> Cluster:
    """Exactly the nodes that the plan buys, with the volumes and priorities of its objects."""
    objects = [one for file in planned.manifests().values() for one in file]
    has_neuron = any(_vendor(spec) is Vendor.NEURON for spec in planned.specs)
    brings_scheduler = has_neuron and strategy is not CapacityStrategy.AUTO_MODE
    return Cluster(
        nodes=tuple(node for spec in planned.specs for node in _nodes(spec, planned, strategy)),
        volumes=_volumes(objects),
        priorities={one["metadata"]["name"]: one["value"] for one in objects if one["kind"] == "PriorityClass"},
        schedulers=frozenset({DEFAULT_SCHEDULER, *([NEURON_SCHEDULER] if brings_scheduler else [])}),
    )


def system_cluster(planned: Planned) -> Cluster:
    """The nodes of cluster services, where models never run and their jobs do."""
    platform = planned.platform.platform
    nodes = platform.capacity.system_nodes
    kind = planned.platform.catalog.instance_type(nodes.instance_type)
    spec = system_spec(kind, nodes.count, platform.network.availability_zones, platform.capacity.operating_system)
    return Cluster(tuple(_nodes(spec, planned, CapacityStrategy.MANAGED_NODE_GROUPS)))


def _vendor(spec: NodeGroupSpec) -> Vendor | None:
    accelerator = spec.instance_type.accelerator
    return None if accelerator is None else accelerator.vendor


def _volumes(objects: Sequence[Json]) -> dict[tuple[str, str], Json | None]:
    volumes = {one["metadata"]["name"]: one for one in objects if one["kind"] == "PersistentVolume"}
    return {
        (one["metadata"]["namespace"], one["metadata"]["name"]): volumes[one["spec"]["volumeName"]]
        for one in objects
        if one["kind"] == "PersistentVolumeClaim"
    }


def _nodes(spec: NodeGroupSpec, planned: Planned, strategy: CapacityStrategy) -> Iterator[Node]:
    labels, taints = _managed(spec) if strategy is CapacityStrategy.MANAGED_NODE_GROUPS else _pooled(spec, planned)
    kind = spec.instance_type
    platform = planned.platform.platform
    claimed = platform.capacity.gpu_software is GpuSoftware.DRA_DRIVER and _vendor(spec) is Vendor.NVIDIA
    for number in range(spec.nodes):
        name = f"{spec.name}-{number}"
        yield Node(
            name=name,
            labels={
                **labels,
                "kubernetes.io/arch": {"x86_64": "amd64"}.get(kind.architecture, kind.architecture),
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "node.kubernetes.io/instance-type": kind.name,
                "topology.kubernetes.io/region": platform.region,
                "topology.kubernetes.io/zone": spec.zones[number % len(spec.zones)],
            },
            taints=taints,
            free=_free(spec, claimed=claimed),
            devices={GPU_CLASS: kind.accelerator_count} if claimed else {},
        )


def _managed(spec: NodeGroupSpec) -> tuple[Mapping[str, str], list[dict[str, str]]]:
    """As in `aws.node_groups.NodeGroup`, which the stacks' tests hold against the template."""
    labels = {
        ROLE_LABEL: spec.role,
        CAPACITY_LABEL: spec.pool,
        "eks.amazonaws.com/nodegroup": spec.name,
        "eks.amazonaws.com/capacityType": spec.capacity_type.upper().replace("-", "_"),
        **spec.labels,
    }
    taints = [] if spec.taint_key is None else [{"key": spec.taint_key, "value": TAINT_VALUE, "effect": "NoSchedule"}]
    return labels, taints


def _pooled(spec: NodeGroupSpec, planned: Planned) -> tuple[Mapping[str, str], list[dict[str, str]]]:
    """As the rendered NodePool says: it starts this type in these zones and no more nodes than its limits hold."""
    pool = planned.node_objects[f"NodePool-{spec.name}"]["spec"]
    template = pool["template"]
    required = {one["key"]: one["values"] for one in template["spec"]["requirements"]}
    assert required["node.kubernetes.io/instance-type"] == [spec.instance_type.name]
    assert required["topology.kubernetes.io/zone"] == list(spec.zones)
    assert int(pool["limits"]["cpu"]) >= spec.nodes * spec.instance_type.vcpus
    labels = {
        **template["metadata"]["labels"],
        "karpenter.sh/capacity-type": required["karpenter.sh/capacity-type"][0],
        "karpenter.sh/nodepool": spec.name,
    }
    return labels, template["spec"]["taints"]


def _free(spec: NodeGroupSpec, *, claimed: bool) -> dict[str, str | int]:
    kind = spec.instance_type
    millicores, memory_bytes = reserved_by_daemonsets(kind)
    local = uses_local_disks(kind, spec.root_volume_gib)
    disk_bytes = kind.local_nvme_bytes if local else spec.root_volume_gib * GIB
    free: dict[str, str | int] = {
        "cpu": f"{kind.allocatable_cpu_millicores - millicores}m",
        "memory": kind.allocatable_memory_bytes - memory_bytes,
        "ephemeral-storage": int(disk_bytes * (1 - DISK_EVICTION_SHARE)) - KUBE_RESERVED_EPHEMERAL_BYTES,
        "pods": kind.max_pods - len(daemonsets_on(kind)),
    }
    if spec.efa:
        free["vpc.amazonaws.com/efa"] = kind.efa_interfaces
        free["hugepages-2Mi"] = HUGE_PAGES_BYTES
        free["memory"] = kind.allocatable_memory_bytes - memory_bytes - HUGE_PAGES_BYTES
    if kind.accelerator is not None and not claimed:
        parts = 1 if spec.partition is None else spec.partition.parts
        free[kind.accelerator.resource_name] = kind.accelerator_count * parts
    return free
