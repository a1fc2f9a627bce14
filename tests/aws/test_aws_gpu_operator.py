from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from aws_templates import samples

from ai_on_eks.aws import gpu_operator
from ai_on_eks.aws.gpu_slices import GPU_RESOURCE, partition_labels
from ai_on_eks.catalog.daemonsets import load_daemonsets
from ai_on_eks.placement.partition import Partition
from ai_on_eks.units import GIB

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


SLICES = Partition("slices-4", 4, 4 * GIB, 0.25, None)
MIG = Partition("mig-1g-10gb", 7, 10 * GIB, 1 / 8, "1g.10gb")


def test_slices_are_a_configuration_of_the_device_plugin_that_nodes_choose_by_label() -> None:
    values = gpu_operator.values(samples.platform(), [samples.request(partition=SLICES)])
    config = values["devicePlugin"]["config"]
    assert config["default"] == "whole"
    assert json.loads(config["data"]["whole"]) == {"version": "v1"}
    sliced = json.loads(config["data"]["slices-4"])["sharing"]["timeSlicing"]
    assert sliced["resources"] == [{"name": "nvidia.com/gpu", "replicas": 4}]
    assert partition_labels(SLICES) == {"nvidia.com/device-plugin.config": "slices-4"}
    assert values["migManager"] == {"enabled": False}


def test_isolated_parts_are_made_by_the_mig_manager_under_the_resources_own_name() -> None:
    values = gpu_operator.values(samples.platform(), [samples.request(partition=MIG), samples.request()])
    assert values["mig"] == {"strategy": "single"}
    assert values["migManager"]["enabled"] is True
    assert values["migManager"]["env"] == [{"name": "WITH_REBOOT", "value": "true"}]
    assert "config" not in values["devicePlugin"]
    assert partition_labels(MIG) == {"nvidia.com/mig.config": "all-1g.10gb-x7"}


def test_the_mig_manager_makes_as_many_parts_as_were_planned_and_leaves_other_nodes_whole() -> None:
    """GIVEN one profile that devices of two sizes take a different number of times."""
    smaller = Partition("mig-1g-10gb", 4, 10 * GIB, 1 / 8, "1g.10gb")
    requests = [samples.request(partition=MIG), samples.request(partition=smaller), samples.request()]
    config = gpu_operator.values(samples.platform(), requests)["migManager"]["config"]
    configs = json.loads(config["data"]["config.yaml"])["mig-configs"]
    assert config["default"] == "all-disabled"
    assert configs["all-disabled"] == [{"devices": "all", "mig-enabled": False}]
    assert [configs[name][0]["mig-devices"] for name in ("all-1g.10gb-x4", "all-1g.10gb-x7")] == [
        {"1g.10gb": 4},
        {"1g.10gb": 7},
    ]
    assert {label for one in (MIG, smaller) for label in partition_labels(one).values()} < set(configs)


def test_daemonsets_and_feature_discovery_tolerate_the_taint_of_gpu_nodes() -> None:
    values = gpu_operator.values(samples.platform())
    expected = [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]
    assert values["daemonsets"]["tolerations"] == expected
    assert values["node-feature-discovery"]["worker"]["tolerations"] == expected
    assert samples.accelerator().resource_name == GPU_RESOURCE


def test_every_value_is_a_key_of_the_chart() -> None:
    if not KEYS_OF_CHART.exists():
        pytest.skip(f"{KEYS_OF_CHART.name} with the chart's keys is not here")
    known = set(KEYS_OF_CHART.read_text(encoding="utf-8").split("\n"))
    requests = [samples.request(partition=MIG), samples.request(partition=SLICES)]
    ours = ("devicePlugin.config.data.", "migManager.config.data.")  # whose keys are file names
    used = paths(gpu_operator.values(samples.platform(), requests))
    assert {path for path in used if not path.startswith(ours)} <= known


def test_the_namespace_may_mount_the_host() -> None:
    namespace = gpu_operator.release(samples.platform()).namespace_manifest()
    assert namespace is not None
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "privileged"


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
