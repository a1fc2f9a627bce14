"""What both builds of vLLM for Neuron devices have in common: where they keep programs and how long they compile.

Programs are compiled ahead for one batch, one context and one number of ranks. They are kept on the pod's volume, where
a restarted container finds them again. Weights are divided in host memory and read from local files.
"""

from __future__ import annotations

from collections.abc import Mapping

from ai_on_eks.descriptors.schema import Storage, WeightPrecision
from ai_on_eks.errors import Problem
from ai_on_eks.serving.replica import EmptyDirectory, Ports, Probes, Replica, Volume
from ai_on_eks.serving.startup import readiness
from ai_on_eks.serving.weights import model_uri, mounted_model, weights_volume

PORTS = Ports(http=8000, metrics=8000, metrics_path="/metrics")
MODEL_DIRECTORY = "/models"
CACHE_DIRECTORY = "/cache"

PROCESS_SECONDS = 60.0
"""Assumption: importing torch and vLLM, opening the devices."""
COMPILE_SECONDS = 900.0
"""About 15 minutes for a model of 15 GB, and not much more for larger ones, which more ranks divide (vLLM user guide
for NxD Inference, SDK 2.28; first answers after more than 20 minutes are known). Counted at every start."""

COMPUTE_DTYPES: Mapping[WeightPrecision, str] = {
    WeightPrecision.FP32: "float32",
    WeightPrecision.FP16: "float16",
    WeightPrecision.BF16: "bfloat16",
}
"""`--dtype` of unquantized weights."""

SKIPPED_FILES = ("*.bin", "*.pt", "*.pth", "*.h5", "*.msgpack", "*.gguf", "original/*", "onnx/*")
"""The same weights in other formats, which hubs keep beside each other; some of them can hold pickles."""


def storage_problems(replica: Replica) -> tuple[Problem, ...]:
    """Weights come as files: a revision in the hub's cache is copied and divided just as long."""
    storage = replica.descriptor.storage
    if storage is not Storage.NODE:
        return ()
    return (
        Problem(
            code="storage-not-served",
            message=f"{replica.placement.engine.title} reads weights from local files",
            path="storage",
            value=storage.value,
            allowed=(Storage.S3.value,),
            fix="storage: s3",
        ),
    )


def model_directory(replica: Replica) -> str:
    """Where the model's files are copied to, or shown by a volume."""
    return MODEL_DIRECTORY if replica.claim is None else mounted_model(replica.descriptor)


def environment(replica: Replica) -> Mapping[str, str]:
    """Everything that is written lies on the cache volume or in temporary files; nothing is asked of the hub."""
    return {
        "AWS_DEFAULT_REGION": replica.region,
        "AWS_REGION": replica.region,
        "DO_NOT_TRACK": "1",
        "HF_HOME": f"{CACHE_DIRECTORY}/huggingface",
        "HF_HUB_OFFLINE": "1",
        "HOME": CACHE_DIRECTORY,
        "USER": "engine",
        "VLLM_CACHE_ROOT": f"{CACHE_DIRECTORY}/vllm",
        "VLLM_NO_USAGE_STATS": "1",
        "XDG_CACHE_HOME": f"{CACHE_DIRECTORY}/xdg",
        "XDG_CONFIG_HOME": f"{CACHE_DIRECTORY}/config",
    }


def probes(replica: Replica) -> Probes:
    """Ready is when the model is listed, which is after everything has been compiled."""
    start = readiness(
        replica,
        is_staged=replica.reads_model_store,
        process_seconds=PROCESS_SECONDS,
        warm_up_seconds=COMPILE_SECONDS,
    )
    return Probes(startup="/health", readiness="/v1/models", liveness="/health", start=start)


def volumes(replica: Replica) -> tuple[Volume, ...]:
    """The model's files, and what is compiled from them. The compiler leaves a log where it is started."""
    disk = EmptyDirectory(replica.placement.memory.host.ephemeral_bytes)
    weights = Volume(name="models", source=disk, mount_path=MODEL_DIRECTORY, read_only=True, fetched=True)
    if replica.claim is not None:
        weights = weights_volume(replica.claim)
    return (
        weights,
        Volume(name="cache", source=disk, mount_path=CACHE_DIRECTORY, working_directory=True),
    )


def fetch(replica: Replica) -> tuple[str, ...]:
    """The folder without other formats, where no volume shows it."""
    if not replica.reads_model_store:
        return ()
    skipped = (f"--exclude={pattern}" for pattern in SKIPPED_FILES)
    return ("s3", "sync", model_uri(replica.descriptor), MODEL_DIRECTORY, *skipped, "--no-progress")
