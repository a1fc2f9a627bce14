"""`delivery.gitops` of the platform file: where a GitOps tool reads what is rendered. Defaults stand here alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, StringConstraints

from ai_on_eks.descriptors import patterns
from ai_on_eks.descriptors.schema import Strict
from ai_on_eks.errors import Problem

if TYPE_CHECKING:
    from ai_on_eks.descriptors.platform import Platform

RepositoryUrl = Annotated[str, StringConstraints(pattern=patterns.REPOSITORY_URL.expression)]
Branch = Annotated[str, StringConstraints(pattern=patterns.BRANCH.expression)]
RelativePath = Annotated[str, StringConstraints(pattern=patterns.RELATIVE_PATH.expression)]
IdentityCenterArn = Annotated[str, StringConstraints(pattern=patterns.IDENTITY_CENTER_ARN.expression)]
GroupId = Annotated[str, StringConstraints(pattern=patterns.IDENTITY_CENTER_ID.expression)]
RegionName = Annotated[str, StringConstraints(pattern=patterns.REGION.expression)]


class ManagedArgoCd(Strict):
    """Argo CD as a capability of EKS: it runs at AWS, and people sign in by IAM Identity Center."""

    identity_center_arn: IdentityCenterArn = Field(description="of the Identity Center's instance")
    identity_center_region: RegionName | None = Field(default=None, description="default: the platform's region")
    admin_groups: tuple[GroupId, ...] = Field(
        min_length=1, max_length=50, description="ids of the Identity Center's groups that administer Argo CD"
    )
    viewer_groups: tuple[GroupId, ...] = Field(default=(), max_length=50, description="ids of groups that may look")


class GitOps(Strict):
    """Where Argo CD or Flux reads the objects; both get theirs, and one of them is applied."""

    repository: RepositoryUrl = Field(description="address of the repository that the rendered folder is committed to")
    revision: Branch = Field(default="main", description="branch that the tool follows")
    path: RelativePath = Field(
        default="gitops", description="folder in the repository that holds what `make synth` writes to build/gitops"
    )
    managed_argo_cd: ManagedArgoCd | None = Field(
        default=None, description="Argo CD as a capability of EKS; default: you run Argo CD or Flux yourself"
    )


def check_gitops(platform: Platform) -> Iterator[Problem]:
    """The mode and its settings go together, and a managed Argo CD is told the cluster's ARN."""
    delivery = platform.delivery
    is_mode = delivery.mode.value == "gitops"
    if is_mode and delivery.gitops is None:
        message = "which repository the tool reads is not said"
        yield Problem("missing-field", message, path="delivery.gitops", fix="add `gitops: {repository: https://…}`")
    if delivery.gitops is not None and not is_mode:
        message = f"nothing is written for a GitOps tool with delivery.mode: {delivery.mode.value}"
        fix = "set delivery.mode: gitops, or remove it"
        yield Problem("setting-without-effect", message, path="delivery.gitops", fix=fix)
    managed = None if delivery.gitops is None else delivery.gitops.managed_argo_cd
    if managed is not None and platform.account is None:
        message = "a managed Argo CD finds the cluster by its ARN, which has the account in it"
        yield Problem("missing-field", message, path="account", fix="set account")
