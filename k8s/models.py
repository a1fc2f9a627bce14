"""The chart of one model."""

from __future__ import annotations

from cdk8s import Chart
from constructs import Construct

from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.kube.model import ModelWorkload
from ai_on_eks.serving.storage import UNKNOWN, StorageAddresses
from ai_on_eks.serving.types import Workload


class ModelChart(Chart):
    """Everything one model consists of in the cluster; the unit that is applied, updated and removed."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - the constructs' own name
        *,
        workload: Workload,
        platform: Platform,
        addresses: StorageAddresses = UNKNOWN,
    ) -> None:
        super().__init__(scope, id)
        self.model = ModelWorkload(self, "Model", workload=workload, platform=platform, addresses=addresses)
