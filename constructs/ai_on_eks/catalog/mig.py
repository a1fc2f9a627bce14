"""How accelerators divide into isolated parts (NVIDIA Multi-Instance GPU), read from `data/mig_profiles.json`.

    memory of a part = what such a part reports, where published
                       else usable memory × its memory slices ÷ the device's × LEAST_SHARE

A part has its own memory, caches and multiprocessors. No traffic goes from part to part, so a replica on one has one
rank.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ai_on_eks.catalog.reading import quantity, read
from ai_on_eks.catalog.types import MigProfile

LEAST_SHARE = 0.915
"""What a part reports ÷ its share of the usable memory: the lowest of those published (H200, 1g.18gb: 16 GiB of
17.5 GiB; the A100 and H100 lose 1 to 4 %). An assumption for every part that nobody published."""


def load_mig_profiles() -> Mapping[str, Any]:
    """The entries of the file by accelerator."""
    entries: Mapping[str, Any] = read("mig_profiles.json")["accelerators"]
    return entries


def bottlerocket_gpu(accelerator: str) -> str | None:
    """What Bottlerocket calls a device that it divides; None where it does not."""
    name: str | None = load_mig_profiles().get(accelerator, {}).get("bottlerocket")
    return name


def mig_profiles(entry: Mapping[str, Any] | None, usable_memory_bytes: float) -> tuple[MigProfile, ...]:
    """The profiles of one accelerator, smallest first; none where it does not divide."""
    if entry is None:
        return ()
    slices = entry["memory_slices"]
    return tuple(
        MigProfile(
            name=profile["name"],
            compute_share=profile["compute_slices"] / entry["compute_slices"],
            memory_share=profile["memory_slices"] / slices,
            compute_slices=profile["compute_slices"],
            memory_slices=profile["memory_slices"],
            most_per_device=profile["most_per_device"],
            memory_bytes=_memory_bytes(profile, slices, usable_memory_bytes),
        )
        for profile in entry["profiles"]
    )


def _memory_bytes(profile: Mapping[str, Any], slices: int, usable_memory_bytes: float) -> int:
    if profile["memory"] is not None:
        return int(quantity(profile["memory"]))
    share = profile["memory_slices"] / slices
    return int(usable_memory_bytes * share * (LEAST_SHARE if share < 1 else 1))
