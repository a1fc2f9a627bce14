"""The storage stack."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import CfnOutput
from aws_cdk import aws_eks_v2 as eks
from constructs import Construct

from ai_on_eks.aws.model_store import ModelReader, ModelStore
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.serving.types import Workload
from stacks.base import PlatformStack


class StorageStack(PlatformStack):
    """The model bucket and, for each model, the right to read its own part of it."""

    def __init__(
        self, scope: Construct, *, platform: Platform, cluster: eks.ICluster, workloads: Sequence[Workload]
    ) -> None:
        super().__init__(
            scope, "storage", platform=platform, description="Model weights of the AI platform", keeps_data=True
        )
        store = ModelStore(
            self,
            "ModelStore",
            existing_bucket=platform.model_store.existing_bucket,
            keep_replaced_days=platform.retention.replaced_weights_days,
        )
        self.bucket_name = store.bucket.bucket_name
        for workload in workloads:
            ModelReader(
                self,
                f"{workload.name}-reader",
                store=store,
                cluster=cluster,
                model=workload.name,
                namespace=workload.namespace,
                service_account=workload.service_account,
                compile_cache=workload.compile_cache,
            )
        CfnOutput(self, "ModelBucket", description="Upload weights to models/<name>/ in here", value=self.bucket_name)
