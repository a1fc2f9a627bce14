"""vLLM 0.33: `vllm serve`, an OpenAI-compatible server for language models.

Every figure that sizing used is passed as a flag: an engine left to its own defaults could change them with a release
and no longer fit.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import ceil

from ai_on_eks.descriptors.schema import CachePrecision, Descriptor, Kind, WeightPrecision
from ai_on_eks.errors import Problem
from ai_on_eks.placement.types import Placement
from ai_on_eks.serving.library_folders import library_folders
from ai_on_eks.serving.replica import (
    GROUP_LEADER_VARIABLE,
    GROUP_RANK_VARIABLE,
    EmptyDirectory,
    Ports,
    Probes,
    Replica,
    Volume,
)
from ai_on_eks.serving.startup import image_seconds, readiness
from ai_on_eks.serving.weights import (
    HUB_TOKEN_DIRECTORY,
    HUB_TOKEN_FILE,
    hub_id,
    hub_token_volume,
    model_uri,
    mounted_model,
    weights_volume,
)

PORTS = Ports(http=8000, metrics=8000, metrics_path="/metrics")
CACHE_DIRECTORY = "/cache"
COMPILE_DIRECTORY = f"{CACHE_DIRECTORY}/xdg/vllm/torch_compile_cache"
"""Below XDG_CACHE_HOME (vllm 0.33.0 wheel, envs.py and compilation/decorators.py, 2026-11)."""

SHUTDOWN_SECONDS = 45
"""Running requests get this long after SIGTERM; vLLM's own default of 0 cuts them off (vllm 0.33.0 wheel, 2026-11)."""

MASTER_PORT = 29501
"""Where the ranks of a replica find each other; vLLM's own default of `--master-port` (0.33.0 wheel, 2026-11)."""

STREAM_BYTES_PER_THREAD = 4_000_000_000
"""One reading thread of the Run:ai streamer for every 4 GB of weights
(EKS user guide, ml-inference-fast-model-loading, 2026-11)."""

COMPUTE_DTYPES: Mapping[WeightPrecision, str] = {
    WeightPrecision.FP32: "float32",
    WeightPrecision.FP16: "float16",
    WeightPrecision.BF16: "bfloat16",
}
"""`--dtype` of unquantized weights; quantized ones compute in what their own config says (`auto`)."""

CACHE_DTYPES: Mapping[CachePrecision, str] = {
    CachePrecision.AUTO: "auto",
    CachePrecision.FP16: "float16",
    CachePrecision.BF16: "bfloat16",
    CachePrecision.FP8: "fp8",
}


NAMED_QUANTIZATIONS = frozenset({"awq", "gptq"})
"""Methods whose settings may lie in a file beside the config: that is read only where the method is named. Where the
config says it too, a name that is the same changes nothing (vllm 0.26.0, 0.28.0 and 0.33.0 wheels, config/model.py,
model_executor/layers/quantization/auto_awq.py and auto_gptq.py: override_quantization_method)."""


def problems(replica: Replica) -> tuple[Problem, ...]:
    """Nothing beyond what placement has checked."""
    return ()


def command(replica: Replica) -> tuple[str, ...]:
    """Named here, so that the arguments do not depend on the image's entrypoint."""
    return ("vllm", "serve")


def arguments(replica: Replica) -> tuple[str, ...]:
    """The model comes first and without a flag: `--model` is going away (vllm 0.33.0 wheel, 2026-11)."""
    placement = replica.placement
    rank = placement.memory.rank
    return (
        *(_from_hub(replica) if replica.uses_hub else _streamed(replica)),
        f"--served-model-name={replica.name}",
        f"--port={PORTS.http}",
        *(("--runner=pooling",) if replica.descriptor.kind is Kind.TASK_SPECIFIC else ()),
        f"--dtype={COMPUTE_DTYPES.get(replica.precision.weights, 'auto')}",
        *((f"--quantization={quantization}",) if (quantization := named_quantization(replica.descriptor)) else ()),
        f"--kv-cache-dtype={CACHE_DTYPES[replica.precision.kv_cache]}",
        f"--max-model-len={placement.max_model_len}",
        f"--max-num-seqs={rank.max_sequences}",
        f"--max-num-batched-tokens={rank.max_batched_tokens}",
        f"--gpu-memory-utilization={rank.memory_fraction!r}",
        f"--tensor-parallel-size={placement.tensor_parallel}",
        *_stages_and_experts(placement),
        f"--shutdown-timeout={SHUTDOWN_SECONDS}",
        *_nodes(replica),
    )


def named_quantization(descriptor: Descriptor) -> str | None:
    """The method of a checkpoint whose own config may not say it; None where vLLM finds it out by itself."""
    config = descriptor.architecture.config
    settings = config.get("quantization_config") if isinstance(config, Mapping) else None
    method = settings.get("quant_method") if isinstance(settings, Mapping) else None
    return method if method in NAMED_QUANTIZATIONS else None


def _nodes(replica: Replica) -> tuple[str, ...]:
    """Every pod of a replica starts the same program; its rank tells which part of the model it has."""
    nodes = replica.placement.nodes_per_replica
    if nodes == 1:
        return ()
    return (
        f"--nnodes={nodes}",
        f"--node-rank=$({GROUP_RANK_VARIABLE})",
        f"--master-addr=$({GROUP_LEADER_VARIABLE})",
        f"--master-port={MASTER_PORT}",
        *(("--headless",) if replica.is_worker else ()),
    )


def _stages_and_experts(placement: Placement) -> tuple[str, ...]:
    """Without the flag for experts every rank would cut all of them; with it each gets whole ones."""
    stages = placement.pipeline_parallel
    return (
        *((f"--pipeline-parallel-size={stages}",) if stages > 1 else ()),
        *(("--enable-expert-parallel",) if placement.expert_parallel > 1 else ()),
    )


def _streamed(replica: Replica) -> tuple[str, ...]:
    """Straight from S3 or a file system into the accelerators; `memory_limit` is the buffer that sizing counted for
    each rank. The default loader maps files into memory, which over a network reads them page by page.

    Ranks read together only where all of them need every tensor: not where each stage has layers of its own.
    """
    memory = replica.placement.memory
    settings = {
        "concurrency": ceil(memory.weights_bytes / STREAM_BYTES_PER_THREAD),
        "distributed": replica.placement.tensor_parallel > 1 and replica.placement.pipeline_parallel == 1,
        "memory_limit": memory.host.loading_buffer_bytes,
    }
    return (
        model_uri(replica.descriptor) if replica.claim is None else mounted_model(replica.descriptor),
        "--load-format=runai_streamer",
        f"--model-loader-extra-config={json.dumps(settings, separators=(',', ':'))}",
    )


def _from_hub(replica: Replica) -> tuple[str, ...]:
    revision = replica.descriptor.source.revision
    return (hub_id(replica.descriptor), *((f"--revision={revision}",) if revision else ()))


def environment(replica: Replica) -> Mapping[str, str]:
    """The region twice, because the streamer lists with boto3, which reads `AWS_DEFAULT_REGION` only, and fetches with
    the C++ SDK."""
    common = {
        **library_folders(CACHE_DIRECTORY),
        "AWS_DEFAULT_REGION": replica.region,
        "AWS_REGION": replica.region,
        "DO_NOT_TRACK": "1",
        "VLLM_NO_USAGE_STATS": "1",
    }
    if replica.uses_hub:
        return {**common, "HF_TOKEN_PATH": f"{HUB_TOKEN_DIRECTORY}/{HUB_TOKEN_FILE}"}
    return {**common, "HF_HUB_OFFLINE": "1"}


def probes(replica: Replica) -> Probes:
    """Ready is when the model is listed; alive is when the engine behind the server still is."""
    # The leader answers once every worker has joined, and a worker's node may still be pulling the image by then.
    joining = 0.0 if replica.placement.nodes_per_replica == 1 else image_seconds(replica)
    start = readiness(replica, joining_seconds=joining)
    return Probes(startup="/health", readiness="/v1/models", liveness="/health", start=start)


def volumes(replica: Replica) -> tuple[Volume, ...]:
    """One cache for everything that is compiled or downloaded."""
    size = replica.placement.memory.host.ephemeral_bytes
    cache = Volume(name="cache", source=EmptyDirectory(size), mount_path=CACHE_DIRECTORY)
    if replica.claim is not None:
        return (cache, weights_volume(replica.claim))
    return (cache, hub_token_volume()) if replica.uses_hub else (cache,)


def fetch(replica: Replica) -> tuple[str, ...]:
    """No init container: vLLM streams."""
    return ()


def config_maps(replica: Replica) -> Mapping[str, Mapping[str, str]]:
    """Everything is a flag."""
    return {}
