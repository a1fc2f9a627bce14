"""The job that copies a model's weights from the hub into the model store.

    deadline = start + margin × bytes ÷ bandwidth
    memory   = parts under way + the interpreter        whatever the model's size: nothing is kept on a disk

The program is `programs/weight_sync.py`, word for word, in a ConfigMap named by its digest; its image is KServe's
storage initializer, which has what the program imports (boto3) and is published with every release of KServe.

The token is a file from Secrets Manager by the Secrets Store CSI driver. With external-secrets it would be copied into
the cluster's own Secrets, by a controller that may read everybody's; here the pod's own role reads this one secret.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from functools import cache
from math import ceil
from pathlib import Path

from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.descriptors.platform_sync import WeightSync
from ai_on_eks.descriptors.schema import Descriptor, Storage
from ai_on_eks.errors import Problem
from ai_on_eks.placement.types import Plan
from ai_on_eks.serving.jobs import job_name, job_pod
from ai_on_eks.serving.quantities import bytes_quantity, cpu_quantity
from ai_on_eks.serving.replica import ConfigFiles, EmptyDirectory, StoredSecret, Volume
from ai_on_eks.serving.types import ImageReference, ModelJob
from ai_on_eks.serving.weight_volumes import stored_weights_bytes
from ai_on_eks.serving.weights import BUCKET_VARIABLE, HUB_SCHEME, hub_id, model_prefix
from ai_on_eks.units import MIB

IMAGE_KEY = "weight-sync"
PURPOSE = "sync"
PROGRAM = Path(__file__).parent.parent / "programs" / "weight_sync.py"
PROGRAM_FILE = "weight_sync.py"
PROGRAM_DIRECTORY = "/program"

TOKEN_CLASS = "hub-token"  # noqa: S105 - the name of a SecretProviderClass
TOKEN_FILE = "token"  # noqa: S105 - a file name
TOKEN_DIRECTORY = "/hub-token"  # noqa: S105 - a folder

COMMIT = re.compile(r"[0-9a-f]{40}")

MEMORY_BYTES = 1024 * MIB
"""Parts of 32 MiB: eight read ahead and eight on their way to S3 are 512 MiB; the rest is Python, boto3 and TLS."""
MILLICORES = 500
"""Assumption: 100 MB/s of TLS on both sides and SHA-256 twice take half a core of a current processor."""
SCRATCH_BYTES = 64 * MIB
"""Python's own temporary files; no weight touches the disk."""

START_SECONDS = 900
"""Assumption: a node for the pod and its image, 15 minutes."""
MARGIN = 3.0
"""As for the start of engines: too small gives up a copy that is still running, too large only tells late of a hang."""
RETRIES = 6
FINAL_EXIT_CODES = (3,)
"""EXIT_FINAL of the program."""
KEPT_SECONDS = 7 * 24 * 3600
"""Applied again after that it starts once more, finds every file in place and ends within seconds."""


@cache
def program_text() -> str:
    """What runs in the container."""
    return PROGRAM.read_text(encoding="utf-8")


def program_config_map() -> str:
    """Named by its content: a job that runs keeps its program while the next one has another."""
    return f"weight-sync-{hashlib.sha256(program_text().encode()).hexdigest()[:8]}"


def is_synced(descriptor: Descriptor, platform: Platform) -> bool:
    """Whether a job copies this model's weights: its source is the hub, and its pods do not go there themselves."""
    is_on_hub = descriptor.source.uri.startswith(HUB_SCHEME)
    return platform.model_store.sync is not None and is_on_hub and descriptor.storage is not Storage.NODE


def sync_problems(descriptor: Descriptor, platform: Platform) -> tuple[Problem, ...]:
    """What a job could not copy once and for all."""
    revision = descriptor.source.revision
    if not is_synced(descriptor, platform) or (revision is not None and COMMIT.fullmatch(revision)):
        return ()
    named = "names no revision" if revision is None else f"names {revision}, which can move"
    return (
        Problem(
            code="revision-not-a-commit",
            message=f"weights are copied once and verified, and the source {named}",
            path="source.revision",
            value=revision,
            allowed=("a commit: 40 hexadecimal digits",),
            fix=f"write the commit that `ai-on-eks describe {descriptor.source.uri}` shows",
        ),
    )


def sync_job(plan: Plan, platform: Platform, images: Mapping[str, ImageReference]) -> ModelJob | None:
    """The job, or None where the weights come another way. `sync_problems` has let nothing else come here."""
    sync, account = platform.model_store.sync, platform.model_store.writing_account
    if sync is None or account is None or not is_synced(plan.descriptor, platform):
        return None
    arguments, image = _arguments(plan.descriptor, sync), images[IMAGE_KEY]
    memory = bytes_quantity(MEMORY_BYTES)
    container = {
        "name": "weight-sync",
        "image": image.reference,
        "command": ["python3", f"{PROGRAM_DIRECTORY}/{PROGRAM_FILE}"],
        "resources": {
            "requests": {
                "cpu": cpu_quantity(MILLICORES),
                "ephemeral-storage": bytes_quantity(SCRATCH_BYTES),
                "memory": memory,
            },
            "limits": {"memory": memory},
        },
    }
    variables = {"AWS_REGION": platform.region, "HOME": "/tmp", "PYTHONDONTWRITEBYTECODE": "1"}  # noqa: S108
    pod_spec = job_pod(container, arguments, variables, _volumes(sync), account, user_id=image.user_id)
    return ModelJob(
        name=job_name(plan.descriptor.name, PURPOSE, pod_spec),
        purpose=PURPOSE,
        pod_spec=pod_spec,
        retries=RETRIES,
        final_exit_codes=FINAL_EXIT_CODES,
        deadline_seconds=deadline_seconds(stored_weights_bytes(plan), sync.megabytes_per_second * 10**6),
        kept_seconds=KEPT_SECONDS,
    )


def deadline_seconds(stored_bytes: int, bytes_per_second: int) -> int:
    """When a job has failed, from its start on."""
    return START_SECONDS + ceil(MARGIN * stored_bytes / bytes_per_second)


def _arguments(descriptor: Descriptor, sync: WeightSync) -> tuple[str, ...]:
    source = descriptor.source
    file = () if source.file is None else (f"--file={source.file}",)
    token = () if sync.hub_token is None else (f"--token-file={TOKEN_DIRECTORY}/{TOKEN_FILE}",)
    return (
        f"--repository={hub_id(descriptor)}",
        f"--revision={source.revision}",
        f"--bucket=$({BUCKET_VARIABLE})",
        f"--prefix={model_prefix(descriptor)}",
        f"--format={source.format.value}",
        *file,
        *token,
    )


def _volumes(sync: WeightSync) -> tuple[Volume, ...]:
    program = Volume("program", ConfigFiles(program_config_map()), PROGRAM_DIRECTORY, read_only=True)
    scratch = Volume("tmp", EmptyDirectory(SCRATCH_BYTES), "/tmp")  # noqa: S108
    if sync.hub_token is None:
        return (program, scratch)
    return (program, scratch, Volume("hub-token", StoredSecret(TOKEN_CLASS), TOKEN_DIRECTORY, read_only=True))
