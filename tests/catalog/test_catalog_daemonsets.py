"""What runs on a node beside models."""

from __future__ import annotations

import pytest

from ai_on_eks.catalog.daemonsets import daemonsets_on, reserved_by_daemonsets
from ai_on_eks.catalog.loading import load_catalog


@pytest.mark.parametrize(
    ("name", "runs", "runs_not"),
    [
        ("g6e.xlarge", "nvidia-device-plugin", "efa-device-plugin"),
        ("p5en.48xlarge", "efa-device-plugin", "neuron-device-plugin"),
        ("trn2.48xlarge", "efa-device-plugin", "nvidia-device-plugin"),
        ("inf2.xlarge", "neuron-device-plugin", "efa-device-plugin"),
        ("m7i.large", "aws-node", "efa-device-plugin"),
    ],
)
def test_plugins_run_where_their_devices_are(name: str, runs: str, runs_not: str) -> None:
    names = {one.name for one in daemonsets_on(load_catalog("us-east-1").instance_type(name))}
    assert runs in names
    assert runs_not not in names


def test_what_is_reserved_is_their_sum() -> None:
    kind = load_catalog("us-east-1").instance_type("p5en.48xlarge")
    found = daemonsets_on(kind)
    assert reserved_by_daemonsets(kind) == (
        sum(one.cpu_millicores for one in found),
        sum(one.memory_bytes for one in found),
    )
