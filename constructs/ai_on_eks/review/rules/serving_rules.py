"""What a pod with accelerators needs beside what every pod does: room, a place, weights, time to start and to stop."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ai_on_eks.catalog.daemonsets import reserved_by_daemonsets
from ai_on_eks.kube.quantity import parse_quantity
from ai_on_eks.kube.scheduling import pod_requests
from ai_on_eks.review.rules.facts import catalogued, instance_type_names, nearest
from ai_on_eks.review.rules.object_rules import replicas_of
from ai_on_eks.review.rules.pod_rules import GROUP_WORKERS
from ai_on_eks.review.rules.pods import Pod
from ai_on_eks.review.rules.rule import Rule
from ai_on_eks.review.rules.values import HOLE, dig, is_known, items, number

TYPE_LABELS = ("node.kubernetes.io/instance-type", "beta.kubernetes.io/instance-type")
LEAST_LIVENESS_SECONDS = 60
"""Longer than one prompt of the longest context holds an engine back from answering."""
PERIOD_SECONDS, FAILURES, GRACE_SECONDS, PROGRESS_SECONDS = 10, 3, 30, 600
"""Kubernetes' own of probes (periodSeconds, failureThreshold), pods (terminationGracePeriodSeconds) and Deployments
(progressDeadlineSeconds), in its API reference, 2026-11."""

_ON = ("1", "true", "True", "yes", "on")
_HUB_ID = re.compile(r"^[\w-][\w.-]*/[\w.-]+$")


def _is_accelerated(pod: Pod) -> bool:
    """By number or by claim."""
    return bool(pod.devices() or items(pod.spec.get("resourceClaims")))


def _serves(pod: Pod) -> bool:
    """Ray's pods are asked and stopped by Ray, workers of a group by their leader."""
    return _is_accelerated(pod) and not (pod.finishes or pod.role in GROUP_WORKERS or pod.owner.kind.startswith("Ray"))


def _cpu(pod: Pod) -> Iterator[str]:
    for container in pod.main_containers() if _is_accelerated(pod) else ():
        resources = dig(container, "resources")
        if dig(resources, "requests", "cpu") is None and dig(resources, "limits", "cpu") is None:
            yield f"{dig(container, 'name')}: no processor time is requested"


def _disk(pod: Pod) -> Iterator[str]:
    """Volumes on the node's disk. Those in memory are another rule's."""
    if not (_is_accelerated(pod) or pod.finishes):
        return
    on_disk = {
        str(dig(one, "name")): dig(one, "emptyDir", "sizeLimit")
        for one in items(pod.spec.get("volumes"))
        if dig(one, "emptyDir") is not None and dig(one, "emptyDir", "medium") is None
    }
    for name, limit in on_disk.items():
        if limit is None:
            yield f"volume {name} on the node's disk has no sizeLimit"
    for container in pod.main_containers():
        mounted = {str(dig(one, "name")) for one in items(dig(container, "volumeMounts"))}
        if mounted & set(on_disk) and dig(container, "resources", "requests", "ephemeral-storage") is None:
            yield f"{dig(container, 'name')}: writes to the node's disk and requests none of it"


def _types(pod: Pod) -> list[str] | None:
    """Instance types that the pod may run on; None where it names none, or not all are known."""
    selected = [
        pod.spec["nodeSelector"][label] for label in TYPE_LABELS if label in (pod.spec.get("nodeSelector") or {})
    ]
    required = dig(pod.spec, "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution")
    for term in items(dig(required, "nodeSelectorTerms")):
        for one in items(dig(term, "matchExpressions")):
            if dig(one, "key") in TYPE_LABELS and dig(one, "operator") == "In":
                selected += items(dig(one, "values"))
    are_names = all(isinstance(one, str) for one in selected)
    return selected if selected and are_names and is_known(selected) else None


def _placed(pod: Pod) -> Iterator[str]:
    """Any label will do: pools have names of their own."""
    if not _is_accelerated(pod) or pod.spec.get("nodeSelector") or pod.spec.get("nodeName"):
        return
    if dig(pod.spec, "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution") is None:
        yield "may run on any node that has such accelerators"


def _type_known(pod: Pod) -> Iterator[str]:
    known = instance_type_names()
    for name in _types(pod) or ():
        if name not in known:
            yield f"waits for nodes of {name}{nearest(name, known)}"


def _room(pod: Pod) -> Iterator[str]:
    """Against an empty node, less what DaemonSets take."""
    names = _types(pod) or ()
    kinds = [kind for name in names if (kind := catalogued(name)) is not None]
    if not kinds or len(kinds) < len(names) or not is_known(dict(pod.spec)):
        return
    try:
        asked = pod_requests(dict(pod.spec))
    except ValueError:  # no quantity: Kubernetes refuses it by itself
        return
    lacking = []
    for kind in kinds:
        millicores, memory_bytes = reserved_by_daemonsets(kind)
        pages = asked.get("hugepages-2Mi", 0)
        free = {
            "cpu": parse_quantity(f"{kind.allocatable_cpu_millicores - millicores}m"),
            "memory": kind.allocatable_memory_bytes - memory_bytes - pages,
        }
        if kind.accelerator is not None:
            free[kind.accelerator.resource_name] = parse_quantity(kind.accelerator_count)
        lacking.append([(name, kind.name) for name, amount in free.items() if asked.get(name, 0) > amount])
    if all(lacking):
        (name, kind_name), *_ = lacking[0]
        yield f"asks for more {name} than a {kind_name} leaves to pods"


def _spread(pod: Pod) -> Iterator[str]:
    replicas = replicas_of(pod)
    if pod.owner.kind not in ("Deployment", "StatefulSet") or not replicas or replicas < 2 or not _is_accelerated(pod):
        return
    if not items(pod.spec.get("topologySpreadConstraints")):
        yield f"{replicas:g} replicas may all lie on one node or in one zone"


def _weights(pod: Pod) -> Iterator[tuple[str, str, list[str], dict[str, Any]]]:
    """Container, model, words and variables of engines that take weights or a hub's name as vLLM, SGLang and TEI do."""
    for container in pod.main_containers() if _is_accelerated(pod) else ():
        words = [str(one) for one in (*items(dig(container, "command")), *items(dig(container, "args")))]
        variables = {str(dig(one, "name")): dig(one, "value") for one in items(dig(container, "env"))}
        given = [
            re.split("[= ]", word, maxsplit=1)[-1]
            for word in words
            if re.match(r"--(model|model-id|model-path)=", word)
        ]
        served = [words[at + 2] for at in range(len(words) - 2) if words[at : at + 2] == ["vllm", "serve"]]
        for model in (*given, *served):
            if HOLE not in model.partition("/")[0]:
                yield str(dig(container, "name")), model, words, variables


def _online(pod: Pod) -> Iterator[str]:
    """Only what has its weights from elsewhere can do without the hub."""
    for name, model, _words, variables in _weights(pod):
        if model.startswith(("/", "s3://")) and variables.get("HF_HUB_OFFLINE") not in _ON:
            yield f"{name}: asks the hub although its weights are at {model.partition('$')[0]}"


def _revision(pod: Pod) -> Iterator[str]:
    for name, model, words, _variables in _weights(pod):
        if _HUB_ID.match(model) and not any(word.startswith("--revision") for word in words):
            yield f"{name}: takes {model} as it is on the day"


def _liveness(pod: Pod) -> Iterator[str]:
    for container in pod.main_containers() if _serves(pod) else ():
        probe = dig(container, "livenessProbe")
        if probe is None or not is_known(probe):
            continue
        seconds = _given(probe, "periodSeconds", PERIOD_SECONDS) * _given(probe, "failureThreshold", FAILURES)
        if seconds < LEAST_LIVENESS_SECONDS:
            yield f"{dig(container, 'name')}: is restarted after {seconds:g} s without an answer"


def _given(value: Any, key: str, default: float) -> float:
    found = number(dig(value, key))
    return default if found is None else found


def _stop_hook(pod: Pod) -> Iterator[str]:
    for container in pod.main_containers() if _serves(pod) else ():
        if dig(container, "ports") is not None and dig(container, "lifecycle", "preStop") is None:
            yield f"{dig(container, 'name')}: is told to stop while requests still come"


def _grace(pod: Pod) -> Iterator[str]:
    """What sleeps before the engine is told takes from the same time."""
    grace = _given(pod.spec, "terminationGracePeriodSeconds", GRACE_SECONDS)
    for container in pod.main_containers() if _serves(pod) else ():
        waits = number(dig(container, "lifecycle", "preStop", "sleep", "seconds"))
        words = [str(one) for one in items(dig(container, "args"))]
        drains = [number(word.partition("=")[2]) for word in words if word.startswith("--shutdown-timeout=")]
        needed = (waits or 0) + sum(seconds or 0 for seconds in drains)
        if needed >= grace:
            yield f"{dig(container, 'name')}: stops within {needed:g} s, and is killed after {grace:g}"


def _deadline(pod: Pod) -> Iterator[str]:
    if pod.owner.kind != "Deployment" or not _serves(pod):
        return
    allowed = _given(pod.owner.get("spec"), "progressDeadlineSeconds", PROGRESS_SECONDS)
    for container in pod.main_containers():
        probe = dig(container, "startupProbe")
        if probe is None or not is_known(probe):
            continue
        seconds = _given(probe, "periodSeconds", PERIOD_SECONDS) * _given(probe, "failureThreshold", FAILURES)
        if seconds > allowed:
            yield f"{dig(container, 'name')}: may start for {seconds:g} s, and the rollout has failed after {allowed:g}"


def _caches(pod: Pod) -> Iterator[str]:
    for container in pod.main_containers() if _is_accelerated(pod) else ():
        if dig(container, "securityContext", "readOnlyRootFilesystem") is not True:
            continue
        writable = [
            str(dig(one, "mountPath")).rstrip("/")
            for one in items(dig(container, "volumeMounts"))
            if not dig(one, "readOnly")
        ]
        homes = [dig(one, "value") for one in items(dig(container, "env")) if dig(one, "name") == "HOME"]
        if not homes:
            yield f"{dig(container, 'name')}: caches go to a home that cannot be written"
        for home in homes:
            if isinstance(home, str) and not any(f"{home}/".startswith(f"{path}/") for path in writable):
                yield f"{dig(container, 'name')}: HOME is {home}, where nothing can be written"


_POD = ("Pod",)

RULES = (
    Rule(
        "pod-cpu-unrequested", _POD, "accelerators without processor time",
        "Whatever else lies on the node slows tokenizers and schedulers down, and the accelerator waits.",
        "request what the engine needs", _cpu,
    ),
    Rule(
        "pod-disk-unbounded", _POD, "caches on the node's disk without limit or request",
        "The disk fills up, and the kubelet evicts whoever it likes.",
        "set sizeLimit, and request ephemeral-storage", _disk,
    ),
    Rule(
        "pod-placement-missing", _POD, "accelerators of whatever node has some",
        "Memory and price were planned for one type; on another the model does not fit, or costs more.",
        "require the planned type by node.kubernetes.io/instance-type", _placed,
    ),
    Rule(
        "pod-type-unknown", _POD, "a pod that waits for a type that EC2 does not have",
        "The pod stays pending, and no autoscaler finds a node for it.", "use the name of a type", _type_known,
    ),
    Rule(
        "pod-too-large", _POD, "requests that an empty node of the type does not hold",
        "Kubelet, system and DaemonSets take their part of each node: the pod stays pending on any number of them.",
        "request what `ai-on-eks size` says of the type", _room,
    ),
    Rule(
        "pod-spread-missing", _POD, "several replicas that nothing spreads",
        "One node, or one zone, takes all of them down.", "add topologySpreadConstraints for zone and host", _spread,
    ),
    Rule(
        "pod-hub-online", _POD, "weights from elsewhere, and an engine that asks the hub all the same",
        "A start fails when the hub is slow or out of reach, and tells it what is served where.",
        "set HF_HUB_OFFLINE to 1", _online,
    ),
    Rule(
        "pod-revision-missing", _POD, "weights from the hub without a revision",
        "Replicas that start on different days serve different weights.", "add --revision with a commit", _revision,
    ),
    Rule(
        "pod-liveness-hasty", _POD, "a server that is restarted within a minute of silence",
        "One long prompt holds an engine back for longer, and a restart loads the model again.",
        "raise periodSeconds or failureThreshold", _liveness,
    ),
    Rule(
        "pod-stop-hook-missing", _POD, "an accelerated server that stops at once",
        "Nodes learn some seconds later that the pod is gone: requests until then fail.",
        "add a preStop hook that sleeps", _stop_hook,
    ),
    Rule(
        "pod-grace-short", _POD, "a grace period that hook and engine use up",
        "The kubelet kills the engine with requests running.",
        "set terminationGracePeriodSeconds above the hook's sleep and the engine's own wait", _grace,
    ),
    Rule(
        "rollout-deadline-short", _POD, "a rollout that has failed before its pods had time to start",
        "It is reported as failed, and pipelines roll back, while the model loads.",
        "set progressDeadlineSeconds above the startup probe's budget", _deadline,
    ),
    Rule(
        "pod-caches-unwritable", _POD, "a read-only root and caches in it",
        "Compiled kernels have no place: the engine ends, or compiles at each start.",
        "set HOME to a folder of a volume", _caches,
    ),
)  # fmt: skip
