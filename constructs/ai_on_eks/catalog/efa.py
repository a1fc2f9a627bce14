"""Where the network interfaces of a node with Elastic Fabric Adapters lie on its cards.

    card 0 device 0   the node's own interface, with its address            interface
    card 0 device 1   an adapter, where as many cards carry one as there are  efa-only
    card n device 0   an adapter                                             efa-only

An `efa-only` interface takes no address of the subnet; the first cannot be one. Where there is one adapter less than
cards (p6-b300) the card without is the first (EC2 user guide, efa-acc-inst-types, 2026-11).
"""

from __future__ import annotations

from typing import NamedTuple

from ai_on_eks.catalog.types import InstanceType
from ai_on_eks.errors import InputError, Problem
from ai_on_eks.units import MIB

ADAPTER = "efa-only"
OWN = "interface"

HUGE_PAGES = 5128
"""Of 2 MiB, on a node with adapters: as many as Amazon Linux's image reserves of itself (EKS user guide, node-efa,
2026-11). libfabric takes its buffers from them."""

HUGE_PAGES_BYTES = HUGE_PAGES * 2 * MIB
"""Taken from the memory that the kubelet offers to pods otherwise."""


class Interface(NamedTuple):
    """One network interface, in EC2's words."""

    card: int
    device: int
    kind: str


def efa_interfaces(instance_type: InstanceType) -> tuple[Interface, ...]:
    """Every interface of a node with all its adapters. InputError for a type that has none, or whose cards are not
    known."""
    cards, adapters = instance_type.network_cards, instance_type.efa_interfaces
    if adapters == 0:
        raise _problem(instance_type, "has no Elastic Fabric Adapter")
    if cards - adapters not in (0, 1):
        raise _problem(instance_type, f"has {adapters} adapters, and on which of its cards is not known")
    first = cards - adapters
    placed = (Interface(card, 1 if card == 0 else 0, ADAPTER) for card in range(first, cards))
    return (Interface(0, 0, OWN), *placed)


def _problem(instance_type: InstanceType, reason: str) -> InputError:
    return InputError(
        Problem(
            code="efa-not-possible",
            message=f"{instance_type.name} {reason}, and replicas on it span nodes",
            path="constraints.instance_families",
            value=instance_type.name,
            fix="choose a type for which `ai-on-eks catalog show` names EFA interfaces",
        )
    )
