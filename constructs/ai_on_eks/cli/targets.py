"""From what the command line names to what sizing needs: names to figures, with the nearest name for a wrong one."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from ai_on_eks.catalog.daemonsets import reserved_by_daemonsets
from ai_on_eks.catalog.engines import find_engine
from ai_on_eks.catalog.loading import Catalog
from ai_on_eks.catalog.types import Accelerator, Engine, InstanceType
from ai_on_eks.cli.documents.sizes import Objection, TargetName
from ai_on_eks.cli.suggestions import closest_fix
from ai_on_eks.descriptors.schema import Descriptor
from ai_on_eks.errors import NothingFitsError, Problem, UsageError
from ai_on_eks.performance.machine import Division
from ai_on_eks.placement.candidates import engines_for
from ai_on_eks.placement.requirements import Requirements
from ai_on_eks.placement.rules import CANDIDATE_RULES, DIVISION_RULES, ENGINE_RULES
from ai_on_eks.placement.rules.capability import runs_unpackaged
from ai_on_eks.placement.types import Candidate
from ai_on_eks.sizing.types import Target

RULES_OF_A_TARGET = frozenset(rule.name for rule in (*ENGINE_RULES, *DIVISION_RULES))
"""Rules about engine, device and division. The others ask what the descriptor and the platform allow."""


class TargetOptions(Struct, frozen=True):
    """The options as given; None = not given."""

    accelerator: str | None = None
    instance_type: str | None = None
    tensor_parallel: int | None = None
    pipeline_parallel: int | None = None
    memory_fraction: float | None = None
    engine: str | None = None
    explain: bool = False


class ResolvedTarget(Struct, frozen=True):
    """The target by its names and by its figures."""

    name: TargetName
    target: Target
    objections: tuple[Objection, ...]


def resolve_target(options: TargetOptions, requirements: Requirements, catalog: Catalog) -> ResolvedTarget | None:
    """The target that the options name, or None when they name none."""
    descriptor = requirements.descriptor
    named = options.instance_type
    instance_type = None if named is None else named_instance_type(named, catalog)
    accelerator = _accelerator(options.accelerator, instance_type, catalog)
    if instance_type is None and accelerator is None:
        _refuse_options_without_target(options)
        return None
    engine = _engine(options.engine, descriptor, catalog, accelerator)
    tensor_parallel = options.tensor_parallel or 1
    pipeline_parallel = options.pipeline_parallel or 1
    if instance_type is not None:
        _check_ranks(tensor_parallel, instance_type)
    _check_stages(pipeline_parallel, requirements.inventory.layers)
    device_memory_bytes = _device_memory_bytes(instance_type, accelerator)
    if not device_memory_bytes:
        raise _unknown_memory(options)
    target = Target(
        device_memory_bytes=device_memory_bytes,
        tensor_parallel=tensor_parallel,
        pipeline_parallel=pipeline_parallel,
        engine=engine.memory,
        memory_fraction=options.memory_fraction or descriptor.serving.memory_fraction,
        accelerator=accelerator.name if accelerator else None,
        on_cpu=accelerator is None,
        compute_capability=accelerator.compute_capability if accelerator else None,
    )
    name = TargetName(
        accelerator=accelerator.name if accelerator else None,
        instance_type=instance_type.name if instance_type else None,
        engine=engine.name,
        engine_version=engine.version,
        tensor_parallel=tensor_parallel,
        pipeline_parallel=pipeline_parallel,
    )
    division = Division(tensor_parallel=tensor_parallel)
    shape = instance_type or _any_with(accelerator, catalog)
    objections = [] if shape is None else _objections(Candidate(shape, engine, division), requirements, catalog)
    if instance_type is None:  # the accelerator alone was asked about, not the node around it
        objections = [objection for objection in objections if objection.rule != "engine-architecture"]
    return ResolvedTarget(name, target, tuple(objections))


def _any_with(accelerator: Accelerator | None, catalog: Catalog) -> InstanceType | None:
    """The first instance type by name that carries the accelerator: the rules ask about whole nodes."""
    return next(
        (known for _name, known in sorted(catalog.instance_types.items()) if known.accelerator == accelerator), None
    )


def _objections(candidate: Candidate, requirements: Requirements, catalog: Catalog) -> list[Objection]:
    """Why engine, device and division do not go together, by the rules that `plan` asks."""
    found: list[Objection] = []
    for rule in CANDIDATE_RULES:
        violation = rule.check(candidate, requirements, catalog) if rule.name in RULES_OF_A_TARGET else None
        if violation is not None:
            found.append(Objection(rule.name, violation.words.reason))
    return found


def _device_memory_bytes(instance_type: InstanceType | None, accelerator: Accelerator | None) -> int:
    """Usable memory of one device; on CPU what the node leaves to a container beside its DaemonSets."""
    if instance_type is None:
        return _rank_memory_bytes(accelerator, accelerator.memory_bytes) if accelerator else 0
    if accelerator is not None:
        return _rank_memory_bytes(accelerator, instance_type.accelerator_memory_bytes)
    _cpu, reserved_bytes = reserved_by_daemonsets(instance_type)
    return max(0, instance_type.allocatable_memory_bytes - reserved_bytes)


def _rank_memory_bytes(accelerator: Accelerator, memory_bytes: int) -> int:
    """A rank's share of a device: the cores that work as one have their part of its memory."""
    return memory_bytes * accelerator.cores_per_rank // accelerator.cores


def _unknown_memory(options: TargetOptions) -> UsageError:
    """The catalogue's 0 means that nobody has published the figure; against it nothing would ever fit."""
    option = "--instance-type" if options.instance_type else "--accelerator"
    return UsageError(
        Problem(
            code="memory-not-known",
            message="its usable memory is not published, so nothing can be sized on it",
            path=option,
            value=options.instance_type or options.accelerator,
            fix="name another; `ai-on-eks catalog accelerators` shows whose memory is known",
        )
    )


def named_instance_type(name: str, catalog: Catalog) -> InstanceType:
    """The type of --instance-type, or UsageError with the nearest name."""
    if name not in catalog.instance_types:
        raise _unknown("--instance-type", "instance type", name, catalog.instance_types, "ai-on-eks catalog list")
    return catalog.instance_types[name]


def _accelerator(name: str | None, instance_type: InstanceType | None, catalog: Catalog) -> Accelerator | None:
    carried = instance_type.accelerator if instance_type else None
    if name is None:
        return carried
    if name not in catalog.accelerators:
        raise _unknown("--accelerator", "accelerator", name, catalog.accelerators, "ai-on-eks catalog accelerators")
    if instance_type is not None and (carried is None or carried.name != name):
        has = f"has {carried.name}" if carried else "has no accelerator"
        raise UsageError(
            Problem(
                code="contradicting-target",
                message=f"{instance_type.name} {has}, not {name}",
                path="--accelerator",
                value=name,
                fix="leave out --accelerator or --instance-type",
            )
        )
    return catalog.accelerators[name]


def _engine(
    wanted: str | None, descriptor: Descriptor, catalog: Catalog, accelerator: Accelerator | None = None
) -> Engine:
    """The engine asked for, at the version asked for, or the first that serves the model: one that is deployed, else
    one that is sized only and runs on the accelerator."""
    engine = None if wanted is None else _named_engine(wanted)
    serving, rejected = engines_for(descriptor, catalog, superseded=True, named=engine.name if engine else None)
    if engine is None:
        found = next((one for one in serving if one.deployed or runs_unpackaged(one, accelerator)), None)
        if found is not None:
            return found
        reasons = [rejection.reason for rejection in rejected]
        raise NothingFitsError([Problem(code="no-engine", message=reason, value=descriptor.name) for reason in reasons])
    for rejection in rejected:
        if rejection.engine == engine.name:
            names = tuple(one.name for one in serving)
            fix = f"use {names[0]}" if names else None
            raise NothingFitsError(Problem("no-engine", rejection.reason, path="--engine", value=wanted, fix=fix))
    return engine


def _named_engine(wanted: str) -> Engine:
    try:
        return find_engine(wanted)
    except UsageError as error:
        raise UsageError([replace(problem, path="--engine") for problem in error.problems]) from None


def _check_ranks(tensor_parallel: int, instance_type: InstanceType) -> None:
    accelerator = instance_type.accelerator
    cores = accelerator.cores // accelerator.cores_per_rank if accelerator else 1
    devices = max(1, instance_type.accelerator_count * cores)
    has = f"{instance_type.accelerator_count} accelerators"
    if cores > 1:
        has = f"{instance_type.accelerator_count} accelerators of {cores} logical cores each"
    if tensor_parallel > devices:
        raise UsageError(
            Problem(
                code="more-ranks-than-accelerators",
                message=f"{instance_type.name} has {has}",
                path="--tp",
                value=tensor_parallel,
                fix=f"--tp {devices}",
            )
        )


def _check_stages(pipeline_parallel: int, layers: int) -> None:
    if pipeline_parallel > max(1, layers):
        raise UsageError(
            Problem(
                code="out-of-range",
                message=f"the model has {layers} layers to divide into stages",
                path="--pp",
                value=pipeline_parallel,
                allowed=(f"1 to {max(1, layers)}",),
                fix=f"--pp {max(1, layers)}",
            )
        )


def _refuse_options_without_target(options: TargetOptions) -> None:
    """Options that would change nothing are a misunderstanding, and silence would hide it."""
    given = [
        name
        for name, value in (
            ("--tp", options.tensor_parallel),
            ("--pp", options.pipeline_parallel),
            ("--memory-fraction", options.memory_fraction),
            ("--engine", options.engine),
            ("--explain", options.explain or None),
        )
        if value is not None
    ]
    if given:
        raise UsageError(
            [
                Problem(
                    code="option-without-target",
                    message="says nothing without a target",
                    path=name,
                    fix="add --accelerator or --instance-type",
                )
                for name in given
            ]
        )


def _unknown(option: str, noun: str, name: str, known: Iterable[str], listing: str) -> UsageError:
    names = tuple(known)
    return UsageError(
        Problem(
            code=f"unknown-{noun.replace(' ', '-')}",
            message=f"the catalogue knows no {noun} '{name}'",
            path=option,
            value=name,
            fix=closest_fix(name, names) or f"{listing}",
        )
    )
