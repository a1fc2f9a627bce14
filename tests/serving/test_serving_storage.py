"""Names and ids of a deployment: what the storage stack tells is what rendered volumes read."""

from __future__ import annotations

import pytest

from ai_on_eks.serving.storage import (
    OUTPUTS,
    UNKNOWN,
    EfsAddress,
    LustreAddress,
    StorageAddresses,
    addresses_in,
    outputs_of,
)

LUSTRE = LustreAddress("fs-1", "fs-1.example", "abcdefgh", "us-east-1b")
EFS = EfsAddress("fs-2", {"llama-weights": "fsap-1", "resnet-weights": "fsap-2"})
WHOLE = StorageAddresses(bucket="weights", region="us-east-1", fsx=LUSTRE, efs=EFS)


def test_given_outputs_then_they_lead_back_to_the_addresses() -> None:
    outputs = outputs_of(WHOLE)
    assert set(outputs) == set(OUTPUTS)
    assert outputs["EfsAccessPoints"] == "llama-weights=fsap-1,resnet-weights=fsap-2"
    assert addresses_in(outputs, "us-east-1", "us-east-1b") == WHOLE


def test_given_a_file_system_without_models_then_it_has_no_access_points() -> None:
    addresses = StorageAddresses(bucket="weights", region="us-east-1", efs=EfsAddress("fs-2", {}))
    assert "EfsAccessPoints" not in outputs_of(addresses)
    assert addresses_in(outputs_of(addresses), "us-east-1", None) == addresses


def test_given_nothing_then_nothing_is_told() -> None:
    assert outputs_of(UNKNOWN) == {}
    assert addresses_in({}, "us-east-1", "us-east-1b") == StorageAddresses(region="us-east-1")


@pytest.mark.parametrize("missing", ["LustreId", "LustreDnsName", "LustreMountName"])
def test_given_half_an_address_then_it_is_none(missing: str) -> None:
    outputs = {name: value for name, value in outputs_of(WHOLE).items() if name != missing}
    assert addresses_in(outputs, "us-east-1", "us-east-1b").fsx is None


def test_given_a_platform_without_lustre_then_what_an_older_deployment_told_of_it_is_not_used() -> None:
    assert addresses_in(outputs_of(WHOLE), "us-east-1", None).fsx is None
