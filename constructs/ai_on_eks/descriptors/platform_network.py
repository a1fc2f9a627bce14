"""`network` of the platform file: a VPC of our own, or one that stands. Defaults stand here and nowhere else."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from ai_on_eks.descriptors import patterns
from ai_on_eks.descriptors.schema import Strict

Cidr = Annotated[str, StringConstraints(pattern=patterns.CIDR.expression)]
VpcId = Annotated[str, StringConstraints(pattern=patterns.VPC_ID.expression)]
SubnetId = Annotated[str, StringConstraints(pattern=patterns.SUBNET_ID.expression)]
ZoneId = Annotated[str, StringConstraints(pattern=patterns.ZONE_ID.expression)]


class NatGateways(StrEnum):
    ONE = "one"
    PER_ZONE = "per-zone"
    NONE = "none"


class InterfaceEndpoints(StrEnum):
    NONE = "none"
    REQUIRED = "required"


class ExistingVpc(Strict):
    """A VPC that stands already, used instead of a new one. Nothing is looked up, so all of it is given."""

    vpc_id: VpcId = Field(description="of the VPC")
    cidr: Cidr = Field(description="IPv4 range that the nodes' subnets lie in")
    private_subnet_ids: dict[str, SubnetId] = Field(
        description="by availability zone, every zone of network.availability_zones: the private subnet for nodes and "
        "the control plane's interfaces; a /20 or larger, with a route to S3",
    )


class Network(Strict):
    """The VPC. Zones are named because a look-up would need credentials."""

    cidr: Cidr = Field(default="10.0.0.0/16", description="IPv4 range of the VPC, /16 to /24")
    secondary_cidr: Cidr | None = Field(
        default=None,
        description="second range of the VPC, /16 or /17, such as 100.64.0.0/16: nodes and pods then lie in it, and "
        "network.cidr may be as small as /24",
    )
    availability_zones: tuple[str, ...] = Field(
        min_length=2, max_length=6, description="explicit zone names in the region, such as us-east-1a"
    )
    minimum_zones: int = Field(default=2, ge=2, le=6, description="fewer zones are an error")
    zone_ids: dict[str, ZoneId] = Field(
        default_factory=dict,
        description="by availability zone, its id, such as use1-az4, which means the same data centre in every "
        "account; zones that take no EKS control plane are then told at synth",
    )
    nat_gateways: NatGateways = Field(
        default=NatGateways.ONE,
        description="one = cheapest; per-zone = a failed zone leaves the others connected; none = nothing reaches the "
        "internet",
    )
    interface_endpoints: InterfaceEndpoints = Field(
        default=InterfaceEndpoints.NONE,
        description="required = a private way to each AWS service that nodes and add-ons call; none = through NAT, or "
        "the existing VPC has them",
    )
    existing_vpc: ExistingVpc | None = Field(default=None, description="use this VPC instead of creating one")

    @property
    def is_isolated(self) -> bool:
        """Whether nothing in the VPC reaches the internet."""
        return self.nat_gateways is NatGateways.NONE

    @property
    def ranges(self) -> tuple[str, ...]:
        """All IPv4 ranges of the VPC that are known."""
        if self.existing_vpc is not None:
            return (self.existing_vpc.cidr,)
        return (self.cidr,) if self.secondary_cidr is None else (self.cidr, self.secondary_cidr)

    @property
    def node_ranges(self) -> tuple[str, ...]:
        """The IPv4 ranges that nodes and pods have their addresses from."""
        if self.existing_vpc is not None:
            return (self.existing_vpc.cidr,)
        return (self.secondary_cidr or self.cidr,)
