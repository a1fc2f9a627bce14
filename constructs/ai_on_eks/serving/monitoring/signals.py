"""What is asked of the metrics, in PromQL, whatever the engine calls them.

Each signal has one value per model. Engines that tell nothing like it are left out; models of different engines are
joined by `or`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from ai_on_eks.catalog.engine_metrics import EngineMetrics, engine_metrics
from ai_on_eks.serving.monitoring.names import MODEL
from ai_on_eks.serving.types import Workload

RATE_WINDOW = "5m"
"""Ten scrapes of 30 s: one that fails leaves no gap, and a change is seen within minutes."""

QUANTILE = 0.95

Signal = Callable[[EngineMetrics, str], str | None]
"""From an engine's metrics and a selector of series to an expression, or None."""


def running(metrics: EngineMetrics, where: str) -> str | None:
    """Requests being worked on."""
    return _total(metrics.running, where)


def waiting(metrics: EngineMetrics, where: str) -> str | None:
    """Requests that wait for a place."""
    return _total(metrics.waiting, where)


def cache_share(metrics: EngineMetrics, where: str) -> str | None:
    """Share of the KV cache in use: of the fullest replica, since a request cannot choose another one."""
    return None if metrics.cache_share is None else f"max by ({MODEL}) ({_series(metrics.cache_share, where)})"


def first_token_s(metrics: EngineMetrics, where: str) -> str | None:
    """Time to the first token of nineteen in twenty requests."""
    return _quantile(metrics.first_token, where, metrics.latency_unit_s)


def between_tokens_s(metrics: EngineMetrics, where: str) -> str | None:
    """Time between two tokens of nineteen in twenty."""
    return _quantile(metrics.between_tokens, where, metrics.latency_unit_s)


def whole_request_s(metrics: EngineMetrics, where: str) -> str | None:
    """Time of nineteen in twenty whole requests."""
    return _quantile(metrics.whole_request, where, metrics.latency_unit_s)


def tokens_per_s(metrics: EngineMetrics, where: str) -> str | None:
    """Tokens written per second."""
    return _rate(metrics.generated_tokens, where)


def finished_per_s(metrics: EngineMetrics, where: str) -> str | None:
    """Requests answered per second."""
    return _rate(metrics.finished, where)


def failed_share(metrics: EngineMetrics, where: str) -> str | None:
    """Share of requests that failed; no value while there are none."""
    failed, finished = _rate(metrics.failed, where), _rate(metrics.finished, where)
    return None if failed is None or finished is None else f"{failed} / ({failed} + {finished} > 0)"


def selector(namespace: str, names: Iterable[str]) -> str:
    """By name as well: two engines may share a metric's name."""
    return f'{{namespace="{namespace}", {MODEL}=~"{"|".join(sorted(names))}"}}'


def of_models(signal: Signal, workloads: Iterable[Workload]) -> str | None:
    """The signal of all these models; None where no engine of theirs has it."""
    found = [
        expression
        for engine, (namespace, names) in sorted(_by_engine(workloads).items())
        if (expression := signal(engine_metrics(engine), selector(namespace, names))) is not None
    ]
    return " or ".join(f"({expression})" for expression in found) if len(found) > 1 else next(iter(found), None)


def _by_engine(workloads: Iterable[Workload]) -> Mapping[str, tuple[str, list[str]]]:
    grouped: dict[str, tuple[str, list[str]]] = {}
    for workload in workloads:
        grouped.setdefault(workload.engine, (workload.namespace, []))[1].append(workload.name)
    return grouped


def _series(metric: str, where: str) -> str:
    """The metric's series of these models; a metric may bring labels of its own."""
    name, _, labels = metric.partition("{")
    return f"{name}{{{labels.removesuffix('}')}, {where[1:]}" if labels else f"{name}{where}"


def _total(metric: str | None, where: str) -> str | None:
    return None if metric is None else f"sum by ({MODEL}) ({_series(metric, where)})"


def _rate(metric: str | None, where: str) -> str | None:
    return None if metric is None else f"sum by ({MODEL}) (rate({_series(metric, where)}[{RATE_WINDOW}]))"


def _quantile(metric: str | None, where: str, unit_s: float) -> str | None:
    if metric is None:
        return None
    buckets = f"sum by ({MODEL}, le) (rate({_series(f'{metric}_bucket', where)}[{RATE_WINDOW}]))"
    value = f"histogram_quantile({QUANTILE}, {buckets})"
    return value if unit_s == 1 else f"{value} * {unit_s:g}"
