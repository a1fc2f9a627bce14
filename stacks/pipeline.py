"""The pipeline's stack: from a commit to the platforms of `pipeline.yaml`.

    Source -> Build (make pipeline) -> UpdatePipeline -> Assets -> for each stage, or wave of stages

    <stage>-platform    review: what the release changes here beside the one before; approval, where asked for;
                        network, cluster, capacity, add-ons, storage: stacks that do not change are left alone
    <stage>-models      the objects in the cluster; verify: the cluster against what was rendered, where asked for;
                        record: this release is what the next one is compared with

A stage whose objects a GitOps tool applies has no models of its own: publish, where asked for, commits them instead.

The command line deploys, and changes the pipeline itself, at the version that package.json pins. Builds run the
project's own code, so the role of each can do what its step needs and no more; platforms are changed by the roles of
CDK's bootstrap stack, which only the pipeline's own role takes on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import pipelines
from constructs import Construct
from msgspec import Struct

from ai_on_eks.aws.pull_request_review import BUILD_IMAGE, PYTHON_RUNTIME, TIMEOUT_MINUTES, PullRequestReview
from ai_on_eks.catalog.toolchain import toolchain
from ai_on_eks.descriptors.pipeline import Pipeline, Stage
from ai_on_eks.descriptors.platform import DeliveryMode
from stacks.application import ChartRenderer, Deployment, app_context
from stacks.pipeline_steps import ReleaseSteps
from stacks.stages import ModelsStage, PlatformStage

PACKAGE_JSON = Path(__file__).parent.parent / "package.json"

ASSEMBLY = "build/pipeline/cdk.out"
RELEASES = "build/pipeline/stages"
"""Where `make pipeline` leaves the cloud assembly, and for each stage what a review reads."""

SYNTH_COMMANDS = ("make pipeline",)

LOG_RETENTION: Mapping[int, logs.RetentionDays] = {
    30: logs.RetentionDays.ONE_MONTH,
    90: logs.RetentionDays.THREE_MONTHS,
}

ARTIFACT_DAYS = 30
"""That what one step hands to the next is kept: a release waits for its approval at most 7 days."""
REPLACED_RECORD_DAYS = 90
"""That records of earlier releases can be had: what a rollback is looked up in."""


class Release(Struct, frozen=True):
    """What is released to one stage."""

    stage: Stage
    deployment: Deployment
    render_charts: ChartRenderer


def cdk_version() -> str:
    """The command line that the project is tried with."""
    version: str = json.loads(PACKAGE_JSON.read_text(encoding="utf-8"))["devDependencies"]["aws-cdk"]
    return version


def build_pipeline_app(
    pipeline: Pipeline, releases: Sequence[Release], *, outdir: str | None = None, validate: bool | None = None
) -> tuple[cdk.App, PipelineStack]:
    """The app with the pipeline and every stage, ready to synthesize; `validate` as for `build_app`."""
    app = cdk.App(
        outdir=outdir, context=app_context(), analytics_reporting=False, builtin_cloud_formation_validation=validate
    )
    return app, PipelineStack(app, pipeline=pipeline, releases=releases)


class PipelineStack(cdk.Stack):
    """CodePipeline V2 that changes itself first, then releases stage after stage."""

    def __init__(self, scope: Construct, *, pipeline: Pipeline, releases: Sequence[Release]) -> None:
        super().__init__(
            scope,
            pipeline.name,
            description="Releases the AI platforms",
            env=cdk.Environment(account=pipeline.account, region=pipeline.region),
            termination_protection=True,
        )
        self.stages: dict[str, tuple[cdk.Stage, ...]] = {}
        """CDK's stages by name of the pipeline's."""
        log_group = logs.LogGroup(
            self,
            "Log",
            retention=LOG_RETENTION[pipeline.log_days],
            removal_policy=cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
        )
        key = kms.Key(
            self,
            "Key",
            description=f"Artifacts and records of the pipeline {pipeline.name}",
            enable_key_rotation=True,
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )
        source = pipelines.CodePipelineSource.connection(
            pipeline.source.repository, pipeline.source.branch, connection_arn=pipeline.source.connection_arn
        )
        synth = pipelines.CodeBuildStep(
            "Synth", input=source, commands=list(SYNTH_COMMANDS), primary_output_directory=ASSEMBLY
        )
        self._steps = ReleaseSteps(
            self,
            pipeline=pipeline,
            source=source,
            rendered=synth.add_output_directory(RELEASES),
            records=self._bucket("Records", key, replaced_days=REPLACED_RECORD_DAYS),
        )
        code_pipeline = pipelines.CodePipeline(
            self,
            "Pipeline",
            pipeline_name=pipeline.name,
            pipeline_type=codepipeline.PipelineType.V2,
            # A release that waits for its approval must not be overtaken between its platform and its models.
            execution_mode=codepipeline.ExecutionMode.QUEUED,
            synth=synth,
            cli_version=cdk_version(),
            cdk_assets_cli_version=toolchain().cdk_assets,
            artifact_bucket=self._bucket("Artifacts", key, expire_days=ARTIFACT_DAYS),
            code_build_defaults=_build_defaults(log_group),
        )
        by_name = {release.stage.name: release for release in releases}
        for wave in pipeline.waves():
            self._release(code_pipeline, [by_name[stage.name] for stage in wave])
        code_pipeline.build_pipeline()
        _let_use_connection(code_pipeline, pipeline.source.connection_arn)
        if pipeline.review_pull_requests:
            PullRequestReview(
                self,
                "PullRequests",
                name=f"{pipeline.name}-review",
                repository=pipeline.source.repository,
                connection_arn=pipeline.source.connection_arn,
                base_branch=pipeline.source.branch,
                retention=LOG_RETENTION[pipeline.log_days],
                key=key,
            )

    def _release(self, code_pipeline: pipelines.CodePipeline, wave: Sequence[Release]) -> None:
        """Platforms of a wave side by side, then their models side by side."""
        name = wave[0].stage.wave or wave[0].stage.name
        platforms = code_pipeline.add_wave(f"{name}-platform")
        applied: list[tuple[Release, PlatformStage]] = []
        for release in wave:
            stage, platform = release.stage, release.deployment.platform
            made = PlatformStage(
                self,
                stage.name,
                deployment=release.deployment,
                verifier=self._steps.trust if stage.verify else None,
            )
            self.stages[stage.name] = (made,)
            is_applied = platform.delivery.mode is DeliveryMode.APPLY
            after = [] if is_applied else self._steps.after(stage, platform)
            platforms.add_stage(made, pre=self._steps.before(stage), post=after)
            if is_applied:
                applied.append((release, made))
        if not applied:
            return
        models = code_pipeline.add_wave(f"{name}-models")
        for release, on in applied:
            stage, platform = release.stage, release.deployment.platform
            objects = ModelsStage(
                self,
                stage.name,
                platform=platform,
                addresses=on.addresses,
                render_charts=release.render_charts,
            )
            self.stages[stage.name] += (objects,)
            models.add_stage(objects, post=self._steps.after(stage, platform))

    def _bucket(
        self,
        name: str,
        key: kms.IKey,
        *,
        expire_days: int | None = None,
        replaced_days: int = 1,
    ) -> s3.Bucket:
        return s3.Bucket(
            self,
            name,
            encryption=s3.BucketEncryption.KMS,
            encryption_key=key,
            bucket_key_enabled=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            versioned=True,
            lifecycle_rules=[
                s3.LifecycleRule(
                    expiration=None if expire_days is None else cdk.Duration.days(expire_days),
                    noncurrent_version_expiration=cdk.Duration.days(replaced_days),
                    abort_incomplete_multipart_upload_after=cdk.Duration.days(1),
                )
            ],
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )


def _build_defaults(log_group: logs.ILogGroup) -> pipelines.CodeBuildOptions:
    return pipelines.CodeBuildOptions(
        build_environment=codebuild.BuildEnvironment(
            build_image=codebuild.LinuxBuildImage.from_code_build_image_id(BUILD_IMAGE),
            compute_type=codebuild.ComputeType.MEDIUM,
        ),
        partial_build_spec=codebuild.BuildSpec.from_object(
            {"version": "0.2", "phases": {"install": {"runtime-versions": {"python": PYTHON_RUNTIME, "nodejs": "22"}}}}
        ),
        logging=codebuild.LoggingOptions(cloud_watch=codebuild.CloudWatchLoggingOptions(log_group=log_group)),
        timeout=cdk.Duration.minutes(TIMEOUT_MINUTES),
    )


def _let_use_connection(code_pipeline: pipelines.CodePipeline, connection_arn: str) -> None:
    """CDK lets the source action call the service by its old name, which IAM takes for connections of that name alone
    (AWS developer tools console user guide, connections rename, 2026-11)."""
    (role,) = (
        found
        for found in code_pipeline.node.find_all()
        if isinstance(found, iam.Role) and "/Source/" in found.node.path and found.node.id == "CodePipelineActionRole"
    )
    service = connection_arn.split(":")[2]
    role.add_to_policy(iam.PolicyStatement(actions=[f"{service}:UseConnection"], resources=[connection_arn]))
