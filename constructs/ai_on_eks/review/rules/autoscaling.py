"""What changes the number of a model's pods: KEDA's ScaledObject and Kubernetes' own HorizontalPodAutoscaler."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from ai_on_eks.catalog.device_metrics import busy_metric_names
from ai_on_eks.catalog.engine_metrics import metric_names
from ai_on_eks.review.rules.assembly import KubeObject
from ai_on_eks.review.rules.rule import Rule
from ai_on_eks.review.rules.values import dig, is_known, items, number

KINDS = ("ScaledObject", "HorizontalPodAutoscaler")
DEFAULT_KIND = "Deployment"
"""Of a ScaledObject's target that names none (keda.sh, ScaledObject specification, 2.21)."""

KSERVE_KINDS = ("InferenceService", "LLMInferenceService")
PREDICTOR_SUFFIX, LLM_SUFFIX, LLM_GROUP_SUFFIX = "-predictor", "-kserve", "-kserve-mn"
"""Of the names that KServe's controllers give to what they make of one; as in `kube.objects`, which import the
schema of platform files."""

Target = tuple[str, str, str]
"""Namespace, kind and name."""


def target_of(scaler: KubeObject) -> Target | None:
    """What it scales; None where that is not known."""
    reference = scaler.get("spec", "scaleTargetRef")
    kind, name = dig(reference, "kind") or DEFAULT_KIND, dig(reference, "name")
    if name is None or not is_known([kind, name, scaler.namespace]):
        return None
    return (scaler.namespace, kind, name)


def scalers_of(scaled: KubeObject) -> list[KubeObject]:
    """Every autoscaler of an object."""
    own = _counted_as(scaled)
    return [one for one in scaled.assembly.of_kind(*KINDS) if target_of(one) == own]


def _counted_as(scaled: KubeObject) -> Target:
    """The object whose replicas are counted: of KServe's kinds one that its controller makes."""
    kind, name = scaled.kind, scaled.name
    if kind == "InferenceService":
        kind, name = "Deployment", f"{name}{PREDICTOR_SUFFIX}"
    elif kind == "LLMInferenceService":
        grouped = scaled.get("spec", "worker") is not None
        kind, suffix = ("LeaderWorkerSet", LLM_GROUP_SUFFIX) if grouped else ("Deployment", LLM_SUFFIX)
        name = f"{name}{suffix}"
    return scaled.namespace, kind, name


def most_replicas(scaler: KubeObject) -> float | None:
    """That it may ask for; None where that is not known."""
    return number(scaler.get("spec", "maxReplicaCount" if scaler.kind == "ScaledObject" else "maxReplicas"))


def _least(scaler: KubeObject) -> float | None:
    is_keda = scaler.kind == "ScaledObject"
    given = scaler.get("spec", "minReplicaCount" if is_keda else "minReplicas")
    return number((0 if is_keda else 1) if given is None else given)


def _target_missing(scaler: KubeObject) -> Iterator[str]:
    target = target_of(scaler)
    if target is None:
        return
    namespace, kind, name = target
    makers = scaler.assembly.of_kind(kind, *KSERVE_KINDS)
    if target not in {_counted_as(one) for one in makers}:
        yield f"there is no {kind} {name} in {namespace}"


def _range(scaler: KubeObject) -> Iterator[str]:
    least, most = _least(scaler), most_replicas(scaler)
    if least is not None and most is not None and (least > most or most < 1):
        yield f"at least {least:g} and at most {most:g} replicas"
    if scaler.kind != "ScaledObject" and least == 0:
        yield "at least 0 replicas, which the API server takes from KEDA only"


def _twice(scaler: KubeObject) -> Iterator[str]:
    target = target_of(scaler)
    others = [one for one in scaler.assembly.of_kind(*KINDS) if target is not None and target_of(one) == target]
    if len(others) > 1 and others[0] is not scaler:
        yield f"{others[0].kind} {others[0].name} sets the replicas of {scaler.name} as well"


def _fixed(scaled: KubeObject) -> Iterator[str]:
    replicas = scaled.get("spec", "replicas")
    scalers = scalers_of(scaled)
    if replicas is not None and scalers:
        yield f"replicas: {replicas} beside {scalers[0].kind} {scalers[0].name}"


def _prometheus(scaler: KubeObject) -> Iterator[tuple[Any, str]]:
    """Triggers that ask Prometheus, with their queries."""
    for trigger in items(scaler.get("spec", "triggers")):
        query = dig(trigger, "metadata", "query")
        if dig(trigger, "type") == "prometheus" and isinstance(query, str):
            yield trigger, query


def _lost_metrics(scaler: KubeObject) -> Iterator[str]:
    if not _least(scaler):
        return
    for trigger, _ in _prometheus(scaler):
        if dig(trigger, "metadata", "ignoreNullValues") not in ("false", False):
            yield f"trigger {dig(trigger, 'name')} takes metrics that are gone for no load"


def _busy(scaler: KubeObject) -> Iterator[str]:
    for trigger, query in _prometheus(scaler):
        if any(name in query for name in busy_metric_names()):
            yield f"trigger {dig(trigger, 'name')} asks how busy accelerators are"


def _divided_latency(scaler: KubeObject) -> Iterator[str]:
    for trigger, query in _prometheus(scaler):
        if "histogram_quantile" in query and dig(trigger, "metricType") in (None, "AverageValue"):
            yield f"trigger {dig(trigger, 'name')} divides a latency by the number of replicas"


@cache
def _engine_metrics() -> tuple[str, ...]:
    return metric_names()


def _never_wakes(scaler: KubeObject) -> Iterator[str]:
    if _least(scaler) != 0:
        return
    triggers = items(scaler.get("spec", "triggers"))
    asked = [query for _, query in _prometheus(scaler)]
    if triggers and len(asked) == len(triggers) and all(_is_of_engine(query) for query in asked):
        yield "at 0 replicas nothing is left that would tell of a request"


def _is_of_engine(query: str) -> bool:
    return any(name in query for name in _engine_metrics())


RULES = (
    Rule(
        "autoscaler-target-missing", KINDS, "an autoscaler of something that is not there",
        "Nothing is scaled, and only the autoscaler's status says so.", "name the object that makes the pods",
        _target_missing,
    ),
    Rule(
        "autoscaler-range", KINDS, "a range of replicas that holds no number",
        "The object is rejected or does nothing.",
        "let the least be no more than the most", _range,
    ),
    Rule(
        "autoscaler-twice", KINDS, "two autoscalers of one object",
        "Each undoes what the other did, every few seconds.", "keep one of them", _twice,
    ),
    Rule(
        "autoscaler-replicas-fixed", ("Deployment", "StatefulSet", "LeaderWorkerSet", "LLMInferenceService"),
        "a number of replicas in an object that is scaled",
        "Every apply sets it back, and pods under load are stopped.", "leave spec.replicas out", _fixed,
    ),
    Rule(
        "autoscaler-lost-metrics", ("ScaledObject",), "metrics that are gone count as no load",
        "A collector that fails takes the replicas down while the load stays.",
        'set ignoreNullValues: "false", and fallback', _lost_metrics,
    ),
    Rule(
        "autoscaler-accelerator-busy", ("ScaledObject",), "replicas by how busy accelerators are",
        "An engine keeps its accelerator at 100 % with one request or with a full batch.",
        "ask for requests that run and wait", _busy,
    ),
    Rule(
        "autoscaler-latency-divided", ("ScaledObject",), "a latency that is divided by the number of replicas",
        "With four replicas it has to be four times too long before a fifth comes.", "set metricType: Value",
        _divided_latency,
    ),
    Rule(
        "autoscaler-never-wakes", ("ScaledObject",), "a model that sleeps and that nothing wakes",
        "Without pods there are no metrics of theirs, and requests find nobody for ever.",
        "keep one replica, or ask what stands before the model", _never_wakes,
    ),
)  # fmt: skip
