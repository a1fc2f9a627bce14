"""Work that ends: Jobs, sets of them, and the queues that let them start."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from ai_on_eks.kube.quantity import parse_quantity
from ai_on_eks.kube.scheduling import pod_requests
from ai_on_eks.review.rules.assembly import KubeObject
from ai_on_eks.review.rules.pods import Pod, expand, is_accelerator
from ai_on_eks.review.rules.rule import Rule
from ai_on_eks.review.rules.values import dig, is_known, items, number

QUEUE_LABEL = "kueue.x-k8s.io/queue-name"
EFA_RESOURCE = "vpc.amazonaws.com/efa"


def _jobs(owner: KubeObject) -> Iterator[tuple[str, Any]]:
    """Every Job that the object is or makes: a name within it, and its spec."""
    if owner.kind == "Job":
        yield "", owner.get("spec")
    elif owner.kind == "CronJob":
        yield "jobTemplate: ", owner.get("spec", "jobTemplate", "spec")
    else:
        for one in items(owner.get("spec", "replicatedJobs")):
            yield f"{dig(one, 'name')}: ", dig(one, "template", "spec")


def _deadline(owner: KubeObject) -> Iterator[str]:
    for name, spec in _jobs(owner):
        if dig(spec, "activeDeadlineSeconds") is None:
            yield f"{name}no activeDeadlineSeconds"


def _kept(owner: KubeObject) -> Iterator[str]:
    if owner.kind == "CronJob":  # its history limits remove what it made
        return
    if owner.get("spec", "ttlSecondsAfterFinished") is None:
        yield "no ttlSecondsAfterFinished"


def _restarts(owner: KubeObject) -> Iterator[str]:
    """The policy needs pods that are not restarted in place; the API server rejects the other."""
    for name, spec in _jobs(owner):
        policy = dig(spec, "template", "spec", "restartPolicy")
        if dig(spec, "podFailurePolicy") is not None and policy != "Never" and is_known(policy):
            yield f"{name}podFailurePolicy with restartPolicy {policy or 'Always'}"


def _unqueued(group: KubeObject) -> Iterator[str]:
    if not any(pod.devices() for pod in expand(group, group.assembly)):
        return
    queue = group.get("metadata", "labels", QUEUE_LABEL)
    if queue is None:
        yield f"no label {QUEUE_LABEL}"
        return
    queues = list(group.assembly.of_kind("LocalQueue"))
    if not queues or not is_known([queue, group.body.get("metadata"), *(one.body.get("metadata") for one in queues)]):
        return
    if (group.namespace, queue) not in {(one.namespace, one.name) for one in queues}:
        yield f"there is no LocalQueue {queue} in {group.namespace}"


def _no_fabric(pod: Pod) -> Iterator[str]:
    """Sets alone: their groups train, and exchange every layer. Serving groups have rules of their own."""
    if pod.owner.kind != "JobSet" or not spans_nodes(pod):
        return
    asked = pod_limits(pod)
    if asked is not None and any(map(is_accelerator, asked)) and EFA_RESOURCE not in asked:
        yield f"{_parallelism(pod):g} pods with accelerators and no {EFA_RESOURCE}"


def spans_nodes(pod: Pod) -> bool:
    """Whether the set has several of these pods at once."""
    count = _parallelism(pod)
    return count is not None and count > 1


def _parallelism(pod: Pod) -> float | None:
    for one in items(pod.owner.get("spec", "replicatedJobs")):
        if str(dig(one, "name")) == pod.role:
            given = dig(one, "template", "spec", "parallelism")
            return 1.0 if given is None else number(given)
    return None


def pod_limits(pod: Pod) -> set[str] | None:
    """Resources that the pod's containers ask for; None where a part of them is not known."""
    names: set[str] = set()
    for container in pod.main_containers():
        resources = dig(container, "resources")
        if not is_known(resources):
            return None
        names |= {*(dig(resources, "requests") or {}), *(dig(resources, "limits") or {})}
    return names


def _never_admitted(group: KubeObject) -> Iterator[str]:
    """What the set asks for together, against every flavor of its queue."""
    queue = _cluster_queue(group)
    asked = _asked(group)
    if queue is None or asked is None:
        return
    for resources in items(queue.get("spec", "resourceGroups")):
        if not is_known(resources):
            return
    covered = {
        name for one in items(queue.get("spec", "resourceGroups")) for name in items(dig(one, "coveredResources"))
    }
    for name in sorted(set(asked) - covered):
        yield f"the queue does not cover {name}"
    for one in items(queue.get("spec", "resourceGroups")):
        names = [name for name in items(dig(one, "coveredResources")) if name in asked]
        if names and not any(_holds(flavor, names, asked) for flavor in items(dig(one, "flavors"))):
            yield f"no flavor of the queue has {', '.join(f'{_text(asked[name])} {name}' for name in names)}"


def _holds(flavor: Any, names: list[str], asked: dict[str, Fraction]) -> bool:
    quota = {str(dig(one, "name")): parse_quantity(dig(one, "nominalQuota")) for one in items(dig(flavor, "resources"))}
    return all(quota.get(name, Fraction(0)) >= asked[name] for name in names)


def _text(amount: Fraction) -> str:
    return f"{float(amount):g}"


def _cluster_queue(group: KubeObject) -> KubeObject | None:
    label = group.get("metadata", "labels", QUEUE_LABEL)
    for local in group.assembly.of_kind("LocalQueue"):
        if local.name == label and local.namespace == group.namespace:
            wanted = local.get("spec", "clusterQueue")
            return next((one for one in group.assembly.of_kind("ClusterQueue") if one.name == wanted), None)
    return None


def _asked(group: KubeObject) -> dict[str, Fraction] | None:
    """Of all pods; None where a part is not known."""
    total: dict[str, Fraction] = {}
    for pod in expand(group, group.assembly):
        count = _parallelism(pod)
        if count is None or not is_known(dict(pod.spec)):
            return None
        for name, amount in pod_requests(dict(pod.spec)).items():
            total[name] = total.get(name, Fraction(0)) + int(count) * amount
    return total


RULES = (
    Rule(
        "job-without-deadline", ("CronJob", "Job", "JobSet"), "work that nothing ends",
        "A pod that hangs keeps its node, and whoever pays for it, for ever: retries count failures only.",
        "set activeDeadlineSeconds", _deadline,
    ),
    Rule(
        "job-kept", ("Job", "JobSet"), "finished work that nobody removes",
        "Its pods stay in the cluster's store, and a name that is taken refuses the next run.",
        "set ttlSecondsAfterFinished", _kept,
    ),
    Rule(
        "job-failure-policy", ("CronJob", "Job", "JobSet"), "a policy for failed pods that are restarted in place",
        "The API server rejects the job.", "set restartPolicy to Never", _restarts,
    ),
    Rule(
        "jobset-unqueued", ("JobSet",), "a set of jobs with accelerators in no queue, or in one that is not there",
        "Two sets each get half of the nodes and wait for the other half.",
        f"label it {QUEUE_LABEL} with the name of a LocalQueue", _unqueued,
    ),
    Rule(
        "jobset-never-admitted", ("JobSet",), "a set of jobs that asks for more than its queue ever has",
        "Kueue keeps it suspended and says so in the Workload only.",
        "cover every resource and raise nominalQuota", _never_admitted,
    ),
    Rule(
        "jobset-no-efa", ("Pod",), "ranks on several nodes without EFA",
        "NCCL falls back to TCP without an error, and training takes many times as long.",
        f"ask for {EFA_RESOURCE} and hugepages-2Mi", _no_fabric,
    ),
)  # fmt: skip
