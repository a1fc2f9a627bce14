"""The objects that all models share as a construct."""

from __future__ import annotations

from collections.abc import Sequence

from cdk8s import ApiObject
from constructs import Construct

from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.descriptors.schema import Shape
from ai_on_eks.kube.api_object import api_object
from ai_on_eks.kube.manifests import platform_manifests


class PlatformObjects(Construct):
    """The models' namespace, what holds for all of it, and where the models are stored. `resource` is the namespace.

    `model_bucket` may be a token of CDK; None where the bucket's name is not known yet and the ConfigMap is not wanted.
    `priorities` are shares of a node, each with a priority class; `shapes` are those that models have.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - the constructs' own name
        *,
        platform: Platform,
        model_bucket: str | None,
        priorities: Sequence[int] = (),
        shapes: Sequence[Shape] = (),
    ) -> None:
        super().__init__(scope, id)
        manifests = platform_manifests(platform, model_bucket, priorities, shapes)
        objects = {key: api_object(self, key, manifest) for key, manifest in manifests.items()}
        self.resource: ApiObject = objects["Resource"]
