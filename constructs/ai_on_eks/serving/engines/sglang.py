"""SGLang 0.5: an OpenAI-compatible server for language models, on Hopper and Blackwell.

The share of memory that sizing derived as the server itself would is passed, as are context and batch limits.
"""

from __future__ import annotations

from collections.abc import Mapping

from ai_on_eks.descriptors.schema import CachePrecision, WeightPrecision
from ai_on_eks.errors import Problem
from ai_on_eks.serving.library_folders import library_folders
from ai_on_eks.serving.local_files import fetch_folder, files_and_cache, hub_problems, model_directory
from ai_on_eks.serving.replica import Ports, Probes, Replica, Volume
from ai_on_eks.serving.startup import readiness

PORTS = Ports(http=30000, metrics=30000, metrics_path="/metrics")
CACHE_DIRECTORY = "/cache"

SHUTDOWN_SECONDS = 0
"""It has no limit for running requests to end within, so they end before it is told to stop."""

COMPUTE_DTYPES: Mapping[WeightPrecision, str] = {
    WeightPrecision.FP16: "float16",
    WeightPrecision.BF16: "bfloat16",
}
"""`--dtype` of unquantized weights; quantized ones compute in what their own config says (`auto`)."""

CACHE_DTYPES: Mapping[CachePrecision, str] = {
    CachePrecision.AUTO: "auto",
    CachePrecision.FP16: "auto",
    CachePrecision.BF16: "bf16",
    CachePrecision.FP8: "fp8_e4m3",
}


def problems(replica: Replica) -> tuple[Problem, ...]:
    """Weights come as files."""
    return hub_problems(replica)


def command(replica: Replica) -> tuple[str, ...]:
    """Past the image's entrypoint, which only prints notices."""
    return ("python3", "-m", "sglang.launch_server")


def arguments(replica: Replica) -> tuple[str, ...]:
    """The address because its default is the loopback interface; metrics because they are off."""
    placement = replica.placement
    rank = placement.memory.rank
    return (
        f"--model-path={model_directory(replica)}",
        f"--served-model-name={replica.name}",
        "--host=0.0.0.0",
        f"--port={PORTS.http}",
        f"--dtype={COMPUTE_DTYPES.get(replica.precision.weights, 'auto')}",
        f"--kv-cache-dtype={CACHE_DTYPES[replica.precision.kv_cache]}",
        f"--context-length={placement.max_model_len}",
        f"--max-running-requests={rank.max_sequences}",
        f"--chunked-prefill-size={rank.max_batched_tokens}",
        f"--mem-fraction-static={rank.memory_fraction!r}",
        f"--tp-size={placement.tensor_parallel}",
        *((f"--pp-size={placement.pipeline_parallel}",) if placement.pipeline_parallel > 1 else ()),
        *((f"--ep-size={placement.expert_parallel}",) if placement.expert_parallel > 1 else ()),
        "--enable-metrics",
    )


def environment(replica: Replica) -> Mapping[str, str]:
    """Every folder that it and its libraries write to lies on the cache volume."""
    return {**library_folders(CACHE_DIRECTORY), "HF_HUB_OFFLINE": "1"}


def probes(replica: Replica) -> Probes:
    """`/health` is refused until the warm-up request has been answered; `/health_generate` would queue behind users."""
    start = readiness(replica, is_staged=replica.reads_model_store)
    return Probes(startup="/health", readiness="/health", liveness="/health", start=start)


def volumes(replica: Replica) -> tuple[Volume, ...]:
    """The model's files, and a cache for everything that is compiled."""
    return files_and_cache(replica, CACHE_DIRECTORY)


def fetch(replica: Replica) -> tuple[str, ...]:
    """The folder without other formats."""
    return fetch_folder(replica)


def config_maps(replica: Replica) -> Mapping[str, Mapping[str, str]]:
    """Everything is a flag."""
    return {}
