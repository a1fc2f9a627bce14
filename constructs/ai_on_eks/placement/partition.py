"""How the accelerators of a node are divided, where they are."""

from __future__ import annotations

from typing import NamedTuple


class Partition(NamedTuple):
    """Every accelerator of a node divided alike.

    name          for labels: `mig-1g-10gb`, `slices-4`
    parts         of one device
    memory_bytes  of a part: its own, or what each process has to keep to
    share         of the device's speed, at least
    mig_profile   as the MIG manager's configurations name it; None for time slices
    """

    name: str
    parts: int
    memory_bytes: int
    share: float
    mig_profile: str | None
