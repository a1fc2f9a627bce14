"""Planned models of ours behind a load balancer, and behind a gateway in pods. All good."""

from __future__ import annotations

import yaml
from review_sample import Sample
from review_samples import TESTS

SNAPSHOTS = TESTS / "k8s" / "traffic_snapshots"


def behind_load_balancer() -> Sample:
    """With a router before its replicas, and tokens."""
    return _read("internal-alb")


def behind_existing_gateway() -> Sample:
    """By a pool, for a model that may sleep. The Gateway is somebody else's."""
    return _read("existing")


def _read(case: str) -> Sample:
    objects = {
        path.name: list(yaml.safe_load_all(path.read_text(encoding="utf-8")))
        for path in sorted((SNAPSHOTS / case).glob("*.yaml"))
    }
    return Sample({}, objects)
