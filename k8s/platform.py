"""The chart of what all models share."""

from __future__ import annotations

from collections.abc import Sequence

from cdk8s import Chart
from constructs import Construct

from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.descriptors.schema import Shape
from ai_on_eks.kube.platform import PlatformObjects


class PlatformChart(Chart):
    """The models' namespace and its rules; applied before any model and removed after the last."""

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
        self.platform = PlatformObjects(
            self, "Platform", platform=platform, model_bucket=model_bucket, priorities=priorities, shapes=shapes
        )
