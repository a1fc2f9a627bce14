"""Helm ignores a value that its chart does not know; so every key we set must be one that the chart has."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from msgspec.structs import replace

from ai_on_eks.aws import (
    efa_chart,
    fine_tune_charts,
    gpu_dra,
    gpu_operator,
    gpu_plugin,
    keda_chart,
    kserve_charts,
    kuberay_chart,
    load_balancer_chart,
    lws_chart,
    neuron_chart,
    prometheus_chart,
)
from ai_on_eks.aws.karpenter import releases as karpenter
from ai_on_eks.catalog.chart_images import image_repositories
from ai_on_eks.catalog.loading import load_catalog
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.descriptors.platform_monitoring import Monitoring, MonitoringKind
from ai_on_eks.descriptors.platform_network import Network
from ai_on_eks.placement.partition import Partition
from ai_on_eks.placement.types import CapacityRequest

PLATFORM = Platform(name="demo", region="us-east-1", network=Network(availability_zones=("us-east-1a", "us-east-1b")))

TOPIC = "arn:aws:sns:us-east-1:111122223333:alarms"

KNOWN = frozenset({"driver", "driver.enabled", "labels", "worker", "worker.tolerations"})


def request(instance_type: str) -> CapacityRequest:
    return CapacityRequest(
        name="demo",
        instance_type=load_catalog("us-east-1").instance_type(instance_type),
        capacity_type="on-demand",
        nodes=1,
        zones=("us-east-1a",),
        root_volume_gib=100,
        models=("demo",),
        pool="demo",
    )


def unknown_keys(values: dict[str, Any], known: frozenset[str], prefix: str = "") -> list[str]:
    """Dotted names in `values` that the chart does not list. A mapping the chart lists without keys is free-form."""
    unknown = []
    for key, value in values.items():
        name = f"{prefix}{key}"
        if name not in known:
            unknown.append(name)
        elif isinstance(value, dict) and any(other.startswith(f"{name}.") for other in known):
            unknown += unknown_keys(value, known, f"{name}.")
    return unknown


@pytest.mark.parametrize(
    ("values", "unknown"),
    [
        ({"driver": {"enabled": False}, "worker": {"tolerations": [{"key": "x"}]}}, []),
        ({"driver": {"enable": False}}, ["driver.enable"]),
        ({"drivers": {"enabled": False}}, ["drivers"]),
        ({"labels": {"any": "thing"}}, []),
    ],
)
def test_the_check_tells_known_from_unknown(values: dict[str, Any], unknown: list[str]) -> None:
    assert unknown_keys(values, KNOWN) == unknown


def test_every_value_of_the_gpu_operator_is_one_of_its_chart(shared: Path) -> None:
    known = frozenset((shared / "chart-values" / "gpu-operator.txt").read_text(encoding="utf-8").split())
    values = gpu_operator.values(PLATFORM)

    assert values
    assert unknown_keys(values, known) == []


@pytest.mark.parametrize(
    ("chart", "values"),
    [
        ("nvidia-device-plugin", gpu_plugin.plugin_values),
        ("dcgm-exporter", gpu_plugin.metrics_values),
        ("dcgm-exporter", lambda requests: gpu_plugin.metrics_release(requests, by_claim=True).values),
    ],
)
def test_every_value_of_the_plain_gpu_charts_is_one_of_their_charts(
    shared: Path, chart: str, values: Callable[[Sequence[CapacityRequest]], dict[str, Any]]
) -> None:
    known = frozenset((shared / "chart-values" / f"{chart}.txt").read_text(encoding="utf-8").split())
    sliced = replace(request("g6e.xlarge"), partition=Partition("slices-4", 4, 1, 0.25, None))

    found = values([sliced])

    # names below config.map and terms of the affinity are ours
    free = {key: value for key, value in found.items() if key not in ("affinity", "config")}
    assert unknown_keys(free, known) == []
    assert set(found.get("config", {})) <= {"map", "default"}
    assert {"affinity", "tolerations"} <= known


def test_every_value_of_the_gpu_dra_driver_is_one_of_its_chart(shared: Path) -> None:
    known = frozenset((shared / "chart-values" / "dra-driver-nvidia-gpu.txt").read_text(encoding="utf-8").split())

    values = gpu_dra.driver_values([request("g6e.xlarge")])

    assert values["gpuResourcesEnabledOverride"]
    assert unknown_keys(values, known) == []


def test_every_value_of_the_efa_plugin_is_one_of_its_chart(shared: Path) -> None:
    known = frozenset((shared / "chart-values" / "aws-efa-k8s-device-plugin.txt").read_text(encoding="utf-8").split())

    values = efa_chart.values([replace(request("p5.48xlarge"), efa=True)])

    assert values["supportedInstanceLabels"]["values"] == ["p5.48xlarge"]
    # labels of our own stand below nodeSelector, which the chart leaves empty
    assert unknown_keys({**values, "nodeSelector": {}}, known) == []


@pytest.mark.parametrize(
    "chart",
    [
        "aws-efa-k8s-device-plugin",
        "aws-load-balancer-controller",
        "cert-manager",
        "dcgm-exporter",
        "dra-driver-nvidia-gpu",
        "gpu-operator",
        "karpenter",
        "keda",
        "kserve-llmisvc-resources",
        "kserve-resources",
        "kueue",
        "kube-prometheus-stack",
        "kuberay-operator",
        "lws",
        "nvidia-device-plugin",
    ],
)
def test_every_image_that_a_mirror_replaces_is_a_key_of_its_chart(shared: Path, chart: str) -> None:
    known = (shared / "chart-values" / f"{chart}.txt").read_text(encoding="utf-8").split()
    repositories = image_repositories(chart)
    assert repositories
    assert set(repositories) <= set(known)


def test_a_mirror_replaces_every_image_of_the_neuron_chart_that_is_turned_on(shared: Path) -> None:
    text = (shared / "chart-values" / "neuron-helm-chart-1.10.0.values.yaml").read_text(encoding="utf-8")
    values = yaml.safe_load(text)
    repositories = image_repositories("neuron-helm-chart")
    assert repositories
    for path, repository in repositories.items():
        here: Any = values
        for key in path.split("."):
            here = here[key]
        assert here == repository
    off = {"draDriver.image.repository", "ultraserverOperator.image.repository"}
    assert {name for name in keys_of(values) if name.endswith("image.repository")} == {*repositories, *off}


def keys_of(document: dict[str, Any], prefix: str = "") -> Iterator[str]:
    """Dotted names of the values that a chart lists."""
    for key, value in document.items():
        yield f"{prefix}{key}"
        if isinstance(value, dict):
            yield from keys_of(value, f"{prefix}{key}.")


def test_every_value_of_the_queueing_controller_is_one_of_its_chart(shared: Path) -> None:
    known = frozenset((shared / "chart-values" / "kueue.txt").read_text(encoding="utf-8").split())

    assert unknown_keys(fine_tune_charts.kueue_values(), known) == []


def test_every_value_of_the_group_controller_is_one_of_its_chart(shared: Path) -> None:
    known = frozenset((shared / "chart-values" / "lws.txt").read_text(encoding="utf-8").split())

    assert unknown_keys(lws_chart.values(), known) == []


def test_every_value_of_kuberay_is_one_of_its_chart(shared: Path) -> None:
    known = frozenset((shared / "chart-values" / "kuberay-operator.txt").read_text(encoding="utf-8").split())

    assert unknown_keys(kuberay_chart.values(), known) == []


@pytest.mark.parametrize(
    ("chart", "values"),
    [
        ("cert-manager", kserve_charts.certificate_values()),
        ("kserve-llmisvc-resources", kserve_charts.llm_controller_values(is_first=True)),
        ("kserve-llmisvc-resources", kserve_charts.llm_controller_values(is_first=False)),
        ("kserve-resources", kserve_charts.controller_values()),
    ],
)
def test_every_value_of_kserve_is_one_of_its_charts(shared: Path, chart: str, values: dict[str, Any]) -> None:
    known = frozenset((shared / "chart-values" / f"{chart}.txt").read_text(encoding="utf-8").split())

    assert unknown_keys(values, known) == []


def test_every_value_of_keda_is_one_of_its_chart(shared: Path) -> None:
    known = frozenset((shared / "chart-values" / "keda.txt").read_text(encoding="utf-8").split())

    assert unknown_keys(keda_chart.values(PLATFORM), known) == []


def test_every_value_of_the_load_balancer_controller_is_one_of_its_chart(shared: Path) -> None:
    path = shared / "chart-values" / "aws-load-balancer-controller.txt"

    assert unknown_keys(load_balancer_chart.values(PLATFORM), frozenset(path.read_text(encoding="utf-8").split())) == []


def test_every_value_of_the_neuron_chart_is_one_of_its_chart(shared: Path) -> None:
    text = (shared / "chart-values" / "neuron-helm-chart-1.10.0.values.yaml").read_text(encoding="utf-8")

    values = neuron_chart.values(PLATFORM, [request("trn1.32xlarge")])

    assert values["neuronInstances"] == ["trn1.32xlarge"]
    assert unknown_keys(values, frozenset(keys_of(yaml.safe_load(text)))) == []


def test_every_value_of_karpenter_is_one_of_its_chart(shared: Path) -> None:
    known = frozenset((shared / "chart-values" / "karpenter.txt").read_text(encoding="utf-8").split())
    values = karpenter.values(PLATFORM)

    assert values["settings"]
    assert unknown_keys(values, known) == []


@pytest.mark.parametrize("kind", [MonitoringKind.IN_CLUSTER, MonitoringKind.MANAGED], ids=str)
def test_every_value_of_the_prometheus_stack_is_one_of_its_chart(shared: Path, kind: MonitoringKind) -> None:
    known = frozenset((shared / "chart-values" / "kube-prometheus-stack.txt").read_text(encoding="utf-8").split())
    platform = PLATFORM.model_copy(update={"monitoring": Monitoring(kind=kind, alarm_topic=TOPIC)})

    values = prometheus_chart.values(platform, "https://workspace.example/")

    assert values["kubeEtcd"] == {"enabled": False}
    # the chart lists no keys below these, or lists its defaults for what is free-form
    for path in (("prometheus", "prometheusSpec", "storageSpec"), ("alertmanager", "config")):
        inner = values
        for step in path[:-1]:
            inner = inner.get(step, {})
        inner.pop(path[-1], None)
    assert unknown_keys(values, known) == []
