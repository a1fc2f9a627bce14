"""Where a fine-tuning job finds its data and keeps what it learns: the model store's bucket, or the platform's Lustre.

    datasets/<data.path>           read
    finetunes/<job>/checkpoints/   written and read again, each finished by an empty file `complete`
    finetunes/<job>/result/        written

The folders have the same names in both, and a linked file system shows the one and writes back the other. Of the
second a pod sees its own part alone. It writes as an ordinary user: the claim's folder is given to the pod's group when
it is first mounted, and folders below inherit that.
"""

from __future__ import annotations

from msgspec import Struct

from ai_on_eks.descriptors.fine_tune import FineTuneJob, JobStorage
from ai_on_eks.descriptors.inventory import Inventory
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.errors import Problem
from ai_on_eks.serving.replica import ClaimedFiles, Volume
from ai_on_eks.serving.weights import BUCKET_VARIABLE
from ai_on_eks.sizing.training import kept_bytes
from ai_on_eks.units import GIB, format_gib

DATASETS_PREFIX = "datasets"
RESULTS_PREFIX = "finetunes"
DATA_DIRECTORY = "/data"
RESULTS_DIRECTORY = "/results"


class JobClaim(Struct, frozen=True):
    """A volume of the platform's Lustre file system, reserved for one job.

    folder      of the file system that the volume shows, without a slash at either end
    is_written  by the job's pods, as their group
    """

    name: str
    folder: str
    is_written: bool = False


def job_claims(job: FineTuneJob) -> tuple[JobClaim, ...]:
    """The volumes of a job, none where everything lies in the bucket."""
    found = []
    if job.data.storage is JobStorage.FSX:
        found.append(JobClaim(f"{job.name}-data", DATASETS_PREFIX))
    if job.checkpoints.storage is JobStorage.FSX:
        found.append(JobClaim(f"{job.name}-results", RESULTS_PREFIX, is_written=True))
    return tuple(found)


def claimed_volumes(job: FineTuneJob) -> tuple[Volume, ...]:
    """The same as the pods mount them. The kubelet makes the job's own folder where it is not there yet."""
    return tuple(
        Volume("results", ClaimedFiles(claim.name, filled=True), RESULTS_DIRECTORY, sub_path=job.name)
        if claim.is_written
        else Volume("data", ClaimedFiles(claim.name), DATA_DIRECTORY, read_only=True)
        for claim in job_claims(job)
    )


def storage_arguments(job: FineTuneJob) -> tuple[str, ...]:
    """What the program is told of both."""
    reads_bucket, keeps_in_bucket = (one is JobStorage.S3 for one in (job.data.storage, job.checkpoints.storage))
    data = f"{DATASETS_PREFIX if reads_bucket else DATA_DIRECTORY}/{job.data.path}"
    kept = f"--prefix={RESULTS_PREFIX}/{job.name}" if keeps_in_bucket else f"--results={RESULTS_DIRECTORY}"
    bucket = (f"--bucket=$({BUCKET_VARIABLE})",) if reads_bucket or keeps_in_bucket else ()
    return (*bucket, kept, f"--data={data}")


def job_storage_problems(job: FineTuneJob, inventory: Inventory, platform: Platform) -> tuple[Problem, ...]:
    """Storage that the platform does not have, or not for jobs, or not enough of."""
    fsx = platform.storage.fsx
    if not job.lustre_paths:
        return ()
    if fsx is None:
        missing, fix = "no storage.fsx", "add `storage.fsx: {zone: ZONE, size_gib: 2400, training: true}` to it"
    elif not fsx.training:
        missing, fix = "storage.fsx without training", "set storage.fsx.training to true there"
    else:
        return _room(job, inventory, fsx.size_gib or 0)
    return tuple(
        Problem(
            code="storage-not-on-platform",
            message=f"{job.name} uses fsx, and the platform file has {missing}",
            path=path,
            value=JobStorage.FSX.value,
            allowed=(JobStorage.S3.value,),
            fix=f"write s3, or {fix}",
        )
        for path in job.lustre_paths
    )


def _room(job: FineTuneJob, inventory: Inventory, size_gib: int) -> tuple[Problem, ...]:
    """Checkpoints and result alone; how large data are nobody said."""
    needed = kept_bytes(inventory, job) if job.checkpoints.storage is JobStorage.FSX else 0
    if needed <= size_gib * GIB:
        return ()
    message = f"two checkpoints and the result take {format_gib(needed)}, the file system has {size_gib:,} GiB"
    fix = "make storage.fsx.size_gib larger, or write s3"
    return (Problem("fsx-too-small", message, path="checkpoints.storage", value=JobStorage.FSX.value, fix=fix),)
