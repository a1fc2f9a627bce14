"""What engines tell of themselves, read from `data/engine_metrics.json`: one list for alarms and dashboards."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import asdict, fields

from ai_on_eks.catalog.reading import read


class EngineMetrics(Struct, frozen=True):
    """Names of Prometheus metrics, with labels in braces where one counts several things; None where the engine has
    nothing like it.

    running, waiting                            requests: gauges
    cache_share                                 share of the KV cache in use, 0 to 1: a gauge
    first_token, between_tokens, whole_request  histograms, in units of latency_unit_s
    generated_tokens, finished, failed          counters
    latency_unit_s                              seconds that a histogram's unit is
    """

    running: str | None
    waiting: str | None
    cache_share: str | None
    first_token: str | None
    between_tokens: str | None
    whole_request: str | None
    generated_tokens: str | None
    finished: str | None
    failed: str | None
    latency_unit_s: float = 1.0


def engine_metrics(engine: str) -> EngineMetrics:
    """The metrics of an engine by its name in the catalogue; all None for one that is not listed."""
    entries = read("engine_metrics.json")["engines"]
    entry = entries.get(engine, {})
    entry = entries.get(entry.get("same_as"), entry)
    names = {field.name: entry.get(field.name) for field in fields(EngineMetrics)}
    return EngineMetrics(**{**names, "latency_unit_s": entry.get("latency_unit_s", 1.0)})


def metric_names() -> tuple[str, ...]:
    """Every name that some engine gives a metric, without labels, sorted."""
    found = {name.partition("{")[0] for engine in read("engine_metrics.json")["engines"] for name in _names(engine)}
    return tuple(sorted(found))


def _names(engine: str) -> list[str]:
    values = asdict(engine_metrics(engine)).values()
    return [value for value in values if isinstance(value, str)]
