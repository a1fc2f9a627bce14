"""Nodes that read from Lustre: in its zone, and over their adapters where both sides have some."""

from __future__ import annotations

from typing import Any

import pytest
from aws_cdk import Stack
from aws_templates import all_of, imported_cluster, samples, template_of, vpc
from msgspec.structs import replace

from ai_on_eks.aws.karpenter.objects import karpenter_objects
from ai_on_eks.aws.lustre_readers import check_readers, lustre_readers
from ai_on_eks.aws.managed_groups import managed_groups
from ai_on_eks.aws.model_nodes import model_specs
from ai_on_eks.aws.node_groups import system_spec
from ai_on_eks.aws.node_needs import NodeNeeds
from ai_on_eks.catalog.loading import load_catalog
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.descriptors.platform_storage import FsxForLustre, PlatformStorage
from ai_on_eks.descriptors.schema import Storage
from ai_on_eks.errors import InputError, Problem
from ai_on_eks.placement.types import CapacityRequest

ZONE = "us-east-1b"
READER = replace(samples.workload("llama"), claim=samples.claim(Storage.FSX))
READERS = lustre_readers([READER, samples.workload("resnet")])
PROGRAM = "/usr/local/sbin/lustre-over-efa"


def platform(*, efa: bool = False) -> Platform:
    fsx = FsxForLustre(zone=ZONE, efa=efa, throughput_mbps_per_tib=1000 if efa else None)
    return samples.platform(storage=PlatformStorage(fsx=fsx))


def request(type_name: str = "p5en.48xlarge", **changes: Any) -> CapacityRequest:
    kind = load_catalog("us-east-1").instance_type(type_name)
    return samples.request(kind, **{"nodes": 2, "zones": (ZONE,), "efa": True, "models": ("llama",), **changes})


def problem_of(one: Platform, *requests: CapacityRequest) -> Problem:
    with pytest.raises(InputError) as caught:
        check_readers(one, requests, READERS)
    (problem,) = caught.value.problems
    return problem


def user_data(one: Platform, *requests: CapacityRequest) -> list[str]:
    """Of the models' managed groups, then of Karpenter's classes."""

    def build(stack: Stack) -> None:
        needs = NodeNeeds(
            platform=one,
            vpc=vpc(stack),
            cluster=imported_cluster(stack),
            system=system_spec(samples.cpu_type(), 2, samples.ZONES),
            models=model_specs(one, requests, READERS),
            tags={},
        )
        managed_groups(stack, needs)

    templates = all_of(template_of(build), "AWS::EC2::LaunchTemplate").values()
    encoded = [data for one in templates if (data := one["Properties"]["LaunchTemplateData"].get("UserData"))]
    specs = [replace(spec, placement_group="near") for spec in model_specs(one, requests, READERS)]
    classes = [item for item in karpenter_objects(one, specs).values() if item["kind"] == "EC2NodeClass"]
    return [*(str(data["Fn::Base64"]) for data in encoded), *(str(item["spec"].get("userData")) for item in classes)]


def test_only_models_that_mount_it_are_readers() -> None:
    assert {"llama"} == READERS


@pytest.mark.parametrize("zones", [("us-east-1a",), ("us-east-1a", ZONE), ()])
def test_nodes_of_a_reader_in_another_zone_are_refused(zones: tuple[str, ...]) -> None:
    problem = problem_of(platform(), request(zones=zones))
    assert (problem.code, problem.path, problem.value) == ("fsx-zone-mismatch", "storage.fsx.zone", ZONE)
    assert "llama" in problem.message


def test_a_reservation_in_another_zone_is_named_in_the_fix() -> None:
    problem = problem_of(platform(), request(zones=("us-east-1a",), reservation_id="cr-0123456789abcdef0"))
    assert "cr-0123456789abcdef0" in str(problem.fix)


def test_nodes_of_others_and_those_in_the_zone_pass() -> None:
    others = request("g6e.xlarge", zones=("us-east-1a",), efa=False, models=("resnet",))
    check_readers(platform(), [request(), others], READERS)
    check_readers(platform(efa=True), [request(), replace(others, efa=True)], READERS)


@pytest.mark.parametrize("name", ["p4d.24xlarge", "trn2.48xlarge"])
def test_adapters_that_would_read_over_tcp_all_the_same_are_refused(name: str) -> None:
    """GIVEN a file system with EFA WHEN nodes have adapters that FSx does not take THEN nothing is synthesized: it
    would be paid for by its speed, and read without it."""
    problem = problem_of(platform(efa=True), request(name))
    assert (problem.code, problem.path) == ("fsx-efa-client", "storage.fsx.efa")
    assert name in problem.message
    check_readers(platform(), [request(name)], READERS)


def test_more_adapters_than_a_file_system_takes_are_refused() -> None:
    assert "1032 would read" in problem_of(platform(efa=True), request(nodes=129)).message
    check_readers(platform(efa=True), [request(nodes=128)], READERS)
    assert problem_of(platform(efa=True), request(most_nodes=129)).code == "fsx-efa-client"


def test_nodes_of_every_strategy_with_adapters_set_them_up_for_lustre_before_their_kubelet_starts() -> None:
    found = user_data(platform(efa=True), request())
    assert len(found) == 2
    for text in found:
        assert f"ExecStartPre={PROGRAM}" in text
        assert "modprobe kefalnd" in text
        assert text.index("ExecStartPre") < text.index("dnf install -y lustre-client")


@pytest.mark.parametrize(
    ("efa", "changes"),
    [(False, {}), (True, {"efa": False}), (True, {"models": ("resnet",)})],
    ids=["file system without", "nodes without", "not read from"],
)
def test_others_do_not(efa: bool, changes: dict[str, Any]) -> None:
    assert [text for text in user_data(platform(efa=efa), request(**changes)) if PROGRAM in text] == []


def test_the_adapters_carry_the_group_that_the_file_system_lets_in() -> None:
    """GIVEN adapters with a group of their own alone WHEN they reach for the file system THEN nothing answers."""

    def groups(efa: bool) -> list[int]:
        def build(stack: Stack) -> None:
            one = platform(efa=efa)
            models = model_specs(one, [request()], READERS)
            system = system_spec(samples.cpu_type(), 2, samples.ZONES)
            needs = NodeNeeds(one, vpc(stack), imported_cluster(stack), system, models, {})
            managed_groups(stack, needs)

        templates = all_of(template_of(build), "AWS::EC2::LaunchTemplate").values()
        (interfaces,) = [
            found for item in templates if (found := item["Properties"]["LaunchTemplateData"].get("NetworkInterfaces"))
        ]
        return [len(one["Groups"]) for one in interfaces]

    assert groups(efa=True) == [2] * 17
    assert groups(efa=False) == [2, *[1] * 16]
