"""The manifests as files, from the same constructs that `cdk deploy` applies."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from cdk8s import App, Chart

from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.descriptors.schema import Shape
from ai_on_eks.errors import InputError, Problem
from ai_on_eks.kube.file_names import MONITORING_FILE, PLATFORM_FILE, file_name
from ai_on_eks.kube.manifests import priorities_of, shapes_of
from ai_on_eks.kube.model import ModelWorkload
from ai_on_eks.kube.monitoring import MonitoringObjects
from ai_on_eks.kube.objects.inference_service import predictor_name
from ai_on_eks.kube.objects.leader_worker_set import group_name
from ai_on_eks.kube.objects.llm_inference_service import kserve_service_names
from ai_on_eks.kube.objects.router import router_name
from ai_on_eks.kube.platform import PlatformObjects
from ai_on_eks.kube.yaml_text import to_yaml
from ai_on_eks.serving.storage import UNKNOWN, StorageAddresses
from ai_on_eks.serving.types import Workload


def render_manifests(
    workloads: Sequence[Workload], platform: Platform, addresses: StorageAddresses = UNKNOWN
) -> dict[str, str]:
    """YAML text by file name: `platform.yaml`, then one file per model in the order of their names, and
    `monitoring.yaml` where metrics are collected of more than the models.

    Nothing is written; the caller replaces its folder with these files at once.
    """
    _check_names(workloads)
    ordered = sorted(workloads, key=lambda workload: workload.name)
    files: dict[str, str] = {}
    with _scratch_app() as app:
        chart = Chart(app, "platform")
        PlatformObjects(
            chart,
            "Platform",
            platform=platform,
            model_bucket=addresses.bucket,
            priorities=priorities_of(ordered),
            shapes=shapes_of(ordered),
        )
        files[PLATFORM_FILE] = to_yaml(chart.to_json())
        for workload in ordered:
            chart = Chart(app, f"model-{workload.name}")
            ModelWorkload(chart, "Model", workload=workload, platform=platform, addresses=addresses)
            files[file_name(workload)] = to_yaml(chart.to_json())
        chart = Chart(app, "monitoring")
        MonitoringObjects(chart, "Monitoring", platform=platform, workloads=ordered)
        if objects := chart.to_json():
            files[MONITORING_FILE] = to_yaml(objects)
    return files


def _check_names(workloads: Sequence[Workload]) -> None:
    names = [workload.name for workload in workloads]
    problems = [
        Problem(
            code="duplicate-model-name",
            message="two models have the same name",
            path="name",
            value=name,
            fix="give each model a name of its own",
        )
        for name in sorted({name for name in names if names.count(name) > 1})
    ]
    problems += [
        Problem(
            code="name-reserved",
            message=f"{file_name(workload)} is a file of the platform's own objects",
            path="name",
            value=workload.name,
            fix=f"rename the model, for example to {workload.name}-model",
        )
        for workload in workloads
        if file_name(workload) in (PLATFORM_FILE, MONITORING_FILE)
    ]
    problems += [
        Problem(
            code="name-reserved",
            message=f"a Service that a controller makes for {workload.name} has this name",
            path="name",
            value=name,
            fix=f"rename the model, for example to {name}-model",
        )
        for workload in workloads
        for name in _made_services(workload)
        if name in names
    ]
    problems += [
        Problem(
            code="name-reserved",
            message=f"the router of {workload.name} has this name",
            path="name",
            value=router_name(workload.name),
            fix=f"rename the model, for example to {router_name(workload.name)}-model",
        )
        for workload in workloads
        if workload.traffic is not None and workload.traffic.router is not None and router_name(workload.name) in names
    ]
    if problems:
        raise InputError(problems)


def _made_services(workload: Workload) -> tuple[str, ...]:
    """Names of the Services that no manifest holds and that controllers make of the model's object."""
    if workload.shape is Shape.LLM_INFERENCE_SERVICE:
        return kserve_service_names(workload.name)
    if workload.shape is Shape.INFERENCE_SERVICE:
        return (predictor_name(workload.name),)
    return () if workload.group is None else (group_name(workload.name),)


@contextmanager
def _scratch_app() -> Iterator[App]:
    """An app whose output folder, never written to here, is not in the caller's working directory."""
    with tempfile.TemporaryDirectory(prefix="ai-on-eks-") as folder:
        yield App(outdir=folder)
