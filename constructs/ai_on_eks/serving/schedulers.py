"""Which scheduler places the pods of a placement, given who brings the node's device plugin.

Where a chart of ours brings it, a second scheduler with Neuron's extension comes along, and every pod with Neuron
devices goes through it. Nodes of EKS Auto Mode bring the plugin without the extension: devices that belong together
are then certain to be found only where a pod takes one or all of a node.
"""

from __future__ import annotations

from ai_on_eks.catalog.schedulers import scheduler_name
from ai_on_eks.descriptors.platform import CapacityStrategy
from ai_on_eks.errors import InputError, Problem
from ai_on_eks.placement.node_owners import nodes_bring_devices
from ai_on_eks.placement.types import Placement


def scheduler_of(placement: Placement, strategy: CapacityStrategy) -> str | None:
    """`schedulerName` of the pods, None = the cluster's own; InputError where none can place them for certain."""
    wanted = scheduler_name(placement.instance_type)
    if wanted is None or not nodes_bring_devices(strategy):
        return wanted
    devices = placement.accelerators_per_replica // placement.nodes_per_replica
    if devices in (1, placement.instance_type.accelerator_count):
        return None
    raise InputError(
        Problem(
            code="auto-mode-neuron-part",
            message=f"a replica takes {devices} of the {placement.instance_type.accelerator_count} Neuron devices of "
            f"{placement.instance_type.name}, and EKS Auto Mode has no scheduler that keeps joined devices together",
            path="capacity.strategy",
            value=strategy.value,
            fix="set capacity.strategy to karpenter or managed-node-groups",
        )
    )
