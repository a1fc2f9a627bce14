from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import stacks_samples as samples
from msgspec.structs import replace

from ai_on_eks.descriptors.platform import Cluster
from ai_on_eks.descriptors.platform_network import ExistingVpc, InterfaceEndpoints, NatGateways, Network
from ai_on_eks.errors import InputError
from stacks.application import Deployment
from stacks.serving import MAX_ANNOTATIONS_BYTES, annotations_bytes, check_size, check_template

pytest_plugins = ["stacks_fixtures"]

Templates = dict[str, dict[str, Any]]


def manifest(folder: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return document


def dependencies(folder: Path) -> dict[str, list[str]]:
    return {
        name: sorted(item for item in artifact.get("dependencies", []) if not item.endswith(".assets"))
        for name, artifact in manifest(folder)["artifacts"].items()
        if artifact["type"] == "aws:cloudformation:stack"
    }


def kinds(template: dict[str, Any]) -> list[str]:
    return [item["Type"] for item in template["Resources"].values()]


def test_stacks_wait_for_what_they_need_and_for_nothing_else(applied_folder: Path) -> None:
    assert dependencies(applied_folder) == {
        "ai-network": [],
        "ai-cluster": ["ai-network"],
        "ai-capacity": ["ai-cluster", "ai-network"],
        "ai-addons": ["ai-capacity", "ai-cluster"],
        "ai-storage": ["ai-cluster"],
        "ai-serving": ["ai-addons", "ai-cluster", "ai-storage"],
    }


def test_render_mode_has_no_serving_stack_no_lambda_and_no_chart(rendered: Templates) -> None:
    assert sorted(rendered) == ["ai-addons", "ai-capacity", "ai-cluster", "ai-network", "ai-storage"]
    everything = [kind for template in rendered.values() for kind in kinds(template)]
    assert "AWS::Lambda::Function" not in everything
    assert not [kind for kind in everything if kind.startswith("Custom::")]


def test_synthesis_looks_nothing_up(applied_folder: Path, rendered_folder: Path) -> None:
    assert "missing" not in manifest(applied_folder)
    assert "missing" not in manifest(rendered_folder)


def test_an_account_in_the_platform_file_needs_no_look_up_either(
    synthesize: Callable[[Deployment], Path],
) -> None:
    folder = synthesize(samples.deployment(account="111122223333", **samples.rendered()))
    assert "missing" not in manifest(folder)
    environments = {
        artifact["environment"]
        for artifact in manifest(folder)["artifacts"].values()
        if artifact["type"] == "aws:cloudformation:stack"
    }
    assert environments == {"aws://111122223333/us-east-1"}


EXISTING = ExistingVpc(
    vpc_id="vpc-0123456789abcdef0",
    cidr="10.20.0.0/16",
    private_subnet_ids={zone: f"subnet-0123456789abcdef{index}" for index, zone in enumerate(samples.ZONES)},
)


@pytest.mark.parametrize(
    "network",
    [
        {"existing_vpc": EXISTING},
        {"existing_vpc": EXISTING, "interface_endpoints": InterfaceEndpoints.REQUIRED},
        {"nat_gateways": NatGateways.NONE, "interface_endpoints": InterfaceEndpoints.REQUIRED},
        {"cidr": "10.9.0.0/24", "secondary_cidr": "100.64.0.0/16"},
    ],
    ids=["existing", "existing with endpoints", "isolated", "second range"],
)
def test_no_kind_of_network_is_looked_up(synthesize: Callable[[Deployment], Path], network: dict[str, Any]) -> None:
    described = Network(availability_zones=samples.ZONES, **network)
    settings = {"network": described, "image_mirror": samples.MIRROR, **samples.rendered()}
    folder = synthesize(samples.deployment(account="111122223333", **settings))
    assert "missing" not in manifest(folder)
    groups = [
        item["Properties"]["Subnets"]
        for item in json.loads((folder / "ai-capacity.template.json").read_text(encoding="utf-8"))["Resources"].values()
        if item["Type"] == "AWS::EKS::Nodegroup"
    ]
    assert [len(subnets) for subnets in groups] == [3, 3, 3]
    if "existing_vpc" in network:
        assert groups[0] == list(EXISTING.private_subnet_ids.values())


def test_a_vpc_that_stands_leaves_nothing_to_warn_of_and_takes_the_function_that_applies(
    synthesize: Callable[[Deployment], Path],
) -> None:
    described = Network(availability_zones=samples.ZONES, existing_vpc=EXISTING)
    folder = synthesize(samples.deployment(network=described))
    metadata = "".join(path.read_text(encoding="utf-8") for path in folder.glob("*.metadata.json"))
    assert metadata
    assert "aws:cdk:warning" not in metadata
    cluster = json.loads((folder / "ai-cluster.template.json").read_text(encoding="utf-8"))
    functions = [item for item in cluster["Resources"].values() if item["Type"] == "AWS::Lambda::Function"]
    subnets = [item["Properties"]["VpcConfig"]["SubnetIds"] for item in functions]
    assert subnets == [list(EXISTING.private_subnet_ids.values())] * len(functions) != []


def test_stacks_that_keep_data_cannot_be_deleted_by_accident(applied_folder: Path) -> None:
    protected = {
        name: artifact["properties"].get("terminationProtection", False)
        for name, artifact in manifest(applied_folder)["artifacts"].items()
        if artifact["type"] == "aws:cloudformation:stack"
    }
    assert sorted(name for name, kept in protected.items() if kept) == ["ai-cluster", "ai-network", "ai-storage"]


def test_every_stack_carries_the_platforms_tags(applied_folder: Path) -> None:
    tags = [
        artifact["properties"]["tags"]
        for artifact in manifest(applied_folder)["artifacts"].values()
        if artifact["type"] == "aws:cloudformation:stack"
    ]
    assert tags == [{"ai-on-eks/platform": "ai", "team": "ml"}] * 6


def test_the_agent_for_pod_identity_is_installed_once(applied: Templates) -> None:
    names = [
        item["Properties"]["AddonName"]
        for template in applied.values()
        for item in template["Resources"].values()
        if item["Type"] == "AWS::EKS::Addon"
    ]
    assert sorted(names) == [
        "coredns",
        "eks-node-monitoring-agent",
        "eks-pod-identity-agent",
        "kube-proxy",
        "vpc-cni",
    ]


def test_one_group_for_the_system_and_one_per_request(applied: Templates) -> None:
    groups = [
        item["Properties"]
        for item in applied["ai-capacity"]["Resources"].values()
        if item["Type"] == "AWS::EKS::Nodegroup"
    ]
    assert [(group["InstanceTypes"], group["AmiType"]) for group in groups] == [
        (["m7i.large"], "AL2023_x86_64_STANDARD"),
        (["g6e.xlarge"], "AL2023_x86_64_NVIDIA"),
        (["c7i.2xlarge"], "AL2023_x86_64_STANDARD"),
    ]


def test_the_gpu_operator_is_installed_in_a_labelled_namespace_without_waiting_for_gpus(applied: Templates) -> None:
    resources = applied["ai-addons"]["Resources"]
    (chart,) = [item for item in resources.values() if item["Type"] == "Custom::AWSCDK-EKS-HelmChart"]
    properties = chart["Properties"]
    assert (properties["Chart"], properties["Version"]) == ("gpu-operator", "v26.7.0")
    assert properties["Timeout"] == "600s"
    assert "Wait" not in properties
    assert json.loads(properties["Values"])["driver"] == {"enabled": False}
    (namespace,) = [name for name, item in resources.items() if item["Type"] == "Custom::AWSCDK-EKS-KubernetesResource"]
    assert namespace in chart["DependsOn"]
    labels = json.loads(resources[namespace]["Properties"]["Manifest"])[0]["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "privileged"


def test_without_nvidia_nodes_there_is_no_gpu_operator(synthesize: Callable[[Deployment], Path]) -> None:
    folder = synthesize(samples.deployment(samples.request(samples.cpu_type("c7i.2xlarge"))))
    addons = json.loads((folder / "ai-addons.template.json").read_text(encoding="utf-8"))
    assert sorted(set(kinds(addons))) == ["AWS::EKS::Addon"]


def test_the_charts_reach_the_cluster_with_the_buckets_name_in_them(applied: Templates) -> None:
    resources = applied["ai-serving"]["Resources"]
    assert set(kinds(applied["ai-serving"])) == {"Custom::AWSCDK-EKS-KubernetesResource"}
    (platform,) = [name for name in resources if name.startswith("platform")]
    parts = resources[platform]["Properties"]["Manifest"]["Fn::Join"][1]
    (bucket,) = [part["Fn::ImportValue"] for part in parts if isinstance(part, dict)]
    assert bucket.startswith("ai-storage:")
    others = [item for name, item in resources.items() if name != platform]
    assert len(others) == 2
    assert all(item["DependsOn"] == [platform] for item in others)


def test_what_one_stack_uses_of_another_cannot_be_taken_away(applied: Templates) -> None:
    """CloudFormation refuses to change an export in use; an output that is only read may change under its reader."""
    text = {name: json.dumps(template) for name, template in applied.items()}
    assert not [name for name, template in text.items() if "Fn::GetStackOutput" in template]
    exported = {
        output["Export"]["Name"]
        for template in applied.values()
        for output in template.get("Outputs", {}).values()
        if "Export" in output
    }
    imported = {name for template in text.values() for name in re.findall(r'"Fn::ImportValue": "([^"]+)"', template)}
    assert imported == exported
    assert {name.split(":")[0] for name in imported} == {"ai-network", "ai-cluster", "ai-storage"}


def test_an_existing_bucket_is_named_in_the_platforms_objects(synthesize: Callable[[Deployment], Path]) -> None:
    folder = synthesize(samples.deployment(**samples.existing_bucket("weights-of-ours")))
    serving = (folder / "ai-serving.template.json").read_text(encoding="utf-8")
    assert "weights-of-ours" in serving


def test_no_rule_is_added_to_the_group_eks_makes_which_has_those_of_efa_already(
    synthesize: Callable[[Deployment], Path],
) -> None:
    """A duplicate of a rule fails the deployment; a replaced group would leave EFA without it."""
    kind = replace(samples.gpu_type("p5.48xlarge"), efa_interfaces=32)
    folder = synthesize(samples.deployment(samples.request(kind), **samples.rendered()))
    capacity = json.loads((folder / "ai-capacity.template.json").read_text(encoding="utf-8"))
    assert not [kind for kind in kinds(capacity) if kind.startswith("AWS::EC2::SecurityGroup")]
    templates = [
        item["Properties"]
        for item in capacity["Resources"].values()
        if "LaunchTemplateData" in item.get("Properties", {})
    ]
    assert len(templates) == 2
    assert not [item for item in templates if "SecurityGroupIds" in item["LaunchTemplateData"]]


def test_objects_too_large_for_the_kubectl_provider_are_refused() -> None:
    # GIVEN objects of 100,000 bytes: an update carries each twice, and an event holds ten of them
    def objects(count: int) -> list[dict[str, Any]]:
        return [samples.config_map(f"large-{index}", {"text": "x" * 99_000}) for index in range(count)]

    check_size("large", objects(5))
    with pytest.raises(InputError) as caught:
        check_size("large", objects(6))
    (problem,) = caught.value.problems
    assert problem.code == "manifest-too-large"
    assert "make an update of 1189602 bytes" in problem.message


def test_quotes_count_as_they_are_sent() -> None:
    """A text inside JSON has a backslash before each of its quotes, and before each backslash that a quote had."""
    check_size("plain", [samples.config_map("a", {"text": "x" * 200_000})])
    with pytest.raises(InputError):
        check_size("quoted", [samples.config_map("a", {"text": '"' * 130_000})])


def test_an_object_that_kubectl_could_not_write_into_its_annotation_is_refused() -> None:
    """A real API server says `metadata.annotations: Too long: must have at most 262144 bytes`."""
    room = MAX_ANNOTATIONS_BYTES - annotations_bytes(samples.config_map("a", {"text": ""}))
    check_size("fits", [samples.config_map("a", {"text": "x" * room})])
    with pytest.raises(InputError) as caught:
        check_size("larger", [samples.config_map("a", {"text": "x" * (room + 1)})])
    (problem,) = caught.value.problems
    assert problem.message.startswith(f"ConfigMap a of larger has {MAX_ANNOTATIONS_BYTES + 1} bytes")
    # its own annotations are written twice
    noted = samples.config_map("a", {"text": "x" * (room - 20)})
    noted["metadata"]["annotations"] = {"note": "y" * 20}
    with pytest.raises(InputError):
        check_size("noted", [noted])


def test_models_that_one_template_does_not_hold_are_refused() -> None:
    model = [samples.config_map("a", {"text": "x" * 99_000})]
    check_template([model] * 10)
    with pytest.raises(InputError) as caught:
        check_template([model] * 11)
    assert [problem.code for problem in caught.value.problems] == ["template-too-large"]


def test_a_platform_made_in_code_is_checked_like_a_file(synthesize: Callable[[Deployment], Path]) -> None:
    with pytest.raises(InputError) as caught:
        synthesize(samples.deployment(network=Network(availability_zones=("us-east-1a", "eu-west-1a"))))
    assert caught.value.problems[0].code == "zone-not-in-region"


def test_what_does_not_go_with_the_kubernetes_version_ends_the_synth(
    synthesize: Callable[[Deployment], Path],
) -> None:
    """GIVEN a version past the file's check WHEN synthesized THEN every add-on and chart is told beside it."""
    newer = Cluster().model_copy(update={"kubernetes_version": "1.37"})
    with pytest.raises(InputError) as caught:
        synthesize(samples.deployment(cluster=newer))
    told = {problem.message.split()[0] for problem in caught.value.problems}
    assert {problem.code for problem in caught.value.problems} == {"versions-do-not-match"}
    assert told >= {"vpc-cni", "coredns", "gpu-operator"}


def test_no_template_nears_what_cloudformation_takes(applied_folder: Path) -> None:
    templates = list(applied_folder.glob("*.template.json"))
    assert len(templates) == 6
    for path in templates:
        assert path.stat().st_size < 1_000_000, path.name
        assert len(json.loads(path.read_text(encoding="utf-8"))["Resources"]) < 500, path.name
