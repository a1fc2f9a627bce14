"""Does the cluster do what an object asks for? Read from the object's own status."""

from __future__ import annotations

from collections.abc import Iterator

from ai_on_eks.drift.types import Finding, Json, Kind

READY_CONDITIONS = ("Ready", "Available")
"""What controllers say when an object does what it should: Kubernetes' own, LeaderWorkerSet's, Karpenter's, KEDA's."""

MAX_REASON_CHARACTERS = 200

_BOUND = {"PersistentVolumeClaim": ("Bound",), "PersistentVolume": ("Bound", "Available"), "Namespace": ("Active",)}


_TOLD_BY_CONDITION = frozenset({"LLMInferenceService"})
"""Kinds that ask for replicas and count none: whether they are ready is a condition."""


def not_ready(live: Json) -> tuple[Finding, ...]:
    """Everything that keeps the object from doing its work; empty where it does or says nothing of it."""
    return tuple(Finding(Kind.NOT_READY, reason=reason[:MAX_REASON_CHARACTERS]) for reason in _reasons(live))


def _reasons(live: Json) -> Iterator[str]:
    metadata, status = live["metadata"], live.get("status") or {}
    if "deletionTimestamp" in metadata:
        yield "is being deleted"
        return
    observed, generation = status.get("observedGeneration"), metadata.get("generation")
    if isinstance(observed, int) and isinstance(generation, int) and observed < generation:
        yield "its controller has not seen the last change yet"
    if live["kind"] not in _TOLD_BY_CONDITION:
        yield from _counted(live.get("spec") or {}, status)
    phases = _BOUND.get(live["kind"])
    if phases is not None and status.get("phase") not in phases:
        yield f"its phase is {status.get('phase', 'unknown')}"
    for condition in status.get("conditions") or ():
        yield from _condition(condition)
    for preset in status.get("appliedConfigs") or ():
        yield from _foreign(preset, metadata.get("namespace"))


def _counted(spec: Json, status: Json) -> Iterator[str]:
    wanted = spec.get("replicas")
    if isinstance(wanted, int):
        ready = status.get("availableReplicas", status.get("readyReplicas")) or 0
        if ready < wanted:
            yield f"{ready} of {wanted} replicas are ready"
    nodes, served = status.get("desiredNumberScheduled", 0), status.get("numberReady", 0)
    if served < nodes:
        yield f"{served} of {nodes} nodes have a pod that is ready"


def _condition(condition: Json) -> Iterator[str]:
    kind, state = condition.get("type"), condition.get("status")
    bad = (kind in READY_CONDITIONS and state == "False") or (kind in ("Failed", "ReplicaFailure") and state == "True")
    if bad or (kind == "Progressing" and state == "False"):
        told = " ".join(str(condition.get(field) or "") for field in ("reason", "message")).split()
        yield f"{kind} is {state}: {' '.join(told)}".rstrip(": ")


def _foreign(preset: Json, namespace: str | None) -> Iterator[str]:
    """KServe says what it merged into a model's pods: its own presets are nothing that was rendered."""
    if preset.get("namespace") != namespace:
        yield f"its pods are made with {preset.get('namespace')}/{preset.get('name')}, which was not rendered"
