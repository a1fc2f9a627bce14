"""What servers on Neuron devices have in common, most of all both builds of vLLM: where programs are kept and how long
they compile.

Programs are compiled ahead for one batch, one context and one number of ranks. They are kept on the pod's volume, where
a restarted container finds them again. Weights are divided in host memory and read from local files.
"""

from __future__ import annotations

from collections.abc import Mapping

from ai_on_eks.descriptors.schema import WeightPrecision
from ai_on_eks.serving.local_files import files_volume
from ai_on_eks.serving.replica import EmptyDirectory, Ports, Probes, Replica, Volume
from ai_on_eks.serving.startup import readiness

PORTS = Ports(http=8000, metrics=8000, metrics_path="/metrics")
CACHE_DIRECTORY = "/cache"

COMPUTE_DTYPES: Mapping[WeightPrecision, str] = {
    WeightPrecision.FP32: "float32",
    WeightPrecision.FP16: "float16",
    WeightPrecision.BF16: "bfloat16",
}
"""`--dtype` of unquantized weights."""


def libraries_environment(replica: Replica) -> Mapping[str, str]:
    """Everything that libraries write lies on the cache volume or in temporary files; nothing is asked of the hub."""
    return {
        "AWS_DEFAULT_REGION": replica.region,
        "AWS_REGION": replica.region,
        "HF_HOME": f"{CACHE_DIRECTORY}/huggingface",
        "HF_HUB_OFFLINE": "1",
        "HOME": CACHE_DIRECTORY,
        "USER": "engine",
        "XDG_CACHE_HOME": f"{CACHE_DIRECTORY}/xdg",
        "XDG_CONFIG_HOME": f"{CACHE_DIRECTORY}/config",
    }


def environment(replica: Replica) -> Mapping[str, str]:
    """The same of vLLM, which tells nobody of its use."""
    return {
        **libraries_environment(replica),
        "DO_NOT_TRACK": "1",
        "VLLM_CACHE_ROOT": f"{CACHE_DIRECTORY}/vllm",
        "VLLM_NO_USAGE_STATS": "1",
    }


def probes(replica: Replica) -> Probes:
    """Ready is when the model is listed, which is after everything has been compiled."""
    start = readiness(replica, is_staged=replica.reads_model_store)
    return Probes(startup="/health", readiness="/v1/models", liveness="/health", start=start)


def volumes(replica: Replica) -> tuple[Volume, ...]:
    """The model's files, and what is compiled from them. The compiler leaves a log where it is started."""
    disk = EmptyDirectory(replica.placement.memory.host.ephemeral_bytes)
    cache = Volume(name="cache", source=disk, mount_path=CACHE_DIRECTORY, working_directory=True)
    return (files_volume(replica), cache)
