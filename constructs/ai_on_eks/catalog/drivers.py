"""Which driver of the node a container image wants, read from `data/drivers.json`.

    NVIDIA  driver ≥ least of the image's major CUDA release                       minor-version compatibility
    Neuron  no pair of the image's runtime and the node's driver that is known not to go together

A driver that is too old shows only when the container starts: `CUDA driver version is insufficient`, or a runtime that
does not initialize, on nodes that are paid for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from ai_on_eks.catalog.reading import read
from ai_on_eks.catalog.versions import numbers


class Mismatch(Struct, frozen=True):
    """A driver that an image does not go with. `certain` is False where the vendor's own word for it was not read."""

    wanted: str
    certain: bool = True


def least_cuda_driver(cuda: str) -> str | None:
    """The oldest NVIDIA driver for a release of CUDA, such as `13.0`; None for a major release that is not known."""
    found: str | None = read("drivers.json")["cuda"]["least_driver"].get(str(numbers(cuda)[0]))
    return found


def newest_cuda(driver: str) -> str | None:
    """The newest major release of CUDA that a driver suffices for; None where it is older than all."""
    least: Mapping[str, str] = read("drivers.json")["cuda"]["least_driver"]
    fitting = [major for major, wanted in least.items() if numbers(driver) >= numbers(wanted)]
    return max(fitting, key=numbers, default=None)


def cuda_mismatch(cuda: str, driver: str) -> Mismatch | None:
    """None where the driver suffices, or the release is not known."""
    least = least_cuda_driver(cuda)
    if least is None or numbers(driver) >= numbers(least):
        return None
    return Mismatch(f"driver {least} or newer")


def neuron_runtime(sdk: str) -> str | None:
    """The runtime library of a Neuron SDK; None for one that is not known."""
    entry = read("drivers.json")["neuron"]["sdks"].get(sdk)
    return None if entry is None else str(entry["runtime"])


def neuron_mismatch(runtime: str, driver: str) -> Mismatch | None:
    """The first pair that does not go together, those that the vendor itself names first."""
    pairs = [pair for pair in read("drivers.json")["neuron"]["apart"] if _is_pair(pair, runtime, driver)]
    pairs.sort(key=lambda pair: not pair["refused"])
    return next((Mismatch(_wanted(pair), certain=pair["refused"]) for pair in pairs), None)


def _is_pair(pair: Mapping[str, Any], runtime: str, driver: str) -> bool:
    return all(
        _within(numbers(version), pair.get(f"{part}_from"), pair.get(f"{part}_below"))
        for part, version in (("runtime", runtime), ("driver", driver))
    )


def _within(version: tuple[int, ...], begins: str | None, ends: str | None) -> bool:
    return (begins is None or version >= numbers(begins)) and (ends is None or version < numbers(ends))


def _wanted(pair: Mapping[str, Any]) -> str:
    """What would have to be newer."""
    part = "driver" if "driver_below" in pair else "runtime"
    return f"{part} {pair[f'{part}_below']} or newer"
