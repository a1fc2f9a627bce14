"""A fine-tuning job of ours over several nodes, with its queues, as it is rendered."""

from __future__ import annotations

import copy
from functools import cache
from pathlib import Path

from review_sample import Sample
from review_samples import ours

from ai_on_eks.catalog.loading import load_catalog
from ai_on_eks.descriptors.fine_tune_loading import load_fine_tune
from ai_on_eks.descriptors.loading import load_platform
from ai_on_eks.kube.fine_tune import fine_tune_objects
from ai_on_eks.placement.training import plan_training
from ai_on_eks.serving.fine_tune import build_fine_tune
from ai_on_eks.serving.images import load_images
from ai_on_eks.serving.storage import UNKNOWN

ROOT = Path(__file__).resolve().parents[2]


@cache
def _jobs() -> Sample:
    loaded = load_fine_tune(ROOT / "docs" / "examples" / "fine-tune" / "llama-70b-full.yaml")
    wanted = loaded.job.constraints.model_copy(update={"instance_families": ("p5",)})
    platform = load_platform(ROOT / "platform.yaml")
    job = loaded.job.model_copy(update={"constraints": wanted})
    plan = plan_training(job, loaded.inventory, load_catalog(platform.region), platform)
    workload = build_fine_tune(plan, loaded.descriptor, platform, load_images(None))
    objects = fine_tune_objects([workload], platform, UNKNOWN)
    return Sample({}, {"platform.yaml": ours().objects["platform.yaml"], **objects})


def jobs() -> Sample:
    """A fine-tuning job of ours over several nodes, with its queues."""
    return copy.deepcopy(_jobs())
