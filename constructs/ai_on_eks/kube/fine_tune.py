"""The objects of fine-tuning jobs as files."""

from __future__ import annotations

from collections.abc import Sequence

from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.kube.objects.fine_tune import fine_tune_manifests, queue_manifests
from ai_on_eks.kube.yaml_text import to_yaml
from ai_on_eks.serving.fine_tune import FineTuneWorkload
from ai_on_eks.serving.storage import StorageAddresses
from ai_on_eks.serving.types import Json

QUEUES_FILE = "queues.yaml"


def render_fine_tunes(
    workloads: Sequence[FineTuneWorkload], platform: Platform, addresses: StorageAddresses
) -> dict[str, str]:
    """YAML text by file name: `queues.yaml`, then one file a job. The queues are those of these jobs together."""
    return {name: to_yaml(objects) for name, objects in fine_tune_objects(workloads, platform, addresses).items()}


def fine_tune_objects(
    workloads: Sequence[FineTuneWorkload], platform: Platform, addresses: StorageAddresses
) -> dict[str, list[Json]]:
    """The same as data; empty without a job."""
    ordered = sorted(workloads, key=lambda one: one.name)
    if not ordered:
        return {}
    objects = {QUEUES_FILE: [*queue_manifests(platform, ordered).values()]}
    return objects | {f"{one.name}.yaml": [*fine_tune_manifests(one, addresses).values()] for one in ordered}
