"""Every profile deployed by the real CDK command line into an emulated account, and read back from it.

The emulation proves what CDK and CloudFormation do with each other: assets are published, stacks wait for one another,
values reach the stacks that import them, in the form that their schemas take. It proves nothing of EC2, IAM or a
cluster: no instance, permission or pod exists here.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from rehearsal_account import ROOT, EmulatedAccount, emulated_account
from rehearsal_platforms import EVERYTHING, KINDS, written
from rehearsal_run import (
    Rehearsal,
    RehearsalFailedError,
    bucket_files,
    created,
    deployed,
    planned_nodes,
    published_files,
    read_nodes,
    stack_dependencies,
    synthesized,
)

pytestmark = [pytest.mark.local_server, pytest.mark.enable_socket]


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatedAccount]:
    with emulated_account(tmp_path_factory.mktemp("account")) as made:
        yield made


@pytest.fixture(scope="module", params=KINDS)
def rehearsal(
    request: pytest.FixtureRequest, account: EmulatedAccount, tmp_path_factory: pytest.TempPathFactory
) -> Rehearsal:
    """All platforms stand in one account, as a company's do."""
    folder = tmp_path_factory.mktemp(request.param)
    platform = written(request.param, folder)
    return deployed(platform, account, synthesized(platform, account, folder))


def test_given_a_platform_when_deployed_then_every_stack_stands_after_those_it_needs(
    rehearsal: Rehearsal, account: EmulatedAccount
) -> None:
    needs = stack_dependencies(rehearsal.assembly)
    at = created(account, needs)
    assert at.keys() == needs.keys()
    assert len(needs) >= 5
    assert not [(name, other) for name, others in needs.items() for other in others if at[other] >= at[name]]


def test_given_a_platform_when_deployed_then_every_asset_was_published(
    rehearsal: Rehearsal, account: EmulatedAccount
) -> None:
    wanted = published_files(rehearsal.assembly)
    assert wanted
    assert wanted <= bucket_files(account)


def test_given_a_platform_when_read_back_then_the_nodes_are_the_planned_ones(
    rehearsal: Rehearsal, account: EmulatedAccount
) -> None:
    planned = planned_nodes(rehearsal.platform)
    assert read_nodes(rehearsal.platform, account) == planned
    # the models' own nodes are among them, except where a controller starts those
    assert (len(planned) > 1) == (not rehearsal.platform.name.endswith(EVERYTHING))


def test_given_a_platform_when_read_back_then_the_cluster_stands_in_the_network_stacks_vpc(
    rehearsal: Rehearsal, account: EmulatedAccount
) -> None:
    cluster = account.client("eks").describe_cluster(name=rehearsal.platform.name)["cluster"]
    resources = account.client("cloudformation").describe_stack_resources(
        StackName=f"{rehearsal.platform.name}-network"
    )["StackResources"]
    made = {resource["PhysicalResourceId"] for resource in resources}
    assert {cluster["resourcesVpcConfig"]["vpcId"], *cluster["resourcesVpcConfig"]["subnetIds"]} <= made
    assert cluster["resourcesVpcConfig"]["endpointPrivateAccess"]
    assert not cluster["resourcesVpcConfig"]["endpointPublicAccess"]


def test_given_a_platform_when_deployed_then_the_outputs_name_what_was_made(
    rehearsal: Rehearsal, account: EmulatedAccount
) -> None:
    outputs = rehearsal.outputs[f"{rehearsal.platform.name}-storage"]
    buckets = account.client("s3").list_buckets()["Buckets"]
    assert outputs["ModelBucket"] in {bucket["Name"] for bucket in buckets}
    command = rehearsal.outputs[f"{rehearsal.platform.name}-cluster"]["KubeconfigCommand"]
    assert command.endswith(f"--name {rehearsal.platform.name}")


def destroyed_patterns() -> list[str]:
    """What `make destroy` names."""
    (line,) = (line for line in (ROOT / "project.mk").read_text(encoding="utf-8").splitlines() if "cdk destroy" in line)
    return re.findall(r"'([^']+)'", line)


def test_given_a_platform_when_it_is_destroyed_then_models_go_first_and_nodes_last(
    account: EmulatedAccount, tmp_path: Path
) -> None:
    platform = written("minimal", tmp_path, name="rehearsed-destroyed")
    rehearsal = deployed(platform, account, synthesized(platform, account, tmp_path))
    done = account.cdk("destroy", "--force", "--app", str(rehearsal.assembly), *destroyed_patterns())
    assert done.code == 0, done.text
    gone = re.findall(rf"{platform.name}-(\w+): destroyed", done.text)
    assert gone == ["serving", "addons", "capacity"]
    assert read_nodes(platform, account) == {}
    left = {name.rsplit("-", 1)[1] for name in created(account, stack_dependencies(rehearsal.assembly))}
    assert left == {"network", "cluster", "storage"}


CYCLE = """\
import sys

from aws_cdk import CfnOutput

sys.path.insert(0, {root!r})
import app
from stacks import application

add_stacks = application.add_stacks


def add_planted(tree, deployment, charts):
    add_stacks(tree, deployment, charts)
    network, cluster = (tree.node.find_child(deployment.platform.name + unit) for unit in ("-network", "-cluster"))
    CfnOutput(network, "Planted", value=cluster.cluster.cluster_arn)


application.add_stacks = add_planted
sys.exit(app.main())
"""
"""The application with an output of the network stack that needs the cluster, which needs the network."""


def test_given_stacks_that_need_each_other_when_rehearsed_then_it_fails(
    account: EmulatedAccount, tmp_path: Path
) -> None:
    planted = tmp_path / "planted.py"
    planted.write_text(CYCLE.format(root=str(ROOT)), encoding="utf-8")
    with pytest.raises(RehearsalFailedError, match="cyclic reference"):
        synthesized(written("minimal", tmp_path), account, tmp_path, f"{sys.executable} {planted}")


def test_given_a_value_that_no_stack_exports_when_rehearsed_then_it_fails(
    account: EmulatedAccount, tmp_path: Path
) -> None:
    platform = written("minimal", tmp_path, name="rehearsed-planted")
    assembly = synthesized(platform, account, tmp_path)
    template = assembly / f"{platform.name}-network.template.json"
    content = json.loads(template.read_text(encoding="utf-8"))
    exported = next(name for name in content["Outputs"] if "PrivateSubnet1" in name)
    del content["Outputs"][exported]
    template.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(RehearsalFailedError, match=f"No export named {platform.name}-network:{exported}"):
        deployed(platform, account, assembly)
