"""What a reader of a plan should know before trusting it."""

from __future__ import annotations

from collections.abc import Sequence

from ai_on_eks.descriptors.schema import CapacityType, Descriptor, Targets
from ai_on_eks.placement.ranking import cheapest
from ai_on_eks.placement.requirements import Requirements
from ai_on_eks.placement.rules.capability import why_not_taken
from ai_on_eks.placement.types import Placement


def warnings_of(
    requirements: Requirements, chosen: Placement | None, unrendered: Sequence[Placement]
) -> tuple[str, ...]:
    """Warnings of one plan. `unrendered` lack nothing but a workload."""
    descriptor = requirements.descriptor
    warnings: list[str] = []
    if descriptor.source.uri.startswith("hf://") and descriptor.source.revision is None:
        warnings.append("source.revision is not set: the weights are not pinned")
    warnings += [f"estimated: {assumption}" for assumption in requirements.inventory.estimated]
    if chosen is not None:
        warnings += _of_choice(requirements, chosen)
    cheaper = _cheaper(descriptor, chosen, unrendered)
    if cheaper is not None:
        warnings.append(cheaper)
    return tuple(warnings)


def placement_text(placement: Placement) -> str:
    """`2 × inf2.xlarge with NxD Inference, 1.517 $/h`."""
    cost = "no published price" if placement.usd_per_hour is None else f"{placement.usd_per_hour:.3f} $/h"
    return f"{placement.nodes} × {placement.instance_type.name} with {placement.engine.title}, {cost}"


def _of_choice(requirements: Requirements, chosen: Placement) -> list[str]:
    constraints, serving = requirements.descriptor.constraints, requirements.descriptor.serving
    warnings = []
    if constraints.capacity_type is CapacityType.SPOT and chosen.replicas == 1:
        warnings.append(
            "one replica on spot: nothing serves while EC2 takes its node back; serving.minimum_replicas 2 keeps a copy"
        )
    if chosen.price is None:
        warnings.append(f"{chosen.instance_type.name} has no on-demand price: Capacity Block or spot")
    if chosen.instance_type.accelerator is None and serving.targets == Targets():
        warnings.append(_cpu_by_price_alone(chosen))
    if chosen.nodes_per_replica > 1 and not chosen.instance_type.efa_interfaces:
        warnings.append(
            f"stages on {chosen.nodes_per_replica} nodes exchange over {chosen.instance_type.network_gbps:g} Gbit/s "
            "without EFA; the estimate counts that"
        )
    region = requirements.platform.region
    if chosen.price is not None and chosen.price.region != region:
        warnings.append(f"no price of {region} is in the catalogue: costs are those of {chosen.price.region}")
    return warnings


def _cheaper(descriptor: Descriptor, chosen: Placement | None, unrendered: Sequence[Placement]) -> str | None:
    """What would be chosen if it could be rendered, or had been asked for."""
    best = cheapest(unrendered)
    if best is None or best.usd_per_hour is None:
        return None
    if chosen is None:
        return f"{placement_text(best)} would do, but {why_not_taken(best, descriptor)}"
    if chosen.usd_per_hour is None or best.usd_per_hour >= chosen.usd_per_hour:
        return None
    saved = 1 - best.usd_per_hour / chosen.usd_per_hour
    return f"{placement_text(best)} would save {saved:.0%}, but {why_not_taken(best, descriptor)}"


def _cpu_by_price_alone(chosen: Placement) -> str:
    batch_ms = chosen.estimates.ttft_ms
    speed = (
        "" if batch_ms is None else f"; a batch of {chosen.sequences_per_replica} takes {batch_ms / 1000:.1f} s there"
    )
    return f"no serving.targets are set, so {chosen.instance_type.name} is chosen by price alone{speed} (estimate)"
