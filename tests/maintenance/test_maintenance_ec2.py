"""What a refresh asks of EC2: every page, in chunks, and nothing that fails as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from ai_on_eks.maintenance import ec2


@pytest.fixture
def stubbed() -> Iterator[tuple[Any, Stubber]]:
    client = boto3.client(
        "ec2",
        region_name="us-east-1",
        aws_access_key_id="stubbed",
        aws_secret_access_key="stubbed",  # noqa: S106
    )
    with Stubber(client) as stubber:
        yield client, stubber
        stubber.assert_no_pending_responses()


def offering(name: str, zone: str) -> dict[str, str]:
    return {"InstanceType": name, "LocationType": "availability-zone", "Location": zone}


def test_given_two_pages_of_offerings_then_zones_are_joined_and_sorted(stubbed: tuple[Any, Stubber]) -> None:
    client, stubber = stubbed
    asked = {"LocationType": "availability-zone"}
    first = [offering("g5.xlarge", "us-east-1b"), offering("c7i.large", "us-east-1a")]
    stubber.add_response(
        "describe_instance_type_offerings", {"InstanceTypeOfferings": first, "NextToken": "more"}, asked
    )
    stubber.add_response(
        "describe_instance_type_offerings",
        {"InstanceTypeOfferings": [offering("g5.xlarge", "us-east-1a")]},
        asked | {"NextToken": "more"},
    )
    assert ec2.offerings(client) == {"c7i.large": ("us-east-1a",), "g5.xlarge": ("us-east-1a", "us-east-1b")}


def test_given_two_pages_of_types_then_all_are_answered(stubbed: tuple[Any, Stubber]) -> None:
    client, stubber = stubbed
    asked = {"Filters": [{"Name": "instance-type", "Values": ["g5.xlarge", "g6.xlarge"]}]}
    stubber.add_response(
        "describe_instance_types", {"InstanceTypes": [{"InstanceType": "g5.xlarge"}], "NextToken": "more"}, asked
    )
    stubber.add_response(
        "describe_instance_types", {"InstanceTypes": [{"InstanceType": "g6.xlarge"}]}, asked | {"NextToken": "more"}
    )
    found = ec2.describe(client, ["g6.xlarge", "g5.xlarge"])
    assert [answer["InstanceType"] for answer in found] == ["g5.xlarge", "g6.xlarge"]


def test_given_no_names_then_everything_is_asked_for(stubbed: tuple[Any, Stubber]) -> None:
    client, stubber = stubbed
    stubber.add_response("describe_instance_types", {"InstanceTypes": [{"InstanceType": "g5.xlarge"}]}, {})
    assert [answer["InstanceType"] for answer in ec2.describe(client)] == ["g5.xlarge"]


def test_given_more_names_than_a_filter_takes_then_they_are_asked_in_chunks(stubbed: tuple[Any, Stubber]) -> None:
    client, stubber = stubbed
    names = [f"x{number:03}.large" for number in range(150)]
    for chunk in (names[:100], names[100:]):
        stubber.add_response(
            "describe_instance_types",
            {"InstanceTypes": [{"InstanceType": chunk[0]}]},
            {"Filters": [{"Name": "instance-type", "Values": chunk}]},
        )
    assert len(list(ec2.describe(client, reversed(names)))) == 2


def test_given_no_names_left_then_nothing_is_asked(stubbed: tuple[Any, Stubber]) -> None:
    client, _ = stubbed
    assert list(ec2.describe(client, [])) == []


def test_given_an_account_then_its_regions_are_sorted(stubbed: tuple[Any, Stubber]) -> None:
    client, stubber = stubbed
    regions = [{"RegionName": "us-west-2"}, {"RegionName": "eu-west-1"}]
    stubber.add_response("describe_regions", {"Regions": regions}, {})
    assert ec2.enabled_regions(client) == ("eu-west-1", "us-west-2")
