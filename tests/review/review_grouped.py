"""A model of ours whose replica spans nodes. All good."""

from __future__ import annotations

import yaml
from review_sample import Sample
from review_samples import TESTS, ours

SNAPSHOT = TESTS / "k8s" / "engine_snapshots" / "deepseek-r1-on-two-nodes.yaml"


def grouped() -> Sample:
    """A leader and a worker with accelerators and adapters each."""
    objects = list(yaml.safe_load_all(SNAPSHOT.read_text(encoding="utf-8")))
    return Sample({}, {"platform.yaml": ours().objects["platform.yaml"], SNAPSHOT.name: objects})
