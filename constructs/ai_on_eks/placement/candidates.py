"""Every way the catalogue offers to run one replica, before any rule has spoken.

candidates = Σ over instance types and engines that load the model: one per division (placement.divisions)
"""

from __future__ import annotations

from collections.abc import Iterator

from ai_on_eks.catalog.loading import Catalog
from ai_on_eks.catalog.types import Engine
from ai_on_eks.descriptors.inventory import Inventory, TensorRole
from ai_on_eks.descriptors.schema import Descriptor, Kind
from ai_on_eks.placement.divisions import divisions
from ai_on_eks.placement.types import ANY_INSTANCE_TYPE, UNDIVIDED, Candidate, Rejection
from ai_on_eks.placement.violations import Violation, stated

CONSTRAINT_RULE = "constraint-engine"
"""The rule of an engine that the descriptor does not allow."""

ENGINE_RULE = "engine-model"
"""The rule of an engine that does not load the model, whatever it runs on."""


SUPERSEDED_RULE = "engine-superseded"
"""The rule of an engine whose publisher has replaced it: its memory is known, and nothing new should run on it."""


def engines_for(
    descriptor: Descriptor, catalog: Catalog, *, superseded: bool = False, named: str | None = None
) -> tuple[tuple[Engine, ...], tuple[Rejection, ...]]:
    """Engines that load this model at all, and why the others do not. Those that a workload is rendered for come first,
    and of them those that need not be asked for by name.

    `superseded` keeps those that only are too old as well; `named` is one that was asked for by other means than the
    descriptor's constraints, such as an option.
    """
    kept: list[Engine] = []
    rejected: list[Rejection] = []
    for _name, engine in sorted(catalog.engines.items(), key=_order):
        allowed = descriptor.constraints.engines
        if allowed and engine.name not in allowed:
            fix = f"add {engine.name} to constraints.engines"
            violation = stated(f"{engine.name} is not among constraints.engines ({', '.join(allowed)})", fix)
            rejected.append(Rejection(ANY_INSTANCE_TYPE, engine.name, UNDIVIDED, CONSTRAINT_RULE, violation))
            continue
        if engine.superseded_by and not superseded:
            violation = stated(f"{engine.title} {engine.version} is superseded by {engine.superseded_by}")
            rejected.append(Rejection(ANY_INSTANCE_TYPE, engine.name, UNDIVIDED, SUPERSEDED_RULE, violation))
            continue
        unloadable = _why_not(engine, descriptor)
        if unloadable is None and engine.like and engine.name not in (*allowed, named):
            fix = f"write {engine.name} to constraints.engines"
            unloadable = stated(f"{engine.name} loads what {engine.like} does and is looked at where it is named", fix)
        if unloadable is None:
            kept.append(engine)
        else:
            rejected.append(Rejection(ANY_INSTANCE_TYPE, engine.name, UNDIVIDED, ENGINE_RULE, unloadable))
    return tuple(kept), tuple(rejected)


def _order(item: tuple[str, Engine]) -> tuple[bool, bool, str]:
    name, engine = item
    return (not engine.deployed, engine.by_name is not None, name)


def candidates(catalog: Catalog, engines: tuple[Engine, ...], inventory: Inventory) -> Iterator[Candidate]:
    """All candidates in a fixed order: instance type, engine, division."""
    has_experts = holds_experts(inventory)
    for _name, instance_type in sorted(catalog.instance_types.items()):
        for engine in engines:
            for division in divisions(instance_type, engine, has_experts=has_experts):
                yield Candidate(instance_type, engine, division)


def running_engine(candidate: Candidate) -> Engine:
    """The build of the engine that runs: between nodes with adapters the one that can use them."""
    engine = candidate.engine
    uses_fabric = candidate.division.nodes > 1 and candidate.instance_type.efa_interfaces > 0
    return engine.fabric if uses_fabric and engine.fabric is not None else engine


def holds_experts(inventory: Inventory) -> bool:
    """Is the model a mixture of experts?"""
    return any(tensor.role is TensorRole.EXPERT for tensor in inventory.tensors)


def _why_not(engine: Engine, descriptor: Descriptor) -> Violation | None:
    for field, value, accepted in (
        ("kind", descriptor.kind.value, engine.kinds),
        ("architecture.family", descriptor.architecture.family.value, engine.families),
        ("source.format", descriptor.source.format.value, engine.formats),
    ):
        if value not in accepted:
            return stated(
                f"{engine.title} {engine.version} serves {field} {', '.join(accepted)}, not {value}",
                "choose a kind, architecture.family and source.format that one engine serves",
            )
    model_type = _model_type(descriptor)
    if engine.heads and (descriptor.kind is Kind.TASK_SPECIFIC or descriptor.task in engine.heads):
        loaded = engine.heads.get(descriptor.task or "")
        if loaded is None:
            return stated(
                f"{engine.title} {engine.version} serves task {', '.join(engine.heads)} of task-specific models, "
                f"not {descriptor.task or 'an unnamed one'}"
            )
        if model_type is not None and model_type not in loaded:
            return stated(
                f"{engine.title} {engine.version} does not load the head of model type '{model_type}' "
                f"for {descriptor.task}"
            )
    if engine.model_types and model_type is not None and model_type not in engine.model_types:
        return stated(f"{engine.title} {engine.version} does not load model type '{model_type}'")
    if engine.tasks and descriptor.task not in engine.tasks:
        what = "a model without task" if descriptor.task is None else f"task {descriptor.task}"
        served = ", ".join(engine.tasks)
        return stated(f"{engine.title} {engine.version} serves task {served}, not {what}", "write the model's task")
    return None


def _model_type(descriptor: Descriptor) -> str | None:
    """What the config names, a pipeline of diffusers by its class; None where only the size of the model is known."""
    config = descriptor.architecture.config
    return config.get("model_type", config.get("_class_name")) if isinstance(config, dict) else None
