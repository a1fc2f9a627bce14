"""Our own rules: each catches its planted fault, and none of our templates has one."""

from __future__ import annotations

from typing import Any

import pytest
from aws_cdk import App, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_eks_v2 as eks
from aws_cdk.assertions import Template

from ai_on_eks.aws.rules import findings

pytest_plugins = ["stacks_fixtures"]

Templates = dict[str, dict[str, Any]]

LOGS = [{"Type": kind} for kind in ("api", "audit", "authenticator", "controllerManager", "scheduler")]


def cluster(**changes: Any) -> dict[str, Any]:
    properties = {
        "ResourcesVpcConfig": {"EndpointPublicAccess": False},
        "Logging": {"ClusterLogging": {"EnabledTypes": LOGS}},
        "EncryptionConfig": [{}],
        "DeletionProtection": True,
        **changes,
    }
    resource = {"Type": "AWS::EKS::Cluster", "Properties": properties, "DeletionPolicy": "Retain"}
    return {"Resources": {"Cluster": {**resource, "UpdateReplacePolicy": "Retain"}}}


def codes(template: dict[str, Any]) -> list[str]:
    return [problem.code for problem in findings(template)]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({"ResourcesVpcConfig": {}}, ["eks-endpoint-open"]),
        ({"ResourcesVpcConfig": {"EndpointPublicAccess": True}}, ["eks-endpoint-open"]),
        (
            {
                "ResourcesVpcConfig": {
                    "EndpointPublicAccess": True,
                    "PublicAccessCidrs": ["198.51.100.0/24", "0.0.0.0/0"],
                }
            },
            ["eks-endpoint-open"],
        ),
        ({"ResourcesVpcConfig": {"EndpointPublicAccess": True, "PublicAccessCidrs": ["198.51.100.0/24"]}}, []),
        ({"Logging": {}}, ["eks-logs-missing"]),
        ({"Logging": {"ClusterLogging": {"EnabledTypes": LOGS[1:]}}}, ["eks-logs-missing"]),
        ({"EncryptionConfig": []}, ["eks-secrets-key-missing"]),
        ({"DeletionProtection": False}, ["eks-deletable"]),
    ],
)
def test_each_fault_of_a_cluster_is_caught(changes: dict[str, Any], expected: list[str]) -> None:
    assert codes(cluster(**changes)) == expected


def test_the_library_s_own_defaults_are_caught() -> None:
    """GIVEN a cluster exactly as `aws_eks_v2` makes it by default, which cdk-nag and checkov let pass."""
    stack = Stack(App(builtin_cloud_formation_validation=False), "bad")
    network = ec2.Vpc(stack, "Vpc", restrict_default_security_group=False)
    eks.Cluster(stack, "Cluster", vpc=network, version=eks.KubernetesVersion.of("1.36"))
    assert codes(dict(Template.from_stack(stack).to_json())) == [
        "eks-endpoint-open",
        "eks-logs-missing",
        "eks-secrets-key-missing",
        "eks-deletable",
        "eks-not-retained",
    ]


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({"AmiType": "AL2023_x86_64_NVIDIA"}, []),
        ({"AmiType": "AL2_x86_64_GPU"}, ["node-image-withdrawn"]),
        ({}, ["node-image-implicit"]),
    ],
)
def test_each_fault_of_a_node_group_is_caught(properties: dict[str, str], expected: list[str]) -> None:
    assert codes({"Resources": {"Group": {"Type": "AWS::EKS::Nodegroup", "Properties": properties}}}) == expected


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"HttpTokens": "required", "HttpPutResponseHopLimit": 1}, []),
        ({"HttpTokens": "required", "HttpPutResponseHopLimit": 2}, ["node-metadata-open"]),
        ({"HttpTokens": "optional", "HttpPutResponseHopLimit": 1}, ["node-metadata-open"]),
        ({}, ["node-metadata-open"]),
    ],
)
def test_each_fault_of_a_launch_template_is_caught(options: dict[str, Any], expected: list[str]) -> None:
    properties = {"LaunchTemplateData": {"MetadataOptions": options}}
    assert codes({"Resources": {"T": {"Type": "AWS::EC2::LaunchTemplate", "Properties": properties}}}) == expected


def test_a_finding_names_its_resource_and_file() -> None:
    (problem,) = findings(cluster(EncryptionConfig=[]), file="bad.template.json")
    assert (problem.file, problem.path) == ("bad.template.json", "Resources.Cluster")


def test_our_templates_have_no_finding(applied: Templates, rendered: Templates) -> None:
    assert [
        problem for templates in (applied, rendered) for one in templates.values() for problem in findings(one)
    ] == []
