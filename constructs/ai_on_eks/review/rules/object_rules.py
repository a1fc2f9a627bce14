"""Kubernetes objects around the pods: services, rollouts, budgets, namespaces."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from ai_on_eks.catalog.engines import load_engines
from ai_on_eks.review.rules.assembly import KubeObject
from ai_on_eks.review.rules.autoscaling import most_replicas, scalers_of
from ai_on_eks.review.rules.pods import Pod
from ai_on_eks.review.rules.rule import Rule
from ai_on_eks.review.rules.values import Unknown, dig, number

INTERNAL = ("aws-load-balancer-scheme", "aws-load-balancer-internal")
ENFORCE = "pod-security.kubernetes.io/enforce"
DEFAULT_SHARE = "25%"
"""maxSurge and maxUnavailable of a Deployment that gives none (Kubernetes API reference, DeploymentSpec)."""


def _exposed(service: KubeObject) -> Iterator[str]:
    type_ = service.get("spec", "type")
    annotations = service.get("metadata", "annotations") or {}
    internal = any(key.endswith(INTERNAL) and value in ("internal", "true") for key, value in annotations.items())
    if type_ == "NodePort" or (type_ == "LoadBalancer" and not internal):
        yield f"a service of type {type_}"


def _engine_name(service: KubeObject) -> Iterator[str]:
    engines = {engine.name for engine in load_engines().values()}
    if service.name in engines:
        yield f"sets {service.name.upper().replace('-', '_')}_PORT in every pod with service links"


def _rollout(deployment: Pod) -> Iterator[str]:
    spec = deployment.owner.get("spec")
    if deployment.owner.kind != "Deployment" or not deployment.devices():
        return
    if dig(spec, "strategy", "type") == "Recreate":
        return
    replicas = number(dig(spec, "replicas"))
    count = 1 if dig(spec, "replicas") is None else replicas
    rolling = dig(spec, "strategy", "rollingUpdate")
    if count is None or isinstance(rolling, Unknown):
        return
    away = _share(dig(rolling, "maxUnavailable"), count, math.floor)
    more = _share(dig(rolling, "maxSurge"), count, math.ceil)
    if away == 0 and more == 0:
        yield "maxSurge and maxUnavailable are both 0"
    elif away == 0:
        yield f"{count:g} replicas: none may go before a new one is ready, and it needs accelerators of its own"


def _share(value: Any, replicas: float, rounded: Any) -> int | None:
    given = DEFAULT_SHARE if value is None else value
    if isinstance(given, str) and given.endswith("%"):
        return int(rounded(float(given[:-1]) * replicas / 100))
    found = number(given)
    return None if found is None else int(found)


def replicas_of(pod: Pod) -> float | None:
    """That may run at once."""
    most = [count for one in scalers_of(pod.owner) if (count := most_replicas(one)) is not None]
    return max(most) if most else number(pod.owner.get("spec", "replicas"))


def _budget(pod: Pod) -> Iterator[str]:
    """Replicas of one model; a single one has nothing to keep."""
    replicas = replicas_of(pod)
    if pod.owner.kind not in ("Deployment", "StatefulSet") or not replicas or replicas < 2 or not pod.devices():
        return
    budgets = [one for one in pod.assembly.of_kind("PodDisruptionBudget") if one.namespace == pod.owner.namespace]
    if not any(_matches(one, pod) for one in budgets):
        yield f"a drain may take all {replicas:g} replicas at once"


def _matches(budget: KubeObject, pod: Pod) -> bool:
    wanted = budget.get("spec", "selector", "matchLabels") or {}
    return all(pod.labels.get(key) == value for key, value in wanted.items())


def _budget_blocks(budget: KubeObject) -> Iterator[str]:
    spec = budget.get("spec")
    if dig(spec, "maxUnavailable") in (0, "0", "0%") or dig(spec, "minAvailable") == "100%":
        yield "no pod may ever be evicted"


def _namespace_level(namespace: KubeObject) -> Iterator[str]:
    if namespace.get("metadata", "labels", ENFORCE) is None:
        yield "no level of Pod Security is enforced"


def _selector(deployment: KubeObject) -> Iterator[str]:
    wanted = deployment.get("spec", "selector", "matchLabels") or {}
    labels = deployment.get("spec", "template", "metadata", "labels") or {}
    unlike = sorted(key for key, value in wanted.items() if labels.get(key) != value)
    if unlike:
        yield f"the selector's {', '.join(unlike)} is not on the pods"


def _group_restart(group: KubeObject) -> Iterator[str]:
    policy = group.get("spec", "leaderWorkerTemplate", "restartPolicy")
    if policy not in (None, "RecreateGroupOnPodRestart"):
        yield f"the restart policy is {policy}"
    rolling = group.get("spec", "rolloutStrategy", "rollingUpdateConfiguration")
    if number(dig(rolling, "maxUnavailable")) == 0:
        yield "no group may go before a new one is ready, and it needs accelerators of its own"


RULES = (
    Rule(
        "service-exposed", ("Service",), "a service that is reachable from outside the cluster",
        "Engines have no authentication; a load balancer puts them on the internet.",
        "use ClusterIP behind a gateway, or an internal scheme", _exposed,
    ),
    Rule(
        "service-engine-name", ("Service",), "a service called like an engine",
        "Its service links take names such as VLLM_PORT, which the engine reads as its own setting.",
        "call it after the model", _engine_name,
    ),
    Rule(
        "rollout-deadlock", ("Pod",), "an update that needs accelerators nobody has",
        "The new pod waits for the old one's GPUs and the old one for the new pod.",
        "set maxSurge 0 and maxUnavailable 1, or Recreate", _rollout,
    ),
    Rule(
        "budget-missing", ("Pod",), "several replicas without a disruption budget",
        "A node upgrade takes the model down.", "add a PodDisruptionBudget", _budget,
    ),
    Rule(
        "budget-blocks", ("PodDisruptionBudget",), "a budget that allows no eviction",
        "Nodes can never be drained, and an upgrade of the group fails.", "allow one", _budget_blocks,
    ),
    Rule(
        "namespace-unguarded", ("Namespace",), "a namespace without a level of Pod Security",
        "Anything may run in it, privileged pods too.", f"label it {ENFORCE}", _namespace_level,
    ),
    Rule(
        "selector-mismatch", ("Deployment", "StatefulSet", "DaemonSet"), "a selector that its own pods do not match",
        "The API server rejects the object.", "use the same labels", _selector,
    ),
    Rule(
        "group-restart", ("LeaderWorkerSet",), "a group that does not restart as one, or cannot be updated",
        "Ranks that lost one of them hang in a collective until somebody looks.",
        "use RecreateGroupOnPodRestart and allow one group to be unavailable", _group_restart,
    ),
)  # fmt: skip
