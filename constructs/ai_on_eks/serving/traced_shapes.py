"""For which shapes a model's programs are traced, and on how many cores they run.

    cores      = accelerators of the replica × cores of each                       a copy of every program on each
    batch      = ⌈min(batch that memory is counted for, sequences of a replica) ÷ cores⌉            of each program
    lengths    = context, ÷ 2, ÷ 4, ÷ 8, none below LEAST_TOKENS                    as many as the memory holds:
    device     : 1 + ⌊headroom ÷ (weights + what a program takes beside them)⌋
    host       : ⌊(compiler + weights) ÷ (cores × weights)⌋        what tracing was counted for is free when they run

Every program has the weights in it. Images have one size, so that they have one program.
"""

from __future__ import annotations

from ai_on_eks.descriptors.inventory import Item
from ai_on_eks.placement.types import ranks_per_accelerator
from ai_on_eks.serving.replica import Replica
from ai_on_eks.units import ceil_div

LEAST_TOKENS = 32
"""Shorter texts are padded to it: the device is no faster with fewer."""
MOST_PROGRAMS = 4
"""Each is traced at the first start, for minutes."""


def traced_cores(replica: Replica) -> int:
    """Cores of one replica: those of its whole devices."""
    placement = replica.placement
    accelerator = placement.instance_type.accelerator
    if accelerator is None:
        raise AssertionError("programs are traced for accelerators alone")
    return placement.accelerators_per_replica * ranks_per_accelerator(accelerator)


def traced_batch(replica: Replica) -> int:
    """Inputs that a core computes at once, however few there are."""
    placement = replica.placement
    together = min(placement.memory.rank.max_sequences, placement.sequences_per_replica)
    return ceil_div(max(1, together), traced_cores(replica))


def traced_lengths(replica: Replica) -> tuple[int, ...]:
    """Tokens of each program, smallest first; empty of images."""
    if replica.inventory.item is Item.IMAGE:
        return ()
    longest = replica.placement.max_model_len
    lengths = [longest]
    while len(lengths) < _programs_held(replica) and lengths[-1] // 2 >= LEAST_TOKENS:
        lengths.append(lengths[-1] // 2)
    return tuple(reversed(lengths))


def _programs_held(replica: Replica) -> int:
    rank, host = replica.placement.memory.rank, replica.placement.engine.memory.host
    by_device = 1 + max(0, rank.headroom_bytes) // (rank.weights_bytes + rank.overhead_bytes)
    by_host = (host.compiler_bytes + rank.weights_bytes) // (traced_cores(replica) * rank.weights_bytes)
    return max(1, min(MOST_PROGRAMS, by_device, by_host))
