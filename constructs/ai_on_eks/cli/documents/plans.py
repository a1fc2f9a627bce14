"""Plans: what was chosen, what else would do, and why the rest would not."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from ai_on_eks.catalog.loading import Catalog
from ai_on_eks.cli.documents.fleets import fleet_mapping, part_mapping
from ai_on_eks.cli.documents.memory import host_mapping, rank_mapping
from ai_on_eks.cli.documents.prices import price_mapping
from ai_on_eks.cli.documents.readiness import readiness_mapping
from ai_on_eks.cli.reasons import why, why_in_fleet
from ai_on_eks.descriptors.schema import Serving
from ai_on_eks.performance.readiness import Readiness
from ai_on_eks.performance.types import Estimates
from ai_on_eks.placement.fleet.types import FleetMember, FleetPlan, FleetPool
from ai_on_eks.placement.ranking import autoscaling_range, usd_per_million
from ai_on_eks.placement.rules.capability import why_not_rendered, why_not_taken
from ai_on_eks.placement.types import Placement, Plan, Rejection, Suggestion
from ai_on_eks.placement.warnings import placement_text
from ai_on_eks.serving.images import unpinned_warnings
from ai_on_eks.serving.types import ImageReference

Images = Mapping[str, ImageReference]

NO_STARTS: Mapping[str, Readiness] = MappingProxyType({})


def plans_body(
    fleet: FleetPlan,
    catalog: Catalog,
    images: Images | None = None,
    *,
    starts: Mapping[str, Readiness] = NO_STARTS,
    terms: bool = False,
) -> dict[str, Any]:
    """All plans and what they cost together; the sum is null as soon as one model has no placement or no price.

    `starts` by model; a model that is not among them has `readiness` null.
    """
    parts = {member.model: (pool, member) for pool in fleet.pools for member in pool.members}
    placed = all(plan.chosen is not None for plan in fleet.plans)
    return {
        "total_usd_per_hour": fleet.usd_per_hour if placed else None,
        "fleet": fleet_mapping(fleet),
        "plans": [
            plan_mapping(
                plan,
                catalog,
                images,
                start=starts.get(plan.descriptor.name),
                terms=terms,
                part=parts.get(plan.descriptor.name),
            )
            for plan in fleet.plans
        ],
    }


def plan_mapping(
    plan: Plan,
    catalog: Catalog,
    images: Images | None = None,
    *,
    start: Readiness | None = None,
    terms: bool = False,
    part: tuple[FleetPool, FleetMember] | None = None,
) -> dict[str, Any]:
    """One model's plan. `rejected` is ordered nearest miss first; `image` is null where no images were given.

    `suggestions` are planned for models that fit nowhere, and with `terms`; null = not planned.
    `part` is the model's place in a fleet, `in_fleet` of the document; null where there is none.
    """
    chosen, descriptor = plan.chosen, plan.descriptor
    key = chosen.image_key if chosen is not None else None
    image = images[key] if images is not None and key is not None else None
    return {
        "model": descriptor.name,
        "kind": descriptor.kind.value,
        "task": descriptor.task,
        "parameters": {"total": plan.inventory.parameters, "active": plan.inventory.active_parameters},
        "capacity_type": descriptor.constraints.capacity_type.value,
        "policy": plan.policy.value,
        "chosen": None if chosen is None else placement_mapping(chosen, descriptor.serving, terms=terms),
        "in_fleet": None if part is None else part_mapping(*part),
        "why": why(plan, catalog) if part is None else why_in_fleet(plan, catalog, *part),
        "image": None if image is None else image.reference,
        "readiness": readiness_mapping(start),
        "warnings": [*plan.warnings, *_not_rendered(plan), *unpinned_warnings([] if image is None else [image])],
        "accepted": len(plan.accepted),
        "alternatives": [placement_mapping(placement, descriptor.serving) for placement in plan.alternatives],
        "variants": [variant_mapping(variant, plan) for variant in plan.variants],
        "suggestions": _suggestions(plan) if terms or chosen is None else None,
        "rejected": [rejection_mapping(rejection) for rejection in plan.rejected],
    }


def _not_rendered(plan: Plan) -> list[str]:
    """What to deploy until the choice has a workload."""
    why_not = None if plan.chosen is None else why_not_taken(plan.chosen, plan.descriptor)
    if why_not is None:
        return []
    rendered = next((other for other in plan.accepted if why_not_taken(other, plan.descriptor) is None), None)
    instead = (
        "nothing that can be rendered serves it" if rendered is None else f"`render` takes {placement_text(rendered)}"
    )
    return [f"{why_not}; {instead}"]


def placement_mapping(placement: Placement, serving: Serving, *, terms: bool = False) -> dict[str, Any]:
    """One way to run the model. `usd_per_hour` is for all nodes, `price` for one instance.

    `rendered` tells whether a workload is rendered for it, `not_rendered` why not.
    """
    instance_type, rank = placement.instance_type, placement.memory.rank
    unrendered = why_not_rendered(placement)
    least, most = autoscaling_range(placement, serving.replicas_without_load, serving.maximum_replicas)
    return {
        "instance_type": instance_type.name,
        "nodes_per_replica": placement.nodes_per_replica,
        "replicas": placement.replicas,
        "replicas_per_node": placement.replicas_per_node,
        "nodes": placement.nodes,
        "accelerator": instance_type.accelerator.name if instance_type.accelerator else None,
        "accelerators_per_replica": placement.accelerators_per_replica,
        "tensor_parallel": placement.tensor_parallel,
        "pipeline_parallel": placement.pipeline_parallel,
        "expert_parallel": placement.expert_parallel,
        "engine": placement.engine.name,
        "engine_version": placement.engine.version,
        "image_key": placement.image_key,
        "rendered": unrendered is None,
        "not_rendered": unrendered,
        "usd_per_hour": placement.usd_per_hour,
        "usd_per_million": _usd_per_million(placement, serving),
        "price": price_mapping(placement.price),
        "memory_fraction": rank.memory_fraction,
        "max_model_len": placement.max_model_len,
        "sequences_per_replica": placement.sequences_per_replica,
        "kv_cache_tokens": rank.kv_cache_tokens,
        "estimates": estimates_mapping(placement.estimates),
        "requests_per_second": placement.requests_per_second,
        "autoscaling": {"minimum_replicas": least, "maximum_replicas": most},
        "headroom_bytes": placement.headroom_bytes,
        "per_accelerator": rank_mapping(rank, terms=terms),
        "host": host_mapping(placement.memory.host, terms=terms),
    }


def _usd_per_million(placement: Placement, serving: Serving) -> dict[str, Any] | None:
    """Of output tokens where the model writes some, of items elsewhere; null without a price or an estimate."""
    cost = usd_per_million(placement, serving.output_tokens)
    if cost is None:
        return None
    unit = "items" if placement.estimates.tpot_ms is None else "output-tokens"
    return {"usd": round(cost, 4), "unit": unit}


def estimates_mapping(estimates: Estimates) -> dict[str, Any]:
    """Speed of one replica, with the evidence it rests on, and factors around a figure between which eight of ten
    held-out measurements lay (the band of tokens per second is that of tpot, inverted)."""
    return {
        "ttft_ms": estimates.ttft_ms,
        "tpot_ms": estimates.tpot_ms,
        "output_tokens_per_s": estimates.output_tokens_per_s,
        "items_per_s": estimates.items_per_s,
        "evidence": estimates.evidence,
        "bands": {
            name: None if band is None else list(band)
            for name, band in (
                ("ttft", estimates.ttft_band),
                ("tpot", estimates.tpot_band),
                ("items", estimates.items_band),
            )
        },
    }


def variant_mapping(variant: Plan, plan: Plan) -> dict[str, Any]:
    """What a model that the descriptor names beside itself comes to; nulls where it fits nowhere."""
    chosen, cost = variant.chosen, None if plan.chosen is None else plan.chosen.usd_per_hour
    own = None if chosen is None else chosen.usd_per_hour
    return {
        "model": variant.descriptor.name,
        "parameters": variant.inventory.parameters,
        "instance_type": None if chosen is None else chosen.instance_type.name,
        "nodes": None if chosen is None else chosen.nodes,
        "engine": None if chosen is None else chosen.engine.name,
        "usd_per_hour": own,
        "saved_share": None if own is None or not cost else round(1 - own / cost, 4),
    }


def _suggestions(plan: Plan) -> list[dict[str, Any]]:
    return [suggestion_mapping(suggestion) for suggestion in plan.suggestions]


def suggestion_mapping(suggestion: Suggestion) -> dict[str, Any]:
    """A change of the descriptor and what its plan came to. `saved_share` is null where nothing fits now."""
    placement = suggestion.placement
    return {
        "setting": suggestion.setting,
        "instance_type": placement.instance_type.name,
        "nodes": placement.nodes,
        "engine": placement.engine.name,
        "tensor_parallel": placement.tensor_parallel,
        "usd_per_hour": placement.usd_per_hour,
        "saved_share": None if suggestion.saved_share is None else round(suggestion.saved_share, 4),
    }


def rejection_mapping(rejection: Rejection) -> Mapping[str, Any]:
    """One candidate that a rule refused; `any` where no other instance type or engine could mend it, and
    tensor parallelism 0 where no other division could."""
    words = rejection.violation.words
    return {
        "instance_type": rejection.instance_type,
        "engine": rejection.engine,
        "tensor_parallel": rejection.tensor_parallel,
        "pipeline_parallel": rejection.division.pipeline_parallel,
        "expert_parallel": rejection.division.expert_parallel,
        "nodes_per_replica": rejection.division.nodes,
        "rule": rejection.rule,
        "reason": words.reason,
        "shortfall": words.shortfall,
        "fix": words.fix,
    }
