"""Qdrant by its publisher's chart: the vector database beside embedding models, where the platform file asks for one.

Its pods are as Pod Security's `restricted` wants them, on the nodes of cluster services. Two things are not as strict
as elsewhere here: the token of its service account, which may do nothing, is mounted, since the chart has no value for
it (qdrant-helm issue 506), and callers need no key; network policies name them (`kube.objects.vector_policies`).
"""

from __future__ import annotations

from collections.abc import Iterator

from ai_on_eks.aws.helm_release import HelmRelease, Json, pinned_release
from ai_on_eks.catalog.daemonsets import reserved_by_daemonsets
from ai_on_eks.catalog.taints import ROLE_LABEL, SYSTEM_ROLE
from ai_on_eks.catalog.types import InstanceType
from ai_on_eks.descriptors.platform import CapacityStrategy, Platform
from ai_on_eks.descriptors.platform_vectors import VectorDatabase
from ai_on_eks.errors import InputError, Problem
from ai_on_eks.serving.quantities import bytes_quantity
from ai_on_eks.serving.vectors import API_PORT, NAME, NAMESPACE, PEER_PORT, RPC_PORT, VECTOR_CLASS
from ai_on_eks.sizing.vectors import VectorDemand, vector_demand
from ai_on_eks.units import GIB, ceil_div

NAMESPACE_LABELS = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("audit", "enforce", "warn")}

USER_ID = 1000
"""Of the image whose tag ends in `-unprivileged` (qdrant/qdrant, Dockerfile)."""

CPU_MILLICORES = 500
"""Assumption: a search among a million vectors takes milliseconds of one core; more is taken where it is free."""

CLUSTER_SERVICES_BYTES = 2 * GIB
"""Assumption: what DNS, operators and controllers ask for of one node of theirs."""


def demand(wanted: VectorDatabase) -> VectorDemand:
    """What each pod needs."""
    return vector_demand(
        documents=wanted.documents,
        dimensions=wanted.dimensions,
        document_bytes=wanted.document_bytes,
        copies=wanted.copies,
        pods=wanted.pods,
    )


def releases(platform: Platform) -> tuple[HelmRelease, ...]:
    """The chart at its pinned version; none where the platform file asks for no vector database."""
    wanted = platform.vector_database
    if wanted is None:
        return ()
    return (
        pinned_release(
            NAME,
            namespace=NAMESPACE,
            namespace_labels=NAMESPACE_LABELS,
            values=values(wanted, platform.capacity.strategy),
        ),
    )


def check_room(platform: Platform, system_type: InstanceType) -> None:
    """Raise InputError where the nodes of cluster services do not hold the pods. Auto Mode starts what pods need."""
    wanted = platform.vector_database
    if wanted is None or platform.capacity.strategy is CapacityStrategy.AUTO_MODE:
        return
    problems = [*_shortage(wanted, platform, system_type)]
    if problems:
        raise InputError(problems)


def _shortage(wanted: VectorDatabase, platform: Platform, system_type: InstanceType) -> Iterator[Problem]:
    nodes = platform.capacity.system_nodes.count
    together = ceil_div(wanted.pods, nodes)
    needed = together * demand(wanted).memory_bytes
    _, reserved = reserved_by_daemonsets(system_type)
    free = system_type.allocatable_memory_bytes - reserved - CLUSTER_SERVICES_BYTES
    if needed <= free:
        return
    yield Problem(
        code="vector-database-too-large",
        message=f"its pods need {needed / GIB:.1f} GiB on a node of cluster services ({together} on each), and "
        f"{system_type.name} has {max(0, free) / GIB:.1f} GiB free",
        path="vector_database.documents",
        value=wanted.documents,
        fix="set capacity.system_nodes.instance_type to a type with more memory (r7i.xlarge to r7i.48xlarge), or "
        "raise vector_database.pods with capacity.system_nodes.count",
    )


def values(wanted: VectorDatabase, strategy: CapacityStrategy) -> Json:
    """The chart's values."""
    needs = demand(wanted)
    memory = bytes_quantity(needs.memory_bytes)
    volume = {"accessModes": ["ReadWriteOnce"], "size": f"{needs.disk_gib}Gi", "storageClassName": VECTOR_CLASS}
    several = wanted.pods > 1
    return {
        "replicaCount": wanted.pods,
        "fullnameOverride": NAME,
        "image": {"pullPolicy": "IfNotPresent", "useUnprivilegedImage": True},
        "config": {
            "cluster": {"enabled": several, "p2p": {"port": PEER_PORT}},
            "storage": {"collection": {"replication_factor": wanted.copies}},
            "telemetry_disabled": True,
        },
        "resources": {
            "requests": {"cpu": f"{CPU_MILLICORES}m", "memory": memory},
            "limits": {"memory": memory},
        },
        "persistence": volume,
        # Otherwise snapshots would fill the node's disk. As large as the data, as the chart's own values advise.
        "snapshotPersistence": {"enabled": True, **volume},
        # The volumes are given to the group when they are mounted, and not by a container that runs as root.
        "updateVolumeFsOwnership": False,
        "podSecurityContext": {
            "fsGroup": USER_ID,
            "fsGroupChangePolicy": "OnRootMismatch",
            "runAsNonRoot": True,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containerSecurityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "privileged": False,
            "readOnlyRootFilesystem": True,
            "runAsGroup": USER_ID,
            "runAsNonRoot": True,
            "runAsUser": USER_ID,
        },
        "livenessProbe": {"enabled": True, "timeoutSeconds": 5},
        "startupProbe": {"enabled": True, "failureThreshold": 180},
        "podDisruptionBudget": {"enabled": several, "maxUnavailable": 1},
        "topologySpreadConstraints": [_spread("kubernetes.io/hostname")] if several else [],
        **({} if strategy is CapacityStrategy.AUTO_MODE else {"nodeSelector": {ROLE_LABEL: SYSTEM_ROLE}}),
        "service": {
            "type": "ClusterIP",
            "ports": [_port("http", API_PORT, checked=True), _port("grpc", RPC_PORT), _port("p2p", PEER_PORT)],
        },
    }


def _spread(key: str) -> Json:
    selector = {"matchLabels": {"app.kubernetes.io/name": NAME}}
    return {"maxSkew": 1, "topologyKey": key, "whenUnsatisfiable": "DoNotSchedule", "labelSelector": selector}


def _port(name: str, number: int, *, checked: bool = False) -> Json:
    return {"name": name, "port": number, "targetPort": number, "protocol": "TCP", "checksEnabled": checked}
