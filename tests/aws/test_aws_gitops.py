"""The folder for GitOps tools: what lies where, what waits for what, and what no tool may delete."""

from __future__ import annotations

from typing import Any

import pytest
from aws_templates import only, samples, template_of

from ai_on_eks.aws.argo_cd_capability import ArgoCdCapability
from ai_on_eks.aws.gitops.parts import KEPT, parts_of
from ai_on_eks.aws.gitops.publishing import target
from ai_on_eks.aws.gitops.tree import gitops_objects
from ai_on_eks.aws.helm_release import HelmRelease
from ai_on_eks.descriptors.platform import Delivery, DeliveryMode, Platform
from ai_on_eks.descriptors.platform_checks import check_platform
from ai_on_eks.descriptors.platform_gitops import GitOps, ManagedArgoCd
from ai_on_eks.errors import InputError

REPOSITORY = "https://git.example.com/org/platform.git"
GROUP = "01234567-89ab-cdef-0123-456789abcdef"
MANAGED = ManagedArgoCd(identity_center_arn="arn:aws:sso:::instance/ssoins-0123456789abcdef", admin_groups=(GROUP,))
PRIVILEGED = {"pod-security.kubernetes.io/enforce": "privileged"}

Json = dict[str, Any]


def one(kind: str, name: str, namespace: str | None = None) -> Json:
    metadata = {"name": name} if namespace is None else {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata}


def release(name: str, *, chart: str | None = None, oci: bool = False, **changes: Any) -> HelmRelease:
    repository = "oci://public.ecr.aws/karpenter" if oci else "https://charts.example.com/stable"
    settings: Json = {"namespace": name, "namespace_labels": None, "values": {"replicas": 2}, **changes}
    return HelmRelease(name=name, repository=repository, chart=chart or name, version="1.2.3", **settings)


OBJECTS: dict[str, list[Json]] = {
    "platform.yaml": [one("Namespace", "models"), one("NetworkPolicy", "deny", "models")],
    "nodes/node-pools.yaml": [one("NodePool", "g6")],
    "llama.yaml": [one("Deployment", "llama", "models"), one("PersistentVolumeClaim", "llama", "models")],
    "monitoring.yaml": [one("ConfigMap", "dashboard", "monitoring")],
}
RELEASES = (
    release("karpenter-crd", oci=True),
    release("karpenter", oci=True, after=("karpenter-crd",)),
    release("gpu-operator", namespace_labels=PRIVILEGED),
    release("neuron", after=("gpu-operator",)),
)


def platform(**gitops: Any) -> Platform:
    delivery = Delivery(mode=DeliveryMode.GITOPS, gitops=GitOps(repository=REPOSITORY, **gitops))
    return samples.platform(delivery=delivery, account="111122223333")


def tree(**gitops: Any) -> dict[str, list[Json]]:
    return gitops_objects(platform(**gitops), OBJECTS, RELEASES)


def names(objects: list[Json], kind: str) -> list[str]:
    return [found["metadata"]["name"] for found in objects if found["kind"] == kind]


def test_objects_lie_in_the_folder_of_their_namespace() -> None:
    assert {name for name in tree() if not name.startswith(("argo-cd/", "flux/"))} == {
        "cluster/nodes-node-pools.yaml", "cluster/platform.yaml", "definitions/namespaces.yaml", "models/llama.yaml",
        "models/platform.yaml", "monitoring/monitoring.yaml",
    }  # fmt: skip


def test_nothing_that_was_rendered_is_lost() -> None:
    rendered = [(found["kind"], found["metadata"]["name"]) for objects in OBJECTS.values() for found in objects]
    told = [(found["kind"], found["metadata"]["name"]) for objects in tree().values() for found in objects]
    assert set(rendered) <= set(told)


def test_flux_waits_for_definitions_then_operators_then_the_cluster_then_namespaces() -> None:
    found = {
        one["metadata"]["name"]: [other["name"] for other in one["spec"].get("dependsOn", ())]
        for one in tree()["flux/platform.yaml"]
        if one["kind"] == "Kustomization"
    }
    assert found == {
        "ai-definitions": [],
        "ai-definitions-releases": ["ai-definitions"],
        "ai-operators-releases": ["ai-definitions", "ai-definitions-releases"],
        "ai-cluster": ["ai-operators-releases"],
        "ai-models": ["ai-cluster"],
        "ai-monitoring": ["ai-cluster"],
    }


def test_argo_cd_synchronizes_the_same_folders_in_the_same_steps() -> None:
    (found,) = tree()["argo-cd/applicationset.yaml"]
    elements = found["spec"]["generators"][0]["list"]["elements"]
    assert [(element["path"], element["step"]) for element in elements] == [
        ("gitops/definitions", "definitions"),
        ("gitops/argo-cd/definitions", "definitions"),
        ("gitops/argo-cd/operators", "operators"),
        ("gitops/cluster", "cluster"),
        ("gitops/models", "namespaces"),
        ("gitops/monitoring", "namespaces"),
    ]
    steps = [step["matchExpressions"][0]["values"] for step in found["spec"]["strategy"]["rollingSync"]["steps"]]
    assert steps == [["definitions"], ["operators"], ["cluster"], ["namespaces"]]


def test_charts_that_need_each_other_keep_their_order() -> None:
    files = tree()
    flux = {one["metadata"]["name"]: one["spec"] for one in files["flux/operators/releases.yaml"]}
    assert flux["ai-neuron"]["dependsOn"] == [{"name": "ai-gpu-operator"}]
    assert "dependsOn" not in flux["ai-karpenter"]  # its definitions are a step of their own
    waves = {
        one["metadata"]["name"]: one["metadata"]["annotations"]["argocd.argoproj.io/sync-wave"]
        for one in files["argo-cd/operators/releases.yaml"]
    }
    assert waves == {"ai-gpu-operator": "0", "ai-karpenter": "0", "ai-neuron": "1"}


def test_each_tool_is_told_the_same_chart_version_and_values() -> None:
    files = tree()
    argo = {
        one["spec"]["source"]["helm"]["releaseName"]: (
            one["spec"]["source"]["chart"],
            one["spec"]["source"]["targetRevision"],
            one["spec"]["source"]["helm"]["valuesObject"],
        )
        for name, objects in files.items()
        if name.startswith("argo-cd/") and name.endswith("releases.yaml")
        for one in objects
    }
    flux = {
        one["spec"]["releaseName"]: (
            one["spec"]["chart"]["spec"]["chart"],
            one["spec"]["chart"]["spec"]["version"],
            one["spec"]["values"],
        )
        for name, objects in files.items()
        if name.startswith("flux/") and name.endswith("releases.yaml")
        for one in objects
        if one["kind"] == "HelmRelease"
    }
    assert argo == flux
    assert set(argo) == {release.name for release in RELEASES}


def test_registries_are_told_from_indices_as_each_tool_wants_it() -> None:
    files = tree()
    (argo,) = files["argo-cd/definitions/releases.yaml"]
    assert argo["spec"]["source"]["repoURL"] == "public.ecr.aws/karpenter"
    (source, _) = files["flux/definitions/releases.yaml"]
    assert (source["spec"]["type"], source["spec"]["url"]) == ("oci", "oci://public.ecr.aws/karpenter")
    (project,) = files["argo-cd/project.yaml"]
    assert project["spec"]["sourceRepos"] == [
        "https://charts.example.com/stable", REPOSITORY, "public.ecr.aws/karpenter",
    ]  # fmt: skip


def test_what_holds_data_or_everything_else_is_pruned_by_nobody() -> None:
    files = tree()
    kept = {
        (found["kind"], found["metadata"]["name"])
        for objects in files.values()
        for found in objects
        if KEPT.items() <= found["metadata"].get("annotations", {}).items()
    }
    assert kept == {("Namespace", "models"), ("Namespace", "gpu-operator"), ("PersistentVolumeClaim", "llama")}


def test_removing_the_tools_objects_removes_no_platform() -> None:
    (applications,) = tree()["argo-cd/applicationset.yaml"]
    assert applications["spec"]["syncPolicy"] == {"preserveResourcesOnDeletion": True}
    kustomizations = [one for one in tree()["flux/platform.yaml"] if one["kind"] == "Kustomization"]
    assert {one["spec"]["deletionPolicy"] for one in kustomizations} == {"Orphan"}


def test_another_folder_of_the_repository_is_in_every_path() -> None:
    files = tree(path="clusters/prod")
    elements = files["argo-cd/applicationset.yaml"][0]["spec"]["generators"][0]["list"]["elements"]
    paths = [one["spec"]["path"] for one in files["flux/platform.yaml"] if one["kind"] == "Kustomization"]
    assert all(element["path"].startswith("clusters/prod/") for element in elements)
    assert all(path.startswith("./clusters/prod/") for path in paths)


def test_a_namespace_called_like_a_folder_of_ours_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        parts_of({"a.yaml": [one("ConfigMap", "a", "operators")]}, ())
    assert caught.value.problems[0].code == "namespace-reserved"


def test_a_managed_argo_cd_is_told_its_own_cluster() -> None:
    assert "argo-cd/cluster.yaml" not in tree()
    (secret,) = tree(managed_argo_cd=MANAGED)["argo-cd/cluster.yaml"]
    assert secret["stringData"] == {
        "name": "in-cluster", "server": "arn:aws:eks:us-east-1:111122223333:cluster/ai", "project": "ai",
    }  # fmt: skip


def test_the_capability_keeps_what_it_deployed_and_its_role_may_nothing_by_itself() -> None:
    template = template_of(
        lambda stack: ArgoCdCapability(stack, "ArgoCd", cluster_name="ai", settings=MANAGED, region="us-east-1")
    )
    capability = only(template, "AWS::EKS::Capability")["Properties"]
    assert (capability["Type"], capability["DeletePropagationPolicy"]) == ("ARGOCD", "RETAIN")
    settings = capability["Configuration"]["ArgoCd"]
    assert settings["AwsIdc"]["IdcRegion"] == "us-east-1"
    assert settings["RbacRoleMappings"] == [{"Role": "ADMIN", "Identities": [{"Id": GROUP, "Type": "SSO_GROUP"}]}]
    role = only(template, "AWS::IAM::Role")["Properties"]
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "capabilities.eks.amazonaws.com"}
    assert set(trust["Action"]) == {"sts:AssumeRole", "sts:TagSession"}
    assert "Policies" not in role
    assert "ManagedPolicyArns" not in role


@pytest.mark.parametrize(
    ("delivery", "account", "codes"),
    [
        (Delivery(mode=DeliveryMode.GITOPS), "111122223333", [("missing-field", "delivery.gitops")]),
        (Delivery(gitops=GitOps(repository=REPOSITORY)), None, [("setting-without-effect", "delivery.gitops")]),
        (
            Delivery(mode=DeliveryMode.GITOPS, gitops=GitOps(repository=REPOSITORY, managed_argo_cd=MANAGED)),
            None,
            [("missing-field", "account")],
        ),
        (Delivery(mode=DeliveryMode.GITOPS, gitops=GitOps(repository=REPOSITORY)), None, []),
    ],
)
def test_mode_and_settings_go_together(delivery: Delivery, account: str | None, codes: list[tuple[str, str]]) -> None:
    problems = check_platform(samples.platform(delivery=delivery, account=account))
    assert [(problem.code, problem.path) for problem in problems] == codes


CONNECTION = "arn:aws:codeconnections:eu-west-1:111122223333:connection/0123abcd"
PROXIED = "https://codeconnections.eu-west-1.amazonaws.com/git-http/111122223333/eu-west-1/0123abcd/org/platform.git"


@pytest.mark.parametrize(
    ("address", "repository"),
    [
        ("https://github.com/org/platform.git", "org/platform"),
        ("https://github.com/org/platform", "org/platform"),
        ("ssh://git@git.example.com:2222/group/part/platform.git", "group/part/platform"),
        ("https://github.com/git-http/platform.git", "git-http/platform"),
        (PROXIED, "org/platform"),
    ],
)
def test_given_an_address_when_published_to_then_it_is_reached_through_the_connection(
    address: str, repository: str
) -> None:
    to = target(GitOps(repository=address, revision="rendered/dev"), CONNECTION)
    assert (to.repository, to.branch, to.folder) == (repository, "rendered/dev", "gitops")
    assert to.remote == PROXIED.replace("org/platform", repository)


def test_given_a_connection_of_the_old_name_when_published_to_then_its_rights_have_that_name_too() -> None:
    to = target(GitOps(repository=PROXIED), CONNECTION.replace("codeconnections", "codestar-connections"))
    assert to.actions == ["codestar-connections:UseConnection"]
    assert all(key.startswith("codestar-connections:") for key in to.conditions["StringEquals"])
    assert to.remote.startswith("https://codestar-connections.eu-west-1.amazonaws.com/git-http/")
