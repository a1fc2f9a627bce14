"""The platform file: everything the models run on. Defaults stand here and nowhere else."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from ai_on_eks.descriptors import patterns
from ai_on_eks.descriptors.platform_add_ons import AddOns
from ai_on_eks.descriptors.platform_autoscaling import Autoscaling
from ai_on_eks.descriptors.platform_gateway import Gateway
from ai_on_eks.descriptors.platform_gitops import GitOps
from ai_on_eks.descriptors.platform_images import ImageCache
from ai_on_eks.descriptors.platform_monitoring import Budget, Monitoring
from ai_on_eks.descriptors.platform_network import Cidr, Network
from ai_on_eks.descriptors.platform_retention import Retention
from ai_on_eks.descriptors.platform_storage import PlatformStorage
from ai_on_eks.descriptors.platform_sync import WeightSync
from ai_on_eks.descriptors.platform_vectors import VectorDatabase
from ai_on_eks.descriptors.profiles import Profile
from ai_on_eks.descriptors.schema import Strict

PrincipalArn = Annotated[str, StringConstraints(pattern=patterns.PRINCIPAL_ARN.expression)]
Bucket = Annotated[str, StringConstraints(pattern=patterns.BUCKET.expression)]
KubernetesVersion = Annotated[str, StringConstraints(pattern=patterns.KUBERNETES_VERSION.expression)]
InstanceTypeName = Annotated[str, StringConstraints(pattern=patterns.INSTANCE_TYPE.expression)]
ReservationId = Annotated[str, StringConstraints(pattern=patterns.RESERVATION_ID.expression)]
Moment = Annotated[str, StringConstraints(pattern=patterns.MOMENT.expression)]
PlacementGroup = Annotated[str, StringConstraints(pattern=patterns.PLACEMENT_GROUP.expression)]
PlatformName = Annotated[str, StringConstraints(pattern=patterns.PLATFORM_NAME.expression)]
Region = Annotated[str, StringConstraints(pattern=patterns.REGION.expression)]
Account = Annotated[str, StringConstraints(pattern=patterns.ACCOUNT.expression)]
QuotaCode = Annotated[str, StringConstraints(pattern=patterns.QUOTA_CODE.expression)]
Registry = Annotated[str, StringConstraints(pattern=patterns.REGISTRY.expression)]
ServiceAccountName = Annotated[str, StringConstraints(pattern=patterns.NAME.expression)]
Namespace = Annotated[str, StringConstraints(pattern=patterns.NAMESPACE.expression)]


class OperatingSystem(StrEnum):
    AL2023 = "al2023"
    BOTTLEROCKET = "bottlerocket"


class GpuSoftware(StrEnum):
    GPU_OPERATOR = "gpu-operator"
    DEVICE_PLUGIN = "device-plugin"
    DRA_DRIVER = "dra-driver"


class PlannedEngines(StrEnum):
    ANY = "any"
    RENDERED = "rendered"


class CapacityStrategy(StrEnum):
    MANAGED_NODE_GROUPS = "managed-node-groups"
    KARPENTER = "karpenter"
    AUTO_MODE = "auto-mode"


class DeliveryMode(StrEnum):
    APPLY = "apply"
    RENDER = "render"
    GITOPS = "gitops"


class Cluster(Strict):
    """The EKS control plane."""

    kubernetes_version: KubernetesVersion = Field(default="1.36", description="Kubernetes minor version, in quotes")
    public_access_cidrs: tuple[Cidr, ...] = Field(
        default=(),
        description="who may reach the endpoint from outside the VPC; empty = private only; 0.0.0.0/0 is refused",
    )
    admin_principal_arns: tuple[PrincipalArn, ...] = Field(
        default=(), description="IAM roles or users that administer the cluster"
    )
    add_ons: AddOns = AddOns()


class SystemNodes(Strict):
    """Nodes for cluster services; models never run here."""

    instance_type: InstanceTypeName = Field(default="m7i.large", description="EC2 type of the system nodes")
    count: int = Field(default=2, ge=1, le=20, description="number of system nodes")


class ReservedCapacity(StrEnum):
    ON_DEMAND = "on-demand"
    CAPACITY_BLOCK = "capacity-block"


class Reservation(Strict):
    """Instances that are paid for already. Plans use them first, and count them as free of charge."""

    id: ReservationId = Field(description="of the EC2 capacity reservation")
    instance_type: InstanceTypeName = Field(description="EC2 type of its instances")
    count: int = Field(ge=1, le=1000, description="instances that models may use")
    zone: str = Field(description="its availability zone, one of network.availability_zones")
    capacity_type: ReservedCapacity = Field(
        default=ReservedCapacity.ON_DEMAND,
        description="on-demand = for models on on-demand or spot capacity; capacity-block = for those that ask for one",
    )
    starts: Moment | None = Field(default=None, description="when its instances can be started, in UTC")
    ends: Moment | None = Field(
        default=None, description="when it ends, in UTC; the nodes of a capacity block are drained an hour before"
    )
    placement_group: PlacementGroup | None = Field(
        default=None, description="cluster placement group that it was made in; a capacity block has none"
    )


class Capacity(Strict):
    """How nodes are provided."""

    strategy: CapacityStrategy = Field(
        default=CapacityStrategy.MANAGED_NODE_GROUPS,
        description="what starts and replaces the models' nodes: managed-node-groups = EKS, as many as planned at all "
        "times; karpenter = a controller in the cluster, when a pod needs one and never more than planned; auto-mode = "
        "EKS Auto Mode, likewise, with drivers, device plugins, networking and DNS as part of the node",
    )
    pool_strategies: dict[str, CapacityStrategy] = Field(
        default_factory=dict,
        description="by pool, as `plan` names it, the strategy where it is another one than `strategy`; auto-mode goes "
        "with no other",
    )
    operating_system: OperatingSystem = Field(
        default=OperatingSystem.AL2023,
        description="of all nodes: al2023 = Amazon Linux 2023; bottlerocket = read-only and without a shell; the nodes "
        "of EKS Auto Mode are Bottlerocket of its own in either case",
    )
    gpu_software: GpuSoftware = Field(
        default=GpuSoftware.GPU_OPERATOR,
        description="what brings NVIDIA nodes the parts that their image lacks: gpu-operator = all of them, and MIG; "
        "device-plugin = the device plugin and a metrics exporter alone, where nothing is divided by MIG; dra-driver = "
        "the driver by which pods claim whole GPUs, on managed node groups of Amazon Linux",
    )
    system_nodes: SystemNodes = SystemNodes()
    reservations: tuple[Reservation, ...] = Field(default=(), description="capacity that is paid for already")
    quotas: dict[QuotaCode, int] = Field(
        default_factory=dict,
        description="vCPUs that the account may run, by code of the EC2 service quota (`ai-on-eks catalog show TYPE` "
        "names it); a code that is left out does not limit",
    )

    def strategy_of(self, pool: str) -> CapacityStrategy:
        """What starts the nodes of a pool."""
        return self.pool_strategies.get(pool, self.strategy)

    @property
    def strategies(self) -> tuple[CapacityStrategy, ...]:
        """Every strategy in use, the platform's own first."""
        others = {one for one in self.pool_strategies.values() if one is not self.strategy}
        return (self.strategy, *sorted(others))


class Delivery(Strict):
    """How objects reach the cluster. They are always rendered to files as well."""

    mode: DeliveryMode = Field(
        default=DeliveryMode.APPLY,
        description="apply = by CDK's kubectl provider; render = files only, for closed networks; gitops = files only, "
        "in the folders and with the objects that Argo CD and Flux take",
    )
    gitops: GitOps | None = Field(default=None, description="for mode gitops: where the tool reads what is rendered")


DEFAULT_WRITER = "weight-sync"


class ModelStore(Strict):
    """The bucket that holds the weights, laid out as models/<name>/<revision or 'unpinned'>/<the hub's files>."""

    existing_bucket: Bucket | None = Field(default=None, description="use this bucket instead of creating one")
    writer: ServiceAccountName | None = Field(
        default=None,
        description="service account in the models' namespace that may upload below models/, for a job that fetches "
        "weights; it can delete nothing; default: weight-sync with `sync`, else nobody in the cluster writes",
    )
    sync: WeightSync | None = Field(
        default=None,
        description="copy the weights of models from the hub by a job each; {} for its defaults; default: you upload "
        "them",
    )

    compile_ahead: bool = Field(
        default=False,
        description="compile the programs of models on Neuron devices, where their engine keeps them in the bucket, by "
        "a job each; replicas then start without compiling, and are given less time to",
    )
    torch_compile_ahead: bool = Field(
        default=False,
        description="compile what vLLM computes with on GPUs by a job each, which takes one replica's devices for some "
        "minutes; replicas whose weights come from the bucket then start without compiling",
    )

    @property
    def writing_account(self) -> str | None:
        """The service account that uploads; None = nobody in the cluster does."""
        return self.writer or (None if self.sync is None else DEFAULT_WRITER)


class Platform(Strict):
    """Everything the models run on."""

    name: PlatformName = Field(description="names the stacks and the cluster; a rename replaces them")
    region: Region = Field(description="AWS region")
    account: Account | None = Field(default=None, description="default: the account of the credentials used to deploy")
    profile: Profile = Field(
        default=Profile.MINIMAL,
        description="where settings that are left out come from, before their defaults: minimal = the cheapest that "
        "serves one model; production = a zone may fail; private = nothing reaches the internet",
    )
    network: Network
    cluster: Cluster = Cluster()
    capacity: Capacity = Capacity()
    delivery: Delivery = Delivery()
    retention: Retention = Retention()
    model_store: ModelStore = ModelStore()
    storage: PlatformStorage = PlatformStorage()
    monitoring: Monitoring = Monitoring()
    autoscaling: Autoscaling = Autoscaling()
    gateway: Gateway = Gateway()
    vector_database: VectorDatabase | None = Field(
        default=None, description="keep and search vectors in the cluster; default: there is no vector database"
    )
    budget: Budget | None = Field(default=None, description="tell people of spending; default: nobody is told")
    engines: PlannedEngines | None = Field(
        default=None,
        description="any = plans choose the cheapest engine, whose rendering may be refused; rendered = only what a "
        "workload is rendered for; default: any for `plan`, rendered where workloads are made",
    )
    namespace: Namespace = Field(default="models", description="Kubernetes namespace of the models")
    tags: dict[str, str] = Field(default_factory=dict, description="tags of every AWS resource")
    image_mirror: Registry | None = Field(
        default=None,
        description="registry and path that hold a copy of every image and chart, each below the name of the "
        "registry it comes from (as pull-through caches of ECR do); default: the public registries themselves",
    )
    image_cache: ImageCache | None = Field(
        default=None, description="rules by which ECR fills image_mirror; default: you copy images there yourself"
    )
    outputs: str | None = Field(
        default=None,
        description="path to what `cdk deploy --outputs-file` wrote (relative to this file), so that rendered objects "
        "hold the names and ids of a deployment; default: those that no file knows are left out",
    )
    images: str | None = Field(
        default=None,
        description="path to an images.yaml (relative to this file); default: the one shipped with the package",
    )
