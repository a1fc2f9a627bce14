"""The platform file's section `storage`: file systems beside the model bucket, for models that ask for one.

None is there by default: a file system costs money by the hour, whether a model reads from it or not.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from ai_on_eks.descriptors import patterns
from ai_on_eks.descriptors.schema import Strict

DailyTime = Annotated[str, StringConstraints(pattern=patterns.DAILY_TIME.expression)]
WeeklyTime = Annotated[str, StringConstraints(pattern=patterns.WEEKLY_TIME.expression)]


class FsxForLustre(Strict):
    """One FSx for Lustre file system (PERSISTENT_2 on SSD, Lustre 2.15, LZ4) for models with storage: fsx."""

    zone: str = Field(
        description="its availability zone, one of network.availability_zones; models that read from it run there; "
        "another zone replaces the file system"
    )
    size_gib: int | None = Field(
        default=None,
        ge=1200,
        description="1200, 2400 or a multiple of 2400; with efa of the step that its throughput has; it can only "
        "grow; default: twice the weights of the models that read from it, rounded up",
    )
    throughput_mbps_per_tib: Literal[125, 250, 500, 1000] | None = Field(
        default=None, description="MB/s for each TiB; default: the lowest that meets load_seconds"
    )
    load_seconds: int = Field(
        default=120, ge=1, le=3600, description="within which one replica of the largest model reads its weights"
    )
    efa: bool = Field(
        default=False,
        description="nodes whose replicas span several of them read by EFA instead of TCP, on al2023 and types of "
        "Nitro 4 and later; cannot be changed later, and fixes throughput_mbps_per_tib, which has to be named",
    )
    linked_to_model_store: bool = Field(
        default=True,
        description="show the models of the bucket in the file system, read from there at first use; false = you "
        "copy them, and the file system is backed up",
    )
    training: bool = Field(
        default=False,
        description="fine-tuning jobs may keep data and checkpoints in it: it shows datasets/ of the bucket too, and "
        "writes what lies below finetunes/ back to it; size_gib has to be named",
    )
    backup_retention_days: int | None = Field(
        default=None,
        ge=0,
        le=90,
        description="automatic backups; default: 7, and 0 where it is linked, which FSx does not back up: the bucket "
        "is the copy that lasts",
    )
    backup_time: DailyTime = Field(default="03:00", description="when backups start, UTC")
    maintenance_time: WeeklyTime = Field(
        default="7:04:00", description="when weekly maintenance may start, UTC; the day first, 1 = Monday"
    )


class ElasticFileSystem(Strict):
    """One EFS file system (elastic, TLS only) in all zones for models with storage: efs."""

    backups: bool = Field(default=True, description="daily backups by AWS Backup's automatic plan")


class BucketMount(Strict):
    """The bucket as a file system (Mountpoint for S3) for models with storage: s3 whose engine reads files."""

    cache_gib: int = Field(
        default=0,
        ge=0,
        le=4096,
        description="of a node's disk, its NVMe disks where it has some, for what one of its models has read, "
        "at most the model's own size; 0 = no cache",
    )


class PlatformStorage(Strict):
    """Where models can be read from besides the bucket. A model names one of these as its `storage`."""

    fsx: FsxForLustre | None = Field(default=None, description="FSx for Lustre; default: none")
    s3_mount: BucketMount | None = Field(
        default=None,
        description="mount the bucket where pods would copy from it; {} for its defaults; default: pods copy",
    )
    efs: ElasticFileSystem | None = Field(default=None, description="EFS; write {} for its defaults; default: none")

    @property
    def sections(self) -> tuple[str, ...]:
        """Those that are there; each brings a driver to every node."""
        return tuple(name for name in type(self).model_fields if getattr(self, name) is not None)
