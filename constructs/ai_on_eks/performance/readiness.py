"""How long a replica takes from the start of its node to its first answer.

    node      = boot and join
    image     = bytes of the image on disk ÷ (pull and unpack, at most what the root volume writes)
    staging   = weights ÷ slowest of source, network and disk        where they are copied to the node first
    process   = importing the engine's libraries, opening the devices
    weights   = weights ÷ slowest of source and network, or of disk where they were staged
    warm-up   = compiling and capturing graphs

From the container's start on, which is what a startup probe waits for, it is process + weights + warm-up. Replicas on
one node start together and share its network and disk.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from ai_on_eks.catalog.types import InstanceType
from ai_on_eks.units import MIB

NODE_SECONDS = 45.0
"""From the instance's start to a node that takes pods: 30 to 60 s (EKS user guide, ml-inference-fast-image-pull, 2026:
30 s on g6e.4xlarge)."""

NETWORK_SHARE = 0.8
"""Of the instance's baseline bandwidth when reading from S3 (83 % measured on g6e.4xlarge; EKS user guide,
ml-inference-fast-model-loading, 2026-11)."""

DISK_BYTES_PER_SECOND = 125 * MIB
"""A gp3 root volume as it comes, read or written (docs.aws.amazon.com/ebs, general purpose volumes, 2026-11)."""

LOCAL_DISK_BYTES_PER_SECOND = 1_000_000_000
"""One instance store volume, read or written: 1 to 2 GB/s on a single disk of G5 and G6; more on several (2026-11)."""

IMAGE_BYTES_PER_SECOND = 150_000_000
"""Unpacked bytes per second of pulling and unpacking one layer after the other: a third of the 0.46 GB/s that parallel
pulling reached (22 GB unpacked in 48 s on g6e.4xlarge; EKS user guide, ml-inference-fast-image-pull, 2026)."""

PARALLEL_IMAGE_BYTES_PER_SECOND = 460_000_000
"""The same with parallel pulling (SOCI), which needs a fast root volume."""

HUB_BYTES_PER_SECOND = 100_000_000
"""Assumption: one pod downloading from the hub through a NAT gateway, 100 MB/s. It throttles; nothing is promised."""

EFS_BYTES_PER_SECOND = 1500 * MIB
"""One client of an elastic regional file system (docs.aws.amazon.com/efs, performance, 2026-11)."""

FSX_BYTES_PER_SECOND = 1_171_875_000
"""A file system of 1,200 GiB at 1,000 MB/s per TiB, read cold (docs.aws.amazon.com/fsx, LustreGuide, performance,
2026-11); a larger one gives more, up to the node's network."""


class WeightSource(StrEnum):
    """Where weights are read from."""

    S3 = "s3"
    FSX = "fsx"
    EFS = "efs"
    NODE = "node"
    HUB = "hub"


class Term(Struct, frozen=True):
    """One part of the time."""

    name: str
    seconds: float


class Readiness(Struct, frozen=True):
    """The parts in the order in which they happen."""

    terms: tuple[Term, ...]

    @property
    def total_seconds(self) -> float:
        return sum(term.seconds for term in self.terms)

    @property
    def container_seconds(self) -> float:
        """From the container's start on: what its startup probe has to wait for."""
        return sum(term.seconds for term in self.terms if term.name in CONTAINER_TERMS)


NODE, IMAGE, STAGING, PROCESS, WEIGHTS, WARM_UP = "node", "image", "staging", "process", "weights", "warm-up"

CONTAINER_TERMS = frozenset({PROCESS, WEIGHTS, WARM_UP})


def time_to_ready(
    instance_type: InstanceType,
    *,
    image_bytes: int,
    weights_bytes: int,
    source: WeightSource,
    source_bytes_per_second: float | None = None,
    is_staged: bool = False,
    replicas_per_node: int = 1,
    process_seconds: float,
    warm_up_seconds: float,
    parallel_pull: bool = False,
) -> Readiness:
    """The time of one replica of `replicas_per_node` that start together on a new node.

    image_bytes                       unpacked
    source_bytes_per_second           that a file system gives the node; None = the figure of its kind above
    is_staged                         weights are copied to the node's disk before the engine reads them from there
    process_seconds, warm_up_seconds  of the engine: its libraries; compiling and capturing, 0 where it does neither
    """
    reads = read_bytes_per_second(instance_type, source, replicas_per_node, source_bytes_per_second)
    disk = disk_bytes_per_second(instance_type, replicas_per_node)
    pull = PARALLEL_IMAGE_BYTES_PER_SECOND if parallel_pull else IMAGE_BYTES_PER_SECOND
    staging = weights_bytes / min(reads, disk) if is_staged else 0.0
    return Readiness(
        (
            Term(NODE, NODE_SECONDS),
            Term(IMAGE, image_bytes / pull),
            Term(STAGING, staging),
            Term(PROCESS, process_seconds),
            Term(WEIGHTS, weights_bytes / (disk if is_staged else reads)),
            Term(WARM_UP, warm_up_seconds),
        )
    )


def read_bytes_per_second(
    instance_type: InstanceType,
    source: WeightSource,
    replicas_per_node: int,
    source_bytes_per_second: float | None = None,
) -> float:
    """From the source into one replica's memory (the hub: onto its disk)."""
    network = network_bytes_per_second(instance_type, replicas_per_node)
    disk = disk_bytes_per_second(instance_type, replicas_per_node)
    return {
        WeightSource.S3: network,
        WeightSource.FSX: min((source_bytes_per_second or FSX_BYTES_PER_SECOND) / replicas_per_node, network),
        WeightSource.EFS: min((source_bytes_per_second or EFS_BYTES_PER_SECOND) / replicas_per_node, network),
        WeightSource.HUB: min(HUB_BYTES_PER_SECOND, network, disk),
        WeightSource.NODE: disk,
    }[source]


def network_bytes_per_second(instance_type: InstanceType, replicas_per_node: int) -> float:
    """S3 to one replica.

    Of a type with several network cards only the first carries it: managed nodes have interfaces on no other, and what
    a published 3,200 Gbit/s adds to the first card's 100 is for EFA alone.
    """
    card_gbps = instance_type.network_gbps / max(1, instance_type.network_cards)
    return NETWORK_SHARE * card_gbps * 1e9 / 8 / replicas_per_node


def disk_bytes_per_second(instance_type: InstanceType, replicas_per_node: int, *, local: bool = False) -> float:
    """Disk of the node to one replica: the root volume, or an instance store volume where the node uses it."""
    disk = LOCAL_DISK_BYTES_PER_SECOND if local and instance_type.local_nvme_bytes else DISK_BYTES_PER_SECOND
    return disk / replicas_per_node
