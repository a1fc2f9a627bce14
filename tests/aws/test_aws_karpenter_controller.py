from __future__ import annotations

import json
from typing import Any

import pytest
from aws_templates import all_of, imported_cluster, only, samples, template_of

from ai_on_eks.aws.karpenter.controller import KarpenterController
from ai_on_eks.aws.karpenter.interruptions import INTERRUPTIONS
from ai_on_eks.aws.karpenter.names import instance_profile_name, interruption_queue_name
from ai_on_eks.aws.karpenter.releases import karpenter_releases, values
from ai_on_eks.catalog.versions import mismatches
from ai_on_eks.descriptors.platform import Capacity, SystemNodes
from ai_on_eks.descriptors.platform_network import InterfaceEndpoints, NatGateways, Network
from ai_on_eks.review.rules.facts import read

IAM_POLICY_CHARACTERS = 6144
"""Of a managed policy, without white space (IAM quotas, 2026-11)."""

LONGEST_REFERENCE = 200
"""More than any ARN here has once it is known."""


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    return template_of(
        lambda stack: KarpenterController(
            stack, "Karpenter", platform=samples.platform(), cluster=imported_cluster(stack)
        )
    )


def statements(template: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        one["Sid"]: one
        for policy in all_of(template, "AWS::IAM::ManagedPolicy").values()
        for one in policy["Properties"]["PolicyDocument"]["Statement"]
    }


def written_out(value: Any) -> Any:
    """As IAM gets it: references replaced by something as long as they can become."""
    if isinstance(value, list):
        return [written_out(item) for item in value]
    if not isinstance(value, dict):
        return value
    match value:
        case {"Ref": "AWS::AccountId"}:
            return "1" * 12
        case {"Ref": _} | {"Fn::GetAtt": _} | {"Fn::ImportValue": _}:
            return "x" * LONGEST_REFERENCE
        case {"Fn::Join": [separator, parts]}:
            return separator.join(written_out(parts))
    return {key: written_out(item) for key, item in value.items()}


def test_no_policy_is_longer_than_iam_takes_with_the_longest_name() -> None:
    platform = samples.platform(name="a" * 32)
    found = template_of(
        lambda stack: KarpenterController(stack, "Karpenter", platform=platform, cluster=imported_cluster(stack))
    )
    policies = all_of(found, "AWS::IAM::ManagedPolicy")
    assert len(policies) == 2
    for policy in policies.values():
        text = json.dumps(written_out(policy["Properties"]["PolicyDocument"]), separators=(",", ":"))
        assert 1000 < len(text) < IAM_POLICY_CHARACTERS


def test_it_starts_only_what_carries_the_clusters_tag_from_the_first_moment(template: dict[str, Any]) -> None:
    found = statements(template)
    for sid in ("StartTagged", "TagWhatIsStarted"):
        equals = found[sid]["Condition"]["StringEquals"]
        assert equals["aws:RequestTag/kubernetes.io/cluster/ai"] == "owned"
        assert equals["aws:RequestTag/eks:eks-cluster-name"] == "ai"
        assert found[sid]["Condition"]["StringLike"] == {"aws:RequestTag/karpenter.sh/nodepool": "*"}
    assert found["StartFromTemplate"]["Condition"]["StringEquals"] == {
        "aws:ResourceTag/kubernetes.io/cluster/ai": "owned"
    }


def test_it_ends_and_names_only_what_is_the_clusters(template: dict[str, Any]) -> None:
    found = statements(template)
    owned = {"aws:ResourceTag/kubernetes.io/cluster/ai": "owned"}
    assert found["End"]["Action"] == ["ec2:DeleteLaunchTemplate", "ec2:TerminateInstances"]
    assert found["End"]["Condition"]["StringEquals"] == owned
    assert found["NameInstance"]["Condition"]["StringEquals"] == owned
    assert found["NameInstance"]["Condition"]["ForAllValues:StringEquals"] == {
        "aws:TagKeys": ["eks:eks-cluster-name", "karpenter.sh/nodeclaim", "Name"]
    }


def test_every_resource_is_named_but_where_reading_knows_none(template: dict[str, Any]) -> None:
    everywhere = {sid for sid, one in statements(template).items() if one["Resource"] == "*"}
    assert everywhere == {"ListProfiles", "ReadOffers", "ReadPrices", "ReadZonalShift"}
    for sid in ("ReadOffers", "ReadZonalShift"):
        assert statements(template)[sid]["Condition"]


def test_it_passes_one_role_to_ec2_alone_and_changes_nothing_in_iam(template: dict[str, Any]) -> None:
    found = statements(template)
    (node_role,) = [name for name in all_of(template, "AWS::IAM::Role") if "NodeRole" in name]
    assert found["PassNodeRole"]["Resource"] == {"Fn::GetAtt": [node_role, "Arn"]}
    assert found["PassNodeRole"]["Condition"]["StringEquals"]["iam:PassedToService"][0] == "ec2.amazonaws.com"
    actions = [action for one in found.values() for action in [one["Action"]] if isinstance(action, str)]
    actions += [action for one in found.values() if isinstance(one["Action"], list) for action in one["Action"]]
    assert [action for action in actions if action.startswith("iam:")] == [
        "iam:PassRole",
        "iam:GetInstanceProfile",
        "iam:ListInstanceProfiles",
    ]
    assert not [action for action in actions if "*" in action]


def test_nodes_are_admitted_and_have_the_profile_that_their_class_names(template: dict[str, Any]) -> None:
    profile = only(template, "AWS::IAM::InstanceProfile")["Properties"]
    assert profile["InstanceProfileName"] == instance_profile_name(samples.platform())
    entry = only(template, "AWS::EKS::AccessEntry")["Properties"]
    assert entry["Type"] == "EC2_LINUX"
    assert entry["PrincipalArn"] == {"Fn::GetAtt": [profile["Roles"][0]["Ref"], "Arn"]}


def test_the_controllers_role_is_its_service_accounts_alone(template: dict[str, Any]) -> None:
    association = only(template, "AWS::EKS::PodIdentityAssociation")["Properties"]
    role = template["Resources"][association["RoleArn"]["Fn::GetAtt"][0]]["Properties"]
    conditions = [
        one["Condition"]["StringEquals"] for one in role["AssumeRolePolicyDocument"]["Statement"] if "Condition" in one
    ]
    assert (association["Namespace"], association["ServiceAccount"]) == ("karpenter", "karpenter")
    assert conditions[0] == {
        "aws:RequestTag/kubernetes-namespace": "karpenter",
        "aws:RequestTag/kubernetes-service-account": "karpenter",
    }


def test_every_interruption_reaches_the_queue_under_the_name_its_source_sends(template: dict[str, Any]) -> None:
    known = read("events.json")
    rules = [one["Properties"] for one in all_of(template, "AWS::Events::Rule").values()]
    heard = {}
    for rule in rules:
        ((source,), (name,)) = (rule["EventPattern"]["source"], rule["EventPattern"]["detail-type"])
        assert name in known["detail_types"][source]
        heard[name] = rule["Targets"]
    assert set(heard) >= set(known["interruption"]["names"])
    assert len(heard) == len(INTERRUPTIONS) == 5
    (queue,) = all_of(template, "AWS::SQS::Queue")
    assert all([one["Arn"] for one in targets] == [{"Fn::GetAtt": [queue, "Arn"]}] for targets in heard.values())


def test_the_queue_is_encrypted_answers_over_tls_and_hears_only_its_own_rules(template: dict[str, Any]) -> None:
    queue = only(template, "AWS::SQS::Queue")["Properties"]
    assert queue["QueueName"] == interruption_queue_name(samples.platform())
    assert queue["SqsManagedSseEnabled"] is True
    deny, *allow = only(template, "AWS::SQS::QueuePolicy")["Properties"]["PolicyDocument"]["Statement"]
    assert (deny["Effect"], deny["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
    rules = {one["Condition"]["ArnEquals"]["aws:SourceArn"]["Fn::GetAtt"][0] for one in allow}
    assert rules == set(all_of(template, "AWS::Events::Rule"))
    assert {one["Principal"]["Service"] for one in allow} == {"events.amazonaws.com"}


def test_the_definitions_are_installed_before_the_controller_at_its_version() -> None:
    definitions, controller = karpenter_releases(samples.platform())
    assert controller.after == (definitions.name,)
    assert definitions.version == controller.version
    assert definitions.source == "oci://public.ecr.aws/karpenter/karpenter-crd"
    assert controller.source == "oci://public.ecr.aws/karpenter/karpenter"
    namespace = definitions.namespace_manifest()
    assert namespace is not None
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert controller.namespace_manifest() is None
    assert mismatches("1.36", {one.chart: one.version for one in (definitions, controller)}) == []


def test_the_controller_knows_cluster_queue_and_region_and_runs_on_system_nodes() -> None:
    found = values(samples.platform())
    assert found["settings"]["clusterName"] == "ai"
    assert found["settings"]["interruptionQueue"] == "ai-interruptions"
    assert found["settings"]["featureGates"] == {"reservedCapacity": True}
    assert {"name": "AWS_REGION", "value": "us-east-1"} in found["controller"]["env"]
    required = found["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert required["nodeSelectorTerms"] == [
        {"matchExpressions": [{"key": "ai-on-eks/role", "operator": "In", "values": ["system"]}]}
    ]


def test_in_a_network_without_a_way_out_it_asks_no_service_that_has_no_endpoint_there() -> None:
    network = Network(
        availability_zones=samples.ZONES,
        nat_gateways=NatGateways.NONE,
        interface_endpoints=InterfaceEndpoints.REQUIRED,
    )
    isolated = values(samples.platform(network=network))["settings"]
    connected = values(samples.platform())["settings"]
    assert (isolated["isolatedVPC"], isolated["enableZonalShift"]) == (True, False)
    assert (connected["isolatedVPC"], connected["enableZonalShift"]) == (False, True)


@pytest.mark.parametrize(("system_nodes", "replicas"), [(1, 1), (2, 2), (5, 2)])
def test_there_is_no_replica_without_a_node_of_its_own(system_nodes: int, replicas: int) -> None:
    capacity = Capacity(system_nodes=SystemNodes(count=system_nodes))
    assert values(samples.platform(capacity=capacity))["replicas"] == replicas
