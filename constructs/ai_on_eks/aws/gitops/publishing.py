"""Commits what was rendered for a stage to the branch that its GitOps tool follows: the pattern of rendered manifests.
Nobody writes to the branch by hand: a release changes it after review and approval, and its history is what ran.

    remote   https://<service>.<region>.amazonaws.com/git-http/<account>/<region>/<connection>/<organization>/<name>.git
             (EKS user guide, Argo CD, configure repository access, 2026-11)
    right    UseConnection on this connection, for this repository, to read and write by Git alone (developer tools
             console user guide, permissions reference, ProviderAction GitPull and GitPush, 2026-11)

Git is signed in by the AWS command line's helper for CodeCommit, which signs with the build's role, as public builds do
with such remotes. No token is stored, and none is handed to the build.
"""

from __future__ import annotations

from msgspec import Struct

from ai_on_eks.descriptors.pipeline import MAX_STAGES
from ai_on_eks.descriptors.platform_gitops import GitOps

RENDERED = "build/gitops"
"""Of a stage, below the folder that a review reads."""

PROXY = "/git-http/"
"""In the path of an address that goes through a connection already: <account>/<region>/<connection> follow."""

PUSH_TRIES = MAX_STAGES
"""Stages of one wave may share the branch, each with a folder of its own: the last one loses to every other."""

PUBLISH_COMMANDS = (
    "git config --global credential.helper '!aws codecommit credential-helper $@'",
    "git config --global credential.UseHttpPath true",
    'git config --global user.name "$AUTHOR"',
    'git config --global user.email "$AUTHOR@localhost"',
    # 2: the repository answers and has no such branch, which the first release starts.
    'answer=0; git ls-remote --exit-code "$REMOTE" "refs/heads/$BRANCH" > /dev/null || answer=$?',
    'if [ "$answer" = 2 ]; then git init --quiet --initial-branch "$BRANCH" tree && '
    'git -C tree remote add origin "$REMOTE"; '
    'else git clone --quiet --depth 1 --branch "$BRANCH" "$REMOTE" tree; fi',
    'git -C tree rm -r --quiet --ignore-unmatch -- "$FOLDER"',
    f'mkdir -p "tree/$FOLDER" && cp -R "rendered/$STAGE/{RENDERED}/." "tree/$FOLDER/"',
    'git -C tree add --all -- "$FOLDER"',
    "if git -C tree diff --cached --quiet; then echo 'nothing changes'; else "
    'git -C tree commit --quiet --message "Release $STAGE" --message "Rendered from $SOURCE_REPOSITORY '
    '$CODEBUILD_RESOLVED_SOURCE_VERSION" && '
    'tries=1 && until git -C tree push --quiet origin "HEAD:refs/heads/$BRANCH"; do '
    f'if [ "$tries" = {PUSH_TRIES} ]; then exit 1; fi; tries=$((tries + 1)); '
    'git -C tree pull --quiet --rebase origin "$BRANCH" || exit 1; done; fi',
)


class Target(Struct, frozen=True):
    """Where a stage is published to. repository: organization/name"""

    connection_arn: str
    repository: str
    branch: str
    folder: str

    @property
    def remote(self) -> str:
        """The repository's address through the connection."""
        _, _, _, region, account, resource = self.connection_arn.split(":")
        connection = resource.partition("/")[2]
        return f"https://{self._service}.{region}.amazonaws.com{PROXY}{account}/{region}/{connection}/{self.repository}.git"

    @property
    def actions(self) -> list[str]:
        """Of the statement that allows it."""
        return [f"{self._service}:UseConnection"]

    @property
    def conditions(self) -> dict[str, dict[str, object]]:
        """Of the statement: this repository, by Git alone."""
        return {
            "StringEquals": {
                f"{self._service}:FullRepositoryId": self.repository,
                f"{self._service}:ProviderAction": ["GitPull", "GitPush"],
            }
        }

    @property
    def _service(self) -> str:
        """Connections made before the service was renamed keep the old name in their ARN, rights and address."""
        return self.connection_arn.split(":")[2]


def target(gitops: GitOps, connection_arn: str) -> Target:
    """From the platform file's address, whichever host or proxy it names."""
    return Target(connection_arn, repository_of(gitops.repository), gitops.revision, gitops.path)


def repository_of(address: str) -> str:
    """organization/name"""
    path = address.partition("://")[2].partition("/")[2]
    parts = path.split("/", 4)
    if f"/{path}".startswith(PROXY) and len(parts) == 5:
        path = parts[4]
    return path.removesuffix(".git")
