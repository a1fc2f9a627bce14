"""TensorFlow Serving 2.20: one SavedModel, in the layout of versions that the server reads.

    /models/<name>/1/saved_model.pb, variables/…    copied from the model store, or shown by a volume
    /config/*                                       from the model's ConfigMap: batches and metrics

Only a SavedModel: a lone graph (a frozen GraphDef, an .h5 file) has no signatures to call and is not loaded.
"""

from __future__ import annotations

from collections.abc import Mapping

from ai_on_eks.errors import Problem
from ai_on_eks.serving.local_files import MODEL_DIRECTORY, hub_problems, sync_folder, volume_at
from ai_on_eks.serving.replica import ConfigFiles, Ports, Probes, Replica, Volume
from ai_on_eks.serving.startup import readiness
from ai_on_eks.units import ceil_div

PORTS = Ports(http=8501, metrics=8501, metrics_path="/monitoring/prometheus/metrics")
GRPC_PORT = 8500
VERSION = "1"
CONFIG_DIRECTORY = "/config"
BATCHING_FILE = "batching.config"
MONITORING_FILE = "monitoring.config"
GRAPH_FILE = "saved_model.pb"
"""The name that every SavedModel has its graph under."""

SHUTDOWN_SECONDS = 45
"""The server has no handler for SIGTERM and, as the container's first process, is not ended by it either: it goes on
answering until SIGKILL (tensorflow/serving#1853, open, 2026-11)."""

LEAST_QUEUED_BATCHES = 10
"""The server's own default of `max_enqueued_batches`, and here its lower end: beyond it requests are refused."""

SPARE_THREADS = 8
"""For probes and metrics: each request that waits for its batch holds one of the HTTP server's threads."""


def problems(replica: Replica) -> tuple[Problem, ...]:
    """The server downloads nothing from a hub, and loads folders of one kind."""
    return (*hub_problems(replica), *_graph_problems(replica))


def _graph_problems(replica: Replica) -> tuple[Problem, ...]:
    file = replica.descriptor.source.file
    if file is None or file.rpartition("/")[2] == GRAPH_FILE:
        return ()
    return (
        Problem(
            code="format-not-served",
            message="TensorFlow Serving loads a SavedModel, a folder with saved_model.pb in it, and no other file",
            path="source.file",
            value=file,
            allowed=(GRAPH_FILE, f"FOLDER/{GRAPH_FILE}"),
            fix="export the model with tf.saved_model.save, or to ONNX",
        ),
    )


def command(replica: Replica) -> tuple[str, ...]:
    """Past the image's entrypoint, a shell script with ports and paths of its own."""
    return ("tensorflow_model_server",)


def arguments(replica: Replica) -> tuple[str, ...]:
    """The folder is read once: what is served changes with the workload and not under it. One attempt to load."""
    concurrency = replica.descriptor.serving.concurrency
    return (
        f"--port={GRPC_PORT}",
        f"--rest_api_port={PORTS.http}",
        f"--rest_api_num_threads={concurrency + SPARE_THREADS}",
        f"--model_name={replica.name}",
        f"--model_base_path={MODEL_DIRECTORY}/{replica.name}",
        "--file_system_poll_wait_seconds=0",
        "--max_num_load_retries=0",
        f"--monitoring_config_file={CONFIG_DIRECTORY}/{MONITORING_FILE}",
        *_batching(replica),
    )


def _batching(replica: Replica) -> tuple[str, ...]:
    """Models whose first dimension is not free cannot be batched, and need not where batches are of one."""
    if _batch(replica) == 1:
        return ()
    return ("--enable_batching=true", f"--batching_parameters_file={CONFIG_DIRECTORY}/{BATCHING_FILE}")


def _batch(replica: Replica) -> int:
    return replica.placement.memory.rank.max_sequences


def environment(replica: Replica) -> Mapping[str, str]:
    """A writable home, and a cache for the kernels that the driver compiles."""
    return {"CUDA_CACHE_PATH": "/tmp/cuda", "HOME": "/tmp"}  # noqa: S108 - an emptyDir of the pod


def probes(replica: Replica) -> Probes:
    """The server opens its ports once the model is loaded, so that the model's state is its health."""
    path = f"/v1/models/{replica.name}"
    start = readiness(replica, is_staged=replica.reads_model_store)
    return Probes(startup=path, readiness=path, liveness=path, start=start)


def volumes(replica: Replica) -> tuple[Volume, ...]:
    """The model's folder under its version, and the settings that are files."""
    settings = ConfigFiles(_config_map(replica))
    return (
        volume_at(replica, _served_directory(replica), _folder(replica)),
        Volume(name="model-config", source=settings, mount_path=CONFIG_DIRECTORY, read_only=True),
    )


def fetch(replica: Replica) -> tuple[str, ...]:
    """The SavedModel alone: a source may hold other formats beside it."""
    kept = (f"--include={pattern}" for pattern in (GRAPH_FILE, "fingerprint.pb", "variables/*", "assets*"))
    return sync_folder(replica, _served_directory(replica), ("--exclude=*", *kept), _folder(replica))


def _served_directory(replica: Replica) -> str:
    return f"{MODEL_DIRECTORY}/{replica.name}/{VERSION}"


def _folder(replica: Replica) -> str:
    """The SavedModel's folder in the source: the one that the named file lies in."""
    return (replica.descriptor.source.file or "").rpartition("/")[0]


def config_maps(replica: Replica) -> Mapping[str, Mapping[str, str]]:
    """Batches and metrics, in protobuf's text format.

    One batch is computed at a time, which is what sizing counted, and none is waited for: while one is computed the
    next fills up.
    """
    queued = max(LEAST_QUEUED_BATCHES, ceil_div(replica.descriptor.serving.concurrency, _batch(replica)))
    batching = (
        f"max_batch_size {{ value: {_batch(replica)} }}",
        "batch_timeout_micros { value: 0 }",
        f"max_enqueued_batches {{ value: {queued} }}",
        "num_batch_threads { value: 1 }",
        "",
    )
    monitoring = f'prometheus_config {{ enable: true path: "{PORTS.metrics_path}" }}\n'
    return {_config_map(replica): {BATCHING_FILE: "\n".join(batching), MONITORING_FILE: monitoring}}


def _config_map(replica: Replica) -> str:
    return f"{replica.name}-tensorflow"
