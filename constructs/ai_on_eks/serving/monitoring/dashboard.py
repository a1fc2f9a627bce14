"""One Grafana dashboard for all models: load, cache, speed, accelerators, and what a million tokens cost.

Plain JSON of Grafana's schema 39 (Grafana 11 and newer), with the data source as a variable, so that it works beside
the Prometheus in the cluster as well as in a workspace that reads Amazon's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from ai_on_eks.catalog.device_metrics import DeviceMetric, device_metric
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.serving.monitoring import signals
from ai_on_eks.serving.monitoring.alerts import USD_PER_HOUR
from ai_on_eks.serving.monitoring.names import MODEL
from ai_on_eks.serving.types import Json, Workload

SCHEMA_VERSION = 39
COLUMNS, WIDTH, HEIGHT = 24, 8, 8
"""Grafana's grid has 24 columns: three panels in a row."""

BY_MODEL = f"{{{{{MODEL}}}}}"


class Panel(Struct, frozen=True):
    """One graph. `unit` is Grafana's word; `legend` names a line."""

    title: str
    expression: str
    unit: str
    legend: str = BY_MODEL


def dashboard(platform: Platform, workloads: Sequence[Workload]) -> Json:
    """The dashboard of a platform. Panels that no engine of its models could fill are left out."""
    return {
        "uid": f"ai-on-eks-{platform.name}"[:40],
        "title": f"Models on {platform.name}",
        "tags": ["ai-on-eks"],
        "schemaVersion": SCHEMA_VERSION,
        "editable": False,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {
            "list": [{"name": "source", "label": "data source", "type": "datasource", "query": "prometheus"}]
        },
        "panels": [_panel(number, panel) for number, panel in enumerate(_panels(workloads))],
    }


def _panels(workloads: Sequence[Workload]) -> Iterator[Panel]:
    for title, signal, unit in (
        ("Requests running", signals.running, "short"),
        ("Requests waiting", signals.waiting, "short"),
        ("KV cache in use", signals.cache_share, "percentunit"),
        ("Time to first token, 95 %", signals.first_token_s, "s"),
        ("Time between tokens, 95 %", signals.between_tokens_s, "s"),
        ("Whole request, 95 %", signals.whole_request_s, "s"),
        ("Tokens written", signals.tokens_per_s, "short"),
        ("Requests answered", signals.finished_per_s, "reqps"),
    ):
        expression = signals.of_models(signal, workloads)
        if expression is not None:
            yield Panel(title, expression, unit)
    tokens = signals.of_models(signals.tokens_per_s, workloads)
    if tokens is not None and any(workload.usd_per_hour is not None for workload in workloads):
        # Without load there is no price of a token, and no line is better than one at infinity.
        price = f"max by ({MODEL}) ({USD_PER_HOUR}) / on ({MODEL}) (({tokens}) > 0) / 3600 * 1e6"
        yield Panel("Dollars per million tokens written", price, "currencyUSD")
    yield Panel("Dollars per hour, on demand", f"max by ({MODEL}) ({USD_PER_HOUR})", "currencyUSD")
    yield from _devices()


def _devices() -> Iterator[Panel]:
    gpu, neuron = device_metric("gpu_busy"), device_metric("neuron_busy")
    used, free = device_metric("gpu_memory_used"), device_metric("gpu_memory_free")
    yield Panel("GPU busy", f"avg by ({gpu.by_device}) ({gpu.selector})", "percent", _legend(gpu))
    share = f"{used.selector} / ({used.selector} + {free.selector})"
    yield Panel("GPU memory in use", f"max by ({used.by_device}) ({share})", "percentunit", _legend(used))
    yield Panel("Neuron cores busy", f"avg by ({neuron.by_device}) ({neuron.selector})", "percentunit", _legend(neuron))


def _legend(metric: DeviceMetric) -> str:
    return " ".join(f"{{{{{label}}}}}" for label in metric.device)


def _panel(number: int, panel: Panel) -> Json:
    per_row = COLUMNS // WIDTH
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": panel.title,
        "datasource": {"type": "prometheus", "uid": "${source}"},
        "gridPos": {"h": HEIGHT, "w": WIDTH, "x": number % per_row * WIDTH, "y": number // per_row * HEIGHT},
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
        "targets": [{"refId": "A", "expr": panel.expression, "legendFormat": panel.legend}],
    }
