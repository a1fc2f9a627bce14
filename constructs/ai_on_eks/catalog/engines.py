"""The serving engines, read from `data/engines.json`.

An engine's memory behaviour changes between versions, so it is kept as a history: the entry that applies to a version
is the newest one that is not newer than it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

from msgspec.structs import replace

from ai_on_eks.catalog.reading import read
from ai_on_eks.catalog.types import (
    BatchLimit,
    CompiledDevice,
    CompiledPrograms,
    Engine,
    EngineHost,
    EngineMemory,
    ExpertKernel,
    StaticShare,
)
from ai_on_eks.errors import Problem, UsageError
from ai_on_eks.units import GIB


@cache
def load_engines() -> Mapping[str, Engine]:
    """Every engine at the version the package deploys, by name."""
    engines = {name: _engine(name, entry) for name, entry in sorted(_entries().items())}
    return MappingProxyType(engines)


def find_engine(specification: str) -> Engine:
    """`vllm`, or `vllm@0.11` with the memory behaviour of that version.

    Only the deployed version has images: any other is good for sizing alone.
    """
    name, separator, version = specification.partition("@")
    engines = load_engines()
    if name not in engines:
        raise UsageError(
            Problem(
                code="unknown-engine",
                message=f"the catalogue knows no engine '{name}'",
                value=specification,
                allowed=tuple(engines),
                fix=_nearest_fix(name, engines),
            )
        )
    engine = engines[name]
    if not separator or version == engine.version:
        return engine
    entry = _entries()[name]
    oldest = entry["history"][-1]["since"]
    wanted = _version(version)
    if wanted is None or wanted < _known_version(oldest):
        raise UsageError(
            Problem(
                code="unknown-engine-version",
                message=f"the memory behaviour of {name} '{version}' is not known",
                value=specification,
                allowed=(f"{name}@{oldest} and newer",),
                fix=f"use {name}@{engine.version}",
            )
        )
    return replace(engine, version=version, images={}, memory=_memory(entry, wanted))


@cache
def _entries() -> dict[str, Any]:
    entries: dict[str, Any] = read("engines.json")["engines"]
    return {name: _whole(entry, entries) for name, entry in entries.items()}


def _whole(entry: dict[str, Any], entries: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """What an entry does not say itself is as with the engine that it is `like`, unless it says all of it."""
    if "without_model_types" not in entry:
        return entry
    base = entries[entry["like"]]
    sources = {**base["host"]["sources"], **entry["host"]["sources"]}
    return {
        **base,
        **entry,
        "host": {**base["host"], **entry["host"], "sources": sources},
        "model_types": [one for one in base["model_types"] if one not in entry["without_model_types"]],
    }


def _engine(name: str, entry: Mapping[str, Any]) -> Engine:
    plain = _plain_engine(name, entry)
    fabric = entry.get("fabric")
    return plain if fabric is None else replace(plain, fabric=_fabric_build(plain, entry, fabric))


def _fabric_build(plain: Engine, entry: Mapping[str, Any], fabric: Mapping[str, Any]) -> Engine:
    """Another image, of another version: it is sized as that."""
    return replace(
        plain,
        version=fabric["version"],
        images=MappingProxyType(fabric["images"]),
        memory=_memory(entry, _known_version(fabric["version"])),
        source=fabric["source"],
    )


def _plain_engine(name: str, entry: Mapping[str, Any]) -> Engine:
    return Engine(
        name=name,
        version=entry["version"],
        title=entry["title"],
        kinds=tuple(entry["kinds"]),
        families=tuple(entry["families"]),
        formats=tuple(entry["formats"]),
        images=MappingProxyType(entry["images"]),
        architectures=tuple(entry["architectures"]),
        min_compute_capability=_capabilities(entry["min_compute_capability"]),
        cpu_weights=tuple(entry["cpu_weights"]),
        tensor_parallel=entry["tensor_parallel"],
        memory=_memory(entry, _known_version(entry["version"])),
        source=entry["source"],
        cache_min_compute_capability=_capabilities(entry["cache_min_compute_capability"]),
        withheld_images=MappingProxyType(entry.get("withheld_images", {})),
        deployed=entry.get("deployed", True),
        undeployed=entry.get("undeployed"),
        accelerators=tuple(entry.get("accelerators", ())),
        pads=tuple(entry.get("pads", ())),
        model_types=tuple(entry.get("model_types", ())),
        adapted_types=tuple(entry.get("adapted_types", ())),
        heads=_lists(entry.get("heads", {})),
        schemes=_lists(entry.get("schemes", {})),
        chunks_latents_from=_capability(entry.get("chunks_latents_from")),
        pipeline_parallel=entry.get("pipeline_parallel", False),
        expert_parallel=entry.get("expert_parallel", False),
        spans_nodes=entry.get("spans_nodes", False),
        grouped=entry.get("grouped", False),
        reaches_fabric=entry.get("reaches_fabric", True),
        superseded_by=entry.get("superseded_by"),
        by_name=entry.get("by_name"),
        like=entry.get("like"),
        by_name_tasks=MappingProxyType(entry.get("by_name_tasks", {})),
        decodes=entry.get("decodes", True),
        tasks=tuple(entry.get("tasks", ())),
        on_every_core=entry.get("on_every_core", False),
        most_items_per_s=MappingProxyType(entry.get("most_items_per_s", {})),
    )


def _memory(entry: Mapping[str, Any], version: tuple[int, ...]) -> EngineMemory:
    period = next(period for period in entry["history"] if _known_version(period["since"]) <= version)
    constant, host = {**entry["memory"], **period}, dict(entry["host"])
    host_sources = {f"host-{name}": source for name, source in host.pop("sources").items()}
    return EngineMemory(
        memory_fraction=constant["memory_fraction"],
        overhead_bytes=constant["overhead_bytes"],
        overhead_bytes_parallel=constant["overhead_bytes_parallel"],
        sampler_copies=constant["sampler_copies"],
        graph_bytes=constant["graph_bytes"],
        block_tokens=constant["block_tokens"],
        batch_limits=tuple(_batch_limit(limit) for limit in constant["batch_limits"]),
        sampler_states=constant.get("sampler_states", 0.0),
        sampler_rows=constant.get("sampler_rows", 0),
        hidden_state_copies=constant["hidden_state_copies"],
        sampled_row_copies=constant.get("sampled_row_copies", 0),
        workspace_bytes=constant.get("workspace_bytes", 0),
        graph_bytes_per_layer=constant["graph_bytes_per_layer"],
        activation_slack=constant.get("activation_slack", 1.0),
        attention_score_copies=constant.get("attention_score_copies", 0.0),
        fused_attention=tuple(constant.get("fused_attention", ())),
        batch_follows_context=constant.get("batch_follows_context", False),
        chunks_above_tokens=constant.get("chunks_above_tokens"),
        largest_input_tokens=constant.get("largest_input_tokens", 0),
        startup_bytes=constant.get("startup_bytes", 0),
        startup_bytes_parallel=constant.get("startup_bytes_parallel", 0),
        cache_layout=constant.get("cache_layout", "contiguous"),
        batches_in_flight=constant.get("batches_in_flight", 1),
        recurrent_pages=constant.get("recurrent_pages", 1),
        expert_kernels=tuple(_expert_kernel(kernel) for kernel in constant.get("expert_kernels", ())),
        keeps_absorbed_latents=constant.get("keeps_absorbed_latents", False),
        latent_alignment_bytes=constant.get("latent_alignment_bytes", 1),
        latent_head_width=constant.get("latent_head_width", 0),
        encoders_on_every_stage=constant.get("encoders_on_every_stage", False),
        free_share=constant.get("free_share", False),
        programs=_programs(constant["programs"]) if "programs" in constant else None,
        static_share=StaticShare(**constant["static_share"]) if "static_share" in constant else None,
        host=EngineHost(**host),
        sources=MappingProxyType({**entry["memory"]["sources"], **period["sources"], **host_sources}),
    )


def _programs(entry: Mapping[str, Any]) -> CompiledPrograms:
    devices = tuple(
        CompiledDevice(**{**device, "accelerators": tuple(device["accelerators"])}) for device in entry["devices"]
    )
    return CompiledPrograms(**{**entry, "devices": devices})


def _batch_limit(limit: Mapping[str, Any]) -> BatchLimit:
    return BatchLimit(
        least_memory_bytes=limit["least_memory_gib"] * GIB,
        max_batched_tokens=limit["max_batched_tokens"],
        max_sequences=limit["max_sequences"],
        excluded_names=tuple(limit.get("excluded_names", ())),
        graph_sequences=limit.get("graph_sequences", 0),
        graph_sequences_parallel=limit.get("graph_sequences_parallel", 0),
    )


def _expert_kernel(kernel: Mapping[str, Any]) -> ExpertKernel:
    major, minor = kernel["least_capability"]
    return ExpertKernel(**{**kernel, "least_capability": (major, minor)})


def _capabilities(entry: Mapping[str, list[int]]) -> Mapping[str, tuple[int, int]]:
    return MappingProxyType({name: (major, minor) for name, (major, minor) in entry.items()})


def _lists(entry: Mapping[str, list[str]]) -> Mapping[str, tuple[str, ...]]:
    return MappingProxyType({name: tuple(members) for name, members in entry.items()})


def _capability(entry: list[int] | None) -> tuple[int, int] | None:
    return None if entry is None else (entry[0], entry[1])


def _version(text: str) -> tuple[int, ...] | None:
    """`(0, 11)` for `0.11`; trailing zeros do not count. None for anything that is not dotted numbers."""
    parts = text.split(".")
    if not all(part.isascii() and part.isdigit() and len(part) < 6 for part in parts):
        return None
    numbers = [int(part) for part in parts]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def _known_version(text: str) -> tuple[int, ...]:
    version = _version(text)
    if version is None:
        raise AssertionError(f"engines.json holds a version that is no version: {text}")
    return version


def _nearest_fix(name: str, known: Iterable[str]) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 - only an error pays for the import

    nearest = get_close_matches(name.lower(), sorted(known), n=1)
    return f"did you mean '{nearest[0]}'?" if nearest else "use one of the allowed names, optionally with @version"
