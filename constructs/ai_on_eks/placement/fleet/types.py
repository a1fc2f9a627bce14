"""The answer for a fleet, as frozen values: what is bought, what lies where, what was proved."""

from __future__ import annotations

from msgspec import Struct

from ai_on_eks.catalog.types import InstanceType
from ai_on_eks.placement.partition import Partition
from ai_on_eks.placement.types import Placement, Plan


class FleetGroup(Struct, frozen=True):
    """Nodes of a pool that are bought in one way and stand in the same zones.

    reservation_id  of the capacity reservation that pays for them; None where they are bought by the hour
    usd_per_hour    of one node beyond what is paid already; None where no price is published
    """

    name: str
    nodes: int
    zones: tuple[str, ...]
    reservation_id: str | None
    usd_per_hour: float | None


class FleetNode(Struct, frozen=True):
    """Nodes with the same replicas on them: (model, replicas), by name."""

    count: int
    replicas: tuple[tuple[str, int], ...]


class FleetMember(Struct, frozen=True):
    """A model in a pool.

    share         units of a node that one replica takes, of all its nodes together where it spans several
    usd_per_hour  its part of the pool's cost, by the units it takes; None where the pool has no price
    own           the placement it would have chosen with nodes of its own
    """

    model: str
    placement: Placement
    own: Placement
    share: int
    usd_per_hour: float | None


class FleetPool(Struct, frozen=True):
    """Nodes that any pod of the pool's models may lie on; `name` is their capacity label.

    partition     how each accelerator is divided; None = whole
    units         accelerators of a node or their parts, 1 where it has none; what shares are counted in
    usd_per_hour  of all nodes; None where a node that is paid for by the hour has no published price
    """

    name: str
    instance_type: InstanceType
    capacity_type: str
    partition: Partition | None
    units: int
    groups: tuple[FleetGroup, ...]
    nodes: tuple[FleetNode, ...]
    members: tuple[FleetMember, ...]
    usd_per_hour: float | None

    @property
    def node_count(self) -> int:
        return sum(group.nodes for group in self.groups)

    @property
    def is_paid(self) -> bool:
        """Are all nodes reserved?"""
        return all(group.reservation_id is not None for group in self.groups)


class FleetPlan(Struct, frozen=True):
    """All models together.

    plans               one a model, in the order given, `chosen` being what the fleet decided and `seat` where
    pools               by name
    usd_per_hour        of all nodes that are not paid already; None where a price is unknown
    bound_usd_per_hour  no way to put the replicas on nodes costs less, whatever schedules them
    alone_usd_per_hour  of the same models if each had nodes of its own
    """

    plans: tuple[Plan, ...]
    pools: tuple[FleetPool, ...]
    usd_per_hour: float | None
    bound_usd_per_hour: float | None
    alone_usd_per_hour: float | None

    @property
    def gap(self) -> float | None:
        """How far the cost can be from the least possible, as a share of the cost; 0 is proved optimal."""
        if self.usd_per_hour is None or self.bound_usd_per_hour is None:
            return None
        return 0.0 if self.usd_per_hour == 0 else 1 - self.bound_usd_per_hour / self.usd_per_hour
