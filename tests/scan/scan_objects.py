"""What is rendered anywhere: the published matrix, gateways, jobs, training, monitors, a vector database.

The dear part, planning the matrix, is made once a process.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml

sys.path.insert(0, str(Path(__file__).parent.parent / "matrix"))

from matrix_models import ENTRIES, OTHERS, STRATEGIES, planned

from ai_on_eks.aws.prometheus_chart import release
from ai_on_eks.catalog.loading import load_catalog
from ai_on_eks.descriptors.architectures import build_inventory
from ai_on_eks.descriptors.fine_tune_loading import load_fine_tune
from ai_on_eks.descriptors.loading import load_descriptor, load_platform
from ai_on_eks.descriptors.platform import ModelStore, PlannedEngines, Platform
from ai_on_eks.descriptors.platform_monitoring import Monitoring, MonitoringKind
from ai_on_eks.descriptors.platform_sync import WeightSync
from ai_on_eks.descriptors.schema import Shape
from ai_on_eks.kube.fine_tune import fine_tune_objects
from ai_on_eks.kube.manifests import model_manifests, monitoring_manifests, platform_manifests, priorities_of
from ai_on_eks.placement.fleet.planning import plan_fleet
from ai_on_eks.placement.planning import plan_model
from ai_on_eks.placement.training import plan_training
from ai_on_eks.serving.fine_tune import build_fine_tune
from ai_on_eks.serving.images import load_images
from ai_on_eks.serving.storage import StorageAddresses
from ai_on_eks.serving.workload import build_workload

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "docs" / "examples"
SNAPSHOTS = ROOT / "tests" / "k8s"
ADDRESSES = StorageAddresses(bucket="example-model-bucket")
TRAINING = ("llama-8b-lora", "llama-70b-full")
SECRET = "arn:aws:secretsmanager:us-east-1:111122223333:secret:hub-token-AbCdEf"  # noqa: S105 - names a secret

Files = Mapping[str, Sequence[Mapping[str, Any]]]
"""Objects by the file that they are rendered to."""


@cache
def matrix() -> dict[str, Files]:
    """Every model of the matrix under each way of getting nodes, where something serves it."""
    found = {f"{entry.name}, {way.value}": planned(entry, way) for entry in (*ENTRIES, *OTHERS) for way in STRATEGIES}
    return {name: one.manifests() for name, one in found.items() if one.workloads}


@cache
def beside_the_matrix() -> dict[str, Files]:
    """What no model of the matrix has on its platform."""
    return {
        **dict(_snapshots()),
        "weights from the hub": _served("models/llama-3-1-8b-instruct.yaml", _with_store(_syncing())),
        "compiled ahead": _served("tests/k8s/engine_models/llama-3-1-8b-inferentia2.yaml", _with_store(_compiling())),
        "compiled ahead for GPUs": _served("models/llama-3-1-8b-instruct.yaml", _with_store(_compiling_on_gpus())),
        "vectors": {"platform.yaml": [*platform_manifests(_vectors(), ADDRESSES.bucket).values()]},
        "training": _training(spanning=False),
        "training over nodes": _training(spanning=True),
    }


def _snapshots() -> Iterator[tuple[str, Files]]:
    """Engines that the matrix has no model for, and gateways. Held against what is rendered in tests/k8s."""
    for folder in (
        SNAPSHOTS / "engine_snapshots",
        SNAPSHOTS / "fine_tune_snapshots",
        *sorted((SNAPSHOTS / "traffic_snapshots").iterdir()),
    ):
        shared = {} if (folder / "platform.yaml").exists() else {"platform.yaml": [*_platform_objects()]}
        yield folder.name, shared | {path.name: _documents(path) for path in sorted(folder.glob("*.yaml"))}


def _documents(path: Path) -> list[Mapping[str, Any]]:
    return [one for one in yaml.load_all(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader) if one]


def _platform() -> Platform:
    return load_platform(ROOT / "platform.yaml").model_copy(update={"engines": PlannedEngines.RENDERED})


def _platform_objects() -> Sequence[Mapping[str, Any]]:
    return [*platform_manifests(_platform(), ADDRESSES.bucket, shapes=Shape).values()]


def _vectors() -> Platform:
    return load_platform(EXAMPLES / "vectors" / "platform.yaml")


def _syncing() -> ModelStore:
    return ModelStore(sync=WeightSync(hub_token=SECRET, megabytes_per_second=200))


def _compiling() -> ModelStore:
    return ModelStore(compile_ahead=True)


def _compiling_on_gpus() -> ModelStore:
    return ModelStore(torch_compile_ahead=True)


def _with_store(store: ModelStore) -> Platform:
    monitoring = Monitoring(kind=MonitoringKind.IN_CLUSTER)
    return _platform().model_copy(update={"model_store": store, "monitoring": monitoring})


def _served(model: str, platform: Platform) -> Files:
    """One model with its jobs, and what is collected in its cluster."""
    catalog, descriptor = load_catalog(platform.region), load_descriptor(ROOT / model)
    plan = plan_model(descriptor, build_inventory(descriptor), catalog, platform)
    (plan,) = plan_fleet([plan], platform, catalog).plans
    workload = build_workload(plan, platform, load_images(None))
    shared = platform_manifests(platform, ADDRESSES.bucket, priorities_of([workload]))
    return {
        "platform.yaml": [*shared.values()],
        "namespaces.yaml": [release(platform, None).namespace_manifest() or {}],
        "monitoring.yaml": [*monitoring_manifests(platform, [workload]).values()],
        f"{workload.name}.yaml": [*model_manifests(workload, ADDRESSES, monitored=True).values()],
    }


def _training(*, spanning: bool) -> Files:
    """The examples' jobs, or those that span nodes of them when they may have no others."""
    platform, catalog = _platform(), load_catalog(_platform().region)
    workloads = []
    for loaded in (load_fine_tune(EXAMPLES / "fine-tune" / f"{name}.yaml") for name in TRAINING):
        families = ("p5",) if spanning else loaded.job.constraints.instance_families
        constraints = loaded.job.constraints.model_copy(update={"instance_families": families})
        job = loaded.job.model_copy(update={"constraints": constraints})
        plan = plan_training(job, loaded.inventory, catalog, platform)
        workloads.append(build_fine_tune(plan, loaded.descriptor, platform, load_images(None)))
    return {"platform.yaml": [*_platform_objects()], **fine_tune_objects(workloads, platform, ADDRESSES)}
