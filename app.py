"""Entry point of `cdk`: the platform file and the models in, the stacks out.

cdk synth                                          platform.yaml and models/*.yaml
cdk synth -c platform=other.yaml -c models=folder  other ones
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path

import cdk8s

from ai_on_eks.aws.helm_release import HelmRelease
from ai_on_eks.catalog.loading import load_catalog
from ai_on_eks.catalog.types import InstanceType
from ai_on_eks.descriptors.architectures import build_inventory
from ai_on_eks.descriptors.loading import load_descriptor, load_platform
from ai_on_eks.descriptors.platform import DeliveryMode, Platform
from ai_on_eks.errors import AiOnEksError, InputError, NothingFitsError, Problem
from ai_on_eks.placement.capacity import capacity_requests
from ai_on_eks.placement.planning import plan_model
from ai_on_eks.placement.types import Plan
from ai_on_eks.serving.images import load_images
from ai_on_eks.serving.workload import build_workload
from k8s.models import ModelChart
from k8s.platform import PlatformChart
from stacks.application import Charts, Deployment, build_app

ROOT = Path(__file__).parent
HELM_FOLDER = ROOT / "build" / "manifests" / "helm"
"""Beside the rendered manifests: what a GitOps tool installs when CDK does not."""


def main() -> int:
    """Synthesize; errors of the user's input are told without a traceback and end with their exit code."""
    try:
        context = json.loads(os.environ.get("CDK_CONTEXT_JSON", "{}"))
        deployment = read_deployment(
            platform_file=ROOT / context.get("platform", "platform.yaml"), models=ROOT / context.get("models", "models")
        )
        build_app(deployment, lambda bucket: render_charts(deployment, bucket), outdir=output_folder()).synth()
    except AiOnEksError as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)
        return error.exit_code
    if deployment.platform.delivery.mode is DeliveryMode.RENDER:
        write_releases(deployment.helm_releases(), HELM_FOLDER)
    return 0


def read_deployment(*, platform_file: Path, models: Path) -> Deployment:
    """Plan every model of the folder on the platform. Raises AiOnEksError with every problem of the first bad step."""
    platform = load_platform(platform_file)
    catalog = load_catalog(platform.region)
    images = load_images(platform_file.parent / platform.images if platform.images else None)
    plans = [
        plan_model(descriptor, build_inventory(descriptor), catalog, platform)
        for descriptor in [load_descriptor(path) for path in sorted(models.glob("*.yaml"))]
    ]
    unplaced = [unplaced_problem(plan) for plan in plans if plan.chosen is None]
    if unplaced:
        raise NothingFitsError(unplaced)
    image_bytes = {key: image.size_bytes for key, image in images.items()}
    return Deployment(
        platform=platform,
        system_instance_type=system_instance_type(platform, catalog.instance_types),
        requests=capacity_requests(plans, platform, catalog, image_bytes),
        workloads=tuple(build_workload(plan, platform, images) for plan in plans),
    )


def system_instance_type(platform: Platform, known: Mapping[str, InstanceType]) -> InstanceType:
    """The catalogue's entry for the system nodes; no template checker knows which types exist."""
    name = platform.capacity.system_nodes.instance_type
    if name in known:
        return known[name]
    nearest = tuple(get_close_matches(name, sorted(known), n=3, cutoff=0.0))
    raise InputError(
        Problem(
            code="instance-type-unknown",
            message="not an instance type of the catalogue",
            path="capacity.system_nodes.instance_type",
            value=name,
            allowed=nearest,
            fix=f"use {nearest[0]}, or another that `ai-on-eks catalog list` shows",
        )
    )


def unplaced_problem(plan: Plan) -> Problem:
    """Why a model has no place, by the nearest miss."""
    nearest = plan.rejected[0]
    return Problem(
        code="nothing-fits",
        message=f"no instance type fits; nearest: {nearest.instance_type}: {nearest.reason}",
        path=plan.descriptor.name,
        fix="ask for less context or concurrency, or lift a constraint; `ai-on-eks plan --explain` shows all reasons",
    )


def render_charts(deployment: Deployment, bucket: str) -> Charts:
    """The Kubernetes objects. cdk8s writes nothing: the app's folder is never used."""
    app = cdk8s.App(outdir=str(ROOT / "build" / "cdk8s"))
    platform = deployment.platform
    return Charts(
        platform=PlatformChart(app, "platform", platform=platform, model_bucket=bucket).to_json(),
        models={
            workload.name: ModelChart(app, f"model-{workload.name}", workload=workload, platform=platform).to_json()
            for workload in deployment.workloads
        },
    )


def output_folder() -> str:
    """Where the CDK command line wants the result, or `cdk.out` when started by hand."""
    return os.environ.get("CDK_OUTDIR", str(ROOT / "cdk.out"))


def write_releases(releases: Iterable[HelmRelease], folder: Path) -> None:
    """One YAML file per release."""
    folder.mkdir(parents=True, exist_ok=True)
    for release in releases:
        (folder / f"{release.name}.yaml").write_text(release.to_yaml(), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
