"""Both bills, line by line."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
from review_sides import Json, placed, planned, resource, side, template

from ai_on_eks.catalog.platform_prices import load_platform_prices
from ai_on_eks.review.bill import Line
from ai_on_eks.review.cost import bill, cost_change

DAY = date(2026, 11, 29)
HOURS = 730


def platform(**further: Json) -> dict[str, Json]:
    disk = {"VolumeSize": 50, "VolumeType": "gp3", "Iops": 3000, "Throughput": 125}
    return {
        "ai": template(
            {
                "Cluster": resource("AWS::EKS::Cluster", {"Version": "1.36"}),
                "Template": resource(
                    "AWS::EC2::LaunchTemplate", {"LaunchTemplateData": {"BlockDeviceMappings": [{"Ebs": disk}]}}
                ),
                "System": resource(
                    "AWS::EKS::Nodegroup",
                    {
                        "InstanceTypes": ["m7i.large"],
                        "Labels": {"ai-on-eks/role": "system"},
                        "LaunchTemplate": {"Id": {"Ref": "Template"}},
                        "ScalingConfig": {"DesiredSize": 2},
                    },
                ),
                **further,
            }
        )
    }


def lines(
    tmp_path: Path, *, region: str = "us-east-1", day: date = DAY, plan: Json | None = None, **further: Json
) -> dict[str, Line]:
    read = side(tmp_path, "side", platform(**further), region=region, plan=plan)
    return {line.name: line for line in bill(read, day).lines}


@pytest.mark.parametrize(
    ("name", "type_", "properties", "usd"),
    [
        ("NAT gateways", "AWS::EC2::NatGateway", {}, 0.045 * HOURS),
        ("public addresses", "AWS::EC2::EIP", {}, 0.005 * HOURS),
        ("gateway endpoints", "AWS::EC2::VPCEndpoint", {"VpcEndpointType": "Gateway"}, 0.0),
        (
            "interface endpoints",
            "AWS::EC2::VPCEndpoint",
            {"VpcEndpointType": "Interface", "SubnetIds": ["a", "b"]},
            14.6,
        ),
        ("load balancers", "AWS::ElasticLoadBalancingV2::LoadBalancer", {}, 0.0225 * HOURS),
        ("keys", "AWS::KMS::Key", {}, 1.0),
        ("logs", "AWS::Logs::LogGroup", {}, None),
        ("EFS", "AWS::EFS::FileSystem", {}, None),
        ("Prometheus", "AWS::APS::Workspace", {}, None),
    ],
)
def test_given_a_part_of_the_platform_when_billed_then_it_has_its_price_or_is_unknown(
    tmp_path: Path, name: str, type_: str, properties: Json, usd: float | None
) -> None:
    line = lines(tmp_path, Part=resource(type_, properties))[name]
    assert line.usd_per_month == (None if usd is None else pytest.approx(usd, abs=0.006))


def test_given_objects_that_a_load_balancer_is_made_from_when_billed_then_each_is_one(tmp_path: Path) -> None:
    """The controller makes them in the cluster, so no template shows any."""
    bodies = [
        {"kind": "LoadBalancerConfiguration", "metadata": {"name": "models"}, "spec": {"scheme": "internal"}},
        {"kind": "Ingress", "metadata": {"name": "models"}, "spec": {}},
        {"kind": "Service", "metadata": {"name": "entry"}, "spec": {"type": "LoadBalancer"}},
        {"kind": "Service", "metadata": {"name": "models"}, "spec": {"type": "ClusterIP"}},
        {"kind": "Gateway", "metadata": {"name": "models"}, "spec": {}},
    ]
    applied = resource("Custom::AWSCDK-EKS-KubernetesResource", {"Manifest": json.dumps(bodies)})
    line = lines(tmp_path, Applied=applied)["load balancers"]
    assert line.basis == "3"
    assert line.usd_per_month == pytest.approx(3 * 0.0225 * HOURS, abs=0.006)
    assert line.by_use is not None
    assert line.by_use.startswith("plus ")


def test_given_no_way_in_when_billed_then_there_is_no_load_balancer(tmp_path: Path) -> None:
    assert "load balancers" not in lines(tmp_path)


@pytest.mark.parametrize(
    ("properties", "usd"),
    [
        ({"DeploymentType": "PERSISTENT_2", "PerUnitStorageThroughput": 125}, 1200 * 0.145),
        ({"DeploymentType": "PERSISTENT_2", "PerUnitStorageThroughput": 1000}, None),
        ({"DeploymentType": "SCRATCH_2"}, 1200 * 0.14),
    ],
)
def test_given_a_lustre_file_system_when_billed_then_a_throughput_without_a_price_is_unknown(
    tmp_path: Path, properties: Json, usd: float | None
) -> None:
    system = resource("AWS::FSx::FileSystem", {"StorageCapacity": 1200, "LustreConfiguration": properties})
    line = lines(tmp_path, Fs=system)["FSx for Lustre Fs"]
    assert line.usd_per_month == (None if usd is None else pytest.approx(usd))


def test_given_the_default_platform_when_billed_then_nodes_disks_and_control_plane_are_counted(tmp_path: Path) -> None:
    found = lines(tmp_path)
    assert found["system nodes"].usd_per_month == pytest.approx(2 * 0.1008 * HOURS, abs=0.01)
    assert (found["system nodes"].basis, found["node disks"].usd_per_month) == ("2 × m7i.large", 2 * 50 * 0.08)
    assert found["control plane"].usd_per_month == 73.0


@pytest.mark.parametrize(
    ("version", "support", "day", "usd"),
    [
        ("1.34", None, date(2026, 12, 2), 73.0),
        ("1.34", None, date(2026, 12, 3), 438.0),
        ("1.34", "EXTENDED", date(2026, 12, 3), 438.0),
        ("1.34", "STANDARD", date(2026, 12, 3), 73.0),
        ("1.36", None, date(2027, 12, 3), 73.0),
    ],
)
def test_given_a_version_out_of_standard_support_when_billed_then_extended_support_is_paid(
    tmp_path: Path, version: str, support: str | None, day: date, usd: float
) -> None:
    policy = {} if support is None else {"UpgradePolicy": {"SupportType": support}}
    cluster = resource("AWS::EKS::Cluster", {"Version": version, **policy})
    assert lines(tmp_path, Cluster=cluster, day=day)["control plane"].usd_per_month == usd


def test_given_a_region_without_platform_prices_when_billed_then_they_are_unknown_and_not_nothing(
    tmp_path: Path,
) -> None:
    found = lines(tmp_path, region="eu-west-1", Nat=resource("AWS::EC2::NatGateway"))
    assert [found[name].usd_per_month for name in ("NAT gateways", "control plane", "node disks")] == [None] * 3


def test_given_auto_mode_when_billed_then_its_fee_is_unknown(tmp_path: Path) -> None:
    cluster = resource("AWS::EKS::Cluster", {"Version": "1.36", "ComputeConfig": {"Enabled": True}})
    assert lines(tmp_path, Cluster=cluster)["EKS Auto Mode"].usd_per_month is None


def test_given_twice_the_nodes_when_compared_then_the_model_costs_twice(tmp_path: Path) -> None:
    before = side(
        tmp_path, "before", platform(), plan=planned(placed("a", "g6.xlarge", 0.8), placed("b", "g6.xlarge", None))
    )
    after = side(
        tmp_path,
        "after",
        platform(),
        plan=planned(placed("a", "g6.xlarge", 0.8, nodes=2), placed("c", "g6.xlarge", 1.0)),
    )
    change = cost_change(before, after, DAY)
    moved = {line.name: (line.delta_usd, line.changed) for line in change.lines if line.group == "models"}
    assert moved == {"a": (584.0, True), "c": (730.0, True), "b": (None, True)}
    assert change.delta_usd == 584.0 + 730.0
    assert change.unknown_changes == ("b",)
    assert change.share == pytest.approx(1314.0 / change.before.known_usd, abs=1e-4)
    assert change.after.dates == ("2026-02-24", "2026-11-29")


def test_given_no_plan_when_billed_then_no_model_is_listed_and_the_platform_is(tmp_path: Path) -> None:
    assert {line.group for line in lines(tmp_path).values()} == {"platform"}


def test_a_region_that_nobody_asked_about_has_no_prices() -> None:
    assert (load_platform_prices("eu-west-1").usd, load_platform_prices("eu-west-1").dates) == ({}, None)
