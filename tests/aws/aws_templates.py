"""Build one construct in a stack of its own and look at what it became.

CDK's template validation is off here: tests of tests/stacks run with it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "stacks"))

import stacks_samples as samples
from aws_cdk import App, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_eks_v2 as eks
from aws_cdk.assertions import Template

from ai_on_eks.descriptors.platform import Platform
from stacks.application import app_context
from stacks.base import PlatformStack

__all__ = ["all_of", "imported_cluster", "only", "samples", "template_of", "vpc"]

Resource = dict[str, Any]


def template_of(build: Callable[[Stack], object], platform: Platform | None = None) -> dict[str, Any]:
    """The template of a stack after `build` has filled it."""
    app = App(context=app_context(), analytics_reporting=False, builtin_cloud_formation_validation=False)
    stack = PlatformStack(
        app, "unit", platform=platform or samples.platform(), description="unit under test", keeps_data=False
    )
    build(stack)
    return dict(Template.from_stack(stack).to_json())


def all_of(template: dict[str, Any], kind: str) -> dict[str, Resource]:
    """Resources of one CloudFormation type by logical id."""
    return {name: item for name, item in template["Resources"].items() if item["Type"] == kind}


def only(template: dict[str, Any], kind: str) -> Resource:
    """The one resource of this type."""
    found = list(all_of(template, kind).values())
    assert len(found) == 1, f"{len(found)} of {kind}"
    return found[0]


def imported_cluster(stack: Stack) -> eks.ICluster:
    return eks.Cluster.from_cluster_attributes(
        stack, "Cluster", cluster_name="ai", cluster_security_group_id="sg-1", vpc=vpc(stack)
    )


def vpc(stack: Stack) -> ec2.IVpc:
    found = stack.node.try_find_child("Vpc")
    if isinstance(found, ec2.Vpc):
        return found
    return ec2.Vpc(stack, "Vpc", availability_zones=list(samples.ZONES), restrict_default_security_group=False)
