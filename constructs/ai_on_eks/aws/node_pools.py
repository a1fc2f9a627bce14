"""NodePool (karpenter.sh/v1): which nodes may be started for one capacity request. Karpenter and Auto Mode read it.

    limit of each resource = nodes of the plan × what one node of the type has

A pool names one instance type, for the models' memory and price were computed for it, and never more of it than was
planned: a mistake in a replica count cannot buy accelerators. A replacement may stand beside the node it replaces
for as long as that drains; where none can be had, the old node stays.
"""

from __future__ import annotations

from typing import Any

from ai_on_eks.aws.helm_release import Json
from ai_on_eks.aws.node_groups import NodeGroupSpec
from ai_on_eks.catalog.taints import CAPACITY_LABEL, ROLE_LABEL, TAINT_VALUE
from ai_on_eks.units import MIB

CAPACITY_TYPE_LABEL = "karpenter.sh/capacity-type"
INSTANCE_TYPE_LABEL = "node.kubernetes.io/instance-type"
ZONE_LABEL = "topology.kubernetes.io/zone"
"""Labels that both set and a requirement may name (Karpenter 1.15, scheduling; EKS user guide, create-node-pool)."""

RESERVED = "reserved"

RESERVED_WEIGHT = 10
"""Above 0, which is a pool's own weight: what is paid for already is filled before anything is bought."""

CONSOLIDATE_AFTER = "1h"
"""How long a node stays without a pod, as the EKS user guide has it for GPUs (auto-accelerated, 2026-11): longer than
any model here takes to load, so a restart never gives away a node that may be hard to get again."""

TERMINATION_GRACE = "24h"
"""How long a node that has to go waits for what blocks it, a disruption budget first of all (as above, 2026-11)."""

ONE_AT_A_TIME = [{"nodes": "1"}]


def node_pool(spec: NodeGroupSpec, *, class_reference: Json, expire_after: str) -> Json:
    """The pool of one capacity request. Its class says how a node starts, see the caller."""
    reserved = spec.reservation_id is not None
    return {
        "apiVersion": "karpenter.sh/v1",
        "kind": "NodePool",
        "metadata": {"name": spec.name},
        "spec": {
            **({"weight": RESERVED_WEIGHT} if reserved else {}),
            "limits": _limits(spec),
            "disruption": {
                "consolidationPolicy": "WhenEmpty",
                "consolidateAfter": CONSOLIDATE_AFTER,
                "budgets": ONE_AT_A_TIME,
            },
            "template": {
                "metadata": {"labels": {ROLE_LABEL: spec.role, CAPACITY_LABEL: spec.pool, **spec.labels}},
                "spec": {
                    "nodeClassRef": class_reference,
                    "requirements": [
                        _one_of(CAPACITY_TYPE_LABEL, RESERVED if reserved else spec.capacity_type),
                        _one_of(INSTANCE_TYPE_LABEL, spec.instance_type.name),
                        _one_of(ZONE_LABEL, *spec.zones),
                    ],
                    "taints": [{"key": spec.taint_key, "value": TAINT_VALUE, "effect": "NoSchedule"}],
                    "expireAfter": expire_after,
                    "terminationGracePeriod": TERMINATION_GRACE,
                },
            },
        },
    }


def _one_of(key: str, *values: str) -> Json:
    return {"key": key, "operator": "In", "values": list(values)}


def _limits(spec: NodeGroupSpec) -> dict[str, Any]:
    """As text, which is what the API server makes of a number."""
    kind, nodes = spec.instance_type, spec.most_nodes or spec.nodes
    limits = {"cpu": str(nodes * kind.vcpus), "memory": f"{nodes * kind.memory_bytes // MIB}Mi"}
    if kind.accelerator is not None and kind.shows_accelerator:
        limits[kind.accelerator.resource_name] = str(nodes * kind.accelerator_count)
    return limits
