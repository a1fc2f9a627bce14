"""PyTorch NeuronX 2.9 of SDK 2.28: encoders and image classifiers, traced ahead for fixed shapes.

AWS' image brings the compiler and its libraries, and a server that is not used. Ours (`programs/traced_server.py` and
what it imports) comes in a ConfigMap of the model, as a package that the image's Python finds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from ai_on_eks.descriptors.schema import WeightPrecision
from ai_on_eks.errors import Problem
from ai_on_eks.serving.engines import neuron
from ai_on_eks.serving.local_files import fetch_folder, hub_problems, model_directory
from ai_on_eks.serving.replica import ConfigFiles, Ports, Probes, Replica, Volume
from ai_on_eks.serving.startup import readiness
from ai_on_eks.serving.traced_shapes import traced_batch, traced_cores, traced_lengths
from ai_on_eks.serving.weights import compiled_uri

PORTS = Ports(http=8000, metrics=8000, metrics_path="/metrics")

PROGRAMS = Path(__file__).parent.parent.parent / "programs"
FILES = (
    "traced_cores.py", "traced_http.py", "traced_inputs.py", "traced_server.py", "traced_store.py", "traced_worker.py",
)  # fmt: skip
SERVER_DIRECTORY = "/server"
PACKAGE = "ai_on_eks/programs"
SERVER = "ai_on_eks.programs.traced_server"

SHUTDOWN_SECONDS = 45
"""Running requests get this long from the server (its `--shutdown-seconds`)."""

LEAST_WAITING = 512
"""Inputs that may wait at least; beyond it they are refused. As many as with Text Embeddings Inference."""

CAST = ("--auto-cast=matmult", "--auto-cast-type=bf16")
"""Products of float32 weights run in bfloat16, as AWS publishes their speed and it is estimated here (Neuron compiler
guide; `performance/data/calibration.json`)."""
TRANSFORMER = "--model-type=transformer"
"""For networks with attention (the same guide)."""


def problems(replica: Replica) -> tuple[Problem, ...]:
    """The server downloads nothing."""
    return hub_problems(replica)


def command(replica: Replica) -> tuple[str, ...]:
    """Past the image's entrypoint."""
    return ("python3", "-m", SERVER)


def arguments(replica: Replica) -> tuple[str, ...]:
    """What the programs are traced for."""
    lengths = traced_lengths(replica)
    return (
        f"--model={model_directory(replica)}",
        f"--name={replica.name}",
        f"--task={replica.descriptor.task}",
        f"--port={PORTS.http}",
        f"--data-type={neuron.COMPUTE_DTYPES[replica.precision.weights]}",
        f"--batch={traced_batch(replica)}",
        *((f"--lengths={','.join(map(str, lengths))}",) if lengths else ()),
        f"--cores={traced_cores(replica)}",
        f"--cache={neuron.CACHE_DIRECTORY}/programs",
        *(f"--compiler={argument}" for argument in _compiler(replica)),
        f"--most-waiting={max(LEAST_WAITING, replica.descriptor.serving.concurrency)}",
        f"--shutdown-seconds={SHUTDOWN_SECONDS}",
    )


def _compiler(replica: Replica) -> tuple[str, ...]:
    cast = CAST if replica.precision.weights is WeightPrecision.FP32 else ()
    return (*((TRANSFORMER,) if replica.inventory.attention_heads else ()), *cast)


def environment(replica: Replica) -> Mapping[str, str]:
    """Programs are kept in the model store, where the next replica finds them."""
    return {
        **neuron.libraries_environment(replica),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": SERVER_DIRECTORY,
        "TOKENIZERS_PARALLELISM": "false",
        "TRACED_PROGRAMS_URL": compiled_uri(replica),
    }


def probes(replica: Replica) -> Probes:
    """Ready is when every core has answered a batch; alive is when the server answers at all."""
    programs = max(1, len(traced_lengths(replica)))
    start = readiness(replica, is_staged=replica.reads_model_store, programs=programs)
    return Probes(startup="/v2/health/ready", readiness="/v2/health/ready", liveness="/v2/health/live", start=start)


def volumes(replica: Replica) -> tuple[Volume, ...]:
    """As on any Neuron device, and the server."""
    server = Volume(
        name="server",
        source=ConfigFiles(_config_map(replica)),
        mount_path=f"{SERVER_DIRECTORY}/{PACKAGE}",
        read_only=True,
    )
    return (*neuron.volumes(replica), server)


def fetch(replica: Replica) -> tuple[str, ...]:
    """The folder without other formats."""
    return fetch_folder(replica)


def config_maps(replica: Replica) -> Mapping[str, Mapping[str, str]]:
    """The server's files."""
    return {_config_map(replica): _files()}


@cache
def _files() -> Mapping[str, str]:
    return {name: (PROGRAMS / name).read_text(encoding="utf-8") for name in FILES}


def _config_map(replica: Replica) -> str:
    """Named by its content, as every program's: another server is another pod."""
    digest = hashlib.sha256("\0".join(_files().values()).encode()).hexdigest()[:8]
    return f"{replica.name}-traced-{digest}"
