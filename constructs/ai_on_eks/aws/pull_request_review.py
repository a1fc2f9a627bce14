"""The review of pull requests by CodeBuild: the same `make review`, where GitHub's runners may not be used.

A webhook starts it, CodeBuild reports success or failure to the pull request, and the review itself stands in the
build's log. What a build runs is the pull request's own code, so its role can write that log, read the repository
through the connection, and nothing else; and what comes from a fork waits until somebody who may approves it.
"""

from __future__ import annotations

from typing import Any

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

BUILD_IMAGE = "aws/codebuild/amazonlinux-x86_64-standard:5.0"
PYTHON_RUNTIME = "3.12"
"""That the image offers; the project needs 3.11 or newer (CodeBuild user guide, available runtimes, 2026-11)."""

COMPUTE_TYPE = "BUILD_GENERAL1_MEDIUM"
"""4 vCPUs and 7 GiB: both sides are synthesized at once, each with 0.5 GiB and a Node of its own (CodeBuild user guide,
environment reference, 2026-11)."""

TIMEOUT_MINUTES = 30

EVENTS = "PULL_REQUEST_CREATED, PULL_REQUEST_UPDATED, PULL_REQUEST_REOPENED"
FORKS_WAIT = "FORK_PULL_REQUESTS"

BUILD_SPECIFICATION: dict[str, Any] = {
    "version": "0.2",
    "env": {"shell": "bash", "git-credential-helper": "yes"},
    "phases": {
        "install": {"runtime-versions": {"python": PYTHON_RUNTIME}},
        "build": {
            "commands": [
                'branch="${CODEBUILD_WEBHOOK_BASE_REF#refs/heads/}"',
                'git fetch --no-tags origin "+refs/heads/$branch:refs/remotes/origin/$branch"',
                'make review BASE="origin/$branch"',
            ]
        },
    },
}
"""Part of the project and not of the repository, so a pull request cannot change it."""


class PullRequestReview(Construct):
    """A CodeBuild project that reviews every pull request against one branch of a GitHub repository."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's name
        *,
        name: str,
        repository: str,
        connection_arn: str,
        base_branch: str = "main",
        retention: logs.RetentionDays = logs.RetentionDays.THREE_MONTHS,
        key: kms.IKey | None = None,
    ) -> None:
        """`repository` is `organization/name`, and somebody has completed the connection to GitHub by hand.

        name       of the project, which its log and its role are tied to
        retention  of the log
        key        for what builds store, which is nothing so far; default: one of its own
        """
        super().__init__(scope, id)
        self.log_group = logs.LogGroup(
            self,
            "Log",
            log_group_name=f"/aws/codebuild/{name}",
            retention=retention,
            removal_policy=RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
        )
        key = key or kms.Key(
            self,
            "Key",
            description=f"What builds of {name} store",
            enable_key_rotation=True,
            removal_policy=RemovalPolicy.RETAIN,
        )
        self.role = self._role(name, connection_arn)
        self.project = codebuild.CfnProject(
            self,
            "Resource",
            name=name,
            description=f"Reviews pull requests of {repository} without deploying anything",
            service_role=self.role.role_arn,
            encryption_key=key.key_arn,
            artifacts=codebuild.CfnProject.ArtifactsProperty(type="NO_ARTIFACTS"),
            environment=codebuild.CfnProject.EnvironmentProperty(
                type="LINUX_CONTAINER", image=BUILD_IMAGE, compute_type=COMPUTE_TYPE, privileged_mode=False
            ),
            logs_config=codebuild.CfnProject.LogsConfigProperty(
                cloud_watch_logs=codebuild.CfnProject.CloudWatchLogsConfigProperty(
                    status="ENABLED", group_name=self.log_group.log_group_name
                )
            ),
            source=codebuild.CfnProject.SourceProperty(
                type="GITHUB",
                location=f"https://github.com/{repository}.git",
                auth=codebuild.CfnProject.SourceAuthProperty(type="CODECONNECTIONS", resource=connection_arn),
                build_spec=Stack.of(self).to_json_string(BUILD_SPECIFICATION, 2),
                report_build_status=True,
            ),
            timeout_in_minutes=TIMEOUT_MINUTES,
            triggers=codebuild.CfnProject.ProjectTriggersProperty(
                webhook=True,
                filter_groups=[
                    [
                        codebuild.CfnProject.WebhookFilterProperty(type="EVENT", pattern=EVENTS),
                        codebuild.CfnProject.WebhookFilterProperty(
                            type="BASE_REF", pattern=f"^refs/heads/{base_branch.replace('.', '[.]')}$"
                        ),
                    ]
                ],
                pull_request_build_policy=codebuild.CfnProject.PullRequestBuildPolicyProperty(
                    requires_comment_approval=FORKS_WAIT
                ),
            ),
        )
        # The project asks for the connection when it is made, and the policy is a resource of its own.
        self.project.node.add_dependency(self.role)

    def _role(self, name: str, connection_arn: str) -> iam.Role:
        stack = Stack.of(self)
        project_arn = stack.format_arn(service="codebuild", resource="project", resource_name=name)
        role = iam.Role(
            self,
            "Role",
            description=f"Builds of {name}: writes its log, reads the repository",
            assumed_by=iam.ServicePrincipal(
                "codebuild.amazonaws.com",
                conditions={
                    "StringEquals": {"aws:SourceAccount": stack.account},
                    "ArnEquals": {"aws:SourceArn": project_arn},
                },
            ),
        )
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[self.log_group.log_group_arn]
            )
        )
        # Connections made before the service was renamed have the old prefix in their ARN, and so have their actions.
        prefix = connection_arn.split(":")[2]
        role.add_to_policy(
            iam.PolicyStatement(
                actions=[f"{prefix}:GetConnection", f"{prefix}:GetConnectionToken"], resources=[connection_arn]
            )
        )
        return role
