"""Text Embeddings Inference 1.9: embeddings of encoders, one image per compute capability."""

from __future__ import annotations

from collections.abc import Mapping

from ai_on_eks.descriptors.schema import Format, WeightPrecision
from ai_on_eks.descriptors.tasks import RANKING
from ai_on_eks.errors import Problem
from ai_on_eks.serving.local_files import fetch_folder, files_volume, model_directory
from ai_on_eks.serving.replica import EmptyDirectory, Ports, Probes, Replica, Volume
from ai_on_eks.serving.startup import readiness
from ai_on_eks.serving.weights import (
    ENGINE_HOME,
    HUB_TOKEN_DIRECTORY,
    hub_id,
    hub_token_volume,
)

PORTS = Ports(http=8080, metrics=9000, metrics_path="/metrics")
"""8080 because the image's own 80 needs a privilege that the pod does not have."""
CACHE_DIRECTORY = "/cache"

MAX_BATCH_TOKENS = 16384
"""TEI's own default of `--max-batch-tokens`, and here its upper end (text-embeddings-router --help 1.9, 2026-11)."""
MAX_CONCURRENT_REQUESTS = 512
"""TEI's own default of `--max-concurrent-requests`, and here its lower end: beyond it requests are refused (1.9)."""
MAX_CLIENT_BATCH = 32
"""TEI's own default of `--max-client-batch-size`, inputs of one request, and here its lower end (1.9)."""

MAX_RANKED_TEXTS = 100
"""Assumption: a first search hands on so many texts to be ranked by one request."""

SHUTDOWN_SECONDS = 45
"""It waits for running requests as long as it is let (axum's graceful shutdown in router/src/http/server.rs, 1.9)."""

DTYPES: Mapping[WeightPrecision, str] = {WeightPrecision.FP32: "float32", WeightPrecision.FP16: "float16"}
"""All that `--dtype` takes (text-embeddings-router --help 1.9, 2026-11)."""

SKIPPED_FILES: Mapping[Format, tuple[str, ...]] = {
    Format.SAFETENSORS: ("*.bin", "*.pt", "*.h5", "*.ot", "*.msgpack", "onnx/*", "openvino/*"),
    Format.ONNX: ("*.safetensors", "*.bin", "*.pt", "*.h5", "*.ot", "*.msgpack", "openvino/*"),
}
"""The same weights in other formats, which hubs keep beside each other; some of them can hold pickles."""


def problems(replica: Replica) -> tuple[Problem, ...]:
    """Data types and formats that the engine does not take."""
    found = []
    weights = replica.precision.weights
    if weights not in DTYPES:
        found.append(
            Problem(
                code="precision-not-served",
                message=f"text embeddings inference does not compute in {weights.value}",
                path="precision.weights",
                value=weights.value,
                allowed=tuple(sorted(precision.value for precision in DTYPES)),
                fix="weights: fp16",
            )
        )
    if replica.descriptor.source.format not in SKIPPED_FILES:
        found.append(
            Problem(
                code="format-not-served",
                message=f"text embeddings inference does not read {replica.descriptor.source.format.value}",
                path="source.format",
                value=replica.descriptor.source.format.value,
                allowed=tuple(sorted(format_.value for format_ in SKIPPED_FILES)),
                fix="format: safetensors",
            )
        )
    return tuple(found)


def command(replica: Replica) -> tuple[str, ...]:
    """The image's entrypoint, which differs between its variants."""
    return ()


def arguments(replica: Replica) -> tuple[str, ...]:
    """One batch is what sizing counted, as far as the engine's own limit; one full-length input always fits."""
    rank = replica.placement.memory.rank
    batch_tokens = max(replica.placement.max_model_len, min(rank.max_batched_tokens, MAX_BATCH_TOKENS))
    return (
        *(_from_hub(replica) if replica.uses_hub else _from_files(replica)),
        f"--served-model-name={replica.name}",
        f"--port={PORTS.http}",
        f"--prometheus-port={PORTS.metrics}",
        f"--dtype={DTYPES[replica.precision.weights]}",
        f"--max-batch-tokens={batch_tokens}",
        f"--max-batch-requests={rank.max_sequences}",
        f"--max-client-batch-size={max(_least_client_batch(replica), rank.max_sequences)}",
        f"--max-concurrent-requests={max(MAX_CONCURRENT_REQUESTS, replica.descriptor.serving.concurrency)}",
        "--json-output",
    )


def _least_client_batch(replica: Replica) -> int:
    """A request that ranks counts each of its texts, and one with too many is refused as a whole."""
    return MAX_RANKED_TEXTS if replica.descriptor.task == RANKING else MAX_CLIENT_BATCH


def _from_files(replica: Replica) -> tuple[str, ...]:
    return (f"--model-id={model_directory(replica)}",)


def _from_hub(replica: Replica) -> tuple[str, ...]:
    revision = replica.descriptor.source.revision
    return (
        f"--model-id={hub_id(replica.descriptor)}",
        *((f"--revision={revision}",) if revision else ()),
        f"--huggingface-hub-cache={CACHE_DIRECTORY}",
    )


def environment(replica: Replica) -> Mapping[str, str]:
    """The token file is looked for under HOME or HF_HOME, depending on the release; both lead to the same place."""
    if replica.uses_hub:
        return {"HF_HOME": HUB_TOKEN_DIRECTORY, "HOME": ENGINE_HOME}
    return {"HF_HUB_OFFLINE": "1", "HOME": "/tmp"}  # noqa: S108 - an emptyDir of the pod


def probes(replica: Replica) -> Probes:
    """TEI answers once the model is loaded and warm."""
    start = readiness(replica, is_staged=replica.reads_model_store)
    return Probes(startup="/health", readiness="/health", liveness="/health", start=start)


def volumes(replica: Replica) -> tuple[Volume, ...]:
    """The model's files: mounted, copied by the init container or downloaded by the engine."""
    if replica.uses_hub:
        disk = EmptyDirectory(replica.placement.memory.host.ephemeral_bytes)
        return (Volume(name="cache", source=disk, mount_path=CACHE_DIRECTORY), hub_token_volume())
    return (files_volume(replica),)


def fetch(replica: Replica) -> tuple[str, ...]:
    """TEI reads local files only."""
    return fetch_folder(replica, SKIPPED_FILES[replica.descriptor.source.format])


def config_maps(replica: Replica) -> Mapping[str, Mapping[str, str]]:
    """Everything is a flag."""
    return {}
