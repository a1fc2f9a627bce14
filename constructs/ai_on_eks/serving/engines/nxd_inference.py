"""NxD Inference of Neuron SDK 2.28: vLLM 0.13 on Inferentia2, Trainium1 and Trainium2.

The last release whose kernels run on the first two. It keeps one contiguous cache for each sequence, so a block is a
whole context, and computes prompts in one piece.
"""

from __future__ import annotations

from collections.abc import Mapping

from ai_on_eks.errors import Problem
from ai_on_eks.serving.engines import neuron
from ai_on_eks.serving.local_files import fetch_folder, hub_problems, model_directory
from ai_on_eks.serving.replica import Probes, Replica, Volume
from ai_on_eks.serving.weights import compiled_uri

PORTS = neuron.PORTS

SHUTDOWN_SECONDS = 0
"""This vLLM ends with its requests cut off, so they end before it is told to stop."""


def problems(replica: Replica) -> tuple[Problem, ...]:
    """Quantized weights have to be made beforehand with tools of its own, and named in a configuration of its own."""
    weights = replica.precision.weights
    found = list(hub_problems(replica))
    if weights not in neuron.COMPUTE_DTYPES:
        found.append(
            Problem(
                code="precision-not-served",
                message=f"nxd inference is not set up for weights in {weights.value}",
                path="precision.weights",
                value=weights.value,
                allowed=tuple(sorted(precision.value for precision in neuron.COMPUTE_DTYPES)),
                fix="weights: bf16",
            )
        )
    return tuple(found)


def command(replica: Replica) -> tuple[str, ...]:
    """Named here, so that the arguments do not depend on the image's entrypoint."""
    return ("vllm", "serve")


def arguments(replica: Replica) -> tuple[str, ...]:
    """What programs are compiled for, and as many blocks as sequences: any other number reads beyond the cache."""
    placement = replica.placement
    rank = placement.memory.rank
    return (
        model_directory(replica),
        f"--served-model-name={replica.name}",
        f"--port={PORTS.http}",
        f"--dtype={neuron.COMPUTE_DTYPES[replica.precision.weights]}",
        f"--max-model-len={placement.max_model_len}",
        f"--max-num-seqs={rank.max_sequences}",
        f"--max-num-batched-tokens={max(rank.max_batched_tokens, placement.max_model_len)}",
        f"--block-size={placement.max_model_len}",
        f"--num-gpu-blocks-override={rank.max_sequences}",
        "--no-enable-prefix-caching",
        "--no-enable-chunked-prefill",
        f"--tensor-parallel-size={placement.tensor_parallel}",
    )


def environment(replica: Replica) -> Mapping[str, str]:
    """Compiled programs are kept in the model store, where the next replica finds them; what is made of them with the
    weights stays on the pod's volume. One process drives all cores."""
    return {
        **neuron.environment(replica),
        "NEURON_COMPILED_ARTIFACTS": f"{neuron.CACHE_DIRECTORY}/artifacts",
        "NEURON_COMPILE_CACHE_URL": compiled_uri(replica),
        "NEURON_RT_NUM_CORES": str(replica.placement.tensor_parallel),
        "VLLM_NEURON_FRAMEWORK": "neuronx-distributed-inference",
    }


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
