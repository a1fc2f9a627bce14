"""What exporters tell of accelerators, read from `data/device_metrics.json`: one list for alarms, dashboards, rules."""

from __future__ import annotations

from msgspec import Struct

from ai_on_eks.catalog.reading import read


class DeviceMetric(Struct, frozen=True):
    """One metric of an exporter.

    name    of the metric
    labels  matchers in PromQL that pick what it is asked for; None = all of it
    device  labels that name a device and its node
    """

    name: str
    labels: str | None
    device: tuple[str, ...]

    @property
    def selector(self) -> str:
        """As a query names it."""
        return self.name if self.labels is None else f"{self.name}{{{self.labels}}}"

    @property
    def by_device(self) -> str:
        """What a query groups by, and what its answer can be told apart by."""
        return ", ".join(self.device)


def device_metric(meaning: str) -> DeviceMetric:
    """The metric that measures this, by its key in the file; a KeyError is a defect of the caller."""
    document = read("device_metrics.json")
    entry = document["metrics"][meaning]
    device = document["exporters"][entry["exporter"]]["device"]
    return DeviceMetric(entry["name"], entry.get("labels"), tuple(device))


def busy_metric_names() -> tuple[str, ...]:
    """Every gauge of how busy a device is, sorted."""
    metrics = read("device_metrics.json")["metrics"].values()
    return tuple(sorted(entry["name"] for entry in metrics if entry.get("busy")))
