"""What a pipeline does around each deployment: review, approval, verification, record.

review   the record of the stage's last release beside the new one; a destruction that nobody allowed ends it here
publish  the rendered folder in the branch that a GitOps tool follows
verify   the cluster beside what was rendered, from the network that reaches its endpoint, by a role that reads
record   the templates, manifests and plan of this release, which the next one is compared with
"""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import pipelines
from constructs import Construct

from ai_on_eks.aws.gitops.publishing import PUBLISH_COMMANDS, target
from ai_on_eks.aws.verifier import verifier_role_name
from ai_on_eks.descriptors.pipeline import BuildNetwork, Pipeline, Stage
from ai_on_eks.descriptors.platform import Platform
from stacks.stages import Trust

PROGRAM = ".venv/bin/ai-on-eks"

REVIEW_COMMANDS = (
    "make setup",
    'aws s3 sync --only-show-errors "s3://$RECORDS/$STAGE" before',
    "mkdir -p build/review",
    'echo "first release of this stage" > build/review/told',
    # Its exit code ends the build where something is destroyed that no entry of allow-destroy.yaml lets through.
    f'if [ -d before/cdk.out ]; then {PROGRAM} review --before before --after "rendered/$STAGE" '
    "--allow allow-destroy.yaml --output build/review || verdict=$?; "
    "sed -n 2p build/review/review.md | tr -d '#' > build/review/told; fi",
    'export REVIEW="$(cut -c 1-400 build/review/told)"',
    'export LOG="$CODEBUILD_BUILD_URL"',
    'test -z "${verdict:-}"',  # last, so that approvers and the log have the review of what is refused, too
)

VERIFY = f'{PROGRAM} verify "rendered/$STAGE/build/manifests"'
REACH_CLUSTER = (
    "make setup",
    'aws eks update-kubeconfig --region "$CLUSTER_REGION" --name "$CLUSTER" --assume-role-arn "$VERIFIER" '
    '--role-arn "$VERIFIER"',
)
VERIFY_COMMANDS = (*REACH_CLUSTER, VERIFY)

PUBLISHED_TRIES, PUBLISHED_WAIT_SECONDS = 20, 60
"""A GitOps tool applies by itself: it looks every minute as rendered for Flux and every three by Argo CD's default, and
then pods start. A build ends after 30 minutes, so that is how long a release may take."""

VERIFY_PUBLISHED_COMMANDS = (
    *REACH_CLUSTER,
    f"tries=1; until {VERIFY}; do "
    f'if [ "$tries" = {PUBLISHED_TRIES} ]; then exit 1; fi; tries=$((tries + 1)); sleep {PUBLISHED_WAIT_SECONDS}; done',
)

RECORD_COMMANDS = ('aws s3 sync --delete --only-show-errors "rendered/$STAGE" "s3://$RECORDS/$STAGE"',)

REMARK = "{review} - the whole review is in the log of the build: {log}"


class ReleaseSteps:
    """Makes the steps of every stage; what they share is made once."""

    def __init__(
        self,
        scope: Construct,
        *,
        pipeline: Pipeline,
        source: pipelines.IFileSetProducer,
        rendered: pipelines.FileSet,
        records: s3.Bucket,
    ) -> None:
        self._pipeline = pipeline
        self._source, self._rendered, self._records = source, rendered, records
        self._network = None if pipeline.build_network is None else _imported(scope, pipeline.build_network)
        self._verifying_role: iam.Role | None = None
        self.trust: Trust | None = None
        """Who is admitted to the clusters of stages that verify."""
        if any(stage.verify for stage in pipeline.stages):
            # A name, so that platforms can admit it in other accounts before it is there.
            name = f"{pipeline.name}-verify"
            self._verifying_role = iam.Role(
                scope,
                "VerifyingRole",
                role_name=name,
                description="Compares clusters with what was rendered",
                assumed_by=iam.ServicePrincipal("codebuild.amazonaws.com"),
            )
            partition = cdk.Stack.of(scope).partition
            self.trust = Trust(pipeline.account, f"arn:{partition}:iam::{pipeline.account}:role/{name}")

    def before(self, stage: Stage) -> list[pipelines.Step]:
        """The review, and the person who reads it."""
        review = pipelines.CodeBuildStep(
            f"{stage.name}-review",
            input=self._source,
            additional_inputs={"rendered": self._rendered},
            commands=list(REVIEW_COMMANDS),
            env=self._told(stage),
            role_policy_statements=self._reads(stage),
        )
        if not stage.approval:
            return [review]
        approval = pipelines.ManualApprovalStep(
            f"{stage.name}-approval",
            comment=REMARK.format(review=review.exported_variable("REVIEW"), log=review.exported_variable("LOG")),
        )
        approval.add_step_dependency(review)
        return [review, approval]

    def after(self, stage: Stage, platform: Platform) -> list[pipelines.Step]:
        """The publication, the verification, and the record of what was released, verified or not."""
        record = pipelines.CodeBuildStep(
            f"{stage.name}-record",
            input=self._source,
            additional_inputs={"rendered": self._rendered},
            commands=list(RECORD_COMMANDS),
            env=self._told(stage),
            role_policy_statements=[*self._reads(stage), *self._writes(stage)],
        )
        published = self._published(stage, platform)
        for step in published:
            record.add_step_dependency(step)
        if not stage.verify or self._network is None or self._verifying_role is None:
            return [*published, record]
        vpc, group = self._network
        verifier = cdk.Arn.format(
            cdk.ArnComponents(
                service="iam",
                region="",
                account=platform.account,
                resource="role",
                resource_name=verifier_role_name(platform.name),
                partition=cdk.Aws.PARTITION,
            )
        )
        self._verifying_role.add_to_principal_policy(
            iam.PolicyStatement(actions=["sts:AssumeRole"], resources=[verifier])
        )
        verify = pipelines.CodeBuildStep(
            f"{stage.name}-verify",
            input=self._source,
            additional_inputs={"rendered": self._rendered},
            commands=list(VERIFY_PUBLISHED_COMMANDS if published else VERIFY_COMMANDS),
            env={
                "STAGE": stage.name,
                "CLUSTER": platform.name,
                "CLUSTER_REGION": platform.region,
                "VERIFIER": verifier,
            },
            role=self._verifying_role,
            vpc=vpc,
            security_groups=[group],
        )
        for step in published:
            verify.add_step_dependency(step)
        return [*published, record, verify]

    def _published(self, stage: Stage, platform: Platform) -> list[pipelines.Step]:
        """The commit that a GitOps tool takes, where the stage is published."""
        gitops = platform.delivery.gitops
        if not stage.publish or gitops is None:
            return []
        to = target(gitops, self._pipeline.publishing_connection_arn or self._pipeline.source.connection_arn)
        publish = pipelines.CodeBuildStep(
            f"{stage.name}-publish",
            input=self._source,
            additional_inputs={"rendered": self._rendered},
            commands=list(PUBLISH_COMMANDS),
            env={
                "STAGE": stage.name,
                "REMOTE": to.remote,
                "BRANCH": to.branch,
                "FOLDER": to.folder,
                "AUTHOR": self._pipeline.name,
                "SOURCE_REPOSITORY": self._pipeline.source.repository,
            },
            role_policy_statements=[
                iam.PolicyStatement(actions=to.actions, resources=[to.connection_arn], conditions=to.conditions)
            ],
        )
        return [publish]

    def _told(self, stage: Stage) -> dict[str, str]:
        return {"STAGE": stage.name, "RECORDS": self._records.bucket_name}

    def _reads(self, stage: Stage) -> list[iam.PolicyStatement]:
        """The record of this stage alone."""
        return [
            iam.PolicyStatement(
                actions=["s3:ListBucket"],
                resources=[self._records.bucket_arn],
                conditions={"StringLike": {"s3:prefix": [f"{stage.name}/*", stage.name]}},
            ),
            iam.PolicyStatement(actions=["s3:GetObject"], resources=[self._records.arn_for_objects(f"{stage.name}/*")]),
            iam.PolicyStatement(actions=["kms:Decrypt"], resources=[self._key_arn]),
        ]

    def _writes(self, stage: Stage) -> list[iam.PolicyStatement]:
        return [
            iam.PolicyStatement(
                actions=["s3:PutObject", "s3:DeleteObject"],
                resources=[self._records.arn_for_objects(f"{stage.name}/*")],
            ),
            iam.PolicyStatement(actions=["kms:GenerateDataKey"], resources=[self._key_arn]),
        ]

    @property
    def _key_arn(self) -> str:
        key = self._records.encryption_key
        if key is None:
            raise AssertionError("the bucket was made with a key")
        return key.key_arn


def _imported(scope: Construct, network: BuildNetwork) -> tuple[ec2.IVpc, ec2.ISecurityGroup]:
    """Nothing is looked up, so all ids are given."""
    zones = sorted(network.private_subnet_ids)
    vpc = ec2.Vpc.from_vpc_attributes(
        scope,
        "BuildNetwork",
        vpc_id=network.vpc_id,
        availability_zones=zones,
        private_subnet_ids=[network.private_subnet_ids[zone] for zone in zones],
    )
    cdk.Annotations.of(vpc).acknowledge_warning("@aws-cdk/aws-ec2:noSubnetRouteTableId", "no route is added to them")
    group = ec2.SecurityGroup.from_security_group_id(
        scope, "BuildSecurityGroup", network.security_group_id, mutable=False
    )
    return vpc, group
