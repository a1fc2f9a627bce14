"""The objects of fine-tuning jobs as files."""

from __future__ import annotations

from collections.abc import Sequence

from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.kube.objects.fine_tune import fine_tune_manifests, queue_manifests
from ai_on_eks.kube.yaml_text import to_yaml
from ai_on_eks.serving.fine_tune import FineTuneWorkload

QUEUES_FILE = "queues.yaml"


def render_fine_tunes(workloads: Sequence[FineTuneWorkload], platform: Platform) -> dict[str, str]:
    """YAML text by file name: `queues.yaml`, then one file a job. The queues are those of these jobs together."""
    ordered = sorted(workloads, key=lambda one: one.name)
    files = {QUEUES_FILE: to_yaml([*queue_manifests(platform, ordered).values()])}
    files |= {f"{one.name}.yaml": to_yaml([*fine_tune_manifests(one).values()]) for one in ordered}
    return files
