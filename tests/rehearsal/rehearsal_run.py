"""One rehearsal: synthesized, deployed and read back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rehearsal_account import REGION, Answer, EmulatedAccount
from rehearsal_platforms import RehearsedPlatform

from ai_on_eks.cli.planning import load_and_plan
from ai_on_eks.descriptors.loading import load_platform
from ai_on_eks.descriptors.platform import CapacityStrategy

DEPLOY = ("deploy", "--all", "--method", "direct", "--require-approval", "never")
"""Directly, because moto's change sets know no exports of other stacks."""

NodeGroups = Mapping[tuple[str, str], int]
"""Nodes by instance type and whether they are bought on-demand or otherwise, as EKS writes it."""


class RehearsalFailedError(AssertionError):
    """What the command line said instead of success, and what the emulation was surprised by."""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """assembly: what was synthesized · outputs: what the CDK command line wrote, by stack"""

    platform: RehearsedPlatform
    assembly: Path
    outputs: Mapping[str, Mapping[str, str]]


def synthesized(platform: RehearsedPlatform, account: EmulatedAccount, folder: Path, app: str | None = None) -> Path:
    """The cloud assembly, from the application itself or from the command that stands in for it."""
    assembly = folder / "cdk.out"
    settings = {"platform": platform.file, "models": platform.models, "manifests": folder / "manifests"}
    settings["plan"] = folder / "plan.json"
    context = [part for name, value in settings.items() for part in ("--context", f"{name}={value}")]
    other = () if app is None else ("--app", app)
    _succeeded(account, account.cdk("synth", "--quiet", "--no-lookups", "--output", str(assembly), *context, *other))
    return assembly


def deployed(platform: RehearsedPlatform, account: EmulatedAccount, assembly: Path) -> Rehearsal:
    """Every stack, in the order that the command line finds."""
    outputs = assembly.with_name("outputs.json")
    _succeeded(account, account.cdk(*DEPLOY, "--app", str(assembly), "--outputs-file", str(outputs)))
    return Rehearsal(platform, assembly, json.loads(outputs.read_text(encoding="utf-8")))


def _succeeded(account: EmulatedAccount, answer: Answer) -> None:
    if answer.code != 0:
        raise RehearsalFailedError(f"{answer.text}\n{account.log}")


def planned_nodes(platform: RehearsedPlatform) -> NodeGroups:
    """What the plan buys as managed node groups, and the system nodes of the platform file."""
    _, _, fleet = load_and_plan(platform.descriptors, str(platform.file), None)
    settings = load_platform(platform.file).capacity
    nodes = {(settings.system_nodes.instance_type, "ON_DEMAND"): settings.system_nodes.count}
    for pool in fleet.pools:
        if settings.strategy_of(pool.name) is CapacityStrategy.MANAGED_NODE_GROUPS:
            kind = (pool.instance_type.name, pool.capacity_type.replace("-", "_").upper())
            nodes[kind] = nodes.get(kind, 0) + pool.node_count
    return nodes


def read_nodes(platform: RehearsedPlatform, account: EmulatedAccount) -> NodeGroups:
    """What EKS tells of the cluster's node groups."""
    eks = account.client("eks")
    nodes: dict[tuple[str, str], int] = {}
    for name in eks.list_nodegroups(clusterName=platform.name)["nodegroups"]:
        group = eks.describe_nodegroup(clusterName=platform.name, nodegroupName=name)["nodegroup"]
        (instance_type,) = group["instanceTypes"]
        kind = (instance_type, group["capacityType"])
        nodes[kind] = nodes.get(kind, 0) + group["scalingConfig"]["desiredSize"]
    return nodes


def stack_dependencies(assembly: Path) -> Mapping[str, list[str]]:
    """By stack, the stacks that have to be there before it."""
    artifacts = json.loads((assembly / "manifest.json").read_text(encoding="utf-8"))["artifacts"]
    stacks = {name for name, one in artifacts.items() if one["type"] == "aws:cloudformation:stack"}
    return {name: [other for other in artifacts[name].get("dependencies", ()) if other in stacks] for name in stacks}


def created(account: EmulatedAccount, names: Mapping[str, Any]) -> Mapping[str, Any]:
    """When each stack came to be."""
    stacks = account.client("cloudformation").describe_stacks()["Stacks"]
    return {stack["StackName"]: stack["CreationTime"] for stack in stacks if stack["StackName"] in names}


def published_files(assembly: Path) -> set[str]:
    """Names of every file that the assembly wants in the bootstrap bucket."""
    manifests = [json.loads(path.read_text(encoding="utf-8")) for path in assembly.glob("*.assets.json")]
    return {
        destination["objectKey"]
        for manifest in manifests
        for file in manifest["files"].values()
        for destination in file["destinations"].values()
    }


def bucket_files(account: EmulatedAccount) -> set[str]:
    bucket = f"cdk-hnb659fds-assets-123456789012-{REGION}"  # the name that CDK's bootstrap template gives
    pages = account.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return {item["Key"] for page in pages for item in page.get("Contents", ())}
