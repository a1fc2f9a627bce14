"""Workloads reduced to what monitoring reads of them."""

from __future__ import annotations

from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.descriptors.platform_network import Network
from ai_on_eks.serving.types import Workload

PLATFORM = Platform(name="demo", region="us-east-1", network=Network(availability_zones=("us-east-1a", "us-east-1b")))


def monitored(name: str, *, engine: str, usd_per_hour: float | None) -> Workload:
    return Workload(
        name=name,
        namespace="models",
        labels={},
        replicas=1,
        pod_spec={},
        config_maps={},
        port=8000,
        metrics_port=8000,
        metrics_path="/metrics",
        rollout={},
        service_account=name,
        priority=None,
        engine=engine,
        usd_per_hour=usd_per_hour,
        warnings=(),
    )
