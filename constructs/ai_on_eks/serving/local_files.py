"""What engines share that read a model from local files only: copied before they start, or shown by a volume."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from ai_on_eks.descriptors.schema import Storage
from ai_on_eks.errors import Problem
from ai_on_eks.serving.replica import EmptyDirectory, Replica, Volume
from ai_on_eks.serving.weights import model_uri, mounted_model, revision_folder, weights_volume

MODEL_DIRECTORY = "/models"

OTHER_FORMATS = ("*.bin", "*.pt", "*.pth", "*.h5", "*.msgpack", "*.gguf", "original/*", "onnx/*")
"""The same weights beside safetensors, which hubs keep next to each other; some of them can hold pickles."""


def hub_problems(replica: Replica) -> tuple[Problem, ...]:
    """Such an engine downloads no pinned revision itself."""
    storage = replica.descriptor.storage
    if storage is not Storage.NODE:
        return ()
    return (
        Problem(
            code="storage-not-served",
            message=f"{replica.placement.engine.title} reads weights from local files and downloads none",
            path="storage",
            value=storage.value,
            allowed=tuple(other.value for other in Storage if other is not Storage.NODE),
            fix="storage: s3",
        ),
    )


def file_problems(replica: Replica, example: str) -> tuple[Problem, ...]:
    """An engine of one file has to be told which; `example` completes the fix."""
    if replica.descriptor.source.file is not None:
        return ()
    return (
        Problem(
            code="source-file-missing",
            message=f"{replica.placement.engine.title} needs to know which file of the source is the model",
            path="source.file",
            fix=f"file: {example}",
        ),
    )


def model_directory(replica: Replica) -> str:
    """Where the model's files are copied to, or shown by a volume."""
    return MODEL_DIRECTORY if replica.claim is None else mounted_model(replica.descriptor)


def files_volume(replica: Replica) -> Volume:
    """The volume that shows the files, or the node's disk that they are copied to."""
    if replica.claim is not None:
        return weights_volume(replica.claim)
    disk = EmptyDirectory(replica.placement.memory.host.ephemeral_bytes)
    return Volume(name="models", source=disk, mount_path=MODEL_DIRECTORY, read_only=True, fetched=True)


def volume_at(replica: Replica, directory: str, folder: str = "") -> Volume:
    """The same, or a folder of the files, in a directory of the engine's choice."""
    if replica.claim is None:
        return replace(files_volume(replica), mount_path=directory)
    shown = below(revision_folder(replica.descriptor), folder)
    return replace(weights_volume(replica.claim), mount_path=directory, sub_path=shown)


def files_and_cache(replica: Replica, cache_directory: str) -> tuple[Volume, ...]:
    """The model's files, and a cache for everything that is compiled or made."""
    disk = EmptyDirectory(replica.placement.memory.host.ephemeral_bytes)
    return (files_volume(replica), Volume(name="cache", source=disk, mount_path=cache_directory))


def fetch_folder(replica: Replica, skipped: Iterable[str] = OTHER_FORMATS) -> tuple[str, ...]:
    """Copy the folder without other formats, where no volume shows it."""
    return fetch_filtered(replica, tuple(f"--exclude={pattern}" for pattern in skipped))


def fetch_filtered(replica: Replica, filters: tuple[str, ...]) -> tuple[str, ...]:
    """Copy what the filters leave where no volume shows it; the last that names a file decides (aws s3 sync)."""
    return sync_folder(replica, MODEL_DIRECTORY, filters)


def sync_folder(replica: Replica, directory: str, filters: tuple[str, ...], folder: str = "") -> tuple[str, ...]:
    """The same of a folder of the files, into a directory of the engine's choice."""
    if not replica.reads_model_store:
        return ()
    source = below(model_uri(replica.descriptor), folder)
    return ("s3", "sync", source, directory, *filters, "--no-progress")


def below(root: str, folder: str) -> str:
    """A folder under another; empty = that one itself."""
    return f"{root}/{folder}" if folder else root
