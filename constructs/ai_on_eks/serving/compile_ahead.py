"""The job that compiles a model's programs before its replicas start.

It is a replica's own pod, command line included, started by `programs/until_ready.py`, which stops it at its first
answer: what the engine compiles does not depend on who asks. Programs lie below a folder of image, ranks and shapes.
An engine that does not keep them there itself runs first, and a container after it copies them.

    deadline = start + margin × time to the first answer of a replica that compiles

Every device may be taken by replicas that wait for their programs. The job's priority is higher, so the scheduler ends
one of them, and it starts again when the job is done.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from copy import deepcopy
from functools import cache
from math import ceil
from pathlib import Path
from typing import Any

from msgspec import Struct

from ai_on_eks.serving.jobs import job_name
from ai_on_eks.serving.pod import MAIN_CONTAINER
from ai_on_eks.serving.replica import EngineParts
from ai_on_eks.serving.types import Json, ModelJob

PURPOSE = "compile"
PRIORITY_CLASS = "ai-on-eks-compile"
PROGRAM = Path(__file__).parent.parent / "programs" / "until_ready.py"
PROGRAM_FILE = "until_ready.py"
PROGRAM_DIRECTORY = "/program"

START_SECONDS = 900
"""Assumption: a node for the pod, 15 minutes."""
MARGIN = 3.0
"""As for the start of engines."""
RETRIES = 3
FINAL_EXIT_CODES = (3,)
"""EXIT_FINAL of the program."""
KEPT_SECONDS = 7 * 24 * 3600

_SERVING_ONLY = ("lifecycle", "livenessProbe", "ports", "readinessProbe", "startupProbe")


class Keeper(Struct, frozen=True):
    """The container that copies the engine's programs once it has ended, and the account that may."""

    container: Json
    account: str


@cache
def program_text() -> str:
    """What runs in the container."""
    return PROGRAM.read_text(encoding="utf-8")


def program_config_map() -> str:
    """Named by its content, as every program's."""
    return f"until-ready-{hashlib.sha256(program_text().encode()).hexdigest()[:8]}"


def compile_job(model: str, pod_spec: Mapping[str, Any], parts: EngineParts, keeper: Keeper | None = None) -> ModelJob:
    """The job of a model whose replicas are this pod; `parts` are those of a replica that compiles. Without a `keeper`
    the engine keeps its programs itself."""
    seconds = ceil(MARGIN * parts.probes.start.container_seconds)
    spec = _pod_spec(pod_spec, parts, seconds)
    if keeper is not None:
        spec = _kept(spec, keeper)
    return ModelJob(
        name=job_name(model, PURPOSE, spec),
        purpose=PURPOSE,
        pod_spec=spec,
        retries=RETRIES,
        final_exit_codes=FINAL_EXIT_CODES,
        deadline_seconds=START_SECONDS + ceil(MARGIN * parts.probes.start.total_seconds),
        kept_seconds=KEPT_SECONDS,
    )


def _pod_spec(pod_spec: Mapping[str, Any], parts: EngineParts, seconds: int) -> Json:
    spec: Json = deepcopy({key: value for key, value in pod_spec.items() if key != "topologySpreadConstraints"})
    spec |= {"restartPolicy": "Never", "priorityClassName": PRIORITY_CLASS}
    (engine,) = [one for one in spec["containers"] if one["name"] == MAIN_CONTAINER]
    served = [*engine.pop("command", ()), *engine["args"]]
    url = f"http://127.0.0.1:{parts.ports.http}{parts.probes.startup}"
    for field in _SERVING_ONLY:
        engine.pop(field, None)
    engine |= {
        "command": ["python3", f"{PROGRAM_DIRECTORY}/{PROGRAM_FILE}"],
        "args": [f"--url={url}", f"--seconds={seconds}", "--", *served],
    }
    engine["volumeMounts"].append({"name": "program", "mountPath": PROGRAM_DIRECTORY, "readOnly": True})
    spec["volumes"].append({"name": "program", "configMap": {"name": program_config_map()}})
    return spec


def _kept(spec: Json, keeper: Keeper) -> Json:
    """The engine becomes the last of the containers that have to end well before the keeper starts. What it left on
    the disk and in shared memory is still there then, so the keeper asks for as much of both."""
    engines = spec["containers"]
    (engine,) = [one for one in engines if one["name"] == MAIN_CONTAINER]
    asked = engine["resources"]["requests"]
    own = keeper.container["resources"]["requests"]
    resources = {
        "requests": {**own, "ephemeral-storage": asked["ephemeral-storage"], "memory": asked["memory"]},
        "limits": {"memory": asked["memory"]},
    }
    return {
        **spec,
        "serviceAccountName": keeper.account,
        "initContainers": [*spec.get("initContainers", ()), *engines],
        "containers": [{**keeper.container, "resources": resources}],
    }
