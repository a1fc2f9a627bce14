"""Who watches over an object, and whose it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ai_on_eks.review.rules.assembly import KubeObject
from ai_on_eks.review.rules.pods import Pod, expand
from ai_on_eks.review.rules.rule import Rule
from ai_on_eks.review.rules.values import dig, is_known, items
from ai_on_eks.serving.monitoring.names import RELEASE_LABELS

MODEL_LABEL = "ai-on-eks/model"
OWNERSHIP = ("app.kubernetes.io/name", "app.kubernetes.io/managed-by", "ai-on-eks/revision", "ai-on-eks/plan-digest")
"""Those of `kube.objects.labels` and `serving.ownership`, which import the schema of platform files."""


def _owned(pod: Pod) -> Iterator[str]:
    """Of models' pods: what `verify` finds them by, and tells the plan by that they come from."""
    labels = pod.owner.get("metadata", "labels") or {}
    if MODEL_LABEL not in pod.labels or not isinstance(labels, Mapping) or not is_known(dict(labels)):
        return
    missing = [name for name in OWNERSHIP if not labels.get(name)]
    if missing:
        yield f"{pod.owner.kind} has no {', '.join(missing)}"


def _unlabelled(monitor: KubeObject) -> Iterator[str]:
    labels = monitor.get("metadata", "labels") or {}
    for name, value in RELEASE_LABELS.items():
        if is_known(labels) and labels.get(name) != value:
            yield f"the label {name} is {labels.get(name, 'missing')}"


def _selects(monitor: KubeObject) -> Iterator[str]:
    selected = _selected(monitor)
    if selected == []:
        yield f"no pod of {monitor.namespace} has the labels that it selects"


def _port(monitor: KubeObject) -> Iterator[str]:
    selected = _selected(monitor)
    if not selected:
        return
    listening = {
        str(dig(port, "name"))
        for pod in selected
        for container in pod.containers()
        for port in items(dig(container, "ports"))
    }
    for endpoint in items(monitor.get("spec", "podMetricsEndpoints")):
        name = dig(endpoint, "port")
        if isinstance(name, str) and name not in listening:
            yield f"no pod that it selects has a port called {name}"


def _selected(monitor: KubeObject) -> list[Pod] | None:
    """Pods of its own namespace; None where it looks elsewhere too, or that cannot be told."""
    wanted = monitor.get("spec", "selector", "matchLabels")
    if monitor.get("spec", "namespaceSelector") is not None or monitor.get("spec", "selector", "matchExpressions"):
        return None
    if not isinstance(wanted, Mapping) or not is_known(dict(wanted)):
        return None
    pods = [
        pod
        for one in monitor.assembly.objects
        if one.namespace == monitor.namespace
        for pod in expand(one, monitor.assembly)
    ]
    return [pod for pod in pods if _has(pod.labels, wanted)]


def _has(labels: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    return all(labels.get(key) == value for key, value in wanted.items())


RULES = (
    Rule(
        "owner-labels-missing", ("Pod",), "pods of a model whose object does not say whose it is",
        "`ai-on-eks verify` does not find it, or cannot tell which plan and which weights it was rendered from.",
        "render it again, and keep its labels", _owned,
    ),
    Rule(
        "monitor-unlabelled", ("PodMonitor", "ServiceMonitor", "PrometheusRule"),
        "a monitor or alarm that the collector does not look for",
        "Prometheus reads only those with the label of its release: nothing is collected, and no alarm is raised.",
        "label it " + ", ".join(f"{name}: {value}" for name, value in RELEASE_LABELS.items()), _unlabelled,
    ),
    Rule(
        "monitor-selects-nothing", ("PodMonitor",), "a monitor of pods that are not there",
        "Nothing is collected, and an alarm on what is missing is the first to say so.",
        "select the labels of the pods", _selects,
    ),
    Rule(
        "monitor-port-missing", ("PodMonitor",), "a monitor of a port that its pods do not have",
        "Prometheus leaves the pods out without a word.", "name a port of the containers", _port,
    ),
)  # fmt: skip
