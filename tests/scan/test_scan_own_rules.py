"""What is rendered beside the matrix passes our own rules, as the matrix does (tests/matrix)."""

from __future__ import annotations

import pytest
from scan_checkov import scanned
from scan_objects import beside_the_matrix

from ai_on_eks.review.rules.acknowledged import ACKNOWLEDGED
from ai_on_eks.review.rules.assembly import read_assembly
from ai_on_eks.review.rules.checking import findings


@pytest.mark.parametrize("name", beside_the_matrix())
def test_our_own_rules_find_nothing(name: str) -> None:
    assert findings(read_assembly({}, beside_the_matrix()[name]), ACKNOWLEDGED) == ()


def test_jobs_gateways_training_and_monitors_are_among_them() -> None:
    kinds = {one.kind for one in scanned(beside_the_matrix().items())}
    assert kinds >= {
        "DaemonSet neuron-monitor", "Deployment model", "Deployment router", "Job compile", "Job sync", "JobSet node",
        "LeaderWorkerSet leader", "LeaderWorkerSet worker", "RayService head", "RayService workers",
    }  # fmt: skip
