"""The pods that choose a model's replica for each request, and everything that they need.

The picker asks the API server which pods serve, and those how much they have to do. It may list the namespace's pods
and nothing else, by a token that is mounted into this one container. Nobody reaches it but who sends requests and who
collects its metrics.
"""

from __future__ import annotations

import hashlib

import yaml

from ai_on_eks.catalog.endpoint_picker import endpoint_picker
from ai_on_eks.kube.objects.envoy import HEALTH_PORT, HTTP_PORT, bootstrap
from ai_on_eks.kube.objects.labels import CONFIG_HASH_ANNOTATION, metadata, serving_selector
from ai_on_eks.kube.objects.service_account import service_account
from ai_on_eks.serving.ownership import COMPONENT_LABEL, NAME_LABEL
from ai_on_eks.serving.pod import DRAIN_SECONDS, EXIT_SECONDS, REQUEST_SECONDS
from ai_on_eks.serving.pod_parts import container_security, pod_security
from ai_on_eks.serving.quantities import bytes_quantity, cpu_quantity
from ai_on_eks.serving.types import Json, Router, Workload

NAME_SUFFIX = "-router"
ROUTER_LABEL = "ai-on-eks/router"
"""On the router's pods, the model whose requests they see. Not the model's own label: they are none of its replicas."""

USER_ID = 65532
"""Of both images (llm-d-router v0.10, Dockerfile.epp; Envoy's distroless images)."""

TOKEN_DIRECTORY = "/var/run/secrets/kubernetes.io/serviceaccount"  # noqa: S105 - where clients look for it
TOKEN_SECONDS = 3600
CONFIG_FILE, PROXY_FILE = "picker.yaml", "envoy.json"
CONFIG_DIRECTORY = "/config"

PROXY_MILLICORES = 500
PROXY_MEMORY = "1536Mi"
"""Envoy's memory stayed between 1.3 and 1.4 GiB at any load (llm-d-router, docs/operations.md, v0.10)."""

WEIGHTS = {"queue-scorer": 2, "kv-cache-utilization-scorer": 2, "prefix-cache-scorer": 3}
"""How much each says of a replica: those that llm-d's own chart has (llm-d-router v0.10)."""


def router_name(model: str) -> str:
    """Of all objects of the model's router."""
    return f"{model}{NAME_SUFFIX}"


def router_selector(workload: Workload) -> dict[str, str]:
    """What selects the router's pods."""
    return {ROUTER_LABEL: workload.name}


def router_manifests(workload: Workload, router: Router) -> dict[str, Json]:
    """The objects by construct id, but for who may talk to them."""
    files = _files(workload, router)
    manifests = {
        "RouterServiceAccount": service_account(_metadata(workload)),
        "RouterRole": _role(workload),
        "RouterRoleBinding": _role_binding(workload),
        "RouterConfigMap": {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": _metadata(workload),
            "data": files,
        },
        "RouterService": _service(workload, router),
        "Router": _deployment(workload, router, files),
    }
    if router.replicas > 1:
        manifests["RouterPodDisruptionBudget"] = {
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "metadata": _metadata(workload),
            "spec": {"maxUnavailable": 1, "selector": {"matchLabels": router_selector(workload)}},
        }
    return manifests


def _metadata(workload: Workload) -> dict[str, object]:
    return metadata(workload, router_name(workload.name))


def _role(workload: Workload) -> Json:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": _metadata(workload),
        "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}],
    }


def _role_binding(workload: Workload) -> Json:
    name = router_name(workload.name)
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": _metadata(workload),
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": workload.namespace}],
    }


def _files(workload: Workload, router: Router) -> dict[str, str]:
    files = {CONFIG_FILE: yaml.safe_dump(_picker_config(workload, router), sort_keys=False)}
    if router.proxy_image is not None:
        files[PROXY_FILE] = bootstrap(endpoint_picker().ext_proc_port)
    return files


def _picker_config(workload: Workload, router: Router) -> Json:
    """Read once, at the start. Requests are held for a model that may sleep only: the part that does so is behind a
    feature gate."""
    extractor: Json = {"type": "core-metrics-extractor"}
    if router.metrics != "vllm":
        extractor["parameters"] = {"defaultEngine": router.metrics}
    source = {"type": "metrics-data-source", "parameters": {"scheme": "http", "path": workload.metrics_path}}
    held: Json = {}
    if router.hold_seconds is not None:
        held = {"featureGates": ["flowControl"], "flowControl": {"defaultRequestTTL": f"{router.hold_seconds}s"}}
    return {
        "apiVersion": "llm-d.ai/v1alpha1",
        "kind": "EndpointPickerConfig",
        **held,
        "plugins": [*({"type": name} for name in WEIGHTS), source, extractor],
        "schedulingProfiles": [
            {
                "name": "default",
                "plugins": [{"pluginRef": name, "weight": weight} for name, weight in WEIGHTS.items()],
            }
        ],
    }


def _service(workload: Workload, router: Router) -> Json:
    picker = endpoint_picker()
    port = {"name": "http", "port": HTTP_PORT, "targetPort": HTTP_PORT, "protocol": "TCP"}
    if router.proxy_image is None:
        number = picker.ext_proc_port
        port = {"name": "grpc", "port": number, "targetPort": number, "protocol": "TCP"}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _metadata(workload),
        "spec": {"type": "ClusterIP", "selector": router_selector(workload), "ports": [port]},
    }


def _deployment(workload: Workload, router: Router, files: dict[str, str]) -> Json:
    config_hash = hashlib.sha256("".join(files[name] for name in sorted(files)).encode()).hexdigest()
    own = {NAME_LABEL: router_name(workload.name), COMPONENT_LABEL: "router", **router_selector(workload)}
    labels = {**workload.labels, **own}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _metadata(workload),
        "spec": {
            "replicas": router.replicas,
            "revisionHistoryLimit": 3,
            "selector": {"matchLabels": router_selector(workload)},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "template": {
                "metadata": {
                    "labels": dict(sorted(labels.items())),
                    "annotations": {CONFIG_HASH_ANNOTATION: config_hash},
                },
                "spec": _pod(workload, router),
            },
        },
    }


def _pod(workload: Workload, router: Router) -> Json:
    name = router_name(workload.name)
    return {
        "serviceAccountName": name,
        # Into the picker alone, see its volume.
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": DRAIN_SECONDS + REQUEST_SECONDS + EXIT_SECONDS,
        "securityContext": pod_security(USER_ID),
        "containers": [
            _picker(workload, router),
            *([] if router.proxy_image is None else [_proxy(router.proxy_image)]),
        ],
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "kubernetes.io/hostname",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": router_selector(workload)},
            }
        ],
        "volumes": [
            {"name": "config", "configMap": {"name": name}},
            {
                "name": "token",
                "projected": {
                    "sources": [
                        {"serviceAccountToken": {"path": "token", "expirationSeconds": TOKEN_SECONDS}},
                        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
                    ]
                },
            },
        ],
    }


def _picker(workload: Workload, router: Router) -> Json:
    picker = endpoint_picker()
    selector = ",".join(f"{key}={value}" for key, value in sorted(serving_selector(workload).items()))
    ports = {"grpc": picker.ext_proc_port, "grpc-health": picker.health_port, "metrics": picker.metrics_port}
    health = {"grpc": {"port": picker.health_port, "service": "inference-extension"}, "timeoutSeconds": 5}
    memory = bytes_quantity(router.memory_bytes)
    return {
        "name": "picker",
        "image": router.image,
        "imagePullPolicy": "IfNotPresent",
        "args": [
            f"--endpoint-selector={selector}",
            f"--endpoint-target-ports={workload.port}",
            f"--config-file={CONFIG_DIRECTORY}/{CONFIG_FILE}",
            f"--grpc-health-port={picker.health_port}",
            f"--secure-serving={'true' if router.proxy_image is None else 'false'}",
            "--metrics-endpoint-auth=false",
            "--tracing=false",
            "--zap-encoder=json",
        ],
        "env": [_field("NAMESPACE", "metadata.namespace"), _field("POD_NAME", "metadata.name")],
        "ports": [{"name": name, "containerPort": port, "protocol": "TCP"} for name, port in ports.items()],
        "resources": {
            "requests": {"cpu": cpu_quantity(router.millicores), "memory": memory},
            # As much again: its memory grows with the length of answers, which nobody bounds.
            "limits": {"memory": bytes_quantity(2 * router.memory_bytes)},
        },
        "volumeMounts": [
            {"name": "config", "mountPath": CONFIG_DIRECTORY, "readOnly": True},
            {"name": "token", "mountPath": TOKEN_DIRECTORY, "readOnly": True},
        ],
        "securityContext": container_security(),
        "lifecycle": _drain(),
        "startupProbe": {**health, "periodSeconds": 5, "failureThreshold": 24},
        "readinessProbe": {**health, "periodSeconds": 5, "failureThreshold": 3},
        "livenessProbe": {**health, "periodSeconds": 20, "failureThreshold": 6},
    }


def _proxy(image: str) -> Json:
    ports = {"http": HTTP_PORT, "health": HEALTH_PORT}
    health = {"httpGet": {"path": "/ready", "port": "health"}, "timeoutSeconds": 5}
    return {
        "name": "proxy",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["envoy"],
        "args": [
            f"--config-path={CONFIG_DIRECTORY}/{PROXY_FILE}",
            "--disable-hot-restart",  # which wants shared memory of its own
            "--log-level=warn",
        ],
        "ports": [{"name": name, "containerPort": port, "protocol": "TCP"} for name, port in ports.items()],
        "resources": {
            "requests": {"cpu": cpu_quantity(PROXY_MILLICORES), "memory": PROXY_MEMORY},
            "limits": {"memory": PROXY_MEMORY},
        },
        "volumeMounts": [{"name": "config", "mountPath": CONFIG_DIRECTORY, "readOnly": True}],
        "securityContext": container_security(),
        "lifecycle": _drain(),
        "readinessProbe": {**health, "periodSeconds": 5, "failureThreshold": 3},
        "livenessProbe": {**health, "periodSeconds": 20, "failureThreshold": 6},
    }


def _field(name: str, path: str) -> Json:
    return {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}


def _drain() -> Json:
    """Both stop when those before them have taken the pod out and its requests have ended."""
    return {"preStop": {"sleep": {"seconds": DRAIN_SECONDS + REQUEST_SECONDS}}}
