"""How long an engine takes from the start of its container to its first answer.

    seconds = process + bytes to read ÷ slowest link + warm-up
    failureThreshold = ⌈margin × seconds ÷ period⌉

Pulling the image and copying weights in an init container come before the container starts: the startup probe does
not run yet, so they are not in here (the rollout's deadline covers them).
"""

from __future__ import annotations

from math import ceil

from ai_on_eks.serving.replica import Replica
from ai_on_eks.units import MIB

PERIOD_SECONDS = 10
"""Time between two startup probes: how much later than necessary a ready engine is noticed."""

MARGIN = 3.0
"""Assumption: three times the estimate. Too small kills an engine that is still loading, over and over; too large only
delays the restart of one that hangs, which is rare."""

NETWORK_SHARE = 0.8
"""Of the instance's baseline bandwidth when reading from S3 (83 % measured on g6e.4xlarge; EKS user guide,
ml-inference-fast-model-loading, 2026-11)."""

DISK_BYTES_PER_SECOND = 125 * MIB
"""A gp3 root volume as it comes, read or written (docs.aws.amazon.com/ebs, general purpose volumes, 2026-11)."""

HUB_BYTES_PER_SECOND = 100_000_000
"""Assumption: one pod downloading from the hub through a NAT gateway, 100 MB/s. It throttles; nothing is promised."""


def network_bytes_per_second(replica: Replica) -> float:
    """S3 to one replica; replicas on one node start together and share its network.

    Of a type with several network cards only the first carries it: managed nodes have interfaces on no other, and what
    a published 3,200 Gbit/s adds to the first card's 100 is for EFA alone.
    """
    placement = replica.placement
    instance_type = placement.instance_type
    card_gbps = instance_type.network_gbps / max(1, instance_type.network_cards)
    node_bytes_per_second = NETWORK_SHARE * card_gbps * 1e9 / 8
    return node_bytes_per_second / placement.replicas_per_node


def disk_bytes_per_second(replica: Replica) -> float:
    """Root volume to one replica."""
    return DISK_BYTES_PER_SECOND / replica.placement.replicas_per_node


def hub_bytes_per_second(replica: Replica) -> float:
    """Hub to the disk of one replica."""
    return min(HUB_BYTES_PER_SECOND, network_bytes_per_second(replica), disk_bytes_per_second(replica))


def failure_threshold(start_seconds: float) -> int:
    """Failed startup probes after which the kubelet gives up."""
    return max(1, ceil(MARGIN * start_seconds / PERIOD_SECONDS))
