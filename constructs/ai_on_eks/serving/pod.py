"""The PodSpec of one replica: the only place that knows Kubernetes' wire format.

It holds the `restricted` Pod Security Standard with a read-only root file system on top; everything that is written
lies on a volume with a size limit. No command goes through a shell, and no credential is in an environment variable.
"""

from __future__ import annotations

from msgspec.structs import replace

from ai_on_eks.catalog.taints import CAPACITY_LABEL, taint_key
from ai_on_eks.serving.claims import CLAIM
from ai_on_eks.serving.fabric import adapters, fabric_resources, group_environment
from ai_on_eks.serving.ownership import NAME_LABEL
from ai_on_eks.serving.pod_parts import container_security, environment, mount_entry, pod_security, volume_entry
from ai_on_eks.serving.quantities import bytes_quantity, cpu_quantity
from ai_on_eks.serving.replica import (
    ClaimedFiles,
    EmptyDirectory,
    EngineParts,
    Ports,
    Probes,
    Replica,
    Volume,
)
from ai_on_eks.serving.startup import PERIOD_SECONDS, failure_threshold
from ai_on_eks.serving.types import ImageReference, Json
from ai_on_eks.serving.weights import (
    WEIGHTS_DIRECTORY,
)
from ai_on_eks.units import GIB

DRAIN_SECONDS = 15
"""Between the order to stop and SIGTERM: until every node has taken the pod out of its Service."""
REQUEST_SECONDS = 45
"""Running requests get this long: in the engine where it waits for them, else before it is told to stop."""
EXIT_SECONDS = 15
"""From the last answer to the end of the process; SIGKILL comes after it."""

PROBE_TIMEOUT_SECONDS = 5
"""Kubernetes' default of 1 s fails servers that are busy with a long prompt."""

FETCH_MEMORY_BYTES = GIB
"""The AWS CLI with its ten parallel transfers stays far below; the rest is page cache."""
FETCH_MILLICORES = 500

INSTANCE_TYPE_LABEL = "node.kubernetes.io/instance-type"
HOSTNAME_LABEL = "kubernetes.io/hostname"
GROUP_INDEX_LABEL = "leaderworkerset.sigs.k8s.io/group-index"
"""On every pod of a replica that spans nodes, set by the controller: the number of the replica."""
ZONE_LABEL = "topology.kubernetes.io/zone"

PRIORITY_CLASS_PREFIX = "ai-on-eks-share"

MAIN_CONTAINER = "engine"
FETCH_CONTAINER = "weights-fetch"
PROGRAMS_CONTAINER = "programs-copy"


def pod_spec(replica: Replica, parts: EngineParts, fetch_image: ImageReference, service_account: str) -> Json:
    """PodSpec v1 of one replica, as plain data in wire spelling."""
    volumes = (*parts.volumes, *_common_volumes(replica))
    spec: Json = {
        "serviceAccountName": service_account,
        "automountServiceAccountToken": False,
        # Otherwise a Service called `vllm` would set VLLM_PORT=tcp://… and stop vLLM from starting.
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": DRAIN_SECONDS + max(REQUEST_SECONDS, parts.shutdown_seconds) + EXIT_SECONDS,
        "securityContext": pod_security(replica.image.user_id),
        "affinity": _affinity(replica),
        "containers": [_main_container(replica, parts, volumes)],
        "volumes": [volume_entry(volume) for volume in volumes],
    }
    copied = [
        *([_fetch_container(replica, parts, volumes, fetch_image)] if parts.fetch else []),
        *([programs_container(replica, parts, parts.programs, fetch_image)] if parts.programs else []),
    ]
    if copied:
        spec["initContainers"] = copied
    spec["tolerations"] = _tolerations(replica)
    if replica.claims_devices:
        spec["resourceClaims"] = [{"name": CLAIM, "resourceClaimTemplateName": replica.name}]
    if replica.scheduler is not None:
        spec["schedulerName"] = replica.scheduler
    if replica.seat.priority is not None:
        spec["priorityClassName"] = priority_class_name(replica.seat.priority)
    if replica.most_replicas > 1 and replica.placement.nodes_per_replica == 1:
        spec["topologySpreadConstraints"] = [_spread(replica, key) for key in (ZONE_LABEL, HOSTNAME_LABEL)]
    return spec


def priority_class_name(share: int) -> str:
    """The class of replicas that take so much of a node."""
    return f"{PRIORITY_CLASS_PREFIX}-{share}"


def _main_container(replica: Replica, parts: EngineParts, volumes: tuple[Volume, ...]) -> Json:
    command = {"command": list(parts.command)} if parts.command else {}
    started_in = next((volume.mount_path for volume in volumes if volume.working_directory), None)
    placement = replica.placement
    group = group_environment(placement.instance_type, placement.nodes_per_replica)
    return {
        "name": MAIN_CONTAINER,
        "image": replica.image.reference,
        "imagePullPolicy": "IfNotPresent",
        **command,
        **({"workingDir": started_in} if started_in else {}),
        "args": list(parts.arguments),
        "env": environment(parts.arguments, {**parts.environment, **group}),
        **({} if replica.is_worker else {"ports": _ports(parts.ports)}),
        "resources": _resources(replica),
        "volumeMounts": [mount_entry(volume, read_only=volume.read_only) for volume in volumes],
        "securityContext": container_security(),
        "lifecycle": {"preStop": {"sleep": {"seconds": _sleep_seconds(replica, parts)}}},
        **({} if replica.is_worker else _probes(parts.probes)),
    }


def _sleep_seconds(replica: Replica, parts: EngineParts) -> int:
    """A pod that is stopping gets no new requests after the drain; those it has may end in what is left. Workers stay
    until their leader has ended them."""
    waits = 0 if replica.is_worker else parts.shutdown_seconds
    return DRAIN_SECONDS + max(0, REQUEST_SECONDS - waits)


def _fetch_container(replica: Replica, parts: EngineParts, volumes: tuple[Volume, ...], image: ImageReference) -> Json:
    """Copies the weights from the model store."""
    written = [_whole(volume) for volume in volumes if volume.fetched or volume.name == "tmp"]
    return _copy_container(replica, FETCH_CONTAINER, parts.fetch, written, image)


def programs_container(replica: Replica, parts: EngineParts, arguments: tuple[str, ...], image: ImageReference) -> Json:
    """Copies compiled programs between the model store and the folder where the engine looks for them. Where there are
    none it copies none."""
    mounted = [
        volume
        for volume in (*parts.volumes, *_common_volumes(replica))
        if volume.name == "tmp" or any(one.startswith(f"{volume.mount_path}/") for one in arguments)
    ]
    return _copy_container(replica, PROGRAMS_CONTAINER, arguments, mounted, image)


def _copy_container(
    replica: Replica, name: str, arguments: tuple[str, ...], mounted: list[Volume], image: ImageReference
) -> Json:
    """Copies between the model store and volumes; its requests stay below the engine's, so it never decides
    scheduling."""
    memory = bytes_quantity(min(FETCH_MEMORY_BYTES, replica.placement.memory.host.memory_bytes))
    millicores = min(FETCH_MILLICORES, replica.placement.cpu_request_millicores)
    return {
        "name": name,
        "image": image.reference,
        "imagePullPolicy": "IfNotPresent",
        "args": list(arguments),
        "env": environment(arguments, {"AWS_REGION": replica.region, "HOME": "/tmp"}),  # noqa: S108 - an emptyDir
        "resources": {"requests": {"cpu": cpu_quantity(millicores), "memory": memory}, "limits": {"memory": memory}},
        "volumeMounts": [mount_entry(volume, read_only=False) for volume in mounted],
        "securityContext": container_security(),
    }


def _whole(volume: Volume) -> Volume:
    """A model's volume with all of its folder, of which the engine may be shown one file."""
    if isinstance(volume.source, ClaimedFiles):
        return replace(volume, mount_path=WEIGHTS_DIRECTORY, sub_path=None)
    return volume


def _common_volumes(replica: Replica) -> tuple[Volume, ...]:
    """Temporary files, and shared memory where ranks exchange through it."""
    host = replica.placement.memory.host
    temporary = Volume(name="tmp", source=EmptyDirectory(host.ephemeral_bytes), mount_path="/tmp")  # noqa: S108
    if host.shared_memory_bytes == 0:
        return (temporary,)
    shared = EmptyDirectory(host.shared_memory_bytes, in_memory=True)
    return (temporary, Volume(name="shared-memory", source=shared, mount_path="/dev/shm"))  # noqa: S108


def _resources(replica: Replica) -> Json:
    """Memory and accelerators are requested as they are limited; processor time is not limited, only shared fairly."""
    placement = replica.placement
    host = placement.memory.host
    memory = bytes_quantity(host.memory_bytes)
    requests = {
        "cpu": cpu_quantity(placement.cpu_request_millicores),
        "ephemeral-storage": bytes_quantity(host.ephemeral_bytes),
        "memory": memory,
    }
    limits = {"memory": memory}
    accelerator = placement.instance_type.accelerator
    extended = dict(fabric_resources(placement.instance_type, placement.nodes_per_replica))
    claims: Json = {}
    if replica.claims_devices:
        claims = {"claims": [{"name": CLAIM}]}
    elif accelerator is not None and placement.accelerators_per_replica > 0:
        extended[accelerator.resource_name] = str(placement.accelerators_per_replica // placement.nodes_per_replica)
    # The API server refuses an extended resource whose limit is missing or differs.
    return {"requests": requests | extended, "limits": limits | extended, **claims}


def _ports(ports: Ports) -> list[Json]:
    listed: list[Json] = [{"name": "http", "containerPort": ports.http, "protocol": "TCP"}]
    if ports.metrics != ports.http:
        listed.append({"name": "metrics", "containerPort": ports.metrics, "protocol": "TCP"})
    return listed


def _probes(probes: Probes) -> Json:
    """Until the startup probe has succeeded the others wait; a busy engine is never killed for being slow."""
    return {
        "startupProbe": {
            **_http_get(probes.startup),
            "periodSeconds": PERIOD_SECONDS,
            "failureThreshold": failure_threshold(probes.start.container_seconds),
        },
        "readinessProbe": {**_http_get(probes.readiness), "periodSeconds": 5, "failureThreshold": 3},
        "livenessProbe": {**_http_get(probes.liveness), "periodSeconds": 20, "failureThreshold": 6},
    }


def _http_get(path: str) -> Json:
    return {"httpGet": {"path": path, "port": "http"}, "timeoutSeconds": PROBE_TIMEOUT_SECONDS}


def _affinity(replica: Replica) -> Json:
    """The instance type was chosen with its price and memory; on any other the figures would not hold. Where nodes of
    one type belong to several pools, a pod in another's pool would take the room that was planned for someone else."""
    expressions = [{"key": INSTANCE_TYPE_LABEL, "operator": "In", "values": [replica.placement.instance_type.name]}]
    if replica.seat.pool is not None:
        expressions.append({"key": CAPACITY_LABEL, "operator": "In", "values": [replica.seat.pool]})
    terms = {"nodeSelectorTerms": [{"matchExpressions": expressions}]}
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}
    return affinity if replica.placement.nodes_per_replica == 1 else affinity | {"podAffinity": _near_group(replica)}


def _near_group(replica: Replica) -> Json:
    """All pods of a replica in one zone: EFA does not leave it, and other traffic costs by the byte. Without EFA it is
    a wish, as nodes may have been had in several zones only.

    Not LeaderWorkerSet's exclusive topology: it keeps every other replica out of the zone as well.
    """
    term = {
        "topologyKey": ZONE_LABEL,
        "labelSelector": {"matchLabels": {NAME_LABEL: replica.name}},
        "matchLabelKeys": [GROUP_INDEX_LABEL],
    }
    if adapters(replica.placement.instance_type, replica.placement.nodes_per_replica):
        return {"requiredDuringSchedulingIgnoredDuringExecution": [term]}
    return {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "podAffinityTerm": term}]}


def _tolerations(replica: Replica) -> list[Json]:
    return [{"key": taint_key(replica.placement.instance_type), "operator": "Exists", "effect": "NoSchedule"}]


def _spread(replica: Replica, key: str) -> Json:
    """A wish and not a condition: where only one zone has capacity, serving there is better than not at all."""
    return {
        "maxSkew": 1,
        "topologyKey": key,
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": {NAME_LABEL: replica.name}},
        "matchLabelKeys": ["pod-template-hash"],
    }
