"""The objects of one model as a construct."""

from __future__ import annotations

from cdk8s import ApiObject
from constructs import Construct

from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.kube.api_object import api_object
from ai_on_eks.kube.manifests import model_manifests
from ai_on_eks.serving.storage import UNKNOWN, StorageAddresses
from ai_on_eks.serving.types import Workload


class ModelWorkload(Construct):
    """Everything the cluster has to know of one model. `resource` is its Deployment or LeaderWorkerSet."""

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
        if workload.namespace != platform.namespace:
            raise ValueError(f"{workload.name} is planned for namespace {workload.namespace}, not {platform.namespace}")
        manifests = model_manifests(workload, addresses, monitored=platform.monitoring.is_on)
        objects = {key: api_object(self, key, manifest) for key, manifest in manifests.items()}
        self.resource: ApiObject = objects["Resource"]
