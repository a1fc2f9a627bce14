"""vLLM 0.26 on Ray Serve 2.58: an OpenAI-compatible server whose replicas and ranks Ray places.

What vLLM is started with stands in the cluster's own object (`serving.ray_cluster`), and KubeRay writes the command of
every pod: `ray start`. So a pod has no arguments here. Requests come by the proxy of the first pod, the head.
"""

from __future__ import annotations

from collections.abc import Mapping

from ai_on_eks.errors import Problem
from ai_on_eks.serving.engines import vllm
from ai_on_eks.serving.local_files import fetch_folder, files_and_cache, hub_problems
from ai_on_eks.serving.replica import Ports, Probes, Replica, Volume
from ai_on_eks.serving.startup import image_seconds, readiness

PORTS = Ports(http=8000, metrics=8080, metrics_path="/metrics")
"""Ray Serve's proxy, and the agent of each node of Ray (KubeRay's defaults, ray-operator/controllers/ray/utils)."""

SHUTDOWN_SECONDS = 0
"""`ray start --block` ends its processes at SIGTERM; running requests end before."""

HEALTH = "/api/gcs_healthz"
"""Of the head's dashboard: KubeRay hands the model over only to a head that is ready, so it cannot wait for that."""

LOG_FILE_BYTES = 64 * 1024 * 1024
LOG_FILES = 2
"""Of every process. Ray's own 512 MiB and five would fill the disk that was sized."""


def problems(replica: Replica) -> tuple[Problem, ...]:
    """Weights come as files."""
    return hub_problems(replica)


def command(replica: Replica) -> tuple[str, ...]:
    """KubeRay writes it."""
    return ()


def arguments(replica: Replica) -> tuple[str, ...]:
    """KubeRay writes them."""
    return ()


def environment(replica: Replica) -> Mapping[str, str]:
    """As vLLM: the processes of Ray hand theirs on to those that they start."""
    return {
        **vllm.environment(replica),
        "RAY_ROTATION_BACKUP_COUNT": str(LOG_FILES),
        "RAY_ROTATION_MAX_BYTES": str(LOG_FILE_BYTES),
        "RAY_USAGE_STATS_ENABLED": "0",
    }


def probes(replica: Replica) -> Probes:
    """The model itself is watched by Serve, and KubeRay labels the head once it may be called."""
    joining = 0.0 if replica.placement.nodes_per_replica == 1 else image_seconds(replica)
    start = readiness(replica, is_staged=replica.reads_model_store, joining_seconds=joining)
    return Probes(startup=HEALTH, readiness=HEALTH, liveness=HEALTH, start=start)


def volumes(replica: Replica) -> tuple[Volume, ...]:
    """The model's files, and a cache for everything that is compiled."""
    return files_and_cache(replica, vllm.CACHE_DIRECTORY)


def fetch(replica: Replica) -> tuple[str, ...]:
    """The folder without other formats."""
    return fetch_folder(replica)


def config_maps(replica: Replica) -> Mapping[str, Mapping[str, str]]:
    """Everything is in the cluster's object."""
    return {}
