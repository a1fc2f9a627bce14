"""TensorRT-LLM 1.2: `trtllm-serve` with the PyTorch backend, an OpenAI-compatible server for published weights.

    /models/<name>/…    copied from the model store, or shown by a volume
    /config/serve.yaml  from the model's ConfigMap: what has no flag

The server has no flag for the model's name and takes the folder's (1.2.1), so the folder has the model's. Nothing is
built ahead: kernels are compiled and graphs captured at each start.

Flags and settings: NVIDIA/TensorRT-LLM, commands/serve.py and llmapi/llm_args.py as of January 2026, read 2026-11-29.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from ai_on_eks.descriptors.schema import CachePrecision
from ai_on_eks.errors import Problem
from ai_on_eks.serving.library_folders import library_folders
from ai_on_eks.serving.local_files import (
    MODEL_DIRECTORY,
    OTHER_FORMATS,
    hub_problems,
    sync_folder,
    volume_at,
)
from ai_on_eks.serving.replica import ConfigFiles, EmptyDirectory, Ports, Probes, Replica, Volume
from ai_on_eks.serving.startup import readiness

PORTS = Ports(http=8000, metrics=8000, metrics_path="/prometheus/metrics")
"""`/metrics` answers in JSON, of iterations and only once; Prometheus has a path of its own."""
CACHE_DIRECTORY = "/cache"
CONFIG_DIRECTORY = "/config"
CONFIG_FILE = "serve.yaml"

SHUTDOWN_SECONDS = 45
"""Uvicorn takes no new connections and waits for running requests as long as it is let; then the ranks are ended
(serve/openai_server.py, lifespan)."""

CAPTURED_SEQUENCES = 128
"""Its own largest batch of a captured decoding graph, and here its lower end (llmapi/llm_args.py, CudaGraphConfig)."""

CACHE_DTYPES: Mapping[CachePrecision, str] = {
    CachePrecision.AUTO: "auto",
    CachePrecision.FP16: "auto",
    CachePrecision.BF16: "auto",
    CachePrecision.FP8: "fp8",
}
"""What the server takes beside NVFP4; `auto` is what the weights compute in, or what the checkpoint was calibrated for
(_torch/pyexecutor/model_loader.py)."""


def problems(replica: Replica) -> tuple[Problem, ...]:
    """Weights come as files, and those in FP8 in blocks: of other checkpoints the scales would be passed over."""
    return (*hub_problems(replica), *_block_problems(replica))


def _block_problems(replica: Replica) -> tuple[Problem, ...]:
    config = replica.descriptor.architecture.config
    settings = config.get("quantization_config") if isinstance(config, Mapping) else None
    if not isinstance(settings, Mapping) or settings.get("quant_method") != "fp8" or settings.get("weight_block_size"):
        return ()
    return (
        Problem(
            code="format-not-served",
            message="TensorRT-LLM reads FP8 weights of the method fp8 only where their scales are of blocks",
            path="architecture.config.quantization_config",
            value="no weight_block_size",
            allowed=("weight_block_size: [128, 128]",),
            fix="take a checkpoint made by ModelOpt, or engines: [vllm]",
        ),
    )


def command(replica: Replica) -> tuple[str, ...]:
    """Past the image's entrypoint, which only prints notices."""
    return ("trtllm-serve", "serve")


def arguments(replica: Replica) -> tuple[str, ...]:
    """The address because its default is the loopback interface."""
    placement = replica.placement
    rank = placement.memory.rank
    return (
        _served_directory(replica),
        "--backend=pytorch",
        "--host=0.0.0.0",
        f"--port={PORTS.http}",
        f"--max_batch_size={rank.max_sequences}",
        f"--max_num_tokens={rank.max_batched_tokens}",
        f"--max_seq_len={placement.max_model_len}",
        f"--tp_size={placement.tensor_parallel}",
        *((f"--ep_size={placement.expert_parallel}",) if placement.expert_parallel > 1 else ()),
        f"--extra_llm_api_options={CONFIG_DIRECTORY}/{CONFIG_FILE}",
    )


def environment(replica: Replica) -> Mapping[str, str]:
    """Every folder that it and its libraries write to lies on the cache volume; MPI's and Prometheus' files in /tmp."""
    return {**library_folders(CACHE_DIRECTORY), "HF_HUB_OFFLINE": "1"}


def probes(replica: Replica) -> Probes:
    """The port is refused until the model is loaded and its graphs are captured."""
    start = readiness(replica, is_staged=replica.reads_model_store)
    return Probes(startup="/health", readiness="/health", liveness="/health", start=start)


def volumes(replica: Replica) -> tuple[Volume, ...]:
    """The model's folder under its name, a cache for everything that is compiled, and the settings."""
    disk = EmptyDirectory(replica.placement.memory.host.ephemeral_bytes)
    settings = ConfigFiles(_config_map(replica))
    return (
        volume_at(replica, _served_directory(replica)),
        Volume(name="cache", source=disk, mount_path=CACHE_DIRECTORY),
        Volume(name="model-config", source=settings, mount_path=CONFIG_DIRECTORY, read_only=True),
    )


def fetch(replica: Replica) -> tuple[str, ...]:
    """The folder without other formats."""
    return sync_folder(replica, _served_directory(replica), tuple(f"--exclude={pattern}" for pattern in OTHER_FORMATS))


def config_maps(replica: Replica) -> Mapping[str, Mapping[str, str]]:
    """What has no flag, and the cache's settings whole: a part of them given here replaces those of flags.

    Metrics of requests are off by default, and so is rounding a batch up to the next captured graph.
    """
    placement = replica.placement
    rank = placement.memory.rank
    captured = min(rank.max_sequences, max(CAPTURED_SEQUENCES, placement.sequences_per_replica))
    settings = {
        "cuda_graph_config": {"enable_padding": True, "max_batch_size": captured},
        "enable_chunked_prefill": placement.max_model_len > rank.max_batched_tokens,
        "kv_cache_config": {
            "dtype": CACHE_DTYPES[replica.precision.kv_cache],
            "free_gpu_memory_fraction": rank.memory_fraction,
        },
        "return_perf_metrics": True,
    }
    return {_config_map(replica): {CONFIG_FILE: f"{json.dumps(settings, indent=2)}\n"}}


def _served_directory(replica: Replica) -> str:
    return f"{MODEL_DIRECTORY}/{replica.name}"


def _config_map(replica: Replica) -> str:
    return f"{replica.name}-tensorrt-llm"
