"""What is in the way of another Kubernetes version: the version itself, add-ons, charts, images of nodes, APIs.

    one step: the control plane goes up one minor version at a time, and never down
    fits:     the version's own list has it (catalog/data/versions.json, node_images.json, kubernetes_apis.json)
    charts:   those that this platform with these models and jobs installs, as its stacks or its GitOps tree would

All of it is offline: what EKS has published since the files' dates is not known here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ai_on_eks.aws.addon_specs import all_addons
from ai_on_eks.aws.platform_releases import Needs, helm_releases, observers
from ai_on_eks.catalog.kubernetes_apis import is_builtin_group, known_apis, newer_versions
from ai_on_eks.catalog.node_images import image_alias, image_kubernetes
from ai_on_eks.catalog.schedulers import scheduler_name, second_scheduler_tag
from ai_on_eks.catalog.versions import (
    check_kubernetes,
    kubectl_layer,
    mismatches,
    numbers,
)
from ai_on_eks.cli.checked import Checked
from ai_on_eks.cli.doctor.checks import Check, skipped
from ai_on_eks.cli.fine_tune_deployment import DeployedJobs
from ai_on_eks.cli.output import counted
from ai_on_eks.descriptors.platform import CapacityStrategy, DeliveryMode, Platform
from ai_on_eks.drift.rendered import read_objects
from ai_on_eks.errors import InputError, Problem
from ai_on_eks.placement.capacity import capacity_requests

PATH = "cluster.kubernetes_version"


def upgrade_checks(checked: Checked, jobs: DeployedJobs, target: str, manifests: Path) -> list[Check]:
    """Everything, in the order that an upgrade goes: control plane, add-ons, nodes, objects."""
    platform = checked.target.platform
    return [
        check_version(platform.cluster.kubernetes_version, target),
        _versions("add-ons", target, {spec.name: spec.version for spec in all_addons(platform)}),
        _versions("charts", target, _charts(checked, jobs)),
        check_kubectl_layer(platform, target),
        check_node_image(platform, target),
        check_second_scheduler(checked, target),
        check_apis(manifests, target),
    ]


def check_version(running: str, target: str) -> Check:
    """Whether EKS offers it, and whether it is the next one."""
    problems = list(_refused(lambda: check_kubernetes(target)))
    step = numbers(target)[1] - numbers(running)[1]
    if numbers(target)[0] != numbers(running)[0] or step < 1:
        message = f"the control plane runs {running}, and EKS takes it to no older version"
        problems.append(Problem("upgrade-backwards", message, path=PATH, value=target, fix="name a newer version"))
    elif step > 1:
        following = f"{numbers(running)[0]}.{numbers(running)[1] + 1}"
        message = f"the control plane goes up one minor version at a time, and {target} is {step} after {running}"
        fix = f"go to {following} first"
        problems.append(Problem("upgrade-skips-versions", message, path=PATH, value=target, fix=fix))
    return Check("control plane", f"{running} to {target}", tuple(problems))


def check_kubectl_layer(platform: Platform, target: str) -> Check:
    """The function that applies objects brings a kubectl of its own."""
    if platform.delivery.mode is not DeliveryMode.APPLY:
        return skipped("kubectl layer", "nothing is applied by a function")
    problems = _refused(lambda: kubectl_layer(target))
    found = "none near enough" if problems else f"kubectl {kubectl_layer(target).kubectl}"
    return Check("kubectl layer", found, problems)


def check_node_image(platform: Platform, target: str) -> Check:
    """Karpenter's nodes start from a pinned image, which each Kubernetes version has its own variant of."""
    if CapacityStrategy.KARPENTER not in platform.capacity.strategies:
        return Check("node images", "EKS chooses them; update each node group after the control plane")
    system = platform.capacity.operating_system
    alias, (oldest, newest) = image_alias(system), image_kubernetes(system)
    found = f"{alias}, for {oldest} to {newest}"
    if numbers(oldest) <= numbers(target) <= numbers(newest):
        return Check("node images", found)
    message = f"the image {alias} was published for Kubernetes {oldest} to {newest}"
    problem = Problem("node-image-too-old", message, path=PATH, value=target, fix="update ai-on-eks")
    return Check("node images", found, (problem,))


def check_second_scheduler(checked: Checked, target: str) -> Check:
    """Neuron devices need a scheduler of the cluster's own version."""
    pools = [pool for pool in checked.fleet.pools if scheduler_name(pool.instance_type) is not None]
    if not pools:
        return skipped("second scheduler", "no model needs one")
    return Check("second scheduler", counted(len(pools), "pool"), _refused(lambda: second_scheduler_tag(target)))


def check_apis(manifests: Path, target: str) -> Check:
    """Every rendered object against what the API server of that version serves by itself."""
    served = known_apis(target)
    if served is None:
        message = f"what Kubernetes {target} serves is not known here"
        problem = Problem("upgrade-unknown", message, path=PATH, value=target, fix="update ai-on-eks")
        return Check("APIs", "unknown", (problem,))
    if not manifests.is_dir():
        return skipped("APIs", f"no {manifests}; run make synth first")
    objects = read_objects(manifests)
    gone: dict[tuple[str, str], list[str]] = {}
    for identity in objects:
        kinds = served.get(identity.api_version, ())
        if identity.kind not in kinds and is_builtin_group(identity.api_version):
            gone.setdefault((identity.api_version, identity.kind), []).append(identity.name)
    problems = tuple(_gone(api, kind, names, target) for (api, kind), names in sorted(gone.items()))
    return Check("APIs", f"{counted(len(objects), 'rendered object')}", problems)


def _gone(api_version: str, kind: str, names: Sequence[str], target: str) -> Problem:
    others = newer_versions(api_version, kind, target)
    fix = f"render it as {others[-1]}" if others else "find out what takes its place"
    return Problem(
        "api-removed",
        f"Kubernetes {target} serves no {kind} of {api_version}, which {', '.join(sorted(names))} is",
        value=api_version,
        allowed=others,
        fix=fix,
    )


def _versions(name: str, target: str, installed: Mapping[str, str | None]) -> Check:
    return Check(name, ", ".join(sorted(installed)) or "none", tuple(mismatches(target, installed)))


def _charts(checked: Checked, jobs: DeployedJobs) -> dict[str, str | None]:
    image_bytes = {key: image.size_bytes for key, image in checked.images.items()}
    requests = (*capacity_requests(checked.fleet, image_bytes), *jobs.requests)
    needs = Needs(checked.target.platform, requests, checked.workloads, jobs.workloads)
    return {release.chart: release.version for release in (*helm_releases(needs), *observers(needs))}


def _refused(ask: Callable[[], object]) -> tuple[Problem, ...]:
    try:
        ask()
    except InputError as error:
        return error.problems
    return ()
