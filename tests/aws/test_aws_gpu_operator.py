from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from aws_templates import samples

from ai_on_eks.aws import gpu_operator
from ai_on_eks.catalog.daemonsets import load_daemonsets

KEYS_OF_CHART = Path(__file__).parents[3] / "shared" / "chart-values" / "gpu-operator.txt"


def paths(values: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for key, value in values.items():
        yield f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from paths(value, f"{prefix}{key}.")


def test_what_the_machine_image_brings_the_operator_leaves_alone() -> None:
    values = gpu_operator.values(samples.platform())
    assert values["driver"] == {"enabled": False}
    assert values["toolkit"] == {"enabled": False}
    assert values["devicePlugin"] == {"enabled": True}


def test_no_gpu_is_partitioned_and_nothing_runs_that_placement_does_not_count() -> None:
    assert gpu_operator.values(samples.platform())["migManager"] == {"enabled": False}
    assert not [daemonset.name for daemonset in load_daemonsets() if "mig" in daemonset.name]


def test_daemonsets_and_feature_discovery_tolerate_the_taint_of_gpu_nodes() -> None:
    values = gpu_operator.values(samples.platform())
    expected = [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]
    assert values["daemonsets"]["tolerations"] == expected
    assert values["node-feature-discovery"]["worker"]["tolerations"] == expected
    assert samples.accelerator().resource_name == gpu_operator.GPU_RESOURCE


def test_every_value_is_a_key_of_the_chart() -> None:
    if not KEYS_OF_CHART.exists():
        pytest.skip(f"{KEYS_OF_CHART.name} with the chart's keys is not here")
    known = set(KEYS_OF_CHART.read_text(encoding="utf-8").split("\n"))
    assert set(paths(gpu_operator.values(samples.platform()))) <= known


@pytest.mark.parametrize(
    ("requests", "expected"),
    [
        ((), False),
        ((samples.request(samples.cpu_type()),), False),
        ((samples.request(samples.neuron_type()),), False),
        ((samples.request(samples.cpu_type()), samples.request()), True),
    ],
)
def test_the_operator_is_for_nvidia_nodes_only(requests: tuple[Any, ...], expected: bool) -> None:
    assert gpu_operator.is_required(requests) is expected


def test_the_namespace_may_mount_the_host() -> None:
    labels = gpu_operator.release(samples.platform()).namespace_manifest()["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "privileged"


def test_the_release_as_a_file_holds_the_same_values() -> None:
    release = gpu_operator.release(samples.platform())
    document = yaml.safe_load(release.to_yaml())
    assert document["repository"] == "https://helm.ngc.nvidia.com/nvidia"
    assert (document["chart"], document["version"], document["namespace"]) == (
        "gpu-operator",
        "v26.7.0",
        "gpu-operator",
    )
    assert json.dumps(document["values"]) == json.dumps(release.values)
    assert "&id" not in release.to_yaml()
