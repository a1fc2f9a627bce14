"""Every way the catalogue offers to run one replica on one node, before any rule has spoken.

    candidates = Σ over instance types and engines: one per tensor-parallel degree 1 … accelerators (CPU: one)

All degrees are listed, not only powers of two: a rule that says why 3 does not work is worth more than silence.
"""

from __future__ import annotations

from collections.abc import Iterator

from ai_on_eks.catalog.loading import Catalog
from ai_on_eks.catalog.types import Engine
from ai_on_eks.descriptors.schema import Descriptor
from ai_on_eks.placement.types import Candidate, Rejection

ANY_INSTANCE_TYPE = "any"
"""The `instance_type` of a rejection that no instance type could mend."""

SIZED_ONLY = "engine-sized-only"
"""The rule of an engine that a plan cannot choose, whatever the model."""


def engines_for(
    descriptor: Descriptor, catalog: Catalog, *, sized_only: bool = False
) -> tuple[tuple[Engine, ...], tuple[Rejection, ...]]:
    """Engines that load this model at all, by name, and why the others do not.

    `sized_only` keeps engines that no workload is rendered for as well, after those that are deployed.
    """
    kept: list[Engine] = []
    rejected: list[Rejection] = []
    for _name, engine in sorted(catalog.engines.items(), key=lambda item: (not item[1].deployed, item[0])):
        reason = _why_not(engine, descriptor)
        if not engine.deployed and not sized_only:
            reason = f"{engine.title} {engine.version} is sized only: no workload is rendered for it"
            rejected.append(Rejection(ANY_INSTANCE_TYPE, engine.name, 0, SIZED_ONLY, reason, None))
        elif reason is None:
            kept.append(engine)
        else:
            rejected.append(Rejection(ANY_INSTANCE_TYPE, engine.name, 0, "engine-model", reason, None))
    return tuple(kept), tuple(rejected)


def candidates(catalog: Catalog, engines: tuple[Engine, ...]) -> Iterator[Candidate]:
    """All candidates in a fixed order: instance type, engine, tensor parallelism."""
    for _name, instance_type in sorted(catalog.instance_types.items()):
        for engine in engines:
            for tensor_parallel in range(1, max(1, instance_type.accelerator_count) + 1):
                yield Candidate(instance_type=instance_type, engine=engine, tensor_parallel=tensor_parallel)


def _why_not(engine: Engine, descriptor: Descriptor) -> str | None:
    for field, value, accepted in (
        ("kind", descriptor.kind.value, engine.kinds),
        ("architecture.family", descriptor.architecture.family.value, engine.families),
        ("source.format", descriptor.source.format.value, engine.formats),
    ):
        if value not in accepted:
            return f"{engine.title} {engine.version} serves {field} {', '.join(accepted)}, not {value}"
    model_type = _model_type(descriptor)
    if engine.model_types and model_type is not None and model_type not in engine.model_types:
        return f"{engine.title} {engine.version} does not load model type '{model_type}'"
    return None


def _model_type(descriptor: Descriptor) -> str | None:
    """What the config names; None where only the size of the model is known."""
    config = descriptor.architecture.config
    return config.get("model_type") if isinstance(config, dict) else None
