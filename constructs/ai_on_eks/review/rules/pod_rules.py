"""Every pod, whatever carries its template."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ai_on_eks.kube.pod_security import why_not_restricted
from ai_on_eks.kube.quantity import parse_quantity
from ai_on_eks.review.rules.pods import Pod, is_extended
from ai_on_eks.review.rules.rule import Rule
from ai_on_eks.review.rules.values import HOLE, Unknown, dig, is_known, items

_SECRET_NAME = re.compile(r"(^|_)(TOKEN|SECRET|PASSWORD|PASSWD|API_?KEY|ACCESS_KEY|PRIVATE_KEY|CREDENTIALS?)$")
_SECRET_VALUE = re.compile(r"(hf_[A-Za-z0-9]{20,}|A[KS]IA[0-9A-Z]{16}|nvapi-[\w-]{20,}|ghp_\w{20,}|sk-[\w-]{20,})")
_PINNED = re.compile(r"@sha256:[0-9a-f]{64}$")
_TAG = re.compile(r":([\w][\w.-]*)$")
_FLOATING_TAGS = frozenset({"latest", "main", "master", "nightly", "dev", "edge", "stable"})

NEURON_PREFIX = "aws.amazon.com/neuron"

_ONE_PROCESS = ("llama-server",)
"""Programs that use all GPUs of a container from one process: nothing goes through /dev/shm (llama.cpp, b11347)."""

GROUP_WORKERS = ("worker",)
"""Roles whose pods serve nobody and wait for their leader."""


def _restricted(pod: Pod) -> Iterator[str]:
    if not pod.privileged_namespace():
        yield from why_not_restricted(_named(pod.spec))


def _named(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Containers get a name where a runtime gives it, so that a reason can be told."""
    named = [{"name": f"container {index}", **one} for index, one in enumerate(items(spec.get("containers")))]
    return {**spec, "containers": named}


def _extended_resources(pod: Pod) -> Iterator[str]:
    for container in pod.containers():
        resources = dig(container, "resources")
        requests, limits = dig(resources, "requests") or {}, dig(resources, "limits") or {}
        for name in sorted({*requests, *limits}):
            if not is_extended(name) and not name.startswith("hugepages-"):
                continue
            if name not in limits:
                yield f"{_name(container)}: {name} has no limit"
            elif name in requests and _differ(requests[name], limits[name]):
                yield f"{_name(container)}: {name} requests {requests[name]}, its limit is {limits[name]}"


def _differ(one: Any, other: Any) -> bool:
    return is_known([one, other]) and bool(_amount(one) != _amount(other))


def _neuron_units(pod: Pod) -> Iterator[str]:
    for container in pod.containers():
        names = {name for name in _asked(container) if name.startswith(NEURON_PREFIX)}
        if "aws.amazon.com/neurondevice" in names:
            yield f"{_name(container)}: aws.amazon.com/neurondevice is no longer advertised"
        if len(names) > 1:
            yield f"{_name(container)}: {' and '.join(sorted(names))} in one container"


def _neuron_scheduler(pod: Pod) -> Iterator[str]:
    if pod.spec.get("schedulerName") not in (None, "default-scheduler"):
        return
    for container in pod.main_containers():
        counts = [_amount(count) for name, count in _limits(container).items() if name.startswith(NEURON_PREFIX)]
        if any(count is not None and count > 1 for count in counts):
            yield f"{_name(container)}: several Neuron devices or cores by a scheduler that only counts them"


def _efa_pages(pod: Pod) -> Iterator[str]:
    for container in pod.main_containers():
        asked = _asked(container)
        if "vpc.amazonaws.com/efa" in asked and not any(name.startswith("hugepages-") for name in asked):
            yield f"{_name(container)}: EFA without huge pages"


def _asked(container: Any) -> set[str]:
    return {*(dig(container, "resources", "requests") or {}), *(dig(container, "resources", "limits") or {})}


def _service_links(pod: Pod) -> Iterator[str]:
    if not pod.privileged_namespace() and pod.spec.get("enableServiceLinks") is not False:
        yield "enableServiceLinks is on"


def _token(pod: Pod) -> Iterator[str]:
    if pod.privileged_namespace() or pod.spec.get("automountServiceAccountToken") is False:
        return
    yield "automountServiceAccountToken is on"


def _root_filesystem(pod: Pod) -> Iterator[str]:
    if pod.privileged_namespace():
        return
    for container in pod.containers():
        if dig(container, "securityContext", "readOnlyRootFilesystem") is not True:
            yield f"{_name(container)}: readOnlyRootFilesystem is not true"


def _memory_limit(pod: Pod) -> Iterator[str]:
    for container in pod.main_containers():
        if dig(container, "resources", "limits", "memory") is None:
            yield f"{_name(container)}: no memory limit"
        if dig(container, "resources", "requests", "memory") is None:
            yield f"{_name(container)}: no memory request"


def _shared_memory(pod: Pod) -> Iterator[str]:
    """Pages of a memory volume are charged to the pod, so they have to fit below its limits."""
    volumes = [one for one in items(pod.spec.get("volumes")) if dig(one, "emptyDir", "medium") == "Memory"]
    total = 0
    for volume in volumes:
        size = dig(volume, "emptyDir", "sizeLimit")
        if size is None:
            yield f"volume {dig(volume, 'name')} in memory has no sizeLimit"
        total += _amount(size) or 0
    limits = [_amount(dig(one, "resources", "limits", "memory")) for one in pod.main_containers()]
    if total and limits and None not in limits and total >= sum(limit or 0 for limit in limits):
        yield "volumes in memory are as large as the memory limit"


def _shared_memory_missing(pod: Pod) -> Iterator[str]:
    for container in pod.main_containers():
        if str(next(iter(items(dig(container, "command"))), "")).rsplit("/", 1)[-1] in _ONE_PROCESS:
            continue
        devices = [_amount(count) for name, count in _limits(container).items() if name == "nvidia.com/gpu"]
        mounts = [dig(one, "mountPath") for one in items(dig(container, "volumeMounts"))]
        if any(count is not None and count > 1 for count in devices) and "/dev/shm" not in mounts:  # noqa: S108
            yield f"{_name(container)}: several GPUs and 64 MiB of shared memory"


def _limits(container: Any) -> Mapping[str, Any]:
    limits = dig(container, "resources", "limits")
    return limits if isinstance(limits, dict) else {}


def _startup_probe(pod: Pod) -> Iterator[str]:
    if pod.finishes or not pod.devices() or pod.role in GROUP_WORKERS or pod.owner.kind.startswith("Ray"):
        return
    if not any(dig(one, "startupProbe") for one in pod.main_containers()):
        yield "no startup probe while the weights load"


def _probe_timeout(pod: Pod) -> Iterator[str]:
    if not pod.devices():
        return
    for container in pod.main_containers():
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            if dig(container, probe) and dig(container, probe, "timeoutSeconds") in (None, 1):
                yield f"{_name(container)}: {probe} waits one second"


def _readiness(pod: Pod) -> Iterator[str]:
    if pod.finishes or not pod.devices() or pod.role in GROUP_WORKERS or pod.owner.kind.startswith("Ray"):
        return
    if not any(dig(one, "readinessProbe") for one in pod.main_containers()):
        yield "no readiness probe"


def _image(pod: Pod) -> Iterator[str]:
    for container in pod.containers():
        image = dig(container, "image")
        if not isinstance(image, str) or HOLE in image or _PINNED.search(image):
            continue
        tag = _TAG.search(image.rsplit("/", 1)[-1])
        if tag is None:
            yield f"{_name(container)}: {image} has no version and means latest"
        elif tag[1] in _FLOATING_TAGS or tag[1].startswith(("latest-", "nightly-")):
            yield f"{_name(container)}: {image} is another image tomorrow"


def _secrets(pod: Pod) -> Iterator[str]:
    for container in pod.containers():
        for variable in items(dig(container, "env")):
            name, value = str(dig(variable, "name")), dig(variable, "value")
            if isinstance(value, str) and (_SECRET_VALUE.search(value) or (_SECRET_NAME.search(name) and value)):
                yield f"{_name(container)}: {name} holds a secret in the open"
            if dig(variable, "valueFrom", "secretKeyRef") is not None:
                yield f"{_name(container)}: {name} hands a Secret to every process"
        for argument in (*items(dig(container, "command")), *items(dig(container, "args"))):
            if isinstance(argument, str) and _SECRET_VALUE.search(argument):
                yield f"{_name(container)}: an argument holds a secret in the open"


def _remote_code(pod: Pod) -> Iterator[str]:
    for container in pod.containers():
        for argument in (*items(dig(container, "command")), *items(dig(container, "args"))):
            if isinstance(argument, str) and re.search(r"--trust[-_]remote[-_]code(?!=false)", argument):
                yield f"{_name(container)}: runs code from the model's repository"


def _context_length(pod: Pod) -> Iterator[str]:
    """Of text: what serves pictures and videos (`--omni`) keeps no context."""
    for container in pod.main_containers():
        words = [str(one) for one in (*items(dig(container, "command")), *items(dig(container, "args")))]
        serves = ("vllm" in words and "serve" in words) or any("vllm.entrypoints" in word for word in words)
        if serves and "--omni" not in words and not any(re.match(r"--max[-_]model[-_]len", word) for word in words):
            yield f"{_name(container)}: vLLM would take the model's longest context"


def _network_policy(pod: Pod) -> Iterator[str]:
    if pod.privileged_namespace():
        return
    policies = [one for one in pod.assembly.of_kind("NetworkPolicy") if one.namespace == pod.owner.namespace]
    for direction in ("Ingress", "Egress"):
        if not any(_selects(one.get("spec"), pod.labels, direction) for one in policies):
            yield f"no NetworkPolicy of {pod.owner.namespace} limits its {direction.lower()}"


def _selects(spec: Any, labels: Mapping[str, Any], direction: str) -> bool:
    types = dig(spec, "policyTypes") or ["Ingress", *(["Egress"] if dig(spec, "egress") is not None else [])]
    selector = dig(spec, "podSelector")
    if direction not in types or isinstance(selector, Unknown):
        return False
    if dig(selector, "matchExpressions"):
        return True  # not worked out; taken for a match, so that nothing wrong is told
    return all(labels.get(key) == value for key, value in (dig(selector, "matchLabels") or {}).items())


def _toleration(pod: Pod) -> Iterator[str]:
    """ExtendedResourceToleration adds one only where the taint's key is the resource's name."""
    keys = {str(dig(one, "key")) for one in items(pod.spec.get("tolerations"))}
    if any(dig(one, "operator") == "Exists" and dig(one, "key") is None for one in items(pod.spec.get("tolerations"))):
        return
    if "aws.amazon.com/neuroncore" in pod.devices() and not any(key.startswith("aws.amazon.com/") for key in keys):
        yield "asks for cores and does not tolerate the taint of their devices"


def _name(container: Any) -> str:
    return str(dig(container, "name"))


def _amount(value: Any) -> Any:
    try:
        return parse_quantity(value) if is_known(value) and value is not None else None
    except ValueError:
        return None


_POD = ("Pod",)

RULES = (
    Rule(
        "pod-not-restricted", _POD, "a pod that Pod Security's level restricted refuses",
        "The Deployment is applied, no pod appears, and the error is at the ReplicaSet only. Scanners do not look into "
        "LeaderWorkerSet or RayService.", "set the field that the message names", _restricted,
    ),
    Rule(
        "pod-resource-unequal", _POD, "an extended resource whose limit is missing or unlike its request",
        "The API server rejects the pod.", "give the limit alone, or both alike", _extended_resources,
    ),
    Rule(
        "pod-neuron-units", _POD, "Neuron devices and cores in one container, or the retired name",
        "The plugin advertises the same hardware under both names, and neurondevice no more.",
        "ask for aws.amazon.com/neuron or for aws.amazon.com/neuroncore", _neuron_units,
    ),
    Rule(
        "pod-neuron-scheduler", _POD, "several Neuron devices without the scheduler that knows how they are joined",
        "The kubelet refuses devices that lie apart, and the pod fails after it was placed.",
        "set schedulerName to the second scheduler of the Neuron chart (my-scheduler)", _neuron_scheduler,
    ),
    Rule(
        "pod-efa-hugepages", _POD, "EFA without huge pages", "libfabric falls back to slow registration or fails.",
        "request hugepages-2Mi with an equal limit", _efa_pages,
    ),
    Rule(
        "pod-service-links", _POD, "environment variables of every service in the namespace",
        "A service called vllm sets VLLM_PORT to an address and the engine does not start.",
        "set enableServiceLinks to false", _service_links,
    ),
    Rule(
        "pod-token-mounted", _POD, "a token of the Kubernetes API in a serving pod",
        "Whoever breaks the engine speaks to the API server.", "set automountServiceAccountToken to false", _token,
    ),
    Rule(
        "pod-root-writable", _POD, "a writable root file system",
        "What is written there survives an attack and fills the node's disk.",
        "set readOnlyRootFilesystem and mount emptyDir volumes for caches", _root_filesystem,
    ),
    Rule(
        "pod-memory-unbounded", _POD, "no memory request or limit",
        "The node runs out and the kernel ends whichever process is largest.", "set both", _memory_limit,
    ),
    Rule(
        "pod-shared-memory-unbounded", _POD, "a volume in memory without limit, or as large as the container's",
        "Its pages are charged to the pod: it is killed while NCCL sets up.",
        "set sizeLimit and count it in the memory limit", _shared_memory,
    ),
    Rule(
        "pod-shared-memory-missing", _POD, "several GPUs with the default /dev/shm",
        "NCCL fails with 64 MiB between processes.", "mount an emptyDir of medium Memory at /dev/shm",
        _shared_memory_missing,
    ),
    Rule(
        "pod-startup-probe-missing", _POD, "an accelerated server without a startup probe",
        "The liveness probe kills a model that is still loading, again and again.",
        "add startupProbe with a budget from size and bandwidth", _startup_probe,
    ),
    Rule(
        "pod-readiness-probe-missing", _POD, "an accelerated server without a readiness probe",
        "It gets requests before the model answers.", "add readinessProbe", _readiness,
    ),
    Rule(
        "pod-probe-timeout", _POD, "a probe that waits one second",
        "An engine under load answers later and is restarted because it is busy.", "set timeoutSeconds to 5",
        _probe_timeout,
    ),
    Rule(
        "pod-image-floating", _POD, "an image without version or digest",
        "The next node pulls another engine, with other defaults.", "name a version or, better, a digest", _image,
    ),
    Rule(
        "pod-secret-in-environment", _POD, "a secret in the environment or the arguments",
        "Every child process, crash report and `kubectl describe` shows it.",
        "mount it as a file, or read it with the pod's role", _secrets,
    ),
    Rule(
        "pod-remote-code", _POD, "code from the model's repository",
        "Whoever may write there runs code in the cluster.", "remove --trust-remote-code", _remote_code,
    ),
    Rule(
        "pod-context-implicit", _POD, "vLLM without --max-model-len",
        "The context of the config may not fit beside the weights, and the engine ends.",
        "give the length that was planned", _context_length,
    ),
    Rule(
        "pod-network-open", _POD, "a pod that no NetworkPolicy selects",
        "Engines talk to each other without authentication; any pod of the cluster may join in.",
        "add a default-deny policy to the namespace", _network_policy,
    ),
    Rule(
        "pod-toleration-missing", _POD, "Neuron cores without a toleration of the devices' taint",
        "The toleration is added by itself only where key and resource are alike: the pod stays pending.",
        "tolerate aws.amazon.com/neuron", _toleration,
    ),
)  # fmt: skip
