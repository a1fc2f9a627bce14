"""vLLM-Omni 0.28: `vllm serve --omni`, OpenAI-compatible endpoints for pipelines that make images and videos.

A pipeline is a folder of networks. The server has many of its own; others it runs by diffusers, inside itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import ceil

from ai_on_eks.descriptors.image_generation import Offload
from ai_on_eks.descriptors.schema import WeightPrecision
from ai_on_eks.errors import Problem
from ai_on_eks.serving.engines import vllm
from ai_on_eks.serving.local_files import fetch_filtered, files_and_cache, hub_problems, model_directory
from ai_on_eks.serving.replica import Ports, Probes, Replica, Volume
from ai_on_eks.serving.startup import MARGIN, readiness

PORTS = Ports(http=8000, metrics=8000, metrics_path="/metrics")

SHUTDOWN_SECONDS = 600
"""Running requests get this long after SIGTERM, since a video takes minutes; the server ends with the last of them."""

LEAST_INIT_SECONDS = 600
"""The server's own default of `--init-timeout`, and here its lower end (entrypoints/cli/serve.py, 0.28.0)."""

DTYPES: Mapping[WeightPrecision, str] = {
    WeightPrecision.FP32: "float32",
    WeightPrecision.FP16: "float16",
    WeightPrecision.BF16: "bfloat16",
}

KEPT_VIDEO_SECONDS = 3600
"""Finished videos stay on the pod's disk until they are fetched; the server's own default is for ever."""

PIPELINE_FILES = (
    "--exclude=*.safetensors",
    "--include=*/*.safetensors",
    "--exclude=*.fp16.safetensors",
    "--exclude=*.non_ema.safetensors",
    *(f"--exclude={pattern}" for pattern in ("*.bin", "*.ckpt", "*.pt", "*.pth", "*.msgpack", "*.onnx*", "*openvino*")),
)
"""Networks lie in folders; beside them hubs keep the whole pipeline in one file, and folders hold other precisions of
the same network, of which every file would be loaded (diffusion/model_loader/diffusers_loader.py, 0.28.0)."""


def problems(replica: Replica) -> tuple[Problem, ...]:
    """Weights come as files."""
    return hub_problems(replica)


def command(replica: Replica) -> tuple[str, ...]:
    """The image has no entrypoint."""
    return ("vllm", "serve")


def arguments(replica: Replica) -> tuple[str, ...]:
    """The pipeline loads within what the kubelet waits for: the server gives up by itself sooner."""
    seconds = max(LEAST_INIT_SECONDS, ceil(MARGIN * probes(replica).start.container_seconds))
    return (
        model_directory(replica),
        "--omni",
        f"--served-model-name={replica.name}",
        f"--port={PORTS.http}",
        f"--dtype={DTYPES[replica.precision.weights]}",
        *_adapted(replica),
        *_request(replica),
        f"--stage-init-timeout={seconds}",
        f"--init-timeout={seconds}",
        f"--shutdown-timeout={SHUTDOWN_SECONDS}",
    )


def _adapted(replica: Replica) -> tuple[str, ...]:
    config = replica.descriptor.architecture.config
    pipeline = config.get("_class_name") if isinstance(config, dict) else None
    adapted = pipeline in replica.placement.engine.adapted_types
    return ("--diffusion-load-format=diffusers",) if adapted else ()


def _request(replica: Replica) -> tuple[str, ...]:
    """What was sized is what is made where a request does not say otherwise, and the largest that can be asked for: a
    client's larger image might not fit."""
    request = replica.inventory.image
    if request is None:
        return ()
    made = {"height": request.height, "num_inference_steps": request.steps, "width": request.width}
    if request.frames > 1:
        made["num_frames"] = request.frames
    chosen = {
        "--enable-cpu-offload": request.offload is Offload.MODEL,
        "--vae-use-slicing": request.sliced,
        "--vae-use-tiling": request.tiled,
    }
    return (
        f"--max-generated-image-size={request.width * request.height}",
        f"--default-sampling-params={json.dumps({'0': made}, separators=(',', ':'), sort_keys=True)}",
        *(flag for flag, is_wanted in chosen.items() if is_wanted),
    )


def environment(replica: Replica) -> Mapping[str, str]:
    """vLLM's, whose server and libraries it is."""
    return {
        **vllm.environment(replica),
        "VLLM_OMNI_SERVER_STORAGE__FILE_TTL": str(KEPT_VIDEO_SECONDS),
        "VLLM_OMNI_SERVER_STORAGE__PATH": f"{vllm.CACHE_DIRECTORY}/videos",
    }


def probes(replica: Replica) -> Probes:
    """The server listens once its pipeline is loaded and has made a first picture."""
    start = readiness(replica, is_staged=replica.reads_model_store)
    return Probes(startup="/health", readiness="/v1/models", liveness="/health", start=start)


def volumes(replica: Replica) -> tuple[Volume, ...]:
    """The pipeline's files, and a cache for everything that is compiled or made."""
    return files_and_cache(replica, vllm.CACHE_DIRECTORY)


def fetch(replica: Replica) -> tuple[str, ...]:
    """The pipeline without what its source holds beside it."""
    return fetch_filtered(replica, PIPELINE_FILES)


def config_maps(replica: Replica) -> Mapping[str, Mapping[str, str]]:
    """Everything is a flag."""
    return {}
