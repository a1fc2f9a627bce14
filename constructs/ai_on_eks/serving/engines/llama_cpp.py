"""llama.cpp build 11347: `llama-server`, an OpenAI-compatible server for GGUF files on GPUs, x86 and Graviton.

Of several GPUs each holds some of the layers and they work one after the other: memory adds up, speed does not. What
the server would adapt to the device by itself (`--fit`) is switched off, since it was sized here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ai_on_eks.descriptors.schema import CachePrecision
from ai_on_eks.errors import Problem
from ai_on_eks.serving.local_files import MODEL_DIRECTORY, file_problems, files_volume, hub_problems
from ai_on_eks.serving.replica import Ports, Probes, Replica, Volume
from ai_on_eks.serving.startup import readiness
from ai_on_eks.serving.weights import model_uri, mounted_model
from ai_on_eks.units import ceil_div

PORTS = Ports(http=8080, metrics=8080, metrics_path="/metrics")
"""Always passed: the server's own default moved from 8080 to 9931 (ggml-org/llama.cpp#26508)."""

SHUTDOWN_SECONDS = 0
"""SIGTERM ends computing at once. Requests that still run are not answered, and the process stays until their callers
have left or it is killed (build 11349, tried by tests/serving/test_serving_real_llama_cpp.py, 2026-11-29; also
ggml-org/llama.cpp#6348); so requests end before it is sent."""

CACHE_TYPES: Mapping[CachePrecision, str] = {
    CachePrecision.AUTO: "f16",
    CachePrecision.FP16: "f16",
    CachePrecision.BF16: "bf16",
    CachePrecision.FP8: "q8_0",
}
"""`--cache-type-k` and `-v`; 8 bit are integers with a scale for 32 of them."""

SHARD = re.compile(r"(?P<stem>.+)-00001-of-(?P<count>[0-9]{5})\.gguf")
"""First file of a split model; the server finds the others beside it (gguf-split's naming)."""


def problems(replica: Replica) -> tuple[Problem, ...]:
    """A source has a file for each quantization, and what the server downloads itself is not pinned to a commit."""
    example = "model-q4_k_m.gguf, or whatever it is called in the source; of a split model the first"
    return (*hub_problems(replica), *file_problems(replica, example))


def command(replica: Replica) -> tuple[str, ...]:
    """The image's entrypoint, named so that the arguments do not depend on it."""
    return ("/app/llama-server",)


def arguments(replica: Replica) -> tuple[str, ...]:
    """The context is that of all slots together; each gets an equal part of it, in whole blocks as sizing counted.

    A name and its value are two arguments: the server knows no `--name=value` (common/arg.cpp).
    """
    placement = replica.placement
    rank, block = placement.memory.rank, placement.engine.memory.block_tokens
    slots = placement.sequences_per_replica
    context = slots * ceil_div(placement.max_model_len, block) * block
    cache_type = CACHE_TYPES[replica.precision.kv_cache]
    values = {
        "--model": _path(replica),
        "--alias": replica.name,
        "--host": "0.0.0.0",  # noqa: S104 - the pod's own network
        "--port": str(PORTS.http),
        "--ctx-size": str(context),
        "--parallel": str(slots),
        "--ubatch-size": str(rank.max_batched_tokens),
        "--cache-type-k": cache_type,
        "--cache-type-v": cache_type,
        # Prompts of ended requests would otherwise be kept in up to 8 GiB of the host's memory, which nobody counted.
        "--cache-ram": "0",
        "--fit": "off",
        **_devices(placement.accelerators_per_replica),
    }
    named = (part for pair in values.items() for part in pair)
    return (*named, "--no-ui", "--metrics", "--offline")


def _devices(accelerators: int) -> Mapping[str, str]:
    if accelerators == 0:
        return {}
    return {"--n-gpu-layers": "all", "--split-mode": "layer" if accelerators > 1 else "none"}


def _path(replica: Replica) -> str:
    if replica.claim is not None:
        return f"{mounted_model(replica.descriptor)}/{replica.descriptor.source.file}"
    return f"{MODEL_DIRECTORY}/{_file_name(replica)}"


def _file_name(replica: Replica) -> str:
    """Without its folder in the source: the fetch lays all files side by side."""
    return (replica.descriptor.source.file or "").rpartition("/")[2]


def environment(replica: Replica) -> Mapping[str, str]:
    """A writable home, and a cache for the kernels that the driver compiles."""
    return {"CUDA_CACHE_PATH": "/tmp/cuda", "HOME": "/tmp"}  # noqa: S108 - an emptyDir of the pod


def probes(replica: Replica) -> Probes:
    """While the model loads the server answers 503."""
    start = readiness(replica, is_staged=replica.reads_model_store)
    return Probes(startup="/health", readiness="/health", liveness="/health", start=start)


def volumes(replica: Replica) -> tuple[Volume, ...]:
    """The file or its shards, mounted or copied by the init container, and mapped by the server."""
    return (files_volume(replica),)


def fetch(replica: Replica) -> tuple[str, ...]:
    """One file, or every shard beside the first."""
    if not replica.reads_model_store:
        return ()
    file = replica.descriptor.source.file or ""
    folder, _slash, name = file.rpartition("/")
    source = "/".join(part for part in (model_uri(replica.descriptor), folder) if part)
    shard = SHARD.fullmatch(name)
    if shard is None:
        return ("s3", "cp", f"{source}/{name}", _path(replica), "--no-progress")
    wanted = f"--include={shard['stem']}-*-of-{shard['count']}.gguf"
    return ("s3", "sync", source, MODEL_DIRECTORY, "--exclude=*", wanted, "--no-progress")


def config_maps(replica: Replica) -> Mapping[str, Mapping[str, str]]:
    """Everything is a flag."""
    return {}
