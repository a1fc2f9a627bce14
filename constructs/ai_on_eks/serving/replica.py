"""What one serving copy of a model is made from, and the parts an engine adds to its pod.

These are the words engines and the pod share; the wire format of Kubernetes is known to `serving.pod` alone.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from ai_on_eks.descriptors.inventory import Inventory
from ai_on_eks.descriptors.schema import Descriptor, Precision, Storage
from ai_on_eks.performance.readiness import Readiness
from ai_on_eks.placement.types import Placement, Seat
from ai_on_eks.serving.types import ImageReference, WeightsClaim

GROUP_RANK_VARIABLE = "LWS_WORKER_INDEX"
GROUP_LEADER_VARIABLE = "LWS_LEADER_ADDRESS"
"""What LeaderWorkerSet's controller tells each pod of a replica that spans nodes: its number, 0 being the leader, and
the leader's name in DNS (lws.sigs.k8s.io, labels, annotations and environment variables, 2026-11)."""


class Replica(Struct, frozen=True):
    """The chosen placement of one model together with everything an engine is configured from.

    scheduler       that places its pods; None = the cluster's own
    is_worker       one of the pods that only compute, of a replica that spans nodes; the leader serves
    claims_devices  its devices are claimed, and not asked for by number
    claim           volume that the weights are read from; None = they are streamed, copied or downloaded
    most_replicas   of the model that may run at once
    is_compiled_ahead  what it computes with lies in the model store before it starts
    """

    descriptor: Descriptor
    inventory: Inventory
    precision: Precision
    placement: Placement
    region: str
    image: ImageReference
    seat: Seat
    scheduler: str | None = None
    is_worker: bool = False
    claims_devices: bool = False
    claim: WeightsClaim | None = None
    most_replicas: int = 1
    is_compiled_ahead: bool = False

    @property
    def name(self) -> str:
        return self.descriptor.name

    @property
    def uses_hub(self) -> bool:
        return self.descriptor.storage is Storage.NODE

    @property
    def reads_model_store(self) -> bool:
        """Itself, and not through a volume that shows it."""
        return self.claim is None and not self.uses_hub


class Ports(Struct, frozen=True):
    """Where an engine listens. `metrics` may equal `http`."""

    http: int
    metrics: int
    metrics_path: str


class Probes(Struct, frozen=True):
    """What the kubelet asks on the HTTP port.

    startup, readiness, liveness  paths
    start                         time to the first answer by its parts, estimated without any margin
    """

    startup: str
    readiness: str
    liveness: str
    start: Readiness


class EmptyDirectory(Struct, frozen=True):
    """Scratch space that lives and dies with the pod, on the node's disk or in its memory."""

    size_limit_bytes: int
    in_memory: bool = False


class ConfigFiles(Struct, frozen=True):
    """Files from a ConfigMap of the model."""

    config_map: str


class SecretFiles(Struct, frozen=True):
    """Files from a Secret that the user may have made; absent is fine."""

    secret: str


class ClaimedFiles(Struct, frozen=True):
    """A volume of the cluster, by its claim. Engines only read it; `filled` by the pod itself."""

    claim: str
    filled: bool = False


class StoredSecret(Struct, frozen=True):
    """Files from AWS Secrets Manager, which the pod's own role reads; they never become a Secret of the cluster."""

    provider_class: str


VolumeSource = EmptyDirectory | ConfigFiles | SecretFiles | StoredSecret | ClaimedFiles


class Volume(Struct, frozen=True):
    """A volume and where it is mounted. `sub_path` mounts one file of it; `fetched` is filled by the init container; in
    the `working_directory` the engine is started."""

    name: str
    source: VolumeSource
    mount_path: str
    sub_path: str | None = None
    read_only: bool = False
    fetched: bool = False
    working_directory: bool = False


class EngineParts(Struct, frozen=True):
    """What an engine asks of the pod it runs in.

    command           empty = the image's entrypoint
    shutdown_seconds  that running requests get from the engine after SIGTERM; 0 = it cuts them off
    fetch             arguments of the container that copies the weights first; empty = the engine reads them itself
    programs          arguments of the container that copies compiled programs first; empty = the engine makes them
    """

    command: tuple[str, ...]
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    probes: Probes
    ports: Ports
    shutdown_seconds: int
    volumes: tuple[Volume, ...]
    fetch: tuple[str, ...]
    config_maps: Mapping[str, Mapping[str, str]]
    programs: tuple[str, ...] = ()
