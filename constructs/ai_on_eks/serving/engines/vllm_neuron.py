"""vLLM Neuron 0.24 of Neuron SDK 2.32: vLLM's own server on Trainium2, a plugin in beta.

Its cache has blocks and an explicit number of them; prompts and decoding run in separate batches.
"""

from __future__ import annotations

from collections.abc import Mapping

from ai_on_eks.descriptors.schema import CachePrecision
from ai_on_eks.errors import Problem
from ai_on_eks.serving.engines import neuron
from ai_on_eks.serving.local_files import fetch_folder, hub_problems, model_directory
from ai_on_eks.serving.replica import Probes, Replica, Volume
from ai_on_eks.units import ceil_div

PORTS = neuron.PORTS

SHUTDOWN_SECONDS = 0
"""Not told to wait: whether the plugin's workers outlive the order to stop is not documented."""

BLOCK_TOKENS = 32
"""Of a block of the cache, as in the publisher's recipes (features guide, sizing the KV cache, 2026-08)."""

CACHE_DTYPES: Mapping[CachePrecision, str] = {
    CachePrecision.AUTO: "auto",
    CachePrecision.FP16: "float16",
    CachePrecision.BF16: "bfloat16",
    CachePrecision.FP8: "fp8",
}


def problems(replica: Replica) -> tuple[Problem, ...]:
    """Placement has checked the rest; FP8 is told by the checkpoint."""
    return hub_problems(replica)


def command(replica: Replica) -> tuple[str, ...]:
    """Named here, so that the arguments do not depend on the image's entrypoint."""
    return ("vllm", "serve")


def arguments(replica: Replica) -> tuple[str, ...]:
    """No `--quantization`: the checkpoint's own config says it."""
    placement = replica.placement
    rank = placement.memory.rank
    blocks = rank.max_sequences * ceil_div(placement.max_model_len, BLOCK_TOKENS)
    return (
        model_directory(replica),
        f"--served-model-name={replica.name}",
        f"--port={PORTS.http}",
        f"--dtype={neuron.COMPUTE_DTYPES.get(replica.precision.weights, 'auto')}",
        f"--kv-cache-dtype={CACHE_DTYPES[replica.precision.kv_cache]}",
        f"--max-model-len={placement.max_model_len}",
        f"--max-num-seqs={rank.max_sequences}",
        f"--max-num-batched-tokens={rank.max_batched_tokens}",
        f"--block-size={BLOCK_TOKENS}",
        f"--num-gpu-blocks-override={blocks}",
        f"--tensor-parallel-size={placement.tensor_parallel}",
        *(("--enable-expert-parallel",) if placement.expert_parallel > 1 else ()),
    )


def environment(replica: Replica) -> Mapping[str, str]:
    """Its cache of programs lies below `VLLM_CACHE_ROOT`; the one it can share is a mounted folder and no bucket."""
    return {**neuron.environment(replica), "VLLM_EXECUTE_MODEL_TIMEOUT_SECONDS": "1200"}


def probes(replica: Replica) -> Probes:
    """As on any Neuron device."""
    return neuron.probes(replica)


def volumes(replica: Replica) -> tuple[Volume, ...]:
    """As on any Neuron device."""
    return neuron.volumes(replica)


def fetch(replica: Replica) -> tuple[str, ...]:
    """As on any Neuron device."""
    return fetch_folder(replica)


def config_maps(replica: Replica) -> Mapping[str, Mapping[str, str]]:
    """Everything is a flag."""
    return {}
