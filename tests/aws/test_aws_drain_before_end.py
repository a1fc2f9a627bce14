"""Nodes of a capacity block are drained before it ends."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aws_cdk import Stack
from aws_templates import all_of, imported_cluster, only, samples, template_of, vpc
from msgspec.structs import replace

from ai_on_eks.aws.drain_before_end import drained_at
from ai_on_eks.aws.efa import EfaFabric
from ai_on_eks.aws.node_groups import NodeGroup, NodeGroupSpec, NodeRole, capacity_spec
from ai_on_eks.aws.node_reservations import reserved_spec
from ai_on_eks.descriptors.platform import Reservation, ReservedCapacity

ID = "cr-0123456789abcdef0"
ENDS = "2026-12-08T11:30:00Z"
RESERVATION = Reservation(id=ID, instance_type="g6e.xlarge", count=2, zone="us-east-1b", ends=ENDS)
BLOCK = RESERVATION.model_copy(update={"capacity_type": ReservedCapacity.CAPACITY_BLOCK})


def spec(reservation: Reservation, **changes: Any) -> NodeGroupSpec:
    request = samples.request(
        capacity_type=reservation.capacity_type.value, reservation_id=ID, zones=("us-east-1b",), nodes=2, **changes
    )
    return reserved_spec(capacity_spec(request, samples.ZONES), [reservation])


def template(group: NodeGroupSpec) -> dict[str, Any]:
    def build(stack: Stack) -> None:
        cluster, network = imported_cluster(stack), vpc(stack)
        NodeGroup(
            stack,
            "Group",
            spec=group,
            cluster=cluster,
            vpc=network,
            role=NodeRole(stack, "NodeRole").role,
            platform_name="ai",
            tags={},
            fabric=EfaFabric(stack, "Fabric", pool="p", cluster=cluster, vpc=network) if group.efa else None,
        )

    return template_of(build)


@pytest.mark.parametrize(
    ("ends", "expected"),
    [(ENDS, "2026-12-08T10:30:00"), ("2027-01-01T00:15:00Z", "2026-12-31T23:15:00")],
)
def test_an_hour_before_the_end(ends: str, expected: str) -> None:
    assert drained_at(ends) == expected


def test_the_group_is_scaled_to_nothing_once_by_a_role_that_can_do_only_this() -> None:
    document = template(spec(BLOCK))
    (group,) = all_of(document, "AWS::EKS::Nodegroup")
    schedule = only(document, "AWS::Scheduler::Schedule")["Properties"]
    assert schedule["ScheduleExpression"] == "at(2026-12-08T10:30:00)"
    assert "ScheduleExpressionTimezone" not in schedule
    assert json.dumps(schedule["Target"]["Arn"]).endswith(':scheduler:::aws-sdk:eks:updateNodegroupConfig"]]}')
    asked = json.dumps(schedule["Target"]["Input"]).replace("\\", "")
    assert '"ScalingConfig":{"MinSize":0,"DesiredSize":0}' in asked
    assert f'"Fn::GetAtt": ["{group}", "NodegroupName"]' in asked
    (statement,) = only(document, "AWS::IAM::Policy")["Properties"]["PolicyDocument"]["Statement"]
    assert statement["Action"] == "eks:UpdateNodegroupConfig"
    assert statement["Resource"] == {"Fn::GetAtt": [group, "Arn"]}
    trusts = [
        str(role["Properties"]["AssumeRolePolicyDocument"]) for role in all_of(document, "AWS::IAM::Role").values()
    ]
    assert [("aws:SourceAccount" in trust) for trust in trusts if "scheduler" in trust] == [True]


def test_a_group_that_is_drained_may_be_empty_and_others_may_not() -> None:
    scaling = only(template(spec(BLOCK)), "AWS::EKS::Nodegroup")["Properties"]["ScalingConfig"]
    assert scaling == {"MinSize": 0, "DesiredSize": 2, "MaxSize": 2}
    scaling = only(template(spec(RESERVATION)), "AWS::EKS::Nodegroup")["Properties"]["ScalingConfig"]
    assert scaling == {"MinSize": 2, "DesiredSize": 2, "MaxSize": 2}


@pytest.mark.parametrize("reservation", [RESERVATION, BLOCK.model_copy(update={"ends": None})])
def test_nodes_that_nothing_takes_away_are_not_drained(reservation: Reservation) -> None:
    """GIVEN an ordinary reservation's end, after which its instances run on, or a block whose end nobody wrote."""
    assert all_of(template(spec(reservation)), "AWS::Scheduler::Schedule") == {}


def test_nodes_start_in_the_placement_group_that_the_reservation_was_made_in() -> None:
    near = RESERVATION.model_copy(update={"placement_group": "near-each-other"})
    data = only(template(spec(near)), "AWS::EC2::LaunchTemplate")["Properties"]["LaunchTemplateData"]
    assert data["Placement"] == {"GroupName": "near-each-other"}
    data = only(template(spec(RESERVATION)), "AWS::EC2::LaunchTemplate")["Properties"]["LaunchTemplateData"]
    assert "Placement" not in data


def test_only_the_reservation_of_the_nodes_counts() -> None:
    elsewhere = BLOCK.model_copy(update={"id": "cr-fedcba9876543210f"})
    bought = capacity_spec(samples.request(), samples.ZONES)
    assert reserved_spec(bought, [BLOCK, elsewhere]) == bought
    assert spec(BLOCK) == replace(spec(elsewhere.model_copy(update={"id": ID})), ends=ENDS)
