"""How long a pod may take to start, exactly."""

from __future__ import annotations

from typing import Any

import pytest

from ai_on_eks.kube.objects.startup import progress_deadline_seconds, startup_budget_seconds


def _container(**probe: int) -> dict[str, Any]:
    return {"startupProbe": probe}


@pytest.mark.parametrize(
    ("pod_spec", "seconds"),
    [
        pytest.param({"containers": [{}]}, 0, id="no probe"),
        pytest.param({"containers": [_container()]}, 30, id="Kubernetes' defaults: 3 × 10 s"),
        pytest.param({"containers": [_container(periodSeconds=5, failureThreshold=120)]}, 600, id="period × threshold"),
        pytest.param({"containers": [_container(initialDelaySeconds=60, failureThreshold=1)]}, 70, id="delay counts"),
        pytest.param({"containers": [_container(), _container(failureThreshold=9)]}, 90, id="they start together"),
        pytest.param(
            {"containers": [_container()], "initContainers": [{**_container(), "restartPolicy": "Always"}] * 2},
            90,
            id="sidecars start one after the other",
        ),
        pytest.param({"containers": [{}], "initContainers": [_container()]}, 0, id="init containers have none"),
    ],
)
def test_startup_budget(pod_spec: dict[str, Any], seconds: int) -> None:
    assert startup_budget_seconds(pod_spec) == seconds
    assert progress_deadline_seconds(pod_spec) == seconds + 600
