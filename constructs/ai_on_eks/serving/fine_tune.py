"""The pods of a fine-tuning job as plain data.

    models/<model>/<revision>/ of the model store   where it starts
    what it learns from, and what comes of it       see `serving.job_storage`

Each node runs one pod, torchrun in it one process a device; the first pod's name is where they meet. The image is AWS'
deep learning container of Hugging Face's libraries, which brings TRL, PEFT, bitsandbytes and the libraries of EFA; its
program is `programs/fine_tune.py`, word for word, in a ConfigMap.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from math import ceil
from pathlib import Path

from msgspec import Struct

from ai_on_eks.catalog.taints import CAPACITY_LABEL, taint_key
from ai_on_eks.descriptors.fine_tune import FineTuneJob
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.descriptors.schema import Descriptor
from ai_on_eks.errors import InputError, NothingFitsError, Problem
from ai_on_eks.placement.training import TrainingPlacement, TrainingPlan
from ai_on_eks.placement.training_capacity import pool_name
from ai_on_eks.serving.drivers import driver_problems, driver_warnings
from ai_on_eks.serving.fabric import fabric_resources, group_environment
from ai_on_eks.serving.images import unpinned_warnings
from ai_on_eks.serving.job_storage import JobClaim, claimed_volumes, job_claims, storage_arguments
from ai_on_eks.serving.jobs import job_pod
from ai_on_eks.serving.ownership import ownership_labels
from ai_on_eks.serving.pod import INSTANCE_TYPE_LABEL
from ai_on_eks.serving.pod_parts import container_security, environment, mount_entry
from ai_on_eks.serving.quantities import bytes_quantity, cpu_quantity
from ai_on_eks.serving.replica import ConfigFiles, EmptyDirectory, Volume
from ai_on_eks.serving.types import ImageReference, Json
from ai_on_eks.serving.weights import PICKLES, model_uri, revision_folder
from ai_on_eks.units import GIB

IMAGE_KEY = "fine-tune"
FETCH_IMAGE_KEY = "weights-fetch"
PROGRAM = Path(__file__).parent.parent / "programs" / "fine_tune.py"
PROGRAM_FILE = "fine_tune.py"
SETTINGS_FILE = "settings.json"
JOB_DIRECTORY = "/job"
WEIGHTS_DIRECTORY = "/weights"
WORK_DIRECTORY = "/work"

GROUP = "node"
"""Name of the one kind of pod within the job's set; part of their names."""
MEETING_PORT = 29_500
"""torchrun's default (PyTorch, elastic run, 2026-11)."""
INDEX_VARIABLE = "JOB_COMPLETION_INDEX"
"""What an indexed Job tells each pod (kubernetes.io/docs/concepts/workloads/controllers/job, 2026-11)."""

RESTARTS = 20
"""Of the whole group, each from its newest checkpoint: assumption, more than the interruptions of a week on spot."""
FINAL_EXIT_CODE = 3
"""EXIT_FINAL of the program."""
KEPT_SECONDS = 7 * 24 * 3600

MILLICORES_SHARE = 0.9
"""Of a node's processors that DaemonSets leave: assumption, the rest is for what nobody requested."""
TEMPORARY_BYTES = 10 * GIB
"""Assumption: caches of compiled kernels and of the data's preparation."""
FETCH_BYTES = GIB


class FineTuneWorkload(Struct, frozen=True):
    """Everything the cluster has to know of one job.

    pool              value of the nodes' capacity label
    nodes             pods, each on a node of its own
    deadline_seconds  of one run of the group
    model             whose weights it reads
    claims            volumes of the platform's Lustre file system
    """

    name: str
    namespace: str
    labels: Mapping[str, str]
    instance_type: str
    pool: str
    nodes: int
    pod_spec: Json
    config_map: Mapping[str, str]
    service_account: str
    deadline_seconds: int
    model: str
    warnings: tuple[str, ...]
    usd_per_hour: float | None = None
    claims: tuple[JobClaim, ...] = ()

    @property
    def config_map_name(self) -> str:
        return f"{self.name}-job"


@cache
def program_text() -> str:
    """What runs in the container."""
    return PROGRAM.read_text(encoding="utf-8")


def build_fine_tune(
    plan: TrainingPlan, descriptor: Descriptor, platform: Platform, images: Mapping[str, ImageReference]
) -> FineTuneWorkload:
    """The pods of the chosen placement; every problem at once."""
    job, placement = plan.job, plan.chosen
    if placement is None:
        raise NothingFitsError(nothing_trains(plan))
    missing = [key for key in (IMAGE_KEY, FETCH_IMAGE_KEY) if key not in images]
    if missing:
        raise InputError([_no_image(key, images) for key in missing])
    image, fetch = images[IMAGE_KEY], images[FETCH_IMAGE_KEY]
    if drivers := driver_problems(image, placement.instance_type, platform):
        raise InputError(drivers)
    return FineTuneWorkload(
        name=job.name,
        namespace=platform.namespace,
        labels={
            **ownership_labels(descriptor, platform),
            "app.kubernetes.io/component": "fine-tune",
            "app.kubernetes.io/name": job.name,
        },
        instance_type=placement.instance_type.name,
        pool=pool_name(job, placement),
        nodes=placement.nodes,
        pod_spec=_pod_spec(job, placement, descriptor, platform, (image, fetch)),
        config_map={PROGRAM_FILE: program_text(), SETTINGS_FILE: settings_text(job)},
        service_account=job.name,
        deadline_seconds=ceil(job.deadline_hours * 3600),
        model=descriptor.name,
        usd_per_hour=placement.usd_per_hour,
        claims=job_claims(job),
        warnings=(*unpinned_warnings((image, fetch)), *driver_warnings(image, placement.instance_type, platform)),
    )


def nothing_trains(plan: TrainingPlan) -> Problem:
    """Nothing fits, and what came nearest."""
    nearest = next(iter(plan.rejected), None)
    words = None if nearest is None else nearest.violation.words
    reason = "" if nearest is None or words is None else f"; nearest {nearest.instance_type}: {words.reason}"
    return Problem(
        code="nothing-trains",
        message=f"no instance type of the catalogue trains {plan.job.name}{reason}",
        path="method",
        value=plan.job.method.value,
        fix=(words.fix if words is not None else None) or "ai-on-eks plan --explain says what each one lacks",
    )


def _no_image(key: str, images: Mapping[str, ImageReference]) -> Problem:
    return Problem(
        code="image-missing",
        message=f"the images file has no entry for {key}",
        path=f"images.{key}",
        allowed=tuple(sorted(images)),
        fix=f"add images.{key}, or leave platform.images out to use the package's own file",
    )


def settings_text(job: FineTuneJob) -> str:
    """What the program reads of the job."""
    document = {
        "adapter": job.adapter.model_dump(mode="json"),
        "method": job.method.value,
        "training": job.training.model_dump(mode="json"),
    }
    return json.dumps(document, indent=1, sort_keys=True) + "\n"


def _pod_spec(
    job: FineTuneJob,
    placement: TrainingPlacement,
    descriptor: Descriptor,
    platform: Platform,
    images: tuple[ImageReference, ImageReference],
) -> Json:
    image, fetch = images
    memory, stored = placement.memory, f"{WEIGHTS_DIRECTORY}/{revision_folder(descriptor)}"
    weights = Volume("weights", EmptyDirectory(memory.disk_bytes), WEIGHTS_DIRECTORY)
    temporary = Volume("tmp", EmptyDirectory(TEMPORARY_BYTES), "/tmp")  # noqa: S108 - an emptyDir
    volumes = (
        Volume("job", ConfigFiles(f"{job.name}-job"), JOB_DIRECTORY, read_only=True),
        weights,
        Volume("work", EmptyDirectory(memory.disk_bytes), WORK_DIRECTORY),
        temporary,
        *claimed_volumes(job),
        Volume("shared-memory", EmptyDirectory(memory.shared_memory_bytes, in_memory=True), "/dev/shm"),  # noqa: S108
    )
    container = {
        "name": "trainer",
        "image": image.reference,
        "command": ["torchrun"],
        "resources": _resources(placement),
    }
    spec = job_pod(container, _arguments(job, placement, stored), _variables(placement, platform), volumes, job.name)
    return {
        **spec,
        "initContainers": [_fetch(descriptor, platform, fetch, (weights, temporary), stored)],
        "affinity": _affinity(placement, pool_name(job, placement)),
        "tolerations": [{"key": taint_key(placement.instance_type), "operator": "Exists", "effect": "NoSchedule"}],
    }


def _arguments(job: FineTuneJob, placement: TrainingPlacement, stored: str) -> tuple[str, ...]:
    meeting = f"{job.name}-{GROUP}-0-0.{job.name}"
    group = (f"--node-rank=$({INDEX_VARIABLE})", f"--master-addr={meeting}", f"--master-port={MEETING_PORT}")
    return (
        f"--nnodes={placement.nodes}",
        f"--nproc-per-node={placement.instance_type.accelerator_count}",
        *(group if placement.nodes > 1 else ("--standalone",)),
        f"{JOB_DIRECTORY}/{PROGRAM_FILE}",
        f"--settings={JOB_DIRECTORY}/{SETTINGS_FILE}",
        *storage_arguments(job),
        f"--weights={stored}",
        f"--work={WORK_DIRECTORY}",
    )


def _variables(placement: TrainingPlacement, platform: Platform) -> dict[str, str]:
    return {
        "AWS_REGION": platform.region,
        "HF_HOME": "/tmp/huggingface",  # noqa: S108 - an emptyDir
        "HF_HUB_OFFLINE": "1",
        "HOME": "/tmp",  # noqa: S108
        "PYTHONDONTWRITEBYTECODE": "1",
        "TOKENIZERS_PARALLELISM": "false",
        **group_environment(placement.instance_type, placement.nodes),
    }


def _resources(placement: TrainingPlacement) -> Json:
    instance_type, memory = placement.instance_type, placement.memory
    accelerator = instance_type.accelerator
    extended = dict(fabric_resources(instance_type, placement.nodes))
    if accelerator is not None:
        extended[accelerator.resource_name] = str(instance_type.accelerator_count)
    amount = bytes_quantity(memory.host_bytes)
    requests = {
        "cpu": cpu_quantity(int(instance_type.allocatable_cpu_millicores * MILLICORES_SHARE)),
        "ephemeral-storage": bytes_quantity(memory.disk_bytes + TEMPORARY_BYTES),
        "memory": amount,
    }
    return {"requests": requests | extended, "limits": {"memory": amount} | extended}


def _fetch(
    descriptor: Descriptor, platform: Platform, image: ImageReference, volumes: tuple[Volume, ...], stored: str
) -> Json:
    arguments = ("s3", "sync", model_uri(descriptor), stored, *PICKLES, "--no-progress")
    amount = bytes_quantity(FETCH_BYTES)
    return {
        "name": "weights-fetch",
        "image": image.reference,
        "imagePullPolicy": "IfNotPresent",
        "args": list(arguments),
        "env": environment(arguments, {"AWS_REGION": platform.region, "HOME": "/tmp"}),  # noqa: S108
        "resources": {"requests": {"cpu": "500m", "memory": amount}, "limits": {"memory": amount}},
        "volumeMounts": [mount_entry(volume, read_only=False) for volume in volumes],
        "securityContext": container_security(),
    }


def _affinity(placement: TrainingPlacement, pool: str) -> Json:
    """The type was chosen with its memory and price; nodes of that type that models wait for are not the jobs'."""
    expressions = [
        {"key": INSTANCE_TYPE_LABEL, "operator": "In", "values": [placement.instance_type.name]},
        {"key": CAPACITY_LABEL, "operator": "In", "values": [pool]},
    ]
    terms = {"nodeSelectorTerms": [{"matchExpressions": expressions}]}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}
