"""One model's workload as plain data: what `kube` turns into objects. Imports no cdk8s and needs no Node."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from ai_on_eks.descriptors.schema import Shape, Storage
from ai_on_eks.performance.readiness import Readiness

Json = dict[str, Any]


class ImageReference(Struct, frozen=True):
    """`repository:tag@digest`. Without a digest the tag is mutable and the plan says so.

    cuda, neuron_sdk  releases that it is built with, for one vendor's devices; None = not told, or for neither
    user_id           account that it is made for; None = any other than root's will do
    """

    key: str
    repository: str
    tag: str
    digest: str | None
    verified: str | None
    size_bytes: int
    cuda: str | None = None
    neuron_sdk: str | None = None
    user_id: int | None = None

    @property
    def reference(self) -> str:
        pinned = f"@{self.digest}" if self.digest else ""
        return f"{self.repository}:{self.tag}{pinned}"


class Group(Struct, frozen=True):
    """Nodes that one replica spans: one pod on each, the first is the leader.

    worker_pod_spec  of every pod but the leader
    """

    nodes: int
    worker_pod_spec: Json


class WeightsClaim(Struct, frozen=True):
    """The volume that a model's pods mount instead of fetching their weights.

    name              of the PersistentVolumeClaim
    folder            of the model in the storage, which is all that the volume shows of it
    stored_bytes      of the model's files
    bytes_per_second  that the storage gives one node
    network_gbps      of the node, which a mount of the bucket cannot ask for by itself
    cache_gib         of the node's disk for a mount of the bucket; 0 = no cache
    """

    storage: Storage
    name: str
    folder: str
    stored_bytes: int
    bytes_per_second: float
    network_gbps: int = 0
    cache_gib: int = 0


class LoadSignal(Struct, frozen=True):
    """One measure of a model's load, as a query with one value.

    target        of the value at which the number of replicas is right
    is_divided    replicas share the value, as they share requests; else each of them has it, as they have a latency
    """

    name: str
    query: str
    target: float
    is_divided: bool


class Autoscaling(Struct, frozen=True):
    """Who changes the number of a model's replicas, and between how many.

    least, most    replicas
    planned        replicas that the planned load needs, which run where the load is not known
    ready_seconds  from the start of a new node to the first answer of a replica
    signals        of the load, from the collected metrics; empty = the share of its processors that a pod uses
    address        of the collector that answers queries; None = a workspace whose id is not known yet
    region         that queries are signed for; None = they are not signed
    """

    least: int
    most: int
    planned: int
    ready_seconds: float
    signals: tuple[LoadSignal, ...] = ()
    address: str | None = None
    region: str | None = None

    @property
    def by_metrics(self) -> bool:
        """By what the engine tells, and not by the use of processors."""
        return bool(self.signals)


class ModelJob(Struct, frozen=True):
    """Work that is done once for a model.

    name              of the Job; another one whenever anything in its pod is another
    purpose           what network policies select its pods by
    pod_spec          Kubernetes PodSpec v1 as plain data
    retries           pods that may fail before the Job has
    final_exit_codes  of a container that no retry helps
    deadline_seconds  from the Job's start, retries included
    kept_seconds      that a finished Job stays to be looked at
    """

    name: str
    purpose: str
    pod_spec: Json
    retries: int
    final_exit_codes: tuple[int, ...]
    deadline_seconds: int
    kept_seconds: int


class RayCluster(Struct, frozen=True):
    """What KubeRay makes of a model's pods.

    pods                of the cluster, its head among them
    accelerators        of each pod
    object_store_bytes  of each pod's shared memory
    serve_config        what Ray Serve runs, as the text that KubeRay sends it
    """

    version: str
    pods: int
    accelerators: int
    object_store_bytes: int
    serve_config: str


class TokenCheck(Struct, frozen=True):
    """What a JSON Web Token is verified against. `keys` is where the issuer publishes them."""

    issuer: str
    keys: str
    audience: str | None


class Router(Struct, frozen=True):
    """What chooses the replica for each request, from what the replicas tell of themselves.

    image         of the endpoint picker
    proxy_image   of what asks it for each request; None = the gateway does so itself
    metrics       the picker's name for the engine's metrics
    replicas      of the router
    hold_seconds  that a request waits for a replica of a model that may sleep; None = it does not sleep
    """

    image: str
    proxy_image: str | None
    metrics: str
    millicores: int
    memory_bytes: int
    replicas: int
    hold_seconds: int | None


class Traffic(Struct, frozen=True):
    """How requests reach a model from outside its namespace.

    hostname           it is called at
    gateway, gateway_namespace  the Gateway whose route it has
    has_load_balancer  the gateway is a load balancer of ours, and no pods of the cluster
    source_ranges      IPv4 ranges that the load balancer stands in
    tokens             that callers bring; None = none
    health_path        that answers once a replica serves
    router             None = the gateway spreads over the replicas itself
    """

    hostname: str
    gateway: str
    gateway_namespace: str
    has_load_balancer: bool
    source_ranges: tuple[str, ...]
    tokens: TokenCheck | None
    health_path: str
    router: Router | None


class ProgramStore(Struct, frozen=True):
    """Compiled programs that one account writes and a model's pods only read.

    prefix   key prefix in the model store
    account  service account of the job that writes there
    """

    prefix: str
    account: str


class Workload(Struct, frozen=True):
    """Everything the cluster has to know of one model.

    pod_spec     Kubernetes PodSpec v1 as plain data, wire spelling; the only place that knows it is `serving.pod`
    group        the other pods of a replica that spans nodes, or of a cluster; None = a replica is one pod
    config_maps  data of the ConfigMaps the pod mounts, by name (Triton's config.pbtxt)
    port         the engine's HTTP port; metrics_port may equal it
    claim        volume of the weights; None = the pods fetch them
    sync         copies the weights into the model store; None = somebody else does
    compiling    makes the programs in `compile_cache` or `programs` before the pods start; None = the pods do
    priority     share of a node whose priority class the pods have; None = the cluster's default
    rollout      maxSurge/maxUnavailable that cannot deadlock when every accelerator is taken
    engine       the engine's name in the catalogue
    usd_per_hour the model's part of its nodes, on demand; None where no price is published
    device_claim   ResourceClaim spec of each pod's devices; None = pods ask for an extended resource
    device_monitor  image that tells of the pods' devices where metrics are collected; None = their nodes do that
    autoscaling    who changes the number of replicas; None = nobody
    shape          object that makes the pods; None = a Deployment, or a LeaderWorkerSet where replicas span nodes
    ray            cluster of Ray that the pods are; None = they are none
    traffic        the way in from outside the namespace; None = there is none
    model_uri      where the weights were published, for objects that name it; None = the object does not
    compile_cache  key prefix in the model store that the pods read and write compiled programs under; None = none made
    programs       compiled programs that the pods read and may not write; None = they read none
    start          from the start of a new node to the first answer, by its parts; None = not estimated
    """

    name: str
    namespace: str
    labels: Mapping[str, str]
    replicas: int
    pod_spec: Json
    config_maps: Mapping[str, Mapping[str, str]]
    port: int
    metrics_port: int
    metrics_path: str
    rollout: Mapping[str, int]
    service_account: str
    priority: int | None
    warnings: tuple[str, ...]
    engine: str
    usd_per_hour: float | None = None
    device_monitor: str | None = None
    compile_cache: str | None = None
    programs: ProgramStore | None = None
    group: Group | None = None
    device_claim: Json | None = None
    claim: WeightsClaim | None = None
    start: Readiness | None = None
    autoscaling: Autoscaling | None = None
    sync: ModelJob | None = None
    compiling: ModelJob | None = None

    @property
    def jobs(self) -> tuple[ModelJob, ...]:
        """Work that is done once, in the order in which it is needed."""
        return tuple(job for job in (self.sync, self.compiling) if job is not None)

    shape: Shape | None = None
    ray: RayCluster | None = None
    traffic: Traffic | None = None
    model_uri: str | None = None

    @property
    def most_replicas(self) -> int:
        """That may run at once."""
        return self.replicas if self.autoscaling is None else self.autoscaling.most
