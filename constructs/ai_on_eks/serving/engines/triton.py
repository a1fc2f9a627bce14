"""Triton Inference Server 26.07: one ONNX or TorchScript model in the repository layout Triton reads.

    /models/<name>/config.pbtxt     from the model's ConfigMap
    /models/<name>/1/model.onnx     copied from the model store, or the file itself from a volume that shows it;
                                    model.pt of TorchScript

The two are mounted side by side and not into each other: a mount point cannot be made inside a read-only volume.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from ai_on_eks.descriptors.schema import Format
from ai_on_eks.errors import Problem
from ai_on_eks.serving.local_files import file_problems, hub_problems
from ai_on_eks.serving.replica import ConfigFiles, EmptyDirectory, Ports, Probes, Replica, Volume
from ai_on_eks.serving.startup import readiness
from ai_on_eks.serving.triton_model import MODEL_FILES, TENSOR_TYPES, model_config
from ai_on_eks.serving.weights import model_uri, revision_folder, weights_volume

PORTS = Ports(http=8000, metrics=8002, metrics_path="/metrics")
GRPC_PORT = 8001
REPOSITORY = "/models"
CONFIG_FILE = "config.pbtxt"
VERSION = "1"

SCRIPT_ENDINGS = (".pt", ".torchscript")
SCRIPT_TASKS = ("image-classification",)

SHUTDOWN_SECONDS = 45
"""Running requests get this long after SIGTERM; Triton's own default is 30 (tritonserver --help 26.07)."""


def problems(replica: Replica) -> tuple[Problem, ...]:
    """Triton downloads nothing from a hub, and its layout needs the file's name."""
    file = MODEL_FILES[replica.descriptor.source.format]
    found = (*hub_problems(replica), *file_problems(replica, f"{file}, or whatever it is called in the source"))
    return (*found, *_script_problems(replica)) if replica.descriptor.source.format is Format.PYTORCH else found


def _script_problems(replica: Replica) -> tuple[Problem, ...]:
    """What PyTorch calls a checkpoint is mostly weights without a network. Whether a file is a script shows in its
    name alone: nothing here opens what can run code."""
    found = []
    file, task, weights = replica.descriptor.source.file, replica.descriptor.task, replica.precision.weights
    if file is not None and not file.endswith(SCRIPT_ENDINGS):
        found.append(
            Problem(
                code="format-not-served",
                message="Triton loads a TorchScript archive, which brings its network along, and no bare weights",
                path="source.file",
                value=file,
                allowed=tuple(f"*{ending}" for ending in SCRIPT_ENDINGS),
                fix="save the model with torch.jit.save under a name that ends in .pt, or export it to ONNX",
            )
        )
    if task not in SCRIPT_TASKS:
        found.append(
            Problem(
                code="format-not-served",
                message="a TorchScript archive does not say its inputs and outputs, and only those of image "
                "classifiers are known here",
                path="task",
                value=task,
                allowed=SCRIPT_TASKS,
                fix="write task: image-classification where it is one, or export the model to ONNX, which says them",
            )
        )
    if weights not in TENSOR_TYPES:
        found.append(
            Problem(
                code="precision-not-served",
                message=f"a TorchScript network of {weights.value} takes and gives another type, which is not known",
                path="precision.weights",
                value=weights.value,
                allowed=tuple(sorted(precision.value for precision in TENSOR_TYPES)),
                fix="weights: fp32, or export the model to ONNX",
            )
        )
    return tuple(found)


def command(replica: Replica) -> tuple[str, ...]:
    """Past the image's entrypoint, which only prints notices."""
    return ("tritonserver",)


def arguments(replica: Replica) -> tuple[str, ...]:
    """Explicit mode: exactly this model, and a failure to load it stops the server."""
    return (
        f"--model-repository={REPOSITORY}",
        "--model-control-mode=explicit",
        f"--load-model={replica.name}",
        f"--http-port={PORTS.http}",
        f"--grpc-port={GRPC_PORT}",
        f"--metrics-port={PORTS.metrics}",
        f"--exit-timeout-secs={SHUTDOWN_SECONDS}",
    )


def environment(replica: Replica) -> Mapping[str, str]:
    """Nothing but a writable home."""
    return {"HOME": "/tmp"}  # noqa: S108 - an emptyDir of the pod


def probes(replica: Replica) -> Probes:
    """Ready is when every loaded model is; alive is when the server answers at all."""
    start = readiness(replica, is_staged=replica.reads_model_store)
    return Probes(startup="/v2/health/ready", readiness="/v2/health/ready", liveness="/v2/health/live", start=start)


def volumes(replica: Replica) -> tuple[Volume, ...]:
    """The model's file and its configuration."""
    return (
        _model_volume(replica),
        Volume(
            name="model-config",
            source=ConfigFiles(_config_map(replica)),
            mount_path=f"{REPOSITORY}/{replica.name}/{CONFIG_FILE}",
            sub_path=CONFIG_FILE,
            read_only=True,
        ),
    )


def _model_volume(replica: Replica) -> Volume:
    """The one file, under the name that Triton expects."""
    folder = f"{REPOSITORY}/{replica.name}/{VERSION}"
    if replica.claim is not None:
        file = f"{revision_folder(replica.descriptor)}/{replica.descriptor.source.file}"
        return replace(weights_volume(replica.claim), mount_path=f"{folder}/{_model_file(replica)}", sub_path=file)
    disk = EmptyDirectory(replica.placement.memory.host.ephemeral_bytes)
    return Volume(name="models", source=disk, mount_path=folder, read_only=True, fetched=True)


def _model_file(replica: Replica) -> str:
    return MODEL_FILES[replica.descriptor.source.format]


def fetch(replica: Replica) -> tuple[str, ...]:
    """One file, under the name Triton expects."""
    if not replica.reads_model_store:
        return ()
    source = f"{model_uri(replica.descriptor)}/{replica.descriptor.source.file}"
    return ("s3", "cp", source, f"{REPOSITORY}/{replica.name}/{VERSION}/{_model_file(replica)}", "--no-progress")


def config_maps(replica: Replica) -> Mapping[str, Mapping[str, str]]:
    """The model's config.pbtxt."""
    return {_config_map(replica): {CONFIG_FILE: model_config(replica)}}


def _config_map(replica: Replica) -> str:
    return f"{replica.name}-triton"
