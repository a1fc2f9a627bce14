"""The platform file's `autoscaling`: who changes the number of a model's replicas, if anybody does."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from ai_on_eks.descriptors.schema import Strict


class AutoscalingKind(StrEnum):
    NONE = "none"
    BY_LOAD = "by-load"


class Autoscaling(Strict):
    """Replicas that follow the load, within the range that each model's plan gives."""

    kind: AutoscalingKind = Field(
        default=AutoscalingKind.NONE,
        description="none = as many replicas as planned at all times; by-load = KEDA by what the engine tells of its "
        "queue, cache and speed, which needs `monitoring`; models on processors by their use of them, which needs the "
        "add-on metrics_server",
    )

    @property
    def is_on(self) -> bool:
        """Do replicas follow the load?"""
        return self.kind is AutoscalingKind.BY_LOAD
