"""The platform file: everything the models run on. Defaults stand here and nowhere else."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from ai_on_eks.descriptors.schema import Strict

Cidr = Annotated[str, StringConstraints(pattern=r"^\d{1,3}(\.\d{1,3}){3}/\d{1,2}$")]


class OperatingSystem(StrEnum):
    AL2023 = "al2023"


class CapacityStrategy(StrEnum):
    MANAGED_NODE_GROUPS = "managed-node-groups"


class DeliveryMode(StrEnum):
    APPLY = "apply"
    RENDER = "render"


class NatGateways(StrEnum):
    ONE = "one"
    PER_ZONE = "per-zone"


class Network(Strict):
    """A new VPC. Zones are named because a look-up would need credentials."""

    cidr: Cidr = "10.0.0.0/16"
    availability_zones: tuple[str, ...] = Field(min_length=2, max_length=6, description="explicit zone names in the region, such as us-east-1a")
    nat_gateways: NatGateways = NatGateways.ONE


class Cluster(Strict):
    """The EKS control plane."""

    kubernetes_version: Annotated[str, StringConstraints(pattern=r"^1\.\d{2}$")] = "1.36"
    public_access_cidrs: tuple[Cidr, ...] = Field(
        default=(), description="who may reach the endpoint from outside the VPC; empty = private only; 0.0.0.0/0 is refused"
    )
    admin_principal_arns: tuple[Annotated[str, StringConstraints(pattern=r"^arn:aws[a-z-]*:iam::\d{12}:(role|user)/.+$")], ...] = Field(
        default=(), description="IAM roles or users that administer the cluster"
    )


class SystemNodes(Strict):
    """Nodes for cluster services; models never run here."""

    instance_type: str = "m7i.large"
    count: int = Field(default=2, ge=1, le=20)


class Capacity(Strict):
    """How nodes are provided."""

    strategy: CapacityStrategy = CapacityStrategy.MANAGED_NODE_GROUPS
    operating_system: OperatingSystem = OperatingSystem.AL2023
    system_nodes: SystemNodes = SystemNodes()


class Delivery(Strict):
    """How objects reach the cluster. They are always rendered to files as well."""

    mode: DeliveryMode = Field(default=DeliveryMode.APPLY, description="apply = by CDK's kubectl provider; render = files only, for GitOps and closed networks")


class ModelStore(Strict):
    """The bucket that holds the weights, laid out as models/<name>/<revision or 'unpinned'>/<the hub's files>."""

    existing_bucket: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")] | None = Field(
        default=None, description="use this bucket instead of creating one"
    )


class Platform(Strict):
    """Everything the models run on."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z]([-a-z0-9]{0,30}[a-z0-9])?$")]
    region: Annotated[str, StringConstraints(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")]
    account: Annotated[str, StringConstraints(pattern=r"^\d{12}$")] | None = Field(default=None, description="default: the account of the credentials used to deploy")
    network: Network
    cluster: Cluster = Cluster()
    capacity: Capacity = Capacity()
    delivery: Delivery = Delivery()
    model_store: ModelStore = ModelStore()
    namespace: Annotated[str, StringConstraints(pattern=r"^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$")] = "models"
    tags: dict[str, str] = Field(default_factory=dict)
    images: str | None = Field(default=None, description="path to an images.yaml (relative to this file); default: the one shipped with the package")
