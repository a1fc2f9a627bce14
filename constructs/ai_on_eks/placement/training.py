"""Where a fine-tuning job runs: whole nodes of one type, as few as fit, cheapest first, and why not the others.

    nodes       1, 2, 4, 8, … up to constraints.max_nodes; the first number that fits a type is the one
    operations  a token: 6 × active parameters, 4 where the model itself is frozen; 2 more with activation checkpointing
    hours       = epochs × tokens × operations ÷ (ranks × peak × utilization)      where data.tokens is given
    order       = (cost of the run, or price per hour where its length is unknown; nodes; name)

Rules are asked in one fixed order and the first violation is the rejection, as for models that serve.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from msgspec import Struct

from ai_on_eks.catalog.daemonsets import reserved_by_daemonsets
from ai_on_eks.catalog.efa import HUGE_PAGES_BYTES
from ai_on_eks.catalog.loading import Catalog
from ai_on_eks.catalog.types import InstanceType, Vendor
from ai_on_eks.descriptors.fine_tune import FineTuneJob, TuningMethod
from ai_on_eks.descriptors.inventory import Inventory
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.descriptors.schema import CapacityType
from ai_on_eks.placement.purchase import own_price
from ai_on_eks.placement.violations import Violation, Words, stated
from ai_on_eks.sizing.training import TrainingMemory, budget_bytes, training_memory
from ai_on_eks.units import format_gib

LEAST_CAPABILITY = (8, 0)
"""Multiplies bf16 (CUDA programming guide, compute capabilities: 8.0 and newer)."""

UTILIZATION = 0.35
"""Assumption: share of the dense bf16 peak that training of this kind reaches on one node; 46 % was published for a
model made for its machine (PaLM, arXiv:2204.02311, section 4.1)."""
UTILIZATION_OVER_NODES = 0.30
"""Assumption: the same where layers are gathered between nodes."""

SECONDS_PER_HOUR = 3600


class TrainingPlacement(Struct, frozen=True):
    """Nodes that fit.

    accumulation    steps forward and backward that one update sums up
    zones           of the platform that offer the type
    hours           of the whole run; None where nobody said how much data there is
    usd_per_hour    of all nodes; None where no price is published
    """

    instance_type: InstanceType
    nodes: int
    memory: TrainingMemory
    accumulation: int
    zones: tuple[str, ...]
    hours: float | None
    usd_per_hour: float | None

    @property
    def ranks(self) -> int:
        return self.nodes * self.instance_type.accelerator_count

    @property
    def usd(self) -> float | None:
        """Of the run."""
        if self.hours is None or self.usd_per_hour is None:
            return None
        return self.hours * self.usd_per_hour

    @property
    def headroom_bytes(self) -> int:
        """Of a rank."""
        return budget_bytes(self.instance_type.accelerator_memory_bytes) - self.memory.rank_bytes


class TrainingRejection(Struct, frozen=True):
    """Why nodes of a type, or so many of them, were not chosen. `nodes` 0 = whatever their number."""

    instance_type: str
    nodes: int
    rule: str
    violation: Violation


class TrainingPlan(Struct, frozen=True):
    """The answer for one job; `chosen` None when nothing fits."""

    job: FineTuneJob
    inventory: Inventory
    region: str
    accepted: tuple[TrainingPlacement, ...]
    rejected: tuple[TrainingRejection, ...]

    @property
    def chosen(self) -> TrainingPlacement | None:
        return next(iter(self.accepted), None)


def plan_training(job: FineTuneJob, inventory: Inventory, catalog: Catalog, platform: Platform) -> TrainingPlan:
    """Every type of the catalogue, each with the fewest nodes that fit or the reasons why none do."""
    accepted: list[TrainingPlacement] = []
    rejected: list[TrainingRejection] = []
    for name, instance_type in sorted(catalog.instance_types.items()):
        search = _Search(job, inventory, platform, instance_type, catalog.zones(name, platform.region))
        found, refused = search.run()
        accepted += [] if found is None else [found]
        rejected += refused
    return TrainingPlan(
        job, inventory, platform.region, tuple(sorted(accepted, key=_order)), tuple(sorted(rejected, key=_nearest))
    )


class _Search(Struct, frozen=True):
    """One instance type."""

    job: FineTuneJob
    inventory: Inventory
    platform: Platform
    instance_type: InstanceType
    offered: tuple[str, ...]

    def run(self) -> tuple[TrainingPlacement | None, list[TrainingRejection]]:
        for rule, ask in TYPE_RULES:
            violation = ask(self)
            if violation is not None:
                return None, [TrainingRejection(self.instance_type.name, 0, rule, violation)]
        refused = []
        for nodes in _numbers(self.job.constraints.max_nodes):
            placement = self.placed(nodes)
            for rule, look in NODE_RULES:
                violation = look(self, placement)
                if violation is not None:
                    refused.append(TrainingRejection(self.instance_type.name, nodes, rule, violation))
                    break
            else:
                return placement, refused
        return None, refused

    def placed(self, nodes: int) -> TrainingPlacement:
        """As if it fitted."""
        job, instance_type = self.job, self.instance_type
        ranks = nodes * instance_type.accelerator_count
        price = own_price(instance_type, job.constraints.capacity_type)
        return TrainingPlacement(
            instance_type=instance_type,
            nodes=nodes,
            memory=training_memory(self.inventory, job, ranks, nodes),
            accumulation=max(1, job.training.batch // (ranks * job.training.micro_batch)),
            zones=tuple(zone for zone in job_zones(self.job, self.platform) if zone in self.offered),
            hours=self.hours(ranks, nodes),
            usd_per_hour=None if price is None else nodes * price.usd_per_hour,
        )

    def hours(self, ranks: int, nodes: int) -> float | None:
        """Of the run, where its length is known."""
        tokens = self.job.data.tokens
        accelerator = self.instance_type.accelerator
        if tokens is None or accelerator is None:
            return None
        operations = operations_per_token(self.inventory, self.job) * tokens * self.job.training.epochs
        utilization = UTILIZATION if nodes == 1 else UTILIZATION_OVER_NODES
        return operations / (ranks * accelerator.dense_flops["bf16"] * utilization) / SECONDS_PER_HOUR


def job_zones(job: FineTuneJob, platform: Platform) -> tuple[str, ...]:
    """Zones of the platform that a job's nodes may stand in: a file system lies in one, and across zones it is slow and
    charged for."""
    fsx = platform.storage.fsx
    return (fsx.zone,) if job.lustre_paths and fsx is not None else platform.network.availability_zones


def operations_per_token(inventory: Inventory, job: FineTuneJob) -> int:
    """Forward 2 a parameter, backward 2 for the activations and 2 for weights that are trained (arXiv:2001.08361)."""
    times = 6 if job.method is TuningMethod.FULL else 4
    return (times + 2 * job.training.activation_checkpointing) * inventory.active_parameters


def _numbers(most: int) -> Iterator[int]:
    nodes = 1
    while nodes <= most:
        yield nodes
        nodes *= 2


def trains_nothing(one: InstanceType) -> Violation | None:
    """Why no job runs on this type, whichever it is."""
    return _not_served(one) or _no_trainer(one)


def _not_served(one: InstanceType) -> Violation | None:
    return None if one.served else stated(one.not_served_reason or "this package runs nothing on it")


def _no_trainer(one: InstanceType) -> Violation | None:
    device = one.accelerator if one.shows_accelerator else None
    if device is None or device.vendor is not Vendor.NVIDIA or one.accelerator_share < 1:
        return stated("the training image runs on whole NVIDIA devices only")
    if device.compute_capability is None or device.compute_capability < LEAST_CAPABILITY:
        return stated(f"{device.title} does not multiply bf16")
    return None


def _served(search: _Search) -> Violation | None:
    return _not_served(search.instance_type)


def _trains(search: _Search) -> Violation | None:
    return _no_trainer(search.instance_type)


def _allowed_accelerator(search: _Search) -> Violation | None:
    allowed, device = search.job.constraints.accelerators, search.instance_type.accelerator
    if not allowed or (device is not None and device.name in allowed):
        return None
    name = "cpu" if device is None else device.name
    return stated(f"{name} is not among constraints.accelerators", f"add {name} to constraints.accelerators")


def _allowed_family(search: _Search) -> Violation | None:
    allowed, family = search.job.constraints.instance_families, search.instance_type.family
    if not allowed or family in allowed:
        return None
    return stated(f"{family} is not among constraints.instance_families", f"add {family} to it")


def _offered(search: _Search) -> Violation | None:
    if not search.offered:
        return stated(f"{search.platform.region} does not offer this type", "choose a region that offers it")
    zones = job_zones(search.job, search.platform)
    if search.job.lustre_paths and set(search.offered).isdisjoint(zones):
        fix = f"write s3 for {' and '.join(search.job.lustre_paths)}"
        return stated(f"offered in {', '.join(search.offered)}, and the file system lies in {zones[0]}", fix)
    if set(search.offered).isdisjoint(zones):
        first = search.offered[0]
        fix = f"add {first} to network.availability_zones of the platform"
        return stated(f"offered in {', '.join(search.offered)}, which the platform does not use", fix)
    return None


def _purchasable(search: _Search) -> Violation | None:
    wanted, routes = search.job.constraints.capacity_type, search.instance_type.purchase_routes
    if all(route.value != wanted.value for route in routes):
        fix = f"set constraints.capacity_type to {routes[0].value}" if routes else None
        return stated(f"cannot be bought as {wanted.value}", fix)
    if own_price(search.instance_type, wanted) is None:
        return stated(f"no price is published for it as {wanted.value}")
    return None


def _batch(search: _Search, placement: TrainingPlacement) -> Violation | None:
    training = search.job.training
    once = placement.ranks * training.micro_batch
    if training.batch % once == 0:
        return None
    reason = (
        f"{placement.ranks} accelerators × {training.micro_batch} sequences do not divide a batch of {training.batch}"
    )
    return stated(reason, f"set training.batch to a multiple of {once}")


def _fabric(search: _Search, placement: TrainingPlacement) -> Violation | None:
    if placement.nodes == 1 or search.instance_type.efa_interfaces:
        return None
    return stated("several nodes exchange every layer, and the type has no EFA", "allow an instance type with EFA")


def _memory(search: _Search, placement: TrainingPlacement) -> Violation | None:
    missing = -placement.headroom_bytes
    return None if missing <= 0 else Violation(_short_of_memory, (placement.memory.rank_bytes, missing), missing)


def _short_of_memory(needed: int, missing: int) -> Words:
    return Words(
        f"a rank needs {format_gib(needed)}",
        format_gib(missing),
        "allow more nodes, shorten training.sequence_tokens, or use method: lora or qlora",
    )


def _host_memory(search: _Search, placement: TrainingPlacement) -> Violation | None:
    _millicores, reserved = reserved_by_daemonsets(search.instance_type)
    pages = HUGE_PAGES_BYTES if placement.nodes > 1 else 0
    missing = placement.memory.host_bytes - (search.instance_type.allocatable_memory_bytes - reserved - pages)
    return None if missing <= 0 else Violation(_short_of_host, (placement.memory.host_bytes, missing), missing)


def _short_of_host(needed: int, missing: int) -> Words:
    return Words(f"a node's pod needs {format_gib(needed)} of its memory", format_gib(missing))


def _quota(search: _Search, placement: TrainingPlacement) -> Violation | None:
    one, bought_as = search.instance_type, search.job.constraints.capacity_type
    code = one.spot_vcpu_quota_code if bought_as is CapacityType.SPOT else one.vcpu_quota_code
    allowed = search.platform.capacity.quotas.get(code or "")
    needed = placement.nodes * one.vcpus
    if allowed is None or needed <= allowed or bought_as is CapacityType.CAPACITY_BLOCK:
        return None
    return stated(f"its nodes have {needed:,} vCPUs, the quota {code} allows {allowed:,}", f"ask AWS to raise {code}")


def _price_limit(search: _Search, placement: TrainingPlacement) -> Violation | None:
    most, price = search.job.constraints.max_usd_per_hour, placement.usd_per_hour
    if most is None or price is None or price <= most:
        return None
    return stated(f"costs {price:,.3f} $/h, constraints.max_usd_per_hour allows {most:,.3f}")


def _deadline(search: _Search, placement: TrainingPlacement) -> Violation | None:
    most, hours = search.job.deadline_hours, placement.hours
    if hours is None or hours <= most:
        return None
    return Violation(_too_late, (hours, most), hours - most)


def _too_late(hours: float, most: float) -> Words:
    return Words(
        f"takes about {hours:,.1f} h, deadline_hours allows {most:,.1f}",
        f"{hours - most:,.1f} h",
        "allow more nodes, or a later deadline",
    )


TYPE_RULES: tuple[tuple[str, Callable[[_Search], Violation | None]], ...] = (
    ("not-served", _served),
    ("training-accelerator", _trains),
    ("constraint-accelerator", _allowed_accelerator),
    ("constraint-instance-family", _allowed_family),
    ("region-offering", _offered),
    ("purchase-route", _purchasable),
)
NODE_RULES: tuple[tuple[str, Callable[[_Search, TrainingPlacement], Violation | None]], ...] = (
    ("efa", _fabric),
    ("batch", _batch),
    ("memory", _memory),
    ("host-memory", _host_memory),
    ("quota", _quota),
    ("price-limit", _price_limit),
    ("deadline", _deadline),
)
_POSITIONS = {name: index for index, name in enumerate([*dict(TYPE_RULES), *dict(NODE_RULES)])}


def _order(placement: TrainingPlacement) -> tuple[bool, float, float, int, str]:
    price, usd = placement.usd_per_hour or 0.0, placement.usd
    return (
        placement.usd_per_hour is None,
        price if usd is None else usd,
        price,
        placement.nodes,
        placement.instance_type.name,
    )


def _nearest(rejection: TrainingRejection) -> tuple[int, float, str, int]:
    missing = rejection.violation.missing
    far = float("inf") if missing is None else missing
    return (-_POSITIONS[rejection.rule], far, rejection.instance_type, rejection.nodes)
