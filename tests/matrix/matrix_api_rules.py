"""What an API server refuses although every schema allows it: Kubernetes' own validation in code.

Taken from the API conventions and the validation of core, apps, batch, networking, policy and scheduling
(kubernetes.io/docs/reference/kubernetes-api and k8s.io/kubernetes/pkg/apis/*/validation, release 1.36), as far as
objects rendered here have such fields. A rule is a generator of complaints; `why_refused` asks all of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from ipaddress import ip_network
from typing import Any

from ai_on_eks.kube.quantity import parse_quantity

Json = dict[str, Any]

LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
SERVICE_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
SUBDOMAIN = re.compile(rf"{LABEL.pattern}(\.{LABEL.pattern})*")
QUALIFIED = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
LABEL_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
PORT_NAME = re.compile(r"(?=.*[a-z])[a-z0-9]([a-z0-9]|-(?!-))*(?<!-)")
ENVIRONMENT_NAME = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*")
CONFIG_KEY = re.compile(r"[-._a-zA-Z0-9]+")

POD_TEMPLATES = {
    "Deployment": ("spec.template",),
    "DaemonSet": ("spec.template",),
    "Job": ("spec.template",),
    "LeaderWorkerSet": ("spec.leaderWorkerTemplate.leaderTemplate", "spec.leaderWorkerTemplate.workerTemplate"),
}


def why_refused(manifest: Json) -> list[str]:
    """Every complaint about one object; empty means that an API server takes it."""
    kind = manifest["kind"]
    found = [*_metadata(manifest), *_RULES.get(kind, _nothing)(manifest)]
    for path in POD_TEMPLATES.get(kind, ()):
        template = _dig(manifest, path)
        found += [f"{path}: {one}" for one in pod_complaints(template)]
    return found


def pod_complaints(template: Json) -> list[str]:
    """About a pod template: its labels and its specification."""
    return [*_labels(template.get("metadata", {}).get("labels", {})), *_pod(template["spec"])]


def _dig(value: Any, path: str) -> Any:
    for key in path.split("."):
        value = value[key]
    return value


def _nothing(_: Json) -> Iterator[str]:
    return iter(())


def _metadata(manifest: Json) -> Iterator[str]:
    metadata = manifest["metadata"]
    name = metadata["name"]
    form, longest = (SERVICE_NAME, 63) if manifest["kind"] == "Service" else (SUBDOMAIN, 253)
    if not form.fullmatch(name) or len(name) > longest:
        yield f"metadata.name: {name}"
    if "namespace" in metadata and not (LABEL.fullmatch(metadata["namespace"]) and len(metadata["namespace"]) <= 63):
        yield f"metadata.namespace: {metadata['namespace']}"
    yield from _labels(metadata.get("labels", {}))
    annotations = metadata.get("annotations", {})
    yield from (f"annotation {key}" for key in annotations if not _is_qualified(key))
    if sum(len(key) + len(value) for key, value in annotations.items()) > 256 * 2**10:
        yield "annotations are larger than 256 KiB"


def _labels(labels: Json) -> Iterator[str]:
    for key, value in labels.items():
        if not _is_qualified(key):
            yield f"label {key}"
        if not LABEL_VALUE.fullmatch(value) or len(value) > 63:
            yield f"label {key}: {value}"


def _is_qualified(key: str) -> bool:
    prefix, slash, name = key.rpartition("/")
    return bool(QUALIFIED.fullmatch(name)) and len(name) <= 63 and (not slash or bool(SUBDOMAIN.fullmatch(prefix)))


def _pod(spec: Json) -> Iterator[str]:
    containers = [*spec.get("initContainers", ()), *spec["containers"]]
    yield from _unique("container", [one["name"] for one in containers])
    yield from _unique("volume", [one["name"] for one in spec.get("volumes", ())])
    names = {one["name"] for one in spec.get("volumes", ())}
    claims = {one["name"] for one in spec.get("resourceClaims", ())}
    grace = spec.get("terminationGracePeriodSeconds", 30)
    for container in containers:
        for complaint in _container(container, names, claims, grace):
            yield f"{container['name']}: {complaint}"
    yield from _scheduling(spec)


def _container(container: Json, volumes: set[str], claims: set[str], grace: int) -> Iterator[str]:
    if not LABEL.fullmatch(container["name"]) or len(container["name"]) > 63:
        yield "name"
    variables = container.get("env", ())
    yield from _unique("variable", [one["name"] for one in variables])
    for one in variables:
        if not ENVIRONMENT_NAME.fullmatch(one["name"]) or {"value", "valueFrom"} <= set(one):
            yield f"variable {one['name']}"
    mounts = container.get("volumeMounts", ())
    yield from _unique("mount path", [one["mountPath"] for one in mounts])
    for mount in mounts:
        if mount["name"] not in volumes:
            yield f"mount of {mount['name']}, which is no volume"
        if ":" in mount["mountPath"] or ".." in mount.get("subPath", "") or mount.get("subPath", "").startswith("/"):
            yield f"mount path {mount['mountPath']}"
    yield from _ports(container.get("ports", ()))
    yield from _resources(container.get("resources", {}), claims)
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        yield from _probe(probe, container)
    seconds = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds")
    if seconds is not None and not 0 < seconds <= grace:
        yield f"preStop sleeps {seconds} s of {grace}"


def _ports(ports: Sequence[Json]) -> Iterator[str]:
    yield from _unique("port name", [one["name"] for one in ports if "name" in one])
    yield from _unique("port", [(one["containerPort"], one.get("protocol", "TCP")) for one in ports])
    for one in ports:
        if not 1 <= one["containerPort"] <= 65_535:
            yield f"port {one['containerPort']}"
        if "name" in one and (not PORT_NAME.fullmatch(one["name"]) or len(one["name"]) > 15):
            yield f"port name {one['name']}"


def _resources(resources: Json, claims: set[str]) -> Iterator[str]:
    requests, limits = resources.get("requests", {}), resources.get("limits", {})
    for name in sorted({*requests, *limits}):
        asked, most = (None if one is None else parse_quantity(one) for one in (requests.get(name), limits.get(name)))
        if asked is not None and most is not None and asked > most:
            yield f"{name}: asks for more than its limit"
        if (asked or most or 0) < 0:
            yield f"{name}: negative"
        exact = "/" in name or name.startswith("hugepages-")
        if exact and (most is None or (asked is not None and asked != most)):
            yield f"{name}: request and limit differ"
        if exact and most is not None and most.denominator != 1:
            yield f"{name}: not whole"
        if name.startswith("hugepages-"):
            if most is not None and most % parse_quantity(name.removeprefix("hugepages-")):
                yield f"{name}: no multiple of a page"
            if not {"cpu", "memory"} & {*requests, *limits}:
                yield f"{name}: neither cpu nor memory is asked for"
    yield from (f"claim {one['name']}" for one in resources.get("claims", ()) if one["name"] not in claims)


def _probe(name: str, container: Json) -> Iterator[str]:
    probe = container.get(name)
    if probe is None:
        return
    for field in ("periodSeconds", "timeoutSeconds", "failureThreshold"):
        if probe.get(field, 1) < 1:
            yield f"{name}.{field}"
    if name != "readinessProbe" and probe.get("successThreshold", 1) != 1:
        yield f"{name}.successThreshold"
    port = probe.get("httpGet", {}).get("port")
    if isinstance(port, str) and port not in {one.get("name") for one in container.get("ports", ())}:
        yield f"{name}: no port {port}"


def _scheduling(spec: Json) -> Iterator[str]:
    for toleration in spec.get("tolerations", ()):
        if toleration.get("operator") == "Exists" and toleration.get("value"):
            yield "toleration with Exists and a value"
        if "tolerationSeconds" in toleration and toleration.get("effect") != "NoExecute":
            yield "toleration with seconds and another effect"
    rules = spec.get("topologySpreadConstraints", ())
    yield from _unique("spread", [(one["topologyKey"], one["whenUnsatisfiable"]) for one in rules])
    for rule in rules:
        if rule["maxSkew"] < 1 or (rule.get("minDomains") and rule["whenUnsatisfiable"] != "DoNotSchedule"):
            yield "spread"
        yield from _selecting(rule)
    yield from _affinity(spec.get("affinity", {}))


def _affinity(affinity: Json) -> Iterator[str]:
    for kind in ("podAffinity", "podAntiAffinity"):
        rules = affinity.get(kind, {})
        for one in rules.get("preferredDuringSchedulingIgnoredDuringExecution", ()):
            if not 1 <= one["weight"] <= 100:
                yield f"weight {one['weight']}"
            yield from _selecting(one["podAffinityTerm"])
        for term in rules.get("requiredDuringSchedulingIgnoredDuringExecution", ()):
            yield from _selecting(term)
    required = affinity.get("nodeAffinity", {}).get("requiredDuringSchedulingIgnoredDuringExecution", {})
    for one in (one for term in required.get("nodeSelectorTerms", ()) for one in term.get("matchExpressions", ())):
        values = one.get("values", [])
        if (one["operator"] in ("In", "NotIn")) is not bool(values):
            yield f"node affinity {one['key']} {one['operator']} {values}"


def _selecting(rule: Json) -> Iterator[str]:
    """A key may be matched by its value or by the pod's own, not both."""
    selector = rule.get("labelSelector", {})
    keys = {*selector.get("matchLabels", {}), *(one["key"] for one in selector.get("matchExpressions", ()))}
    yield from (f"matchLabelKeys repeats {key}" for key in rule.get("matchLabelKeys", ()) if key in keys)
    if not rule.get("topologyKey"):
        yield "no topologyKey"


def _unique(what: str, values: Sequence[Any]) -> Iterator[str]:
    yield from (f"{what} {value} twice" for value in dict.fromkeys(values) if values.count(value) > 1)


def _deployment(manifest: Json) -> Iterator[str]:
    spec = manifest["spec"]
    wanted, labels = spec["selector"]["matchLabels"], spec["template"]["metadata"]["labels"]
    if not wanted or not wanted.items() <= labels.items():
        yield "selector does not match the template's labels"
    rollout = spec.get("strategy", {}).get("rollingUpdate", {})
    if rollout.get("maxSurge") == 0 and rollout.get("maxUnavailable") == 0:
        yield "neither surge nor unavailable pods"
    if spec.get("progressDeadlineSeconds", 600) <= spec.get("minReadySeconds", 0):
        yield "progressDeadlineSeconds"


def _daemon_set(manifest: Json) -> Iterator[str]:
    spec = manifest["spec"]
    if not spec["selector"]["matchLabels"].items() <= spec["template"]["metadata"]["labels"].items():
        yield "selector does not match the template's labels"


def _job(manifest: Json) -> Iterator[str]:
    spec = manifest["spec"]
    policy = spec["template"]["spec"].get("restartPolicy")
    if policy not in ("Never", "OnFailure"):
        yield f"restartPolicy {policy}"
    if "podFailurePolicy" in spec and policy != "Never":
        yield "podFailurePolicy wants restartPolicy Never"


def _service(manifest: Json) -> Iterator[str]:
    ports = manifest["spec"]["ports"]
    yield from _unique("port name", [one.get("name") for one in ports])
    yield from _unique("port", [(one["port"], one.get("protocol", "TCP")) for one in ports])
    yield from (f"port {one['port']}" for one in ports if not 1 <= one["port"] <= 65_535)


def _config_map(manifest: Json) -> Iterator[str]:
    data = manifest.get("data", {})
    yield from (f"key {key}" for key in data if not CONFIG_KEY.fullmatch(key) or len(key) > 253 or key in (".", ".."))
    if sum(len(key) + len(value.encode()) for key, value in data.items()) > 2**20:
        yield "data is larger than 1 MiB"


def _network_policy(manifest: Json) -> Iterator[str]:
    spec = manifest["spec"]
    for rule in (*spec.get("ingress", ()), *spec.get("egress", ())):
        for peer in (*rule.get("from", ()), *rule.get("to", ())):
            if "ipBlock" in peer:
                ip_network(peer["ipBlock"]["cidr"])
                if len(peer) > 1:
                    yield "ipBlock beside another selector"
        yield from (f"port {one['port']}" for one in rule.get("ports", ()) if not 1 <= one["port"] <= 65_535)


def _budget(manifest: Json) -> Iterator[str]:
    if len({"minAvailable", "maxUnavailable"} & set(manifest["spec"])) != 1:
        yield "exactly one of minAvailable and maxUnavailable"


def _priority_class(manifest: Json) -> Iterator[str]:
    if manifest["value"] > 10**9 or manifest["metadata"]["name"].startswith("system-"):
        yield f"value {manifest['value']}, name {manifest['metadata']['name']}"


def _autoscaler(manifest: Json) -> Iterator[str]:
    spec = manifest["spec"]
    if not 1 <= spec.get("minReplicas", 1) <= spec["maxReplicas"]:
        yield "minReplicas and maxReplicas"


_RULES = {
    "ConfigMap": _config_map,
    "DaemonSet": _daemon_set,
    "Deployment": _deployment,
    "HorizontalPodAutoscaler": _autoscaler,
    "Job": _job,
    "NetworkPolicy": _network_policy,
    "PodDisruptionBudget": _budget,
    "PriorityClass": _priority_class,
    "Service": _service,
}
