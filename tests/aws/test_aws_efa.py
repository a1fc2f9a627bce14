"""Nodes that exchange over EFA: all parts are there, or none."""

from __future__ import annotations

from typing import Any

import pytest
from aws_cdk import Stack
from aws_templates import all_of, imported_cluster, only, samples, template_of, vpc

from ai_on_eks.aws import efa_chart
from ai_on_eks.aws.charts import node_releases
from ai_on_eks.aws.managed_groups import managed_groups
from ai_on_eks.aws.node_groups import capacity_spec, system_spec
from ai_on_eks.aws.node_needs import NodeNeeds
from ai_on_eks.catalog.loading import load_catalog
from ai_on_eks.catalog.types import InstanceType
from ai_on_eks.errors import InputError
from ai_on_eks.placement.types import CapacityRequest

RESERVATION = "cr-0123456789abcdef0"


def kind(name: str) -> InstanceType:
    return load_catalog("us-east-1").instance_type(name)


def request(type_name: str = "p5en.48xlarge", **changes: Any) -> CapacityRequest:
    return samples.request(kind(type_name), **{"nodes": 2, "zones": ("us-east-1b",), "efa": True, **changes})


def template(*requests: CapacityRequest) -> dict[str, Any]:
    def build(stack: Stack) -> None:
        needs = NodeNeeds(
            platform=samples.platform(),
            vpc=vpc(stack),
            cluster=imported_cluster(stack),
            system=system_spec(samples.cpu_type(), 2, samples.ZONES),
            models=tuple(capacity_spec(one, samples.ZONES) for one in requests),
            tags={},
        )
        managed_groups(stack, needs)

    return template_of(build)


def launch_data(document: dict[str, Any], type_name: str) -> dict[str, Any]:
    """The launch template's data of the group whose name tag has the type's name."""
    for one in all_of(document, "AWS::EC2::LaunchTemplate").values():
        data: dict[str, Any] = one["Properties"]["LaunchTemplateData"]
        if f"ai-{type_name}" in str(data["TagSpecifications"]):
            return data
    raise KeyError(type_name)


PARTS = ("AWS::EC2::SecurityGroupIngress", "AWS::EC2::SecurityGroupEgress", "AWS::EC2::PlacementGroup")


def test_nodes_whose_replicas_span_them_get_every_part() -> None:
    document = template(request())
    data = launch_data(document, "p5en-48xlarge")
    (placement,) = all_of(document, "AWS::EC2::PlacementGroup")
    assert only(document, "AWS::EC2::PlacementGroup")["Properties"]["Strategy"] == "cluster"
    assert data["Placement"] == {"GroupName": {"Ref": placement}}
    kinds = [(one["NetworkCardIndex"], one["DeviceIndex"], one["InterfaceType"]) for one in data["NetworkInterfaces"]]
    assert kinds[:3] == [(0, 0, "interface"), (0, 1, "efa-only"), (1, 0, "efa-only")]
    assert len(kinds) == 17
    assert "SecurityGroupIds" not in data
    (group,) = [
        one for one in all_of(document, "AWS::EKS::Nodegroup").values() if len(one["Properties"]["Subnets"]) == 1
    ]
    assert group["Properties"]["Labels"]["ai-on-eks/efa"] == "present"


def test_nodes_whose_replicas_do_not_get_none_of_them() -> None:
    document = template(request(efa=False))
    data = launch_data(document, "p5en-48xlarge")
    assert not {"NetworkInterfaces", "Placement"} & set(data)
    assert [part for part in PARTS if all_of(document, part)] == []
    assert not [
        one for one in all_of(document, "AWS::EKS::Nodegroup").values() if "efa" in str(one["Properties"]["Labels"])
    ]


@pytest.mark.parametrize(
    ("direction", "other"), [("Ingress", "SourceSecurityGroupId"), ("Egress", "DestinationSecurityGroupId")]
)
def test_everything_may_pass_from_and_to_the_group_itself(direction: str, other: str) -> None:
    """The egress rule would be lost silently if a construct that allows all outbound traffic made it."""
    document = template(request())
    rule = only(document, f"AWS::EC2::SecurityGroup{direction}")["Properties"]
    assert rule["IpProtocol"] == "-1"
    assert rule["GroupId"] == rule[other]
    data = launch_data(document, "p5en-48xlarge")
    assert all(rule["GroupId"] in one["Groups"] for one in data["NetworkInterfaces"])


def test_the_nodes_own_interface_names_the_clusters_group_because_eks_adds_none() -> None:
    own, *adapters = launch_data(template(request()), "p5en-48xlarge")["NetworkInterfaces"]
    assert own["Groups"][0] == "sg-1"
    assert all("sg-1" not in one["Groups"] for one in adapters)


def test_containers_may_lock_memory_without_limit_where_there_are_adapters() -> None:
    """EFA's buffers are locked, and a container has the 8 MiB of its runtime."""
    with_efa, without = (template(request(efa=efa, zones=("us-east-1b",))) for efa in (True, False))
    assert "LimitMEMLOCK=infinity" in str(launch_data(with_efa, "p5en-48xlarge")["UserData"])
    assert "LimitMEMLOCK" not in str(launch_data(without, "p5en-48xlarge").get("UserData"))


@pytest.mark.parametrize("capacity_type", ["on-demand", "capacity-block"])
def test_reserved_nodes_are_started_where_they_were_reserved(capacity_type: str) -> None:
    """EC2 has no capacity for a reservation in a placement group that it was not made in."""
    document = template(request(reservation_id=RESERVATION, capacity_type=capacity_type))
    data = launch_data(document, "p5en-48xlarge")
    assert "Placement" not in data
    assert len(data["NetworkInterfaces"]) == 17


def test_groups_of_one_pool_share_one_fabric_and_pools_do_not() -> None:
    paid = request(name=f"p5en-48xlarge-{RESERVATION}", pool="p5en-48xlarge", reservation_id=RESERVATION)
    assert len(all_of(template(request(), paid), "AWS::EC2::SecurityGroupEgress")) == 1
    assert len(all_of(template(request(), request("trn2.48xlarge")), "AWS::EC2::SecurityGroupEgress")) == 2


def test_a_type_without_adapters_is_refused_by_name() -> None:
    with pytest.raises(InputError) as caught:
        template(request("inf2.48xlarge"))
    assert [(problem.code, problem.value) for problem in caught.value.problems] == [
        ("efa-not-possible", "inf2.48xlarge")
    ]


def test_the_plugin_runs_on_nodes_with_adapters_under_every_taint_of_theirs() -> None:
    values = efa_chart.values([request(), request("trn2.48xlarge"), request("g6e.48xlarge", efa=False)])
    assert values["nodeSelector"] == {"ai-on-eks/efa": "present"}
    assert values["supportedInstanceLabels"]["values"] == ["p5en.48xlarge", "trn2.48xlarge"]
    assert [one["key"] for one in values["tolerations"]] == ["aws.amazon.com/neuron", "nvidia.com/gpu"]


def test_the_plugin_is_installed_where_a_node_has_adapters_attached() -> None:
    with_efa, without = request("trn2.48xlarge"), request("trn2.48xlarge", efa=False)
    names = [[release.name for release in node_releases(samples.platform(), [one])] for one in (with_efa, without)]
    assert names == [["efa-device-plugin", "neuron"], ["neuron"]]
