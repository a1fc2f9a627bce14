"""What a project rests on and what gets old: prices, images, the machine image and what is in it, Kubernetes."""

from __future__ import annotations

from datetime import date, timedelta

from ai_on_eks.catalog.node_images import image_alias, image_released
from ai_on_eks.catalog.toolchain import toolchain
from ai_on_eks.catalog.versions import kubernetes_versions, numbers, standard_support_ends
from ai_on_eks.cli.ageing import stale_catalogue, stale_prices
from ai_on_eks.cli.checked import Checked
from ai_on_eks.cli.doctor.checks import Check, skipped
from ai_on_eks.cli.doctor.node_software import check_node_software
from ai_on_eks.cli.findings import unknown_zones, unpinned_images, unpinned_revisions, without_placement
from ai_on_eks.cli.output import counted
from ai_on_eks.descriptors.platform import CapacityStrategy, Platform
from ai_on_eks.errors import Problem

SUPPORT_WARNING = timedelta(days=60)
"""Before a Kubernetes version leaves standard support: an upgrade is planned, tried and rolled out in about that."""


def check_project(checked: Checked, on: date) -> list[Check]:
    """Everything that the files of a project tell without asking anybody."""
    plans, catalog, platform = checked.plans, checked.target.catalog, checked.target.platform
    dates = sorted({plan.chosen.price.date for plan in plans if plan.chosen is not None and plan.chosen.price})
    oldest = min(part.date for part in catalog.snapshot.values())
    placed = sum(plan.chosen is not None for plan in plans)
    return [
        Check(
            "plan",
            f"{placed} of {counted(len(plans), 'model')} placed",
            (*unknown_zones(checked.target), *without_placement(checked.models, plans)),
        ),
        Check("prices", f"of {', '.join(dates) or 'no chosen type'}", tuple(stale_prices(plans, on))),
        Check(
            "catalogue",
            f"{counted(len(catalog.snapshot), 'part')}, the oldest of {oldest}",
            tuple(stale_catalogue(catalog, on)),
        ),
        Check(
            "images",
            f"{counted(len(checked.used), 'image')} that pods run",
            tuple(unpinned_images(checked.used, checked.images_file)),
        ),
        Check("weights", counted(len(checked.models), "model"), tuple(unpinned_revisions(checked.models))),
        check_machine_image(platform, on),
        check_node_software(checked),
        check_kubernetes_support(platform, checked.target.file, on),
    ]


def check_machine_image(platform: Platform, on: date) -> Check:
    """Where this package and not EKS chooses the version of the nodes' image."""
    if CapacityStrategy.KARPENTER not in platform.capacity.strategies:
        return skipped("machine image", "EKS chooses it when it makes a node group, and keeps it")
    system = platform.capacity.operating_system
    alias, days = image_alias(system), (on - image_released(system)).days
    most = toolchain().image_days
    problem = Problem(
        "stale-machine-image",
        f"the nodes' image {alias} is {days} days old, more than {most}",
        value=alias,
        fix="update ai-on-eks",
    )
    return Check("machine image", f"{alias}, {days} days old", (problem,) if days > most else ())


def check_kubernetes_support(platform: Platform, file: str | None, on: date) -> Check:
    """Afterwards its control plane costs more, and at the end of extended support EKS upgrades it unasked."""
    running = platform.cluster.kubernetes_version
    announced = standard_support_ends(running)
    if announced is None:
        return Check("kubernetes", f"{running}, the end of its standard support is not announced")
    ends = date.fromisoformat(announced)
    newest = max(kubernetes_versions(), key=numbers)
    problem = Problem(
        "kubernetes-support-ends",
        f"EKS standard support of Kubernetes {running} ends on {ends}",
        file=file,
        path="cluster.kubernetes_version",
        value=running,
        fix=f"ai-on-eks validate --upgrade-to {newest}",
    )
    return Check("kubernetes", f"{running}, until {ends}", (problem,) if ends - on <= SUPPORT_WARNING else ())
