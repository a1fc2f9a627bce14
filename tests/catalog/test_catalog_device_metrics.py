"""Metrics of accelerators as data: complete, plausible, and the only place that names them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ai_on_eks.catalog.device_metrics import busy_metric_names, device_metric
from ai_on_eks.catalog.reading import read

METRICS = read("device_metrics.json")["metrics"]
EXPORTERS = read("device_metrics.json")["exporters"]
SOURCES = Path(__file__).resolve().parents[2] / "constructs" / "ai_on_eks"

NAMES = {
    "dcgm": re.compile(r"DCGM_FI_(DEV|PROF)_[A-Z]+(_[A-Z]+)*"),
    "neuron-monitor": re.compile(r"[a-z]+(_[a-z]+)*_(ratio|total)"),
}
LABELS = re.compile(r'[a-z_]+=~?"[a-z_.*]+"')
UNITS = {"percent", "share", "MiB", "number", "events"}


@pytest.mark.parametrize("meaning", METRICS)
def test_a_metric_is_named_as_its_exporter_names_them(meaning: str) -> None:
    entry = METRICS[meaning]
    assert NAMES[entry["exporter"]].fullmatch(entry["name"])
    assert entry["unit"] in UNITS
    assert entry["unit"] in ("percent", "share") or not entry.get("busy")
    assert (entry["unit"] == "events") == entry["name"].endswith("_total")
    assert "labels" not in entry or LABELS.fullmatch(entry["labels"])


def test_every_exporter_has_its_source_and_says_what_a_device_is() -> None:
    assert {entry["exporter"] for entry in METRICS.values()} == set(EXPORTERS) == set(NAMES)
    for entry in EXPORTERS.values():
        assert entry["source"]
        assert re.fullmatch(r"20\d\d-\d\d-\d\d", entry["date"])
        assert entry["device"]
        assert all(re.fullmatch(r"[A-Za-z_]+", label) for label in entry["device"])


def test_a_metric_is_asked_for_with_its_labels_and_grouped_by_its_device() -> None:
    assert device_metric("gpu_xid").selector == "DCGM_FI_DEV_XID_ERRORS"
    assert device_metric("gpu_xid").by_device == "Hostname, gpu"
    assert device_metric("neuron_execution_errors").selector == 'execution_errors_total{error_type="hardware"}'


def test_how_busy_a_device_is_is_known_of_every_exporter() -> None:
    assert len(busy_metric_names()) == 3
    assert {entry["exporter"] for entry in METRICS.values() if entry.get("busy")} == set(EXPORTERS)


@pytest.mark.parametrize("name", sorted({entry["name"] for entry in METRICS.values()}))
def test_no_module_names_a_metric_itself(name: str) -> None:
    modules = sorted(SOURCES.rglob("*.py"))
    assert len(modules) > 300
    assert [path.name for path in modules if name in path.read_text(encoding="utf-8")] == []
