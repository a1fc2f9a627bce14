"""How large and how fast the FSx for Lustre file system has to be, where the platform file does not say.

    needed bytes       = 2 × Σ weights of the models that read from it
    needed throughput  = weights of the largest of them ÷ load_seconds
    size               = the smallest FSx makes that holds the needed bytes
    throughput per TiB = the lowest FSx has at which size × throughput reaches what is needed;
                         where none does, the highest, and the size grows until it does

The factor two: during an update the old and the new revision lie side by side. Speed comes from the tier before it
comes from size because a MB/s is cheapest in the highest tier (0.60 $ a month per GB at 1,000 MB/s per TiB against
0.145 $ at 125; aws.amazon.com/fsx/lustre/pricing, us-east-1, 2026-11).

Throughput is that of disks (cold); what lies in the servers' memory is faster. Several replicas that start at once
share it. Weights hardly compress, so LZ4 gains no room here.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil

from msgspec import Struct

from ai_on_eks.descriptors.platform_storage import FsxForLustre
from ai_on_eks.descriptors.storage_checks import (
    LUSTRE_SMALLEST_GIB,
    LUSTRE_THROUGHPUTS_MBPS_PER_TIB,
    lustre_step_gib,
)
from ai_on_eks.units import GIB, ceil_div

REVISIONS = 2

BYTES_PER_SECOND_PER_MBPS = 1_000_000
"""FSx states throughput in MB/s."""

GIB_PER_TIB = 1024


class LustreShape(Struct, frozen=True):
    """Size and speed of a file system."""

    size_gib: int
    throughput_mbps_per_tib: int

    @property
    def bytes_per_second(self) -> float:
        """Of all clients together, read cold."""
        return self.size_gib / GIB_PER_TIB * self.throughput_mbps_per_tib * BYTES_PER_SECOND_PER_MBPS


def lustre_shape(fsx: FsxForLustre, weights_bytes: Iterable[int]) -> LustreShape:
    """The shape for models of these sizes. What the platform file names is taken as it is."""
    models = tuple(weights_bytes)
    needed_bytes = REVISIONS * sum(models)
    needed_bytes_per_second = max(models, default=0) / fsx.load_seconds
    named = fsx.throughput_mbps_per_tib
    tiers: tuple[int, ...] = LUSTRE_THROUGHPUTS_MBPS_PER_TIB if named is None else (named,)
    shapes = [LustreShape(fsx.size_gib or _smallest_gib(needed_bytes, tier, efa=fsx.efa), tier) for tier in tiers]
    enough = next((shape for shape in shapes if shape.bytes_per_second >= needed_bytes_per_second), None)
    if enough is not None:
        return enough
    fastest = shapes[-1]
    if fsx.size_gib is not None:
        return fastest
    tier = fastest.throughput_mbps_per_tib
    fast_gib = ceil(needed_bytes_per_second / BYTES_PER_SECOND_PER_MBPS / tier * GIB_PER_TIB)
    return LustreShape(_smallest_gib(max(needed_bytes, fast_gib * GIB), tier, efa=fsx.efa), tier)


def _smallest_gib(needed_bytes: int, tier: int, *, efa: bool) -> int:
    step = lustre_step_gib(tier, efa=efa)
    needed_gib = ceil_div(needed_bytes, GIB)
    if needed_gib <= LUSTRE_SMALLEST_GIB and not efa:
        return LUSTRE_SMALLEST_GIB
    return max(1, ceil_div(needed_gib, step)) * step
