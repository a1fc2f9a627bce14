"""The storage stack."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import CfnOutput
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_eks_v2 as eks
from constructs import Construct

from ai_on_eks.aws.efs import SharedFileSystem
from ai_on_eks.aws.lustre import LustreFileSystem
from ai_on_eks.aws.model_store import FineTuneAccess, ModelReader, ModelStore, ModelWriter, ProgramWriter
from ai_on_eks.aws.mountpoint import BucketMountIdentity
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.descriptors.schema import Storage
from ai_on_eks.serving.fine_tune import FineTuneWorkload
from ai_on_eks.serving.lustre import lustre_shape
from ai_on_eks.serving.storage import OUTPUTS, EfsAddress, LustreAddress, StorageAddresses, outputs_of
from ai_on_eks.serving.types import WeightsClaim, Workload
from stacks.base import PlatformStack


class StorageStack(PlatformStack):
    """The model bucket and, for each model, the right to read its own part of it; the platform's file systems."""

    def __init__(
        self,
        scope: Construct,
        *,
        platform: Platform,
        vpc: ec2.IVpc,
        cluster: eks.ICluster,
        workloads: Sequence[Workload],
        jobs: Sequence[FineTuneWorkload] = (),
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
                programs=None if workload.programs is None else workload.programs.prefix,
            )
            if workload.programs is not None:
                ProgramWriter(
                    self,
                    f"{workload.name}-compiler",
                    store=store,
                    cluster=cluster,
                    model=workload.name,
                    namespace=workload.namespace,
                    programs=workload.programs,
                )
        for job in jobs:
            FineTuneAccess(
                self,
                f"{job.name}-trainer",
                store=store,
                cluster=cluster,
                job=job.name,
                model=job.model,
                namespace=job.namespace,
                service_account=job.service_account,
                reads_data=all(claim.is_written for claim in job.claims),
                keeps_results=not any(claim.is_written for claim in job.claims),
            )
        writing_account, sync = platform.model_store.writing_account, platform.model_store.sync
        if writing_account is not None:
            ModelWriter(
                self,
                "ModelWriter",
                store=store,
                cluster=cluster,
                namespace=platform.namespace,
                service_account=writing_account,
                hub_token=None if sync is None else sync.hub_token,
            )
        if platform.storage.s3_mount is not None:
            BucketMountIdentity(self, "BucketMount", store=store, cluster=cluster)
        bucket = store.bucket.bucket_name
        self.addresses = StorageAddresses(
            bucket=bucket,
            region=platform.region,
            fsx=self._lustre(platform, vpc, cluster, store, workloads),
            efs=self._efs(platform, vpc, cluster, workloads),
        )
        for output, value in outputs_of(self.addresses).items():
            CfnOutput(self, output, description=OUTPUTS[output], value=value)

    def _lustre(
        self,
        platform: Platform,
        vpc: ec2.IVpc,
        cluster: eks.ICluster,
        store: ModelStore,
        workloads: Sequence[Workload],
    ) -> LustreAddress | None:
        settings = platform.storage.fsx
        if settings is None:
            return None
        stored = [claim.stored_bytes for claim in _claims(workloads, Storage.FSX)]
        return LustreFileSystem(
            self,
            "Lustre",
            settings=settings,
            shape=lustre_shape(settings, stored),
            vpc=vpc,
            cluster=cluster,
            store=store,
            name_tag=f"{platform.name}-models",
        ).address

    def _efs(
        self, platform: Platform, vpc: ec2.IVpc, cluster: eks.ICluster, workloads: Sequence[Workload]
    ) -> EfsAddress | None:
        settings = platform.storage.efs
        if settings is None:
            return None
        return SharedFileSystem(
            self,
            "Efs",
            settings=settings,
            claims=_claims(workloads, Storage.EFS),
            vpc=vpc,
            cluster=cluster,
            name_tag=f"{platform.name}-models",
        ).address


def _claims(workloads: Sequence[Workload], storage: Storage) -> list[WeightsClaim]:
    """Of the models that read from this storage, by name."""
    claims = [workload.claim for workload in workloads if workload.claim is not None]
    return sorted((claim for claim in claims if claim.storage is storage), key=lambda claim: claim.name)
