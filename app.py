"""Entry point of `cdk`: the platform file and the models in; the plan, the manifests and the stacks out.

cdk synth                                          platform.yaml and models/*.yaml
cdk synth -c platform=other.yaml -c models=folder  other ones; -c manifests=folder writes the objects elsewhere,
                                                   -c plan=file the plan that a review compares
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from ai_on_eks.aws.gitops.tree import gitops_objects
from ai_on_eks.aws.helm_release import CHART_LOCK_FILE
from ai_on_eks.catalog.types import InstanceType
from ai_on_eks.cli.ageing import today, too_old_warnings
from ai_on_eks.cli.documents.plans import plans_body
from ai_on_eks.cli.documents.synthesis import synthesis_document
from ai_on_eks.cli.explanation import plans_text
from ai_on_eks.cli.findings import platform_warnings
from ai_on_eks.cli.fine_tune_deployment import DeployedJobs, deployed_jobs
from ai_on_eks.cli.loading import Collector, LoadedPlatform
from ai_on_eks.cli.output import json_text, terminal_width
from ai_on_eks.cli.planning import load_and_plan
from ai_on_eks.cli.progress import out_of_the_way, progress, tell
from ai_on_eks.cli.reasons import nothing_fits
from ai_on_eks.cli.rendering import addresses_of, images_of, render_files
from ai_on_eks.cli.reservations import now
from ai_on_eks.cli.workloads import workloads_of
from ai_on_eks.descriptors.platform import DeliveryMode
from ai_on_eks.descriptors.platform_monitoring import MonitoringKind
from ai_on_eks.errors import AiOnEksError, FindingsError, InputError, NothingFitsError, Problem, UsageError
from ai_on_eks.files import replace_folder_atomically, write_file_atomically
from ai_on_eks.kube.file_names import MONITORING_FILE, file_name
from ai_on_eks.kube.fine_tune import QUEUES_FILE, fine_tune_objects
from ai_on_eks.kube.manifests import (
    model_manifests,
    monitoring_manifests,
    node_manifests,
    platform_manifests,
    priorities_of,
    shapes_of,
)
from ai_on_eks.kube.objects.monitoring import dashboard_json
from ai_on_eks.kube.yaml_text import to_yaml
from ai_on_eks.placement.capacity import capacity_requests
from ai_on_eks.placement.fleet.types import FleetPlan
from ai_on_eks.placement.room import with_room
from ai_on_eks.placement.types import CapacityRequest
from ai_on_eks.review.rules.acknowledged import ACKNOWLEDGED
from ai_on_eks.review.rules.checking import findings
from ai_on_eks.review.rules.synth import read_synth
from ai_on_eks.serving.storage import StorageAddresses
from ai_on_eks.serving.types import Json

if TYPE_CHECKING:
    from stacks.application import Charts, Deployment

ROOT = Path(__file__).parent

NODES_FILE = "nodes/node-pools.yaml"
JOBS_FOLDER = "jobs"
"""Both in folders of their own, as a model may have any name."""


def main() -> int:
    """Synthesize. The user's mistakes are told without a traceback and end with their exit code."""
    context = json.loads(os.environ.get("CDK_CONTEXT_JSON", "{}"))
    platform_file = str(ROOT / context.get("platform", "platform.yaml"))
    try:
        with progress("planning, synthesizing, checking, rendering", 4) as move_on:
            folders = ROOT / context.get("models", "models"), ROOT / context.get("jobs", "jobs")
            deployment, plan = read_deployment(platform_file, *folders)
            move_on()
            outdir = Path(os.environ.get("CDK_OUTDIR", str(ROOT / "cdk.out")))
            synthesize(deployment, platform_file, outdir)
            move_on()
            refuse_findings(deployment, outdir)
            move_on()
            # At every synth, whether CDK applies the objects or a GitOps tool does.
            replace_folder_atomically(ROOT / context.get("manifests", "build/manifests"), manifest_files(deployment))
            if files := gitops_tree(deployment):
                replace_folder_atomically(ROOT / context.get("gitops", "build/gitops"), files)
            for warning in waiting_warnings(deployment, platform_file):
                tell(f"warning: {warning}")
            write_file_atomically(ROOT / context.get("plan", "build/plan.json"), json_text(plan.document))
    except AiOnEksError as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)
        return error.exit_code
    print(plan.text)
    return 0


class Planned(Struct, frozen=True):
    """What was planned, for people and for a review that compares it with another synthesis."""

    text: str
    document: Mapping[str, Any]


def read_deployment(platform_file: str, models: Path, jobs: Path | None = None) -> tuple[Deployment, Planned]:
    """Plan every model and every job of the folders on the platform; the plan itself comes along."""
    # Stacks and charts are imported in functions: a mistake in a file is told before Node has started.
    files = [str(path) for path in sorted(models.glob("*.yaml"))]
    if not files:
        raise UsageError(Problem("no-models", f"no *.yaml in {models}", fix="write a descriptor or pass -c models="))
    target, loaded, fleet = load_and_plan(files, platform_file, None)
    plans = fleet.plans
    for warning in (
        *platform_warnings(target, now()),
        *too_old_warnings(target.catalog, plans, today()),
    ):
        tell(f"warning: {warning}")
    unplaced = [nothing_fits(plan, model.file) for plan, model in zip(plans, loaded, strict=True) if not plan.chosen]
    if unplaced:
        raise NothingFitsError(unplaced)
    from stacks.application import Deployment  # noqa: PLC0415

    images = images_of(target)
    image_bytes = {key: image.size_bytes for key, image in images.items()}
    requests = capacity_requests(fleet, image_bytes)
    if target.platform.autoscaling.is_on:
        requests = room_to_scale(requests, fleet, target)
    training = DeployedJobs() if jobs is None else deployed_jobs(jobs, platform_file)
    deployment = Deployment(
        platform=target.platform,
        system_instance_type=system_instance_type(target),
        requests=(*requests, *training.requests),
        workloads=workloads_of(loaded, plans, target, images),
        addresses=addresses_of(target),
        jobs=training.workloads,
    )
    check_chart_lock(deployment, Path(platform_file).parent / CHART_LOCK_FILE)
    body = plans_body(fleet, target.catalog, images)
    document = synthesis_document(target.platform, target.catalog, body, plans, deployment.workloads)
    texts = (plans_text(body, terminal_width(), explained=False), training.text)
    return deployment, Planned("\n\n".join(text for text in texts if text), document)


def check_chart_lock(deployment: Deployment, lock_file: Path) -> None:
    """Where there is such a file it names every chart at its version, so that a new version is locked before it runs.

    Nothing is asked for: what Helm pulls later is pulled by version, whoever calls it.
    """
    if not lock_file.exists():
        return
    from ai_on_eks.serving.chart_lock import load_lock, not_locked  # noqa: PLC0415 - most have no such file

    releases = (*deployment.helm_releases(), *deployment.observers())
    problems = not_locked({one.chart: one.version for one in releases}, load_lock(lock_file), str(lock_file))
    if problems:
        raise InputError(problems)


def room_to_scale(
    requests: tuple[CapacityRequest, ...], fleet: FleetPlan, target: LoadedPlatform
) -> tuple[CapacityRequest, ...]:
    """The nodes with as many more as autoscaling may need; a pool that cannot grow is told with its line."""
    collector = Collector()
    found = collector.attempt(target.file, lambda: with_room(requests, fleet, target.platform.capacity))
    collector.finish()
    return found or requests


def synthesize(deployment: Deployment, platform_file: str, outdir: Path) -> None:
    """Write the cloud assembly. What only the stacks can find wrong is told with its line of the platform file."""
    from stacks.application import build_app  # noqa: PLC0415

    collector = Collector()
    app = collector.attempt(
        platform_file,
        lambda: build_app(deployment, lambda addresses: render_charts(deployment, addresses), outdir=str(outdir)),
    )
    collector.finish()
    if app is not None:
        with out_of_the_way():  # CDK tells its warnings itself
            app.synth()


def refuse_findings(deployment: Deployment, outdir: Path) -> None:
    """Our own rules over what was written (docs/rules.md).

    Over the files and not as a plugin of CDK's validation: a review of somebody else's synth reads the same, and a
    plugin would be called across jsii and told in CDK's report instead of ours.
    """
    applied_by_cdk = deployment.platform.delivery.mode is DeliveryMode.APPLY
    objects = {} if applied_by_cdk else rendered_objects(deployment)
    problems = findings(read_synth(outdir, objects), ACKNOWLEDGED)
    if problems:
        raise FindingsError(problems)


def rendered_objects(deployment: Deployment) -> dict[str, list[Mapping[str, Any]]]:
    """The objects as data, by the name of the file that they are rendered to."""
    platform, workloads = deployment.platform, deployment.workloads
    addresses = deployment.addresses
    of_platform = platform_manifests(platform, addresses.bucket, priorities_of(workloads), shapes_of(workloads))
    objects: dict[str, list[Mapping[str, Any]]] = {
        NODES_FILE: [*rendered_nodes(deployment)],
        "platform.yaml": [*of_platform.values()],
    }
    monitored = platform.monitoring.is_on
    objects |= {
        file_name(workload): [*model_manifests(workload, addresses, monitored=monitored).values()]
        for workload in workloads
    }
    objects[MONITORING_FILE] = [*monitoring_manifests(platform, workloads).values()]
    jobs = _job_objects(deployment, addresses)
    return objects | {f"{JOBS_FOLDER}/{name}": [*found] for name, found in jobs.items()}


def _job_objects(deployment: Deployment, addresses: StorageAddresses) -> dict[str, list[Json]]:
    return fine_tune_objects(deployment.jobs, deployment.platform, addresses)


def rendered_nodes(deployment: Deployment) -> list[Json]:
    """What the models' nodes are started from, as data; empty where EKS is told directly."""
    return [*node_manifests(deployment.platform, deployment.node_objects(deployment.addresses)).values()]


def render_charts(deployment: Deployment, addresses: StorageAddresses) -> Charts:
    """The Kubernetes objects. cdk8s writes nothing: its folder is never used."""
    import cdk8s  # noqa: PLC0415

    from k8s.models import ModelChart  # noqa: PLC0415
    from k8s.monitoring import MonitoringChart  # noqa: PLC0415
    from k8s.nodes import NodesChart  # noqa: PLC0415
    from k8s.platform import PlatformChart  # noqa: PLC0415
    from stacks.application import Charts  # noqa: PLC0415

    app = cdk8s.App(outdir=str(ROOT / "build" / "cdk8s"))
    platform, jobs = deployment.platform, _job_objects(deployment, addresses)
    return Charts(
        nodes=NodesChart(app, "nodes", platform=platform, objects=deployment.node_objects(addresses)).to_json(),
        platform=PlatformChart(
            app,
            "platform",
            platform=platform,
            model_bucket=addresses.bucket,
            priorities=priorities_of(deployment.workloads),
            shapes=shapes_of(deployment.workloads),
        ).to_json(),
        models={
            workload.name: ModelChart(
                app, f"model-{workload.name}", workload=workload, platform=platform, addresses=addresses
            ).to_json()
            for workload in deployment.workloads
        },
        monitoring=MonitoringChart(app, "monitoring", platform=platform, workloads=deployment.workloads).to_json(),
        queues=jobs.pop(QUEUES_FILE, []),
        jobs={name.removesuffix(".yaml"): found for name, found in jobs.items()},
    )


def system_instance_type(target: LoadedPlatform) -> InstanceType:
    """The catalogue's entry for the system nodes; no template checker knows which types exist."""
    try:
        return target.catalog.instance_type(target.platform.capacity.system_nodes.instance_type)
    except InputError as error:
        path = "capacity.system_nodes.instance_type"
        raise InputError([replace(problem, file=target.file, path=path) for problem in error.problems]) from None


def manifest_files(deployment: Deployment) -> dict[str, str]:
    """The objects by file name and, where CDK does not install them, the Helm releases they need."""
    files = render_files(deployment.workloads, deployment.platform, deployment.addresses)
    if nodes := rendered_nodes(deployment):
        files[NODES_FILE] = to_yaml(nodes)
    jobs = _job_objects(deployment, deployment.addresses)
    files |= {f"{JOBS_FOLDER}/{name}": to_yaml(found) for name, found in jobs.items()}
    if deployment.platform.delivery.mode is not DeliveryMode.APPLY:
        releases = (*deployment.helm_releases(), *deployment.observers())
        files |= {f"helm/{release.name}.yaml": release.to_yaml() for release in releases}
    if deployment.platform.monitoring.kind is MonitoringKind.MANAGED:
        # Grafana runs elsewhere, and people import the dashboard there.
        files["dashboard.json"] = dashboard_json(deployment.platform, deployment.workloads)
    return files


def waiting_warnings(deployment: Deployment, platform_file: str) -> tuple[str, ...]:
    """Nodes that the files leave out until a deployment has told where they stand; what CDK applies knows it itself."""
    if deployment.platform.delivery.mode is DeliveryMode.APPLY:
        return ()
    stacks = " ".join(f"{deployment.platform.name}-{unit}" for unit in ("capacity", "storage"))
    file = deployment.platform.outputs or "build/outputs.json"
    return tuple(
        f"{platform_file}: outputs: pool {pool} is in no file and its pods wait: its nodes stand in a placement group "
        f"whose name AWS chooses; run `cdk deploy {stacks} --outputs-file {file}`, set outputs to {file}, synthesize "
        "again"
        for pool in deployment.waiting_pools()
    )


def gitops_tree(deployment: Deployment) -> dict[str, str]:
    """What a GitOps tool reads from a repository; nothing where none does."""
    if deployment.platform.delivery.gitops is None:
        return {}
    releases = (*deployment.helm_releases(), *deployment.observers())
    found = gitops_objects(deployment.platform, rendered_objects(deployment), releases)
    return {name: to_yaml(objects) for name, objects in found.items()}


if __name__ == "__main__":
    sys.exit(main())
