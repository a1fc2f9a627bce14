"""Numbers as Kubernetes writes them."""

from __future__ import annotations

from ai_on_eks.units import MIB


def bytes_quantity(value_bytes: int) -> str:
    """`'512Mi'` where it is exact, else plain bytes: a quantity is never rounded."""
    return f"{value_bytes // MIB}Mi" if value_bytes % MIB == 0 else str(value_bytes)


def cpu_quantity(millicores: int) -> str:
    """`'4'` for whole cores, else `'2500m'`."""
    return str(millicores // 1000) if millicores % 1000 == 0 else f"{millicores}m"
