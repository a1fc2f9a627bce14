from __future__ import annotations

import json
from typing import Any

import pytest
from aws_cdk import Stack
from aws_templates import all_of, only, samples, template_of, vpc

from ai_on_eks.aws.cluster import PlatformCluster
from ai_on_eks.aws.endpoint import endpoint_access
from ai_on_eks.descriptors.platform import Cluster
from ai_on_eks.errors import InputError


def template(**changes: Any) -> dict[str, Any]:
    platform = samples.platform(**changes)

    def build(stack: Stack) -> None:
        PlatformCluster(stack, "Cluster", platform=platform, vpc=vpc(stack))

    return template_of(build, platform)


@pytest.fixture(scope="module")
def rendered() -> dict[str, Any]:
    return template(**samples.rendered())


@pytest.fixture(scope="module")
def applied() -> dict[str, Any]:
    return template()


def test_an_endpoint_open_to_everyone_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        endpoint_access(["198.51.100.0/24", "0.0.0.0/0"])
    assert [(problem.code, problem.path) for problem in caught.value.problems] == [
        ("open-to-the-internet", "cluster.public_access_cidrs[1]")
    ]


@pytest.mark.parametrize("version", ["1.29", "1.99"])
def test_a_version_outside_standard_support_is_refused_where_no_file_was_read(version: str) -> None:
    """GIVEN a cluster that was made in code, past the check of the platform file."""
    unchecked = Cluster().model_copy(update={"kubernetes_version": version})
    with pytest.raises(InputError) as caught:
        template(cluster=unchecked, **samples.rendered())
    (problem,) = caught.value.problems
    assert (problem.code, problem.allowed) == ("kubernetes-version-unsupported", ("1.34", "1.35", "1.36"))


def test_a_version_too_far_from_kubectl_is_refused_only_where_kubectl_runs() -> None:
    with pytest.raises(InputError) as caught:
        template(cluster=Cluster(kubernetes_version="1.34"))
    (problem,) = caught.value.problems
    assert (problem.code, problem.path) == ("versions-do-not-match", "cluster.kubernetes_version")
    assert "kubectl 1.36" in problem.message
    assert "Kubernetes 1.34" in problem.message
    document = template(cluster=Cluster(kubernetes_version="1.34"), **samples.rendered())
    assert only(document, "AWS::EKS::Cluster")["Properties"]["Version"] == "1.34"


def test_the_endpoint_is_private_by_default(rendered: dict[str, Any]) -> None:
    network = only(rendered, "AWS::EKS::Cluster")["Properties"]["ResourcesVpcConfig"]
    assert network["EndpointPrivateAccess"] is True
    assert network["EndpointPublicAccess"] is False
    assert "PublicAccessCidrs" not in network
    assert len(network["SubnetIds"]) == 3


def test_the_endpoint_opens_to_the_named_networks_alone() -> None:
    document = template(cluster=Cluster(public_access_cidrs=("198.51.100.0/24",)), **samples.rendered())
    network = only(document, "AWS::EKS::Cluster")["Properties"]["ResourcesVpcConfig"]
    assert (network["EndpointPrivateAccess"], network["EndpointPublicAccess"]) == (True, True)
    assert network["PublicAccessCidrs"] == ["198.51.100.0/24"]


def test_all_five_control_plane_logs_are_kept_a_year(rendered: dict[str, Any]) -> None:
    cluster = only(rendered, "AWS::EKS::Cluster")
    types = cluster["Properties"]["Logging"]["ClusterLogging"]["EnabledTypes"]
    assert [item["Type"] for item in types] == ["api", "audit", "authenticator", "controllerManager", "scheduler"]
    groups = all_of(rendered, "AWS::Logs::LogGroup")
    (name,) = groups
    assert groups[name]["Properties"] == {"LogGroupName": "/aws/eks/ai/cluster", "RetentionInDays": 365}
    assert name in cluster["DependsOn"]


def test_a_failed_first_deployment_leaves_no_log_group_in_the_way_of_the_next(rendered: dict[str, Any]) -> None:
    """GIVEN its fixed name WHEN the group were kept THEN the second attempt would stop at "already exists"."""
    group = only(rendered, "AWS::Logs::LogGroup")
    assert (group["DeletionPolicy"], group["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")


def test_secrets_are_encrypted_with_a_key_that_rotates_and_stays(rendered: dict[str, Any]) -> None:
    keys = all_of(rendered, "AWS::KMS::Key")
    (name,) = keys
    assert keys[name]["Properties"]["EnableKeyRotation"] is True
    assert keys[name]["DeletionPolicy"] == "Retain"
    assert only(rendered, "AWS::EKS::Cluster")["Properties"]["EncryptionConfig"] == [
        {"Provider": {"KeyArn": {"Fn::GetAtt": [name, "Arn"]}}, "Resources": ["secrets"]}
    ]


def test_the_cluster_cannot_vanish_by_a_change_of_the_template(rendered: dict[str, Any]) -> None:
    cluster = only(rendered, "AWS::EKS::Cluster")
    assert (cluster["DeletionPolicy"], cluster["UpdateReplacePolicy"]) == ("Retain", "Retain")
    assert cluster["Properties"]["DeletionProtection"] is True
    assert cluster["Properties"]["Name"] == "ai"


def test_nothing_else_is_kept_by_the_clusters_policy(applied: dict[str, Any]) -> None:
    kept = {item["Type"] for item in applied["Resources"].values() if item.get("DeletionPolicy") == "Retain"}
    assert kept == {"AWS::EKS::Cluster", "AWS::KMS::Key", "AWS::Logs::LogGroup"}


def test_nodes_are_ours_and_versions_stay_in_standard_support(rendered: dict[str, Any]) -> None:
    properties = only(rendered, "AWS::EKS::Cluster")["Properties"]
    assert properties["ComputeConfig"] == {"Enabled": False}
    assert properties["UpgradePolicy"] == {"SupportType": "STANDARD"}
    assert properties["ZonalShiftConfig"] == {"Enabled": True}
    assert properties["Version"] == "1.36"
    assert properties["BootstrapSelfManagedAddons"] is False


def test_access_is_by_entries_and_the_creator_has_none(rendered: dict[str, Any]) -> None:
    access = only(rendered, "AWS::EKS::Cluster")["Properties"]["AccessConfig"]
    assert access == {"AuthenticationMode": "API", "BootstrapClusterCreatorAdminPermissions": False}
    entry = only(rendered, "AWS::EKS::AccessEntry")["Properties"]
    assert entry["PrincipalArn"] == samples.ADMIN
    assert "AmazonEKSClusterAdminPolicy" in json.dumps(entry["AccessPolicies"])


def test_removing_one_admin_replaces_no_other() -> None:
    other = "arn:aws:iam::111122223333:role/Another"
    both = template(cluster=Cluster(admin_principal_arns=(other, samples.ADMIN)), **samples.rendered())
    one = template(cluster=Cluster(admin_principal_arns=(samples.ADMIN,)), **samples.rendered())
    assert all_of(one, "AWS::EKS::AccessEntry").items() <= all_of(both, "AWS::EKS::AccessEntry").items()


def test_render_mode_needs_no_lambda(rendered: dict[str, Any]) -> None:
    assert not all_of(rendered, "AWS::Lambda::Function")


def test_apply_mode_runs_kubectl_inside_the_vpc_with_an_entry_of_its_own(applied: dict[str, Any]) -> None:
    functions = all_of(applied, "AWS::Lambda::Function").values()
    assert all("VpcConfig" in item["Properties"] for item in functions)
    principals = [item["Properties"]["PrincipalArn"] for item in all_of(applied, "AWS::EKS::AccessEntry").values()]
    assert len(principals) == 2
    assert any(isinstance(arn, dict) and "KubectlProviderHandler" in arn["Fn::GetAtt"][0] for arn in principals)


def test_the_network_plugin_comes_after_the_agent_that_gives_it_credentials(rendered: dict[str, Any]) -> None:
    addons = all_of(rendered, "AWS::EKS::Addon")
    by_name = {item["Properties"]["AddonName"]: (name, item) for name, item in addons.items()}
    assert sorted(by_name) == ["eks-pod-identity-agent", "kube-proxy", "vpc-cni"]
    assert by_name["eks-pod-identity-agent"][0] in by_name["kube-proxy"][1]["DependsOn"]
    assert by_name["kube-proxy"][0] in by_name["vpc-cni"][1]["DependsOn"]


def test_the_network_plugin_has_a_role_of_its_own_and_enforces_policies(rendered: dict[str, Any]) -> None:
    (cni,) = [
        item["Properties"]
        for item in all_of(rendered, "AWS::EKS::Addon").values()
        if item["Properties"]["AddonName"] == "vpc-cni"
    ]
    assert json.loads(cni["ConfigurationValues"]) == {"enableNetworkPolicy": "true"}
    (association,) = cni["PodIdentityAssociations"]
    assert association["ServiceAccount"] == "aws-node"
    role = rendered["Resources"][association["RoleArn"]["Fn::GetAtt"][0]]
    (statement,) = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Action"] == ["sts:AssumeRole", "sts:TagSession"]
    assert statement["Principal"] == {"Service": "pods.eks.amazonaws.com"}
    assert statement["Condition"]["StringEquals"]["aws:RequestTag/kubernetes-service-account"] == "aws-node"
