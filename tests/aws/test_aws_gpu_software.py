"""Every part of a node with NVIDIA GPUs has exactly one owner."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aws_templates import samples
from msgspec.structs import replace

from ai_on_eks.aws import gpu_operator, gpu_plugin
from ai_on_eks.aws.charts import node_releases
from ai_on_eks.aws.gpu_owners import OPERATOR_SWITCHES, owned_parts, owner_problems
from ai_on_eks.aws.helm_release import HelmRelease
from ai_on_eks.catalog.gpu_parts import GpuPart, parts_of_nodes
from ai_on_eks.descriptors.platform import Capacity, GpuSoftware, OperatingSystem, Platform
from ai_on_eks.errors import InputError
from ai_on_eks.placement.partition import Partition
from ai_on_eks.placement.types import CapacityRequest
from ai_on_eks.units import GIB

WHOLE = samples.request()
SLICED = samples.request(partition=Partition("slices-4", 4, 4 * GIB, 0.25, None))
DIVIDED = samples.request(partition=Partition("mig-1g-10gb", 7, 10 * GIB, 1 / 8, "1g.10gb"))

PLAIN = samples.platform(capacity=Capacity(gpu_software=GpuSoftware.DEVICE_PLUGIN))
CLAIMED = samples.platform(capacity=Capacity(gpu_software=GpuSoftware.DRA_DRIVER))


def charts(platform: Platform, *requests: CapacityRequest) -> dict[str, HelmRelease]:
    return {release.chart: release for release in node_releases(platform, requests)}


def codes(platform: Platform, requests: list[CapacityRequest], releases: list[HelmRelease]) -> list[str]:
    return [problem.code for problem in owner_problems(platform, requests, releases)]


@pytest.mark.parametrize(
    ("kind", "parts"),
    [
        ("al2023", {"driver", "container toolkit"}),
        ("bottlerocket", {"driver", "container toolkit", "device plugin", "MIG manager"}),
        ("auto-mode", {"driver", "container toolkit", "device plugin"}),
    ],
)
def test_what_nodes_bring_themselves(kind: str, parts: set[str]) -> None:
    assert {part.value for part in parts_of_nodes(kind)} == parts


@pytest.mark.parametrize(
    ("platform", "request_"),
    [(samples.platform(), WHOLE), (samples.platform(), SLICED), (PLAIN, WHOLE), (PLAIN, SLICED), (CLAIMED, WHOLE)],
)
def test_nothing_is_missing_and_nothing_is_there_twice(platform: Platform, request_: CapacityRequest) -> None:
    releases = list(node_releases(platform, [request_]))
    assert owner_problems(platform, [request_], releases) == []
    owned = [part for release in releases for part in owned_parts(release)]
    image = parts_of_nodes(platform.capacity.operating_system.value)
    assert sorted([*owned, *image]) == sorted(part for part in GpuPart if part is not GpuPart.MIG_MANAGER)


@pytest.mark.parametrize("part", OPERATOR_SWITCHES)
def test_a_part_with_two_owners_is_told_with_both(part: GpuPart) -> None:
    """GIVEN the operator with one more switch on, or left to the chart's default, beside the image or a chart."""
    release = gpu_operator.release(samples.platform(), [DIVIDED])
    key = OPERATOR_SWITCHES[part]
    for value in ({"enabled": True}, {}):
        doubled = replace(release, values={**release.values, key: value})
        beside = [doubled, gpu_plugin.plugin_release([WHOLE]), gpu_plugin.metrics_release([WHOLE])]
        problems = owner_problems(samples.platform(), [DIVIDED], beside)
        told = [problem for problem in problems if f"the {part.value} of" in problem.message]
        if part is GpuPart.MIG_MANAGER:
            assert told == []
            continue
        assert [problem.code for problem in told] == ["gpu-part-twice"]
        assert "the chart gpu-operator" in told[0].message
        assert told[0].message.count("belongs to the") + told[0].message.count(" and to the") == 2


@pytest.mark.parametrize("part", OPERATOR_SWITCHES)
def test_a_part_that_nothing_brings_is_told(part: GpuPart) -> None:
    release = gpu_operator.release(samples.platform(), [DIVIDED])
    without = replace(release, values={**release.values, OPERATOR_SWITCHES[part]: {"enabled": False}})
    in_image = part in parts_of_nodes("al2023")
    assert codes(samples.platform(), [DIVIDED], [without]) == ([] if in_image else ["gpu-part-missing"])


def test_without_an_operator_nobody_divides_gpus_by_mig() -> None:
    with pytest.raises(InputError) as caught:
        node_releases(PLAIN, [DIVIDED])
    (problem,) = caught.value.problems
    assert (problem.code, problem.path, problem.value) == ("gpu-part-missing", "capacity.gpu_software", "device-plugin")
    assert "MIG manager" in problem.message


def test_the_plain_charts_run_on_the_gpu_types_alone_and_tolerate_their_taint() -> None:
    found = charts(PLAIN, WHOLE, samples.request(samples.cpu_type()), samples.request(samples.neuron_type()))
    assert set(found) == {"nvidia-device-plugin", "dcgm-exporter", "neuron-helm-chart"}
    for name in ("nvidia-device-plugin", "dcgm-exporter"):
        values = found[name].values
        (term,) = values["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"][
            "nodeSelectorTerms"
        ]
        assert term["matchExpressions"][0]["values"] == ["g6e.xlarge"]
        assert values["tolerations"] == [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]


def test_the_plain_plugin_takes_no_adapters_and_waits_for_no_feature_discovery() -> None:
    values = charts(PLAIN, WHOLE)["nvidia-device-plugin"].values
    assert (values["mofedEnabled"], values["gdrcopyEnabled"], values["gfd"]) == (False, False, {"enabled": False})
    assert "config" not in values


def test_the_plain_plugin_slices_as_the_operators_does() -> None:
    config: dict[str, Any] = charts(PLAIN, SLICED)["nvidia-device-plugin"].values["config"]
    assert config["default"] == "whole"
    sliced = json.loads(config["map"]["slices-4"])["sharing"]["timeSlicing"]
    assert sliced == {"failRequestsGreaterThanOne": True, "resources": [{"name": "nvidia.com/gpu", "replicas": 4}]}


def test_the_plain_exporter_asks_for_no_resource_that_the_cluster_may_not_know() -> None:
    assert charts(PLAIN, WHOLE)["dcgm-exporter"].values["serviceMonitor"] == {"enabled": False}


@pytest.mark.parametrize(
    "requests", [(), (samples.request(samples.cpu_type()),), (samples.request(samples.neuron_type()),)]
)
def test_without_an_nvidia_node_nothing_is_installed_for_one(requests: tuple[CapacityRequest, ...]) -> None:
    assert not {"gpu-operator", "nvidia-device-plugin", "dcgm-exporter"} & set(charts(samples.platform(), *requests))


def test_the_driver_hands_out_whole_gpus_on_the_gpu_types_alone() -> None:
    found = charts(CLAIMED, WHOLE, samples.request(samples.cpu_type()))
    assert set(found) == {"dra-driver-nvidia-gpu", "dcgm-exporter"}
    values = found["dra-driver-nvidia-gpu"].values
    assert values["gpuResourcesEnabledOverride"] is True
    assert values["resources"] == {"gpus": {"enabled": True}, "computeDomains": {"enabled": False}}
    assert values["kubeletPlugin"]["tolerations"][0]["key"] == "nvidia.com/gpu"
    assert "g6e.xlarge" in json.dumps(values["kubeletPlugin"]["affinity"])
    assert values["webhook"] == {"enabled": False}
    assert found["dcgm-exporter"].values["kubernetesDRA"] == {"enabled": True}


def test_the_driver_beside_a_device_plugin_is_told_with_both() -> None:
    """GIVEN a chart with the plugin WHEN both hand out GPUs THEN neither knows what the other has given away."""
    releases = [*node_releases(CLAIMED, [WHOLE]), gpu_plugin.plugin_release([WHOLE])]
    (problem,) = owner_problems(CLAIMED, [WHOLE], releases)
    assert problem.code == "gpu-part-twice"
    assert "dra-driver-nvidia-gpu" in problem.message
    assert "nvidia-device-plugin" in problem.message


def test_the_driver_on_an_image_with_a_plugin_is_told_with_both() -> None:
    capacity = Capacity(gpu_software=GpuSoftware.DRA_DRIVER, operating_system=OperatingSystem.BOTTLEROCKET)
    with pytest.raises(InputError) as caught:
        node_releases(samples.platform(capacity=capacity), [WHOLE])
    (problem,) = caught.value.problems
    assert problem.code == "gpu-part-twice"
    assert "the bottlerocket image and to the chart dra-driver-nvidia-gpu" in problem.message


@pytest.mark.parametrize("request_", [SLICED, DIVIDED])
def test_claims_are_of_whole_gpus(request_: CapacityRequest) -> None:
    with pytest.raises(InputError) as caught:
        node_releases(CLAIMED, [request_])
    (problem,) = caught.value.problems
    assert (problem.code, problem.path) == ("gpu-division-not-possible", "capacity.gpu_software")
    assert "g6e.xlarge" in problem.message
