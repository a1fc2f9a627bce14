"""What the endpoint picker knows, read from `data/endpoint_picker.json`."""

from __future__ import annotations

from msgspec import Struct

from ai_on_eks.catalog.reading import read


class EndpointPicker(Struct, frozen=True):
    """Where it listens, and what it tells of its queue."""

    ext_proc_port: int
    health_port: int
    metrics_port: int
    queue_metric: str


def endpoint_picker() -> EndpointPicker:
    """The picker of the data file."""
    document = read("endpoint_picker.json")
    ports = document["ports"]
    return EndpointPicker(ports["ext_proc"], ports["health"], ports["metrics"], document["queue_metric"])


def picker_metrics(engine: str) -> str | None:
    """Its name for the metrics of an engine; None for one that it cannot choose among."""
    entry = read("endpoint_picker.json")["engines"].get(engine)
    return None if entry is None else str(entry["metrics"])
