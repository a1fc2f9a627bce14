"""Where the pods find the weights: the model store's layout, volumes that show it, and the hub.

    s3://<bucket>/models/<name>/<revision or 'unpinned'>/<the hub's files>
    s3://<bucket>/compiled/<name>/<revision or 'unpinned'>/<image>/<ranks and shapes>/<what the compiler made of them>
    /weights/<revision or 'unpinned'>/<the hub's files>                     of a volume that shows the model's folder

The bucket's name is known only once it has been created, so pods learn it from the ConfigMap `model-store`; Kubernetes
puts it into arguments where they say `$(MODEL_BUCKET)`, without a shell.
"""

from __future__ import annotations

import re

from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.descriptors.platform_storage import PlatformStorage
from ai_on_eks.descriptors.schema import Descriptor, Storage
from ai_on_eks.errors import Problem
from ai_on_eks.serving.replica import ClaimedFiles, Replica, SecretFiles, Volume
from ai_on_eks.serving.types import WeightsClaim

MODEL_STORE_CONFIG_MAP = "model-store"
MODEL_STORE_BUCKET_KEY = "bucket"
BUCKET_VARIABLE = "MODEL_BUCKET"

UNPINNED = "unpinned"
"""Folder of weights whose descriptor names no revision."""

HUB_SCHEME = "hf://"
HUB_TOKEN_SECRET = "hub-token"  # noqa: S105 - the name of a Secret, not its content
"""A Secret with the key `token`, made by the user in the models' namespace where a model is gated."""
HUB_TOKEN_FILE = "token"  # noqa: S105 - a file name
ENGINE_HOME = "/home/engine"
HUB_TOKEN_DIRECTORY = f"{ENGINE_HOME}/.cache/huggingface"
"""Where the hub's own command line keeps the token, and so the one place every client looks."""


PICKLES = ("--exclude=*.bin", "--exclude=*.pt", "--exclude=*.pth", "--exclude=*.ckpt")
"""What the hub may hold beside safetensors: the same weights once more, in files that can run code."""

FIRST_PART = re.compile(r"-0+1-of-")
"""In the name of a model's first file, where several hold it."""

WEIGHTS_VOLUME = "weights"
WEIGHTS_DIRECTORY = "/weights"
"""Where a volume of the model's folder is mounted."""


def model_folder(descriptor: Descriptor) -> str:
    """The model's folder in the store, without a slash at either end."""
    return f"models/{descriptor.name}"


def revision_folder(descriptor: Descriptor) -> str:
    """Folder of one revision within the model's."""
    return descriptor.source.revision or UNPINNED


def model_prefix(descriptor: Descriptor) -> str:
    """Key prefix of the model's files in the store, without a slash at the end."""
    return f"{model_folder(descriptor)}/{revision_folder(descriptor)}"


def mounted_model(descriptor: Descriptor) -> str:
    """The model's files where a volume shows them."""
    return f"{WEIGHTS_DIRECTORY}/{revision_folder(descriptor)}"


def weights_volume(claim: WeightsClaim) -> Volume:
    """The volume of the model's folder. EFS shows no bucket: what it lacks is copied to it first."""
    filled = claim.storage is Storage.EFS
    return Volume(
        name=WEIGHTS_VOLUME,
        source=ClaimedFiles(claim.name, filled=filled),
        mount_path=WEIGHTS_DIRECTORY,
        read_only=True,
        fetched=filled,
    )


def copy_to_volume(descriptor: Descriptor) -> tuple[str, ...]:
    """Arguments of the container that brings the model's volume up to date with the store.

    Every replica runs it and only the first finds work: files of the same size and age are left alone, and a file
    appears under its name when it is whole (aws s3 sync), so replicas that start together do not disturb each other.
    Of a source that names a file, or the first part of one, nothing else is copied.
    """
    file = descriptor.source.file
    chosen: tuple[str, ...] = PICKLES
    if file is not None:
        chosen = ("--exclude=*", f"--include={FIRST_PART.sub('-*-of-', file)}")
    return ("s3", "sync", model_uri(descriptor), mounted_model(descriptor), *chosen, "--no-progress")


def compiled_prefix(replica: Replica) -> str:
    """Key prefix of the model's compiled programs, by what they depend on: image and with it the compiler, ranks,
    length and number of sequences. Beside the weights and not below them: a pod that compiles writes here, and what it
    reads its weights from no pod may change."""
    placement = replica.placement
    ranks = placement.tensor_parallel * placement.pipeline_parallel
    shape = f"{ranks}-ranks-{placement.max_model_len}x{placement.memory.rank.max_sequences}"
    return f"compiled/{replica.name}/{revision_folder(replica.descriptor)}/{replica.image.tag}/{shape}"


def model_uri(descriptor: Descriptor) -> str:
    """The model's folder in the store, to be completed by Kubernetes."""
    return f"s3://$({BUCKET_VARIABLE})/{model_prefix(descriptor)}"


def compiled_uri(replica: Replica) -> str:
    """The folder of the model's compiled programs, to be completed by Kubernetes."""
    return f"s3://$({BUCKET_VARIABLE})/{compiled_prefix(replica)}"


def hub_id(descriptor: Descriptor) -> str:
    """`org/name` of a model that the engine downloads itself; `storage_problems` lets no other source come here."""
    return descriptor.source.uri.removeprefix(HUB_SCHEME)


def hub_token_volume() -> Volume:
    """The token as a file: a variable would show in `kubectl describe` and in every crash report."""
    return Volume(
        name="hub-token", source=SecretFiles(HUB_TOKEN_SECRET), mount_path=HUB_TOKEN_DIRECTORY, read_only=True
    )


def isolation_problems(descriptor: Descriptor, platform: Platform) -> tuple[Problem, ...]:
    """Weights that pods would fetch from where their network does not reach."""
    if descriptor.storage is not Storage.NODE or not platform.network.is_isolated:
        return ()
    return (
        Problem(
            code="needs-internet",
            message="with storage node the engine downloads from the hub, which the platform's network does not reach",
            path="storage",
            value=descriptor.storage.value,
            fix="storage: s3",
        ),
    )


def storage_problems(descriptor: Descriptor, storage: PlatformStorage, file: str | None = None) -> tuple[Problem, ...]:
    """Storage that the platform does not have, or that no engine can read this source from."""
    if descriptor.storage is Storage.FSX and storage.fsx is None:
        return (_missing(descriptor, "storage.fsx", "{zone: ZONE}", file),)
    if descriptor.storage is Storage.EFS and storage.efs is None:
        return (_missing(descriptor, "storage.efs", "{}", file),)
    if descriptor.storage is Storage.NODE and not descriptor.source.uri.startswith(HUB_SCHEME):
        return (
            Problem(
                code="storage-needs-hub",
                message="with storage node the engine downloads from the hub, and this source is not there",
                file=file,
                path="source.uri",
                value=descriptor.source.uri,
                allowed=("hf://org/name",),
                fix="storage: s3",
            ),
        )
    return ()


def _missing(descriptor: Descriptor, section: str, example: str, file: str | None) -> Problem:
    return Problem(
        code="storage-not-on-platform",
        message=f"{descriptor.name} reads from {descriptor.storage.value}, and the platform file has no {section}",
        file=file,
        path="storage",
        value=descriptor.storage.value,
        allowed=(Storage.S3.value, Storage.NODE.value),
        fix=f"add `{section}: {example}` to the platform file, which is paid for by the hour, or write storage: s3",
    )
