"""The folder that is committed to the repository.

definitions/ cluster/ <namespace>/…    objects, for either tool
argo-cd/    applied once: kubectl apply -f argo-cd/
flux/       applied once: kubectl apply -f flux/
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ai_on_eks.aws.gitops import argo_cd, flux
from ai_on_eks.aws.gitops.parts import Json, Objects, parts_of
from ai_on_eks.aws.helm_release import HelmRelease
from ai_on_eks.descriptors.platform import Platform


def gitops_objects(
    platform: Platform, objects: Mapping[str, Objects], releases: Sequence[HelmRelease]
) -> dict[str, list[Json]]:
    """By file name, of a platform whose `delivery.gitops` is set."""
    gitops = platform.delivery.gitops
    if gitops is None:
        raise ValueError("the platform is not delivered by GitOps")
    parts = parts_of(objects, releases)
    files = {f"{part.name}/{name}": list(found) for part in parts for name, found in part.files.items()}
    for folder, of_tool in (
        (argo_cd.FOLDER, argo_cd.argo_cd_objects(platform, gitops, parts)),
        (flux.FOLDER, flux.flux_objects(platform, gitops, parts)),
    ):
        files |= {f"{folder}/{name}": found for name, found in of_tool.items()}
    return dict(sorted(files.items()))
