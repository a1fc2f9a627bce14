"""Parts of an accelerator as nodes show them, and a replica on such a part.

    MIG            parts with memory, caches and multiprocessors of their own; as many as the profile allows
    time slices    a whole device in turn: 1/n of it at worst, and no wall between the memory of the processes
    fits           weights + activations + overhead + cache ≤ memory of the part, for one rank
    speed          estimate × least of the part's shares of multiprocessors and memory bandwidth
    replicas       max(minimum_replicas, ⌈items per second asked for ÷ that speed⌉), at most what the load keeps busy

All devices of a node are divided alike, so that a node simply shows more of them, under the resource's own name (MIG
strategy `single`). Only a replica of one rank can lie on a part: nothing goes from part to part (NVIDIA MIG user guide,
2026). Engines that take a fixed share of the device's memory, such as vLLM, are left out: that share would have to be
sized again for each part.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil

from msgspec.structs import replace

from ai_on_eks.catalog.types import Accelerator, Engine, Vendor
from ai_on_eks.descriptors.schema import AcceleratorSharing, Descriptor
from ai_on_eks.performance.types import Estimates
from ai_on_eks.placement.partition import Partition
from ai_on_eks.placement.types import Placement

TIME_SLICES = (2, 3, 4, 6, 8)
"""Numbers that fill the processors of g5 and g6 nodes. With more, a service would wait for the device longer than most
may."""

_WHOLE = 1.0


def partitions_of(accelerator: Accelerator, allowed: Sequence[AcceleratorSharing]) -> Iterator[Partition]:
    """Every way to divide the device that a model allows, more isolation first."""
    if accelerator.vendor is not Vendor.NVIDIA:
        return
    if AcceleratorSharing.MIG in allowed:
        for profile in accelerator.mig_profiles:
            if profile.most_per_device > 1:
                yield Partition(
                    name=f"mig-{profile.name.replace('.', '-')}",
                    parts=profile.most_per_device,
                    memory_bytes=profile.memory_bytes,
                    share=min(profile.compute_share, profile.memory_share),
                    mig_profile=profile.name,
                )
    if AcceleratorSharing.TIME_SLICING in allowed:
        for count in TIME_SLICES:
            yield Partition(f"slices-{count}", count, accelerator.memory_bytes // count, 1 / count, None)


def on_parts(placement: Placement, descriptor: Descriptor) -> Iterator[tuple[Partition, Placement]]:
    """The placement's replicas on parts of its accelerators: every division that holds them and meets the targets."""
    accelerator = placement.instance_type.accelerator
    if accelerator is None or placement.accelerators_per_replica != 1 or _takes_a_share(placement.engine):
        return
    for partition in partitions_of(accelerator, descriptor.constraints.accelerator_sharing):
        if _needed_bytes(placement) > partition.memory_bytes:
            continue
        found = _slowed(placement, partition.share, descriptor)
        if found is not None:
            yield partition, found


def _takes_a_share(engine: Engine) -> bool:
    return engine.memory.memory_fraction != _WHOLE or engine.memory.static_share is not None


def _needed_bytes(placement: Placement) -> int:
    rank = placement.memory.rank
    return rank.weights_bytes + rank.activation_bytes + rank.overhead_bytes + rank.kv_cache_bytes


def _slowed(placement: Placement, share: float, descriptor: Descriptor) -> Placement | None:
    """As many replicas at a part of the speed as the targets need; None where they cannot be met."""
    serving = descriptor.serving
    estimates = _scaled(placement.estimates, share)
    if any(
        wanted is not None and (estimated is None or estimated > wanted)
        for wanted, estimated in (
            (serving.targets.ttft_ms, estimates.ttft_ms),
            (serving.targets.tpot_ms, estimates.tpot_ms),
        )
    ):
        return None
    if serving.targets.output_tokens_per_second is not None:
        return None  # asked of engines that take a share of the memory; none of those gets here
    wanted, rate = serving.targets.items_per_second, estimates.items_per_s
    if wanted is None:
        return replace(placement, estimates=estimates)
    if not rate or wanted / rate > serving.concurrency / placement.sequences_per_replica:
        return None  # what is in flight keeps no more replicas busy
    return replace(placement, estimates=estimates, replicas=max(serving.minimum_replicas, ceil(wanted / rate)))


def _scaled(estimates: Estimates, share: float) -> Estimates:
    def times(value: float | None, factor: float) -> float | None:
        return None if value is None else value * factor

    return replace(
        estimates,
        ttft_ms=times(estimates.ttft_ms, 1 / share),
        tpot_ms=times(estimates.tpot_ms, 1 / share),
        output_tokens_per_s=times(estimates.output_tokens_per_s, share),
        items_per_s=times(estimates.items_per_s, share),
    )
