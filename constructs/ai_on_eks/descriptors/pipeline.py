"""The pipeline file: which platforms a change passes through, one after the other. Defaults stand here alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import Field, StringConstraints

from ai_on_eks.descriptors import patterns
from ai_on_eks.descriptors.documents import read_yaml
from ai_on_eks.descriptors.platform import Account, PlatformName, Region
from ai_on_eks.descriptors.platform_network import SubnetId, VpcId
from ai_on_eks.descriptors.schema import Strict
from ai_on_eks.descriptors.validation import validate
from ai_on_eks.errors import Problem

ConnectionArn = Annotated[str, StringConstraints(pattern=patterns.CONNECTION_ARN.expression)]
Repository = Annotated[str, StringConstraints(pattern=patterns.REPOSITORY.expression)]
Branch = Annotated[str, StringConstraints(pattern=patterns.BRANCH.expression)]
SecurityGroupId = Annotated[str, StringConstraints(pattern=patterns.SECURITY_GROUP_ID.expression)]
RelativePath = Annotated[str, StringConstraints(pattern=patterns.RELATIVE_PATH.expression)]

MAX_STAGES = 8
"""Each has up to a dozen actions, and CodePipeline allows 1,000 in a pipeline and 50 stages (quotas, 2026-11)."""


class Source(Strict):
    """What a change of starts the pipeline."""

    repository: Repository = Field(description="organization/name")
    branch: Branch = Field(default="main", description="whose changes are released")
    connection_arn: ConnectionArn = Field(
        description="of the CodeConnections connection to the repository's host, which a person has completed"
    )


class BuildNetwork(Strict):
    """Where the builds run that ask clusters: they have to reach the private endpoints of all stages that verify."""

    vpc_id: VpcId = Field(description="of a VPC in the pipeline's account and region, connected with the clusters'")
    private_subnet_ids: dict[str, SubnetId] = Field(
        min_length=1, description="by availability zone; with a way to AWS' services and to the package registries"
    )
    security_group_id: SecurityGroupId = Field(description="that the clusters' security groups admit on port 443")


class Stage(Strict):
    """One platform that a change is released to."""

    name: PlatformName = Field(description="of the stage, such as dev or prod")
    platform: RelativePath = Field(description="its platform file, relative to the pipeline file")
    models: RelativePath = Field(default="models", description="folder of its models, relative to the pipeline file")
    jobs: RelativePath = Field(
        default="jobs", description="folder of its fine-tuning jobs, likewise; there need be none"
    )
    wave: PlatformName | None = Field(
        default=None, description="stages of one wave, which stand side by side in this file, are released together"
    )
    approval: bool = Field(
        default=False, description="a person approves, who is shown the review of what changes in this stage"
    )
    publish: bool = Field(
        default=False,
        description="commit what was rendered to the branch that delivery.gitops of the platform file names, after the "
        "platform (delivery.mode: gitops only)",
    )
    verify: bool = Field(
        default=False, description="compare the cluster with what was rendered, after the release; needs build_network"
    )


class Pipeline(Strict):
    """How a change gets from the repository to the platforms."""

    name: PlatformName = Field(description="of the pipeline and its stack; a rename makes a second one")
    region: Region = Field(description="AWS region of the pipeline itself")
    account: Account = Field(description="AWS account of the pipeline itself, in quotes; stages may have others")
    source: Source
    publishing_connection_arn: ConnectionArn | None = Field(
        default=None,
        description="of the connection that may write to what stages publish to; default: the source's",
    )
    review_pull_requests: bool = Field(
        default=False, description="review every pull request to source.branch by CodeBuild (GitHub only)"
    )
    stages: tuple[Stage, ...] = Field(min_length=1, max_length=MAX_STAGES, description="in the order of release")
    build_network: BuildNetwork | None = Field(
        default=None, description="where builds ask clusters from; default: nowhere, and no stage verifies"
    )
    log_days: int = Field(default=90, ge=30, le=90, description="days that logs of builds are kept; 30 or 90")

    def waves(self) -> tuple[tuple[Stage, ...], ...]:
        """The stages, those of one wave together."""
        groups: list[list[Stage]] = []
        for stage in self.stages:
            if groups and stage.wave is not None and groups[-1][-1].wave == stage.wave:
                groups[-1].append(stage)
            else:
                groups.append([stage])
        return tuple(tuple(group) for group in groups)


def load_pipeline(path: Path) -> Pipeline:
    """The pipeline in `path`, or all problems of the file."""
    return validate(read_yaml(path), Pipeline, lambda pipeline: list(_check(pipeline)))


def _check(pipeline: Pipeline) -> Iterator[Problem]:
    """Contradictions that the file alone shows."""
    names = Counter(stage.name for stage in pipeline.stages)
    platforms = Counter(stage.platform for stage in pipeline.stages)
    waves = [group[0].wave for group in pipeline.waves()]
    for i, stage in enumerate(pipeline.stages):
        if names[stage.name] > 1:
            yield _stage_problem(i, "name", stage.name, "another stage has this name", "give each stage a name")
        if platforms[stage.platform] > 1:
            message = "another stage releases to this platform"
            yield _stage_problem(i, "platform", stage.platform, message, "give each stage a platform file of its own")
        if stage.wave is not None and waves.count(stage.wave) > 1:
            message = "stages of this wave do not stand side by side"
            yield _stage_problem(i, "wave", stage.wave, message, "put the stages of a wave next to each other")
        if stage.verify and pipeline.build_network is None:
            message = "no build reaches the cluster's endpoint"
            yield _stage_problem(i, "verify", True, message, "add build_network, or set verify: false")


def _stage_problem(index: int, key: str, value: object, message: str, fix: str) -> Problem:
    return Problem("pipeline-stage", message, path=f"stages[{index}].{key}", value=value, fix=fix)
