from __future__ import annotations

from typing import Any

import pytest
from aws_cdk import Stack
from aws_templates import imported_cluster, only, samples, template_of, vpc

from ai_on_eks.aws.launch_template import root_volume_performance
from ai_on_eks.aws.node_groups import NodeGroup, NodeGroupSpec, NodeRole, capacity_spec, system_spec
from ai_on_eks.catalog.loading import load_catalog
from ai_on_eks.catalog.types import InstanceType
from ai_on_eks.errors import InputError
from ai_on_eks.placement.partition import Partition
from ai_on_eks.placement.types import CapacityRequest
from ai_on_eks.units import GIB


def template(spec: NodeGroupSpec) -> dict[str, Any]:
    def build(stack: Stack) -> None:
        NodeGroup(
            stack,
            "Group",
            spec=spec,
            cluster=imported_cluster(stack),
            vpc=vpc(stack),
            role=NodeRole(stack, "NodeRole").role,
            platform_name="ai",
            tags={"team": "ml"},
        )

    return template_of(build)


def group(spec: NodeGroupSpec) -> dict[str, Any]:
    properties: dict[str, Any] = only(template(spec), "AWS::EKS::Nodegroup")["Properties"]
    return properties


def of_request(request: CapacityRequest) -> NodeGroupSpec:
    return capacity_spec(request, samples.ZONES)


@pytest.mark.parametrize(
    ("kind", "image", "taint"),
    [
        (samples.gpu_type("p5.48xlarge"), "AL2023_x86_64_NVIDIA", "nvidia.com/gpu"),
        (samples.gpu_type("p6-b200.48xlarge"), "AL2023_x86_64_NVIDIA", "nvidia.com/gpu"),
        (samples.gpu_type("g7e.2xlarge"), "AL2023_x86_64_NVIDIA", "nvidia.com/gpu"),
        (samples.neuron_type("trn2.48xlarge"), "AL2023_x86_64_NEURON", "aws.amazon.com/neuron"),
    ],
    ids=lambda value: value.name if isinstance(value, InstanceType) else value,
)
def test_types_the_l2_refuses_get_the_catalogues_image_and_taint(kind: InstanceType, image: str, taint: str) -> None:
    properties = group(of_request(samples.request(kind)))
    assert properties["AmiType"] == image
    assert properties["InstanceTypes"] == [kind.name]
    assert properties["Taints"] == [{"Key": taint, "Value": "present", "Effect": "NO_SCHEDULE"}]


def test_a_group_is_exactly_as_large_as_planned() -> None:
    properties = group(of_request(samples.request(nodes=3)))
    assert properties["ScalingConfig"] == {"MinSize": 3, "DesiredSize": 3, "MaxSize": 3}


def test_an_update_asks_for_no_second_accelerated_instance_and_breaks_no_budget() -> None:
    properties = group(of_request(samples.request()))
    assert properties["UpdateConfig"] == {"MaxUnavailable": 1, "UpdateStrategy": "MINIMAL"}
    assert properties["ForceUpdateEnabled"] is False
    assert properties["NodeRepairConfig"] == {"Enabled": True}


def test_nodes_stand_only_in_zones_that_offer_the_type() -> None:
    document = template(of_request(samples.request(zones=("us-east-1c",))))
    (subnet,) = only(document, "AWS::EKS::Nodegroup")["Properties"]["Subnets"]
    placed = document["Resources"][subnet["Ref"]]["Properties"]
    assert placed["AvailabilityZone"] == "us-east-1c"
    assert placed["MapPublicIpOnLaunch"] is False


def test_system_nodes_carry_no_taint_and_say_what_they_are() -> None:
    properties = group(system_spec(samples.cpu_type(), 2, samples.ZONES))
    assert "Taints" not in properties
    assert properties["AmiType"] == "AL2023_x86_64_STANDARD"
    assert properties["Labels"] == {"ai-on-eks/role": "system", "ai-on-eks/capacity": "system"}


def test_model_nodes_without_accelerator_are_kept_free_too() -> None:
    properties = group(of_request(samples.request(samples.cpu_type("c7i.2xlarge"))))
    assert properties["Taints"] == [{"Key": "ai-on-eks/models", "Value": "present", "Effect": "NO_SCHEDULE"}]
    assert properties["Labels"] == {"ai-on-eks/role": "model", "ai-on-eks/capacity": "c7i-2xlarge"}


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (samples.request(zones=("us-east-1f",)), "capacity-no-zone"),
        (samples.request(zones=()), "capacity-no-zone"),
        (samples.request(nodes=0), "capacity-no-nodes"),
        (samples.request(capacity_type="capacity-block"), "capacity-type-unsupported"),
        (samples.request(samples.gpu_type("g7.2xlarge", ami_type=None)), "node-image-unknown"),
    ],
)
def test_a_request_that_would_fail_on_deployment_fails_at_synthesis(request_: CapacityRequest, code: str) -> None:
    with pytest.raises(InputError) as caught:
        of_request(request_)
    assert [problem.code for problem in caught.value.problems] == [code]


def reserved(capacity_type: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """(node group, launch template's data) of one node in a reservation."""
    request_ = samples.request(
        capacity_type=capacity_type, reservation_id="cr-0123456789abcdef0", zones=("us-east-1b",)
    )
    document = template(of_request(request_))
    data = only(document, "AWS::EC2::LaunchTemplate")["Properties"]["LaunchTemplateData"]
    return only(document, "AWS::EKS::Nodegroup")["Properties"], data


def test_nodes_of_a_reservation_start_in_it_alone_and_in_its_zone() -> None:
    properties, data = reserved("on-demand")
    target = {"CapacityReservationId": "cr-0123456789abcdef0"}
    assert data["CapacityReservationSpecification"] == {"CapacityReservationTarget": target}
    assert "InstanceMarketOptions" not in data
    assert properties["CapacityType"] == "ON_DEMAND"
    assert len(properties["Subnets"]) == 1


def test_nodes_of_a_capacity_block_are_started_as_eks_asks() -> None:
    properties, data = reserved("capacity-block")
    assert data["InstanceMarketOptions"] == {"MarketType": "capacity-block"}
    assert data["InstanceType"] == "g6e.xlarge"
    assert properties["CapacityType"] == "CAPACITY_BLOCK"
    assert "InstanceTypes" not in properties


def test_groups_of_one_pool_have_one_label() -> None:
    request_ = samples.request(name="g6e-xlarge-cr-0123456789abcdef0", pool="g6e-xlarge")
    assert group(of_request(request_))["Labels"]["ai-on-eks/capacity"] == "g6e-xlarge"


def test_divided_nodes_say_how() -> None:
    labels = group(of_request(samples.request(partition=Partition("slices-4", 4, GIB, 0.25, None))))["Labels"]
    assert labels["nvidia.com/device-plugin.config"] == "slices-4"


def test_all_that_is_wrong_with_a_request_is_told_at_once() -> None:
    with pytest.raises(InputError) as caught:
        of_request(samples.request(zones=(), nodes=0))
    assert [problem.code for problem in caught.value.problems] == ["capacity-no-zone", "capacity-no-nodes"]


def test_pods_cannot_read_the_nodes_credentials() -> None:
    data = only(template(of_request(samples.request())), "AWS::EC2::LaunchTemplate")["Properties"]["LaunchTemplateData"]
    assert data["MetadataOptions"] == {
        "HttpEndpoint": "enabled",
        "HttpTokens": "required",
        "HttpPutResponseHopLimit": 1,
    }


def test_the_template_leaves_to_eks_what_eks_sets() -> None:
    data = only(template(of_request(samples.request())), "AWS::EC2::LaunchTemplate")["Properties"]["LaunchTemplateData"]
    assert not {"ImageId", "InstanceType", "IamInstanceProfile", "SecurityGroupIds", "NetworkInterfaces"} & set(data)


def root_volume(kind: InstanceType, needed_gib: int) -> dict[str, Any]:
    document = template(of_request(samples.request(kind, root_volume_gib=needed_gib)))
    data = only(document, "AWS::EC2::LaunchTemplate")["Properties"]["LaunchTemplateData"]
    (mapping,) = data["BlockDeviceMappings"]
    assert mapping["DeviceName"] == "/dev/xvda"
    volume: dict[str, Any] = mapping["Ebs"] | {"UserData": data.get("UserData", {}).get("Fn::Base64", "")}
    return volume


def test_without_local_disks_the_root_volume_is_encrypted_as_large_as_asked_and_fast_enough_for_images() -> None:
    volume = root_volume(samples.gpu_type(local_nvme_bytes=0), 240)
    assert (volume["Encrypted"], volume["VolumeType"], volume["DeleteOnTermination"]) == (True, "gp3", True)
    assert (volume["VolumeSize"], volume["Iops"], volume["Throughput"]) == (240, 3000, 600)
    assert volume["UserData"] == ""


def test_local_disks_become_one_and_carry_images_and_pods() -> None:
    volume = root_volume(samples.gpu_type(local_nvme_bytes=250 * 10**9), 120)
    assert volume["Encrypted"] is True
    assert (volume["VolumeSize"], volume["Iops"], volume["Throughput"]) == (50, 3000, 125)
    text = volume["UserData"]
    assert text.startswith("MIME-Version: 1.0\n")
    assert "Content-Type: application/node.eks.aws" in text
    assert "strategy: RAID0" in text


def test_another_model_in_a_group_with_local_disks_replaces_none_of_its_nodes() -> None:
    """GIVEN more images than before WHEN the launch template were another THEN the nodes that serve would go."""
    kind = samples.gpu_type(local_nvme_bytes=250 * 10**9)
    assert root_volume(kind, 70) == root_volume(kind, 120)


def test_local_disks_too_small_for_the_pods_are_left_alone() -> None:
    """GIVEN the kubelet on a disk of 116 GiB THEN a pod that asks for more storage would never be scheduled."""
    volume = root_volume(samples.gpu_type("g4dn.xlarge", local_nvme_bytes=125 * 10**9), 200)
    assert (volume["VolumeSize"], volume["Throughput"], volume["UserData"]) == (200, 600, "")


def test_only_nodes_that_unpack_images_pay_for_a_fast_root_volume() -> None:
    assert root_volume_performance(unpacks_images=True) == (3000, 600)
    assert root_volume_performance(unpacks_images=False) == (3000, 125)


def test_everything_a_node_costs_carries_the_platforms_tags() -> None:
    data = only(template(of_request(samples.request())), "AWS::EC2::LaunchTemplate")["Properties"]["LaunchTemplateData"]
    tags = [{"Key": "Name", "Value": "ai-g6e-xlarge"}, {"Key": "team", "Value": "ml"}]
    assert data["TagSpecifications"] == [
        {"ResourceType": kind, "Tags": tags} for kind in ("instance", "network-interface", "volume")
    ]


def test_the_node_role_joins_pulls_and_admits_a_shell_no_more() -> None:
    role = only(template(of_request(samples.request())), "AWS::IAM::Role")["Properties"]
    names = [arn["Fn::Join"][1][-1].rsplit("/", 1)[1] for arn in role["ManagedPolicyArns"]]
    assert names == [
        "AmazonEKSWorkerNodePolicy",
        "AmazonEC2ContainerRegistryPullOnly",
        "AmazonSSMManagedInstanceCore",
    ]


def test_inferentia_has_no_disks_of_its_own_so_images_and_weights_get_a_fast_root_volume() -> None:
    volume = root_volume(load_catalog("us-east-1").instance_type("inf2.48xlarge"), 300)
    assert (volume["VolumeSize"], volume["Throughput"], volume["UserData"]) == (300, 600, "")
