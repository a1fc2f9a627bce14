"""What else could be asked for: the same model in fewer bits, with a shorter context, under other limits.

    fits somewhere   weights in FP16, FP8 or 4 bits, the cache in FP8, half the context          where that is cheaper
    fits nowhere     the same, the longest context that fits, and each limit that stands in the way lifted: the ceiling,
                     the targets, the accelerators, the families, the engines, the capacity type

Every suggestion is planned before it is made, and has the price of its plan. None is ever taken by itself: fewer bits
answer differently, and a shorter context answers less.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import ceil, floor

from ai_on_eks.descriptors.schema import (
    CachePrecision,
    CapacityType,
    Constraints,
    Descriptor,
    Family,
    Format,
    Policy,
    Precision,
    Targets,
    WeightPrecision,
)
from ai_on_eks.placement.requirements import Requirements
from ai_on_eks.placement.types import Placement, Plan, Rejection, Suggestion

PlanOf = Callable[[Descriptor, Policy | None], Plan]
"""Plans a changed descriptor, by another policy where one is given."""

CONTEXT_STEP_TOKENS = 1024

LEAST_RATE = 0.1
"""Per second; slower than this is not suggested."""

FULL_WEIGHTS = (WeightPrecision.FP32, WeightPrecision.FP16, WeightPrecision.BF16)


def suggest(
    requirements: Requirements, chosen: Placement | None, rejected: Sequence[Rejection], plan: PlanOf
) -> tuple[Suggestion, ...]:
    """Changes that make the model fit, or make it cheaper; the cheapest first."""
    changes = [*_fewer_bits(requirements), *_half_context(requirements)]
    found = list(_tried(changes, chosen, plan))
    if chosen is None:
        found += [*_longest_context(requirements, plan), *_lifted_limits(requirements, rejected, plan)]
    return tuple(sorted(found, key=_by_price))


def _fewer_bits(requirements: Requirements) -> Iterator[tuple[str, Descriptor]]:
    descriptor, precision = requirements.descriptor, requirements.precision
    if precision.weights in FULL_WEIGHTS and descriptor.source.format is Format.SAFETENSORS:
        for weights, scheme in _quantized(precision, descriptor.architecture.family):
            named = f"weights: {weights.value}" + ("" if scheme is None else f", scheme: {scheme}")
            fewer = Precision(weights=weights, scheme=scheme, kv_cache=precision.kv_cache)
            yield f"precision: {{{named}}}", descriptor.model_copy(update={"precision": fewer})
    if requirements.inventory.states and precision.kv_cache is not CachePrecision.FP8:
        smaller = precision.model_copy(update={"kv_cache": CachePrecision.FP8})
        yield "precision.kv_cache: fp8", descriptor.model_copy(update={"precision": smaller})


def _quantized(precision: Precision, family: Family) -> Iterator[tuple[WeightPrecision, str | None]]:
    """Half of full precision, and what quantizers make of a decoder (AWQ) or of a diffusion pipeline (bitsandbytes)."""
    if precision.weights is WeightPrecision.FP32:
        yield WeightPrecision.FP16, None
    yield WeightPrecision.FP8, None
    yield WeightPrecision.INT4, "bitsandbytes" if family is Family.DIFFUSION else "awq"


def _half_context(requirements: Requirements) -> Iterator[tuple[str, Descriptor]]:
    tokens = requirements.load.context_tokens // 2
    if requirements.inventory.states and tokens > requirements.descriptor.serving.output_tokens:
        yield f"serving.context_tokens: {tokens}", _with_context(requirements.descriptor, tokens)


def _tried(changes: list[tuple[str, Descriptor]], chosen: Placement | None, plan: PlanOf) -> Iterator[Suggestion]:
    """Those that fit, and cost less than what is chosen now."""
    for setting, changed in changes:
        better = plan(changed, Policy.COST).chosen
        if better is None:
            continue
        if chosen is None:
            yield Suggestion(setting, better, None)
        elif chosen.usd_per_hour and better.usd_per_hour is not None and better.usd_per_hour < chosen.usd_per_hour:
            yield Suggestion(setting, better, 1 - better.usd_per_hour / chosen.usd_per_hour)


def _longest_context(requirements: Requirements, plan: PlanOf) -> Iterator[Suggestion]:
    """In whole steps, by halving: a longer context never fits where a shorter one does not."""
    if not requirements.inventory.states:
        return
    low, high = 0, (requirements.load.context_tokens - 1) // CONTEXT_STEP_TOKENS
    best: Placement | None = None
    while low < high:
        middle = (low + high + 1) // 2
        fitting = plan(_with_context(requirements.descriptor, middle * CONTEXT_STEP_TOKENS), Policy.COST).chosen
        if fitting is None:
            high = middle - 1
        else:
            low, best = middle, fitting
    if best is not None:
        yield Suggestion(f"serving.context_tokens: {low * CONTEXT_STEP_TOKENS}", best, None)


def _lifted_limits(requirements: Requirements, rejected: Sequence[Rejection], plan: PlanOf) -> Iterator[Suggestion]:
    """Each limit alone, at the nearest value that can be met."""
    descriptor = requirements.descriptor
    constraints, targets = descriptor.constraints, descriptor.serving.targets
    if constraints.max_usd_per_hour is not None:
        found = plan(_with_constraints(descriptor, max_usd_per_hour=None), Policy.COST).chosen
        if found is not None and found.usd_per_hour is not None:
            yield Suggestion(f"constraints.max_usd_per_hour: {found.usd_per_hour:.4f}", found, None)
    for field, name in (("accelerators", "accelerator"), ("instance_families", "family"), ("engines", "engine")):
        if getattr(constraints, field):
            found = plan(_with_constraints(descriptor, **{field: ()}), Policy.COST).chosen
            if found is not None:
                yield Suggestion(f"constraints.{field}: [{_name(found, name)}]", found, None)
    for capacity_type in CapacityType:
        if capacity_type is not constraints.capacity_type:
            found = plan(_with_constraints(descriptor, capacity_type=capacity_type), Policy.COST).chosen
            if found is not None:
                yield Suggestion(f"constraints.capacity_type: {capacity_type.value}", found, None)
    yield from _relaxed_targets(descriptor, targets, rejected, plan)


def _relaxed_targets(
    descriptor: Descriptor, targets: Targets, rejected: Sequence[Rejection], plan: PlanOf
) -> Iterator[Suggestion]:
    """Each target alone at the nearest value that can be met, of those that the rejections say were reached.

    What reached it may fall to a later rule, so values are tried by halving: a looser one is met wherever a tighter is.
    """
    for field in ("ttft_ms", "tpot_ms", "items_per_second", "output_tokens_per_second"):
        if getattr(targets, field) is None:
            continue
        values, best = _reached(field, rejected), None
        low, high = 0, len(values)
        while low < high:
            middle = (low + high) // 2
            relaxed = descriptor.serving.model_copy(
                update={"targets": targets.model_copy(update={field: values[middle]})}
            )
            found = plan(descriptor.model_copy(update={"serving": relaxed}), None).chosen
            if found is None:
                low = middle + 1
            else:
                high, best = middle, Suggestion(f"serving.targets.{field}: {values[middle]:g}", found, None)
        if best is not None:
            yield best


def _reached(field: str, rejected: Sequence[Rejection]) -> list[float]:
    """Different values, the tightest first, each rounded to the side that can be kept."""
    if field.endswith("_ms"):
        times = (one.violation.figures[2] for one in rejected if _missed(one, "latency-target", field))
        return sorted({ceil(time * 10) / 10 for time in times})
    name = field.replace("_", " ")
    rates = (one.violation.figures[1] for one in rejected if _missed(one, "throughput-target", name))
    return sorted({floor(rate * 10) / 10 for rate in rates if rate >= LEAST_RATE}, reverse=True)


def _missed(rejection: Rejection, rule: str, field: str) -> bool:
    """Was it rejected by this rule for this target, with a figure?"""
    figures = rejection.violation.figures
    return rejection.rule == rule and rejection.violation.missing is not None and field in figures[:2]


def _name(placement: Placement, what: str) -> str:
    if what == "engine":
        return placement.engine.name
    if what == "family":
        return placement.instance_type.family
    accelerator = placement.instance_type.accelerator
    return accelerator.name if accelerator else "cpu"


def _with_context(descriptor: Descriptor, tokens: int) -> Descriptor:
    serving = descriptor.serving.model_copy(update={"context_tokens": tokens})
    return descriptor.model_copy(update={"serving": serving})


def _with_constraints(descriptor: Descriptor, **changes: object) -> Descriptor:
    constraints: Constraints = descriptor.constraints.model_copy(update=changes)
    return descriptor.model_copy(update={"constraints": constraints})


def _by_price(suggestion: Suggestion) -> tuple[float, str]:
    cost = suggestion.placement.usd_per_hour
    return (float("inf") if cost is None else cost, suggestion.setting)
