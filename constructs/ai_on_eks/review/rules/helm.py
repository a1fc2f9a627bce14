"""Helm releases: versions, and exactly one owner of driver, toolkit and device plugin."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ai_on_eks.review.rules.assembly import HELM_TYPE, Assembly, Resource
from ai_on_eks.review.rules.rule import Rule
from ai_on_eks.review.rules.values import dig, items

LONGEST_TIMEOUT_S = 600
"""The kubectl function ends after 900 s; Helm has to give up before it, or the release stays pending."""

NVIDIA_PLUGIN = "nvidia-device-plugin"
NEURON_PLUGIN = "neuron-device-plugin"
NEURON_CHART = "neuron-helm-chart"
NVIDIA_CLAIMS = "dra-driver-nvidia-gpu"
"""Hands out GPUs by claim, beside a device plugin that hands out the same ones by number."""
OPERATOR = "gpu-operator"

NEURON_CHART_SCHEDULER = "v1.31.12-eks-1-31-30"
"""Tag of the second scheduler where the values name none (neuron-helm-chart 1.10.0, 2026-09)."""

EFA_CLASH = ("0.19.0", "0.19.1", "0.19.2")
"""They mount all of /dev/infiniband by default (EKS user guide, device-management-efa)."""


def _chart(release: Resource) -> str:
    chart = release.get("Chart")
    return chart.rsplit("/", 1)[-1] if isinstance(chart, str) else ""


def _values(release: Resource) -> Mapping[str, Any]:
    """The values given; empty where they are not known."""
    values = release.get("Values")
    if isinstance(values, str):
        try:
            values = json.loads(values)
        except ValueError:
            return {}
    return values if isinstance(values, dict) else {}


def _on(values: Mapping[str, Any], part: str, *, default: bool) -> bool:
    given = dig(values, part, "enabled")
    return default if given is None else given in (True, "true")


def _nvidia_images(assembly: Assembly, prefix: str = "") -> list[str]:
    """AMI types of the assembly's node groups that bring the NVIDIA driver."""
    images = [group.get("AmiType") for group in assembly.of_type("AWS::EKS::Nodegroup")]
    return sorted({one for one in images if isinstance(one, str) and "NVIDIA" in one and one.startswith(prefix)})


def _auto_mode(assembly: Assembly) -> bool:
    return any(one.get("ComputeConfig", "Enabled") in (True, "true") for one in assembly.of_type("AWS::EKS::Cluster"))


def _version(release: Resource) -> Iterator[str]:
    version = release.get("Version")
    if version is None:
        yield f"{_chart(release)} would be installed in whatever version is newest"
    elif isinstance(version, str) and any(mark in version for mark in "^~*><"):
        yield f"{_chart(release)} has the range {version} for a version"


def _timeout(release: Resource) -> Iterator[str]:
    timeout = release.get("Timeout")
    if (
        isinstance(timeout, str)
        and timeout.endswith("s")
        and timeout[:-1].isdigit()
        and int(timeout[:-1]) > LONGEST_TIMEOUT_S
    ):
        yield f"waits {timeout}, the function that runs Helm ends after 900s"


def _two_drivers(release: Resource) -> Iterator[str]:
    images = _nvidia_images(release.template.assembly)
    if _chart(release) != OPERATOR or not images:
        return
    for part in ("driver", "toolkit"):
        if _on(_values(release), part, default=True):
            yield f"{part} belongs to the operator and to the image {images[0]}"


def _two_plugins(release: Resource) -> Iterator[str]:
    if release is not _first_owner(release.template.assembly):
        others = [one for one in _plugin_owners(release.template.assembly) if one is not release]
        if _owns_plugin(release) and others:
            yield f"the NVIDIA device plugin is also in {_chart(others[0])} ({others[0].name})"


def _owns_plugin(release: Resource) -> bool:
    if _chart(release) == OPERATOR:
        return _on(_values(release), "devicePlugin", default=True)
    return _chart(release) in (NVIDIA_PLUGIN, NVIDIA_CLAIMS)


def _plugin_owners(assembly: Assembly) -> list[Resource]:
    return [one for one in assembly.of_type(HELM_TYPE) if _owns_plugin(one)]


def _first_owner(assembly: Assembly) -> Resource | None:
    return next(iter(_plugin_owners(assembly)), None)


def _plugin_of_image(release: Resource) -> Iterator[str]:
    assembly = release.template.assembly
    bottlerocket = _nvidia_images(assembly, "BOTTLEROCKET")
    if not _owns_plugin(release):
        return
    if bottlerocket and bottlerocket == _nvidia_images(assembly):
        yield f"the device plugin belongs to the image {bottlerocket[0]} already"
    if _auto_mode(assembly) and not _nvidia_images(assembly):
        yield "the device plugin belongs to Auto Mode already"


def _mig_of_image(release: Resource) -> Iterator[str]:
    images = _nvidia_images(release.template.assembly)
    if _chart(release) != OPERATOR or not images or any(not one.startswith("BOTTLEROCKET") for one in images):
        return
    if _on(_values(release), "migManager", default=True):
        yield f"the MIG manager belongs to the operator and to the image {images[0]}"


def _neuron_twice(release: Resource) -> Iterator[str]:
    assembly = release.template.assembly
    owners = [one.name for one in assembly.of_type(HELM_TYPE) if _owns_neuron(one)]
    objects = [one.name for one in assembly.of_kind("DaemonSet") if _runs_neuron_plugin(one.get("spec"))]
    if _owns_neuron(release) and (objects or owners[0] != release.name):
        yield f"the Neuron device plugin is also in {objects[0] if objects else owners[0]}"


def _owns_neuron(release: Resource) -> bool:
    if _chart(release) == NEURON_CHART:
        return _on(_values(release), "devicePlugin", default=True)
    return _chart(release) == NEURON_PLUGIN


def _runs_neuron_plugin(spec: Any) -> bool:
    containers = items(dig(spec, "template", "spec", "containers"))
    return any(NEURON_PLUGIN in str(dig(one, "image")) for one in containers)


def _scheduler_version(release: Resource) -> Iterator[str]:
    """The scheduler may be one minor version older than the API server; the cluster may stand elsewhere."""
    values = _values(release)
    if _chart(release) != NEURON_CHART or not _on(values, "scheduler", default=False):
        return
    tag = dig(values, "scheduler", "customScheduler", "image", "tag") or NEURON_CHART_SCHEDULER
    minor = _minor(tag)
    for cluster in release.template.assembly.of_type("AWS::EKS::Cluster"):
        version = _minor(cluster.get("Version"))
        if minor is not None and version is not None and not 0 <= version - minor <= 1:
            yield f"kube-scheduler {tag} for Kubernetes {cluster.get('Version')}"


def _minor(version: Any) -> int | None:
    found = re.match(r"v?1\.(\d+)", version) if isinstance(version, str) else None
    return int(found[1]) if found else None


def _clashing_plugin(release: Resource) -> Iterator[str]:
    version = release.get("Version")
    if _chart(release) == NVIDIA_PLUGIN and isinstance(version, str) and version.removeprefix("v") in EFA_CLASH:
        yield f"{version} takes /dev/infiniband from the EFA plugin"


_RELEASE = (HELM_TYPE,)

RULES = (
    Rule(
        "helm-version-missing", _RELEASE, "a Helm release without an exact version",
        "The same template installs something else next week.", "set Version", _version,
    ),
    Rule(
        "helm-timeout", _RELEASE, "a release that waits longer than the function that installs it",
        "The function dies first and the release stays pending-install.", "wait at most 600 seconds", _timeout,
    ),
    Rule(
        "gpu-driver-twice", _RELEASE, "the GPU operator installs what the machine image has",
        "Two drivers or toolkits on one node: containers do not start.",
        "set driver.enabled and toolkit.enabled to false", _two_drivers,
    ),
    Rule(
        "gpu-plugin-twice", _RELEASE, "two releases with the NVIDIA device plugin",
        "Both advertise the same devices and two pods get one GPU.", "turn one of the two off", _two_plugins,
    ),
    Rule(
        "gpu-plugin-built-in", _RELEASE, "a device plugin for nodes that have one built in",
        "Bottlerocket's NVIDIA images and Auto Mode run their own.", "set devicePlugin.enabled to false",
        _plugin_of_image,
    ),
    Rule(
        "gpu-mig-built-in", _RELEASE, "the GPU operator divides GPUs that the machine image divides",
        "Bottlerocket divides them at boot by its settings, and the two undo each other.",
        "set migManager.enabled to false", _mig_of_image,
    ),
    Rule(
        "gpu-plugin-efa-clash", _RELEASE, "a device plugin release that takes the EFA devices",
        "Pods see adapters that the EFA plugin gave to others.", "use 0.19.3 or later", _clashing_plugin,
    ),
    Rule(
        "neuron-plugin-twice", _RELEASE, "two owners of the Neuron device plugin",
        "Both advertise the same cores. CDK's own node groups add an old one unasked.", "remove one of the two",
        _neuron_twice,
    ),
    Rule(
        "neuron-scheduler-version", _RELEASE, "a second scheduler of another Kubernetes version than the cluster",
        "The Neuron chart brings 1.31 unless told otherwise; a scheduler may be one minor version older, never newer.",
        "set scheduler.customScheduler.image.tag to one of the cluster's version", _scheduler_version,
    ),
)  # fmt: skip
