"""A pipeline with two stages in accounts of their own, around the hand-built platforms of the stack tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import stacks_samples as samples
from msgspec.structs import replace

from ai_on_eks.descriptors.pipeline import BuildNetwork, Pipeline, Source, Stage
from ai_on_eks.descriptors.platform import Delivery, DeliveryMode
from ai_on_eks.descriptors.platform_gitops import GitOps
from stacks.application import Deployment
from stacks.pipeline import PipelineStack, Release, build_pipeline_app

CONNECTION = "arn:aws:codeconnections:us-east-1:111122223333:connection/01234567-89ab-cdef-0123-456789abcdef"
WRITING_CONNECTION = CONNECTION.replace("01234567", "76543210")
ACCOUNTS = {"dev": "222233334444", "prod": "333344445555"}


def pipeline(**changes: Any) -> Pipeline:
    settings: dict[str, Any] = {
        "name": "release",
        "region": "us-east-1",
        "account": "111122223333",
        "source": Source(repository="org/platform", connection_arn=CONNECTION),
        "review_pull_requests": True,
        "build_network": BuildNetwork(
            vpc_id="vpc-0123456789abcdef0",
            private_subnet_ids={"us-east-1a": "subnet-0123456789abcdef0"},
            security_group_id="sg-0123456789abcdef0",
        ),
        "stages": (
            Stage(name="dev", platform="dev.yaml", verify=True),
            Stage(name="prod", platform="prod.yaml", approval=True, verify=True),
        ),
    }
    return Pipeline(**{**settings, **changes})


def published() -> Pipeline:
    """One stage whose objects a GitOps tool applies."""
    edge = Stage(name="edge", platform="edge.yaml", publish=True, verify=True)
    return pipeline(stages=(edge,), publishing_connection_arn=WRITING_CONNECTION)


def by_gitops(made: Deployment) -> Deployment:
    gitops = GitOps(repository="https://git.example.com/org/rendered.git", revision="edge")
    return with_platform(made, delivery=Delivery(mode=DeliveryMode.GITOPS, gitops=gitops))


def deployment(stage: str, **changes: Any) -> Deployment:
    """The default platform, in the stage's account and under a name of its own."""
    return samples.deployment(**{"name": f"ai-{stage}", "account": ACCOUNTS.get(stage, "444455556666"), **changes})


def synthesized(
    outdir: Path, asked: Pipeline | None = None, change: Callable[[Deployment], Deployment] = lambda same: same
) -> PipelineStack:
    """The pipeline with every stage, written to a folder."""
    asked = asked or pipeline()
    releases = [Release(stage, change(deployment(stage.name)), samples.charts) for stage in asked.stages]
    app, stack = build_pipeline_app(asked, releases, outdir=str(outdir), validate=False)
    app.synth()
    return stack


def with_platform(made: Deployment, **changes: Any) -> Deployment:
    return replace(made, platform=made.platform.model_copy(update=changes))
