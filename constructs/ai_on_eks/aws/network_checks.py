"""What AWS takes of a network: ranges with room for nodes, and zones that the control plane can stand in."""

from __future__ import annotations

from ipaddress import IPv4Network

from ai_on_eks.descriptors.platform_network import Network
from ai_on_eks.errors import InputError, Problem

PRIVATE_BITS = 3
"""Of the range of the nodes: eight slots."""

ZONES_LAID_OUT = 6
"""us-east-1 has six zones, more than any other region (EC2, 2026-11)."""

SMALLEST_NODE_RANGE_PREFIX = 17
"""Six slots of a /17 are /20, which hold 4,091 addresses each. The VPC CNI gives every pod one and keeps a warm
interface's worth per node, and a node with EFA takes one per network card: smaller subnets run dry in the middle of a
rollout."""

LARGEST_VPC_PREFIX = 16
"""EC2 makes no VPC larger than a /16 (VPC user guide, "VPC CIDR blocks", 2026-11)."""

ZONES_WITHOUT_CONTROL_PLANE = ("use1-az3", "usw1-az2", "cac1-az3")
"""Zones whose subnets EKS does not take for a cluster (EKS user guide, network-reqs, subnet requirements, 2026-11)."""


def check_network(network: Network) -> None:
    """Raise InputError with everything that no template checker finds. The loader has checked the ranges' form."""
    problems = [*_range(network), *_zones(network)]
    if problems:
        raise InputError(problems)


def _range(network: Network) -> list[Problem]:
    """A new VPC only: how large the subnets of an existing one are cannot be seen from here."""
    if network.existing_vpc is not None:
        return []
    path = "network.cidr" if network.secondary_cidr is None else "network.secondary_cidr"
    (cidr,) = network.node_ranges
    block = IPv4Network(cidr)
    if LARGEST_VPC_PREFIX <= block.prefixlen <= SMALLEST_NODE_RANGE_PREFIX:
        return []
    nodes_prefix = block.prefixlen + PRIVATE_BITS
    return [
        Problem(
            code="network-cidr-size",
            message=f"a /{block.prefixlen} gives node subnets of /{nodes_prefix}; nodes need /20 or larger",
            path=path,
            value=cidr,
            allowed=tuple(f"/{prefix}" for prefix in range(LARGEST_VPC_PREFIX, SMALLEST_NODE_RANGE_PREFIX + 1)),
            fix=f"use {block.network_address}/{LARGEST_VPC_PREFIX}, or add network.secondary_cidr: 100.64.0.0/16",
        )
    ]


def _zones(network: Network) -> list[Problem]:
    return [
        Problem(
            code="zone-without-control-plane",
            message=f"EKS takes no control plane in {zone_id}",
            path=f"network.zone_ids.{zone}",
            value=zone_id,
            fix=f"use another zone than {zone}",
        )
        for zone, zone_id in network.zone_ids.items()
        if zone_id in ZONES_WITHOUT_CONTROL_PLANE
    ]
