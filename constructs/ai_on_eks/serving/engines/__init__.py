"""The engines a pod can be built for, selected by the name the catalogue gives them.

Each module has the same functions; none knows the wire format of Kubernetes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from ai_on_eks.descriptors.schema import Storage
from ai_on_eks.errors import Problem
from ai_on_eks.serving.engines import (
    llama_cpp,
    nxd_inference,
    sglang,
    tei,
    tensorflow_serving,
    tensorrt_llm,
    torch_neuronx,
    triton,
    vllm,
    vllm_neuron,
    vllm_omni,
    vllm_ray,
)
from ai_on_eks.serving.replica import EngineParts, Ports, Probes, Replica, Volume
from ai_on_eks.serving.weights import copy_to_volume


class ServingEngine(Protocol):
    """What every engine's module offers."""

    @property
    def PORTS(self) -> Ports: ...  # noqa: N802 - a module's constant
    @property
    def SHUTDOWN_SECONDS(self) -> int: ...  # noqa: N802 - a module's constant

    def problems(self, replica: Replica) -> tuple[Problem, ...]: ...
    def command(self, replica: Replica) -> tuple[str, ...]: ...
    def arguments(self, replica: Replica) -> tuple[str, ...]: ...
    def environment(self, replica: Replica) -> Mapping[str, str]: ...
    def probes(self, replica: Replica) -> Probes: ...
    def volumes(self, replica: Replica) -> tuple[Volume, ...]: ...
    def fetch(self, replica: Replica) -> tuple[str, ...]: ...
    def config_maps(self, replica: Replica) -> Mapping[str, Mapping[str, str]]: ...


ENGINES: Mapping[str, ServingEngine] = {
    "llama-cpp": llama_cpp,
    "nxd-inference": nxd_inference,
    "sglang": sglang,
    "tei": tei,
    "tensorflow-serving": tensorflow_serving,
    "tensorrt-llm": tensorrt_llm,
    "torch-neuronx": torch_neuronx,
    "triton": triton,
    "vllm": vllm,
    "vllm-neuron": vllm_neuron,
    "vllm-omni": vllm_omni,
    "vllm-ray": vllm_ray,
}


def engine_parts(engine: ServingEngine, replica: Replica) -> EngineParts:
    """Everything the engine asks of its pod."""
    return EngineParts(
        command=engine.command(replica),
        arguments=engine.arguments(replica),
        environment=engine.environment(replica),
        probes=engine.probes(replica),
        ports=engine.PORTS,
        shutdown_seconds=engine.SHUTDOWN_SECONDS,
        volumes=engine.volumes(replica),
        fetch=_fetch(engine, replica),
        config_maps=engine.config_maps(replica),
    )


def _fetch(engine: ServingEngine, replica: Replica) -> tuple[str, ...]:
    """A volume is filled in the same way whoever reads it."""
    if replica.claim is not None and replica.claim.storage is Storage.EFS:
        return copy_to_volume(replica.descriptor)
    return engine.fetch(replica)
