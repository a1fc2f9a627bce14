"""How long engines take to start beside reading their weights, read from `data/engine_start.json`."""

from __future__ import annotations

from msgspec import Struct

from ai_on_eks.catalog.reading import read


class EngineStart(Struct, frozen=True):
    """Seconds, estimated without any margin; those of warming up are of each program where a model has several.

    process_seconds           importing libraries, opening devices
    warm_up_seconds           between the weights and the first answer, from a cold cache
    compiled_warm_up_seconds  the same where programs were compiled before; None = it makes no difference that is known
    """

    process_seconds: float
    warm_up_seconds: float
    compiled_warm_up_seconds: float | None


def engine_start(engine: str) -> EngineStart:
    """By the engine's name in the catalogue; a KeyError is an engine that is served and not listed."""
    entry = read("engine_start.json")["engines"][engine]
    compiled = entry.get("compiled_warm_up")
    return EngineStart(
        process_seconds=float(entry["process"]),
        warm_up_seconds=float(entry["warm_up"]),
        compiled_warm_up_seconds=None if compiled is None else float(compiled),
    )
