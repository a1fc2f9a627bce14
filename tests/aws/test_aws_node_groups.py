from __future__ import annotations

from typing import Any

import pytest
from aws_cdk import Stack
from aws_templates import imported_cluster, only, samples, template_of, vpc

from ai_on_eks.aws.launch_template import node_config, root_volume_performance
from ai_on_eks.aws.node_groups import NodeGroup, NodeGroupSpec, NodeRole, capacity_spec, system_spec
from ai_on_eks.catalog.types import InstanceType
from ai_on_eks.errors import InputError
from ai_on_eks.placement.types import CapacityRequest


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


def test_the_root_volume_is_encrypted_and_as_large_as_asked() -> None:
    data = only(template(of_request(samples.request(root_volume_gib=240))), "AWS::EC2::LaunchTemplate")
    (mapping,) = data["Properties"]["LaunchTemplateData"]["BlockDeviceMappings"]
    assert mapping["DeviceName"] == "/dev/xvda"
    assert (mapping["Ebs"]["Encrypted"], mapping["Ebs"]["VolumeSize"], mapping["Ebs"]["VolumeType"]) == (
        True,
        240,
        "gp3",
    )


@pytest.mark.parametrize(
    ("nvme_bytes", "large_images", "expected"),
    [(0, True, (3000, 600)), (250 * 10**9, True, (3000, 125)), (0, False, (3000, 125))],
)
def test_the_root_volume_is_fast_where_images_are_unpacked_onto_it(
    nvme_bytes: int, large_images: bool, expected: tuple[int, int]
) -> None:
    assert root_volume_performance(samples.gpu_type(local_nvme_bytes=nvme_bytes), large_images) == expected


def test_local_disks_become_one_and_types_without_get_no_user_data() -> None:
    text = node_config(samples.gpu_type())
    assert text is not None
    assert "strategy: RAID0" in text
    assert text.startswith("MIME-Version: 1.0\n")
    assert "Content-Type: application/node.eks.aws" in text
    assert node_config(samples.gpu_type(local_nvme_bytes=0)) is None


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
