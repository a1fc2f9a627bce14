"""Nodes that run Bottlerocket."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from aws_cdk import Stack
from aws_templates import imported_cluster, only, samples, template_of, vpc
from msgspec.structs import replace

from ai_on_eks.aws.bottlerocket import bottlerocket_user_data
from ai_on_eks.aws.charts import node_releases
from ai_on_eks.aws.efa import EfaFabric
from ai_on_eks.aws.gpu_owners import owned_parts
from ai_on_eks.aws.node_groups import NodeGroup, NodeRole, capacity_spec, system_spec
from ai_on_eks.catalog.gpu_parts import GpuPart
from ai_on_eks.catalog.loading import load_catalog
from ai_on_eks.catalog.types import InstanceType
from ai_on_eks.descriptors.platform import Capacity, GpuSoftware, OperatingSystem
from ai_on_eks.errors import InputError
from ai_on_eks.placement.partition import Partition
from ai_on_eks.placement.types import CapacityRequest
from ai_on_eks.units import GIB

BOTTLEROCKET = OperatingSystem.BOTTLEROCKET
SLICES = Partition("slices-4", 4, 4 * GIB, 0.25, None)
MIG = Partition("mig-1g-10gb", 7, 10 * GIB, 1 / 8, "1g.10gb")


def kind(name: str) -> InstanceType:
    return load_catalog("us-east-1").instance_type(name)


def settings(name: str, **changes: Any) -> dict[str, Any]:
    text = bottlerocket_user_data(kind(name), **{"local_disks": False, **changes})
    return tomllib.loads(text)["settings"]  # type: ignore[no-any-return]


def template(request: CapacityRequest) -> dict[str, Any]:
    def build(stack: Stack) -> None:
        cluster, network = imported_cluster(stack), vpc(stack)
        spec = capacity_spec(request, samples.ZONES, BOTTLEROCKET)
        fabric = EfaFabric(stack, "Fabric", pool="p", cluster=cluster, vpc=network) if spec.efa else None
        NodeGroup(
            stack,
            "Group",
            spec=spec,
            cluster=cluster,
            vpc=network,
            role=NodeRole(stack, "NodeRole").role,
            platform_name="ai",
            tags={},
            fabric=fabric,
        )

    return template_of(build)


def launch_data(request: CapacityRequest) -> dict[str, Any]:
    data: dict[str, Any] = only(template(request), "AWS::EC2::LaunchTemplate")["Properties"]["LaunchTemplateData"]
    return data


@pytest.mark.parametrize(
    ("name", "image"),
    [
        ("g6e.xlarge", "BOTTLEROCKET_x86_64_NVIDIA"),
        ("p5.48xlarge", "BOTTLEROCKET_x86_64_NVIDIA"),
        ("inf2.xlarge", "BOTTLEROCKET_x86_64"),
        ("trn2.48xlarge", "BOTTLEROCKET_x86_64"),
        ("m7i.large", "BOTTLEROCKET_x86_64"),
        ("m7g.large", "BOTTLEROCKET_ARM_64"),
    ],
)
def test_the_image_is_the_systems_for_the_type(name: str, image: str) -> None:
    assert capacity_spec(samples.request(kind(name)), samples.ZONES, BOTTLEROCKET).ami_type == image
    assert system_spec(kind(name), 2, samples.ZONES, BOTTLEROCKET).ami_type == image


def test_a_type_without_an_image_of_the_system_is_refused_by_name() -> None:
    with pytest.raises(InputError) as caught:
        capacity_spec(samples.request(kind("p6e-gb200.36xlarge")), samples.ZONES, BOTTLEROCKET)
    (problem,) = caught.value.problems
    assert problem.code == "node-image-unknown"
    assert "no bottlerocket image for p6e-gb200.36xlarge" in problem.message


def test_images_lie_on_the_data_volume_and_the_systems_own_is_encrypted_too() -> None:
    request = samples.request(replace(kind("g6e.xlarge"), local_nvme_bytes=0), root_volume_gib=240)
    system, data = launch_data(request)["BlockDeviceMappings"]
    assert (system["DeviceName"], data["DeviceName"]) == ("/dev/xvda", "/dev/xvdb")
    assert (system["Ebs"]["Encrypted"], "VolumeSize" in system["Ebs"]) == (True, False)
    assert data["Ebs"]["Encrypted"] is True
    assert (data["Ebs"]["VolumeSize"], data["Ebs"]["Iops"], data["Ebs"]["Throughput"]) == (240, 3000, 600)


def test_there_is_no_script_and_no_nodeadm() -> None:
    text = launch_data(samples.request(kind("trn2.48xlarge"), root_volume_gib=100))["UserData"]["Fn::Base64"]
    assert "MIME" not in text
    assert "node.eks.aws" not in text
    assert set(tomllib.loads(text)) == {"settings"}


def test_local_disks_are_made_one_before_anything_is_moved_there() -> None:
    (entry,) = settings("p5.48xlarge", local_disks=True)["bootstrap-commands"].values()
    first, second = entry["commands"]
    assert first == ["apiclient", "ephemeral-storage", "init"]
    assert second[:3] == ["apiclient", "ephemeral-storage", "bind"]
    assert {"/var/lib/containerd", "/var/lib/kubelet"} <= set(second)
    assert (entry["mode"], entry["essential"]) == ("always", True)
    assert "bootstrap-commands" not in settings("inf2.xlarge")


@pytest.mark.parametrize("name", ["g6e.xlarge", "inf2.xlarge", "m7i.large"])
def test_as_many_pods_as_the_plan_counts_on(name: str) -> None:
    assert settings(name)["kubernetes"]["max-pods"] == kind(name).max_pods


def test_neuron_devices_belong_to_pods_without_root() -> None:
    key = "device-ownership-from-security-context"
    assert settings("inf2.xlarge")["kubernetes"][key] is True
    assert key not in settings("g6e.xlarge")["kubernetes"]


def test_slices_keep_the_name_that_pods_ask_for() -> None:
    nvidia = settings("g6e.xlarge", partition=SLICES)["kubelet-device-plugins"]["nvidia"]
    assert nvidia["device-sharing-strategy"] == "time-slicing"
    assert nvidia["time-slicing"] == {
        "replicas": 4,
        "rename-by-default": False,
        "fail-requests-greater-than-one": True,
    }


@pytest.mark.parametrize(("name", "gpu"), [("p5.48xlarge", "h100.80gb"), ("p5en.48xlarge", "h200.141gb")])
def test_isolated_parts_are_made_when_the_node_starts(name: str, gpu: str) -> None:
    nvidia = settings(name, partition=MIG)["kubelet-device-plugins"]["nvidia"]
    assert nvidia == {"device-partitioning-strategy": "mig", "mig": {"profile": {gpu: "1g.10gb"}}}


@pytest.mark.parametrize("name", ["p6-b200.48xlarge", "g7e.2xlarge"])
def test_gpus_that_the_system_does_not_divide_are_refused(name: str) -> None:
    with pytest.raises(InputError) as caught:
        capacity_spec(samples.request(kind(name), partition=MIG), samples.ZONES, BOTTLEROCKET)
    assert [(problem.code, problem.value) for problem in caught.value.problems] == [("mig-not-possible", name)]
    assert capacity_spec(samples.request(kind(name), partition=MIG), samples.ZONES).partition == MIG


def test_no_label_tells_what_the_node_was_told() -> None:
    request = samples.request(kind("g6e.xlarge"), partition=SLICES)
    assert capacity_spec(request, samples.ZONES, BOTTLEROCKET).labels == {}


def test_nodes_with_adapters_have_huge_pages() -> None:
    request = samples.request(kind("p5en.48xlarge"), efa=True, zones=("us-east-1a",), nodes=2)
    text = launch_data(request)["UserData"]["Fn::Base64"]
    assert tomllib.loads(text)["settings"]["kernel"]["sysctl"] == {"vm.nr_hugepages": "5128"}
    assert "kernel" not in settings("p5en.48xlarge")


@pytest.mark.parametrize("software", [GpuSoftware.GPU_OPERATOR, GpuSoftware.DEVICE_PLUGIN])
@pytest.mark.parametrize("partition", [None, SLICES, MIG])
def test_what_the_image_brings_no_chart_installs(software: GpuSoftware, partition: Partition | None) -> None:
    platform = samples.platform(capacity=Capacity(operating_system=BOTTLEROCKET, gpu_software=software))
    releases = node_releases(platform, [samples.request(kind("p5.48xlarge"), partition=partition)])
    assert [part for release in releases for part in owned_parts(release)] == [GpuPart.METRICS]
