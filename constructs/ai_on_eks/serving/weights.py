"""Where the pods find the weights: the model store's layout and the hub.

    s3://<bucket>/models/<name>/<revision or 'unpinned'>/<the hub's files>
    s3://<bucket>/compiled/<name>/<revision or 'unpinned'>/<what the compiler made of them>

The bucket's name is known only once it has been created, so pods learn it from the ConfigMap `model-store`; Kubernetes
puts it into arguments where they say `$(MODEL_BUCKET)`, without a shell.
"""

from __future__ import annotations

from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.descriptors.schema import Descriptor, Storage
from ai_on_eks.errors import Problem
from ai_on_eks.serving.replica import SecretFiles, Volume

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


def model_prefix(descriptor: Descriptor) -> str:
    """Key prefix of the model's files in the store, without a slash at the end."""
    return f"models/{descriptor.name}/{descriptor.source.revision or UNPINNED}"


def compiled_prefix(descriptor: Descriptor) -> str:
    """Key prefix of the model's compiled programs. Beside the weights and not below them: a pod that compiles writes
    here, and what it reads its weights from no pod may change."""
    return f"compiled/{descriptor.name}/{descriptor.source.revision or UNPINNED}"


def model_uri(descriptor: Descriptor) -> str:
    """The model's folder in the store, to be completed by Kubernetes."""
    return f"s3://$({BUCKET_VARIABLE})/{model_prefix(descriptor)}"


def compiled_uri(descriptor: Descriptor) -> str:
    """The folder of the model's compiled programs, to be completed by Kubernetes."""
    return f"s3://$({BUCKET_VARIABLE})/{compiled_prefix(descriptor)}"


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


def storage_problems(descriptor: Descriptor, file: str | None = None) -> tuple[Problem, ...]:
    """Storage that no engine here can read from."""
    if descriptor.storage is Storage.S3:
        return ()
    if descriptor.storage is not Storage.NODE:
        return (
            Problem(
                code="storage-not-served",
                message=f"pods cannot read weights from {descriptor.storage.value} yet",
                file=file,
                path="storage",
                value=descriptor.storage.value,
                allowed=(Storage.S3.value, Storage.NODE.value),
                fix="storage: s3",
            ),
        )
    if not descriptor.source.uri.startswith(HUB_SCHEME):
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
