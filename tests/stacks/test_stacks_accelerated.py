"""Whole platforms with each kind of accelerator: offline, and clean for every checker."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import stacks_samples as samples
from aws_cdk import Validations
from cdk_nag import AwsSolutionsChecks
from msgspec.structs import replace
from test_stacks_checkers import ACCEPTED_WARNINGS, RUN_CFN_LINT
from test_stacks_nag import ACCEPTED, rule

from ai_on_eks.catalog.loading import load_catalog
from ai_on_eks.descriptors.platform import (
    Capacity,
    CapacityStrategy,
    GpuSoftware,
    OperatingSystem,
    Reservation,
    ReservedCapacity,
)
from ai_on_eks.kube.manifests import node_manifests
from ai_on_eks.placement.types import CapacityRequest
from ai_on_eks.review.rules.checking import findings
from ai_on_eks.review.rules.synth import read_synth
from ai_on_eks.serving.storage import StorageAddresses
from stacks.application import Deployment, build_app

pytest_plugins = ["stacks_fixtures"]

Template = dict[str, Any]

GROUPS = StorageAddresses(placement_groups={"p5en-48xlarge": "near", "trn2-48xlarge": "near-too"})


def request(name: str, **changes: Any) -> CapacityRequest:
    return samples.request(load_catalog("us-east-1").instance_type(name), **changes)


BLOCK = Reservation(
    id="cr-0123456789abcdef0",
    instance_type="p6-b300.48xlarge",
    count=2,
    zone="us-east-1a",
    capacity_type=ReservedCapacity.CAPACITY_BLOCK,
    ends="2026-12-08T11:30:00Z",
)

PLATFORMS: dict[str, tuple[CapacityRequest, ...]] = {
    "gpu": (request("g6e.12xlarge"), request("p5.4xlarge"), request("g7e.2xlarge")),
    "inferentia": (request("inf2.xlarge"), request("inf2.48xlarge")),
    "trainium": (request("trn1.32xlarge"), request("trn2.48xlarge")),
    "fabric": (
        request("p5en.48xlarge", efa=True, nodes=2, zones=("us-east-1b",)),
        request("trn2.48xlarge", efa=True, nodes=2, zones=("us-east-1c",)),
        request(
            "p6-b300.48xlarge",
            efa=True,
            nodes=2,
            zones=("us-east-1a",),
            capacity_type="capacity-block",
            reservation_id=BLOCK.id,
        ),
    ),
    "mixed": (request("g6e.xlarge"), request("inf2.8xlarge"), request("c7i.4xlarge")),
}


def folder_of(synthesize: Callable[[Deployment], Path], kind: str) -> Path:
    return synthesize(samples.deployment(*PLATFORMS[kind]))


def template(folder: Path, unit: str) -> Template:
    document: Template = json.loads((folder / f"ai-{unit}.template.json").read_text(encoding="utf-8"))
    return document


def of_type(document: Template, kind: str) -> list[dict[str, Any]]:
    return [one["Properties"] for one in document["Resources"].values() if one["Type"] == kind]


@pytest.mark.parametrize("kind", PLATFORMS)
@pytest.mark.parametrize("system", OperatingSystem)
def test_given_a_kind_of_accelerator_when_synthesized_then_no_checker_objects(
    synthesize: Callable[[Deployment], Path], kind: str, system: OperatingSystem
) -> None:
    plain = samples.deployment(*PLATFORMS[kind], capacity=Capacity(operating_system=system, reservations=(BLOCK,)))
    folder = synthesize(replace(plain, system_instance_type=load_catalog("us-east-1").instance_type("m7i.large")))
    assert findings(read_synth(folder)) == ()
    assert "missing" not in json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    changed = [str(folder / f"ai-{unit}.template.json") for unit in ("capacity", "addons")]
    lint = [sys.executable, "-c", RUN_CFN_LINT, "--format", "json", *changed]
    found = json.loads(subprocess.run(lint, capture_output=True, text=True, check=False).stdout)
    assert [item for item in found if item["Rule"]["Id"] not in ACCEPTED_WARNINGS] == []


def test_given_all_of_them_when_judged_by_cdk_nag_then_it_finds_what_the_default_platform_has(tmp_path: Path) -> None:
    everything = {one.name: one for requests in PLATFORMS.values() for one in requests}
    deployment = samples.deployment(*everything.values(), capacity=Capacity(reservations=(BLOCK,)))
    app = build_app(deployment, samples.charts, outdir=str(tmp_path), validate=False)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    with pytest.raises(Exception, match="validation"):
        app.synth()
    report = json.loads((tmp_path / "validation-report.json").read_text(encoding="utf-8"))
    (nag,) = [plugin for plugin in report["pluginReports"] if plugin["pluginName"] == "AwsSolutions"]
    assert {rule(violation["ruleName"]) for violation in nag["violations"]} <= set(ACCEPTED)


def test_given_neuron_nodes_when_synthesized_then_the_chart_comes_from_a_registry_into_the_namespace_it_expects(
    synthesize: Callable[[Deployment], Path],
) -> None:
    addons = template(folder_of(synthesize, "inferentia"), "addons")
    (chart,) = of_type(addons, "Custom::AWSCDK-EKS-HelmChart")
    assert chart["Repository"] == "oci://public.ecr.aws/neuron/neuron-helm-chart"
    assert (chart["Chart"], chart["Version"]) == ("neuron-helm-chart", "1.10.0")
    assert chart["Namespace"] == "neuron-healthcheck-system"
    (namespace,) = of_type(addons, "Custom::AWSCDK-EKS-KubernetesResource")
    assert '"pod-security.kubernetes.io/enforce":"privileged"' in json.dumps(namespace["Manifest"]).replace("\\", "")


def test_given_replicas_that_span_nodes_when_synthesized_then_only_the_cluster_exports_more(
    synthesize: Callable[[Deployment], Path],
) -> None:
    """GIVEN the fabric refers to the cluster's security group THEN that is an attribute, and nothing is looked up."""
    capacity = template(folder_of(synthesize, "fabric"), "capacity")
    assert len(of_type(capacity, "AWS::EC2::PlacementGroup")) == 3
    own = [
        one["Groups"]
        for data in of_type(capacity, "AWS::EC2::LaunchTemplate")
        for one in data["LaunchTemplateData"].get("NetworkInterfaces", [])
        if one["InterfaceType"] == "interface"
    ]
    assert [[next(iter(group)) for group in groups] for groups in own] == [["Fn::ImportValue", "Fn::GetAtt"]] * 3


def test_given_both_vendors_when_synthesized_then_each_has_its_chart(
    synthesize: Callable[[Deployment], Path],
) -> None:
    charts = of_type(template(folder_of(synthesize, "mixed"), "addons"), "Custom::AWSCDK-EKS-HelmChart")
    assert sorted(chart["Chart"] for chart in charts) == ["gpu-operator", "neuron-helm-chart"]


@pytest.mark.parametrize("software", GpuSoftware)
def test_given_each_software_for_gpus_when_synthesized_then_no_rule_objects(
    synthesize: Callable[[Deployment], Path], software: GpuSoftware
) -> None:
    folder = synthesize(samples.deployment(*PLATFORMS["gpu"], capacity=Capacity(gpu_software=software)))
    assert findings(read_synth(folder)) == ()
    assert of_type(template(folder, "addons"), "Custom::AWSCDK-EKS-HelmChart")


@pytest.mark.parametrize("kind", PLATFORMS)
def test_given_bottlerocket_by_karpenter_then_the_system_of_the_file_is_that_of_its_classes(
    tmp_path: Path, kind: str
) -> None:
    capacity = Capacity(
        strategy=CapacityStrategy.KARPENTER, operating_system=OperatingSystem.BOTTLEROCKET, reservations=(BLOCK,)
    )
    plain = samples.deployment(*PLATFORMS[kind], capacity=capacity)
    deployment = replace(plain, system_instance_type=load_catalog("us-east-1").instance_type("m7i.large"))
    nodes = [*node_manifests(deployment.platform, deployment.node_objects(GROUPS)).values()]
    classes = [one["spec"] for one in nodes if one["kind"] == "EC2NodeClass"]
    aliases = [one["amiSelectorTerms"][0]["alias"].split("@")[0] for one in classes]
    assert aliases == ["bottlerocket"] * len(PLATFORMS[kind])
    assert {one["blockDeviceMappings"][-1]["deviceName"] for one in classes} == {"/dev/xvdb"}
    build_app(deployment, samples.charts, outdir=str(tmp_path), validate=False).synth()
    assert findings(read_synth(tmp_path, {"nodes.yaml": nodes})) == ()
