"""The names the rules compare with."""

from __future__ import annotations

import botocore
import botocore.session
import pytest

from ai_on_eks.catalog.loading import load_catalog
from ai_on_eks.review.rules.facts import catalogued, eks_names, instance_type_names, nearest, read
from ai_on_eks.review.rules.rule import Rule
from ai_on_eks.review.rules.table import RULES

SERVICES = botocore.session.get_session()


@pytest.mark.skipif(
    botocore.__version__ not in read("instance_types.json")["source"], reason="the names are another botocore's"
)
def test_the_types_are_those_the_api_accepts_and_the_catalogue_s() -> None:
    accepted = set(SERVICES.get_service_model("ec2").shape_for("InstanceType").enum)
    assert instance_type_names() == accepted | set(load_catalog("us-east-1").instance_types)
    assert {"g6e.12xlarge", "p6-b300.48xlarge", "trn2.48xlarge", "m7i.large"} <= accepted


def test_the_ami_types_are_those_the_api_accepts_and_the_catalogue_s() -> None:
    accepted = SERVICES.get_service_model("eks").shape_for("AMITypes").enum
    types = load_catalog("us-east-1").instance_types.values()
    assert set(eks_names("ami_types")) == set(accepted)
    assert {one.ami_type for one in types} - {None} <= set(accepted)


def test_the_lustre_deployment_types_are_those_the_api_accepts() -> None:
    accepted = SERVICES.get_service_model("fsx").shape_for("LustreDeploymentType").enum
    assert set(read("lustre.json")["versions"]) == set(accepted)


def test_every_exception_of_identity_has_a_reason() -> None:
    lists = read("iam.json")
    exceptions = lists["wildcard_resource_actions"] | lists["managed_policies"]
    assert [name for name, reason in exceptions.items() if len(reason) < len("acts on")] == []


def test_a_type_that_the_catalogue_does_not_describe_is_not_judged() -> None:
    assert catalogued("t3.micro") is None
    assert "t3.micro" in instance_type_names()


def test_the_nearest_name_is_told_and_none_where_none_is_near() -> None:
    assert nearest("vpc-cin", eks_names("addons")) == ", did you mean vpc-cni?"
    assert nearest("zzzz", eks_names("addons")) == ""


def test_a_rule_reads_resources_objects_or_pods_and_not_two_of_them() -> None:
    def sort(rule: Rule) -> set[str]:
        return {"pod" if kind == "Pod" else "resource" if "::" in kind else "object" for kind in rule.applies}

    assert [rule.code for rule in RULES if len(sort(rule)) != 1] == []
