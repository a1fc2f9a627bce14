"""What KServe 0.20 makes of an LLMInferenceService, as it documents it: which presets it merges, how, and into which
pods.

    chosen   by the form of the spec                               config_merge.go, combineBaseRefsConfig
    found    in the service's namespace, else in KServe's          kserve.github.io, config composition
    merged   strategic merge, the service last; never takes away   kubernetes.io, update-api-object-kubectl-patch
    read     as a template of Go, after the merge                  config_merge.go, ReplaceVariables

Objects whose fields have no merge key of their own are replaced. The patch is made from an empty object, so that it has
no directive: a volume of the same name keeps the source it had beside the new one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

Json = dict[str, Any]

SYSTEM_NAMESPACE = "kserve"

MERGE_KEYS: Mapping[str, str] = {
    "containers": "name",
    "env": "name",
    "hostAliases": "ip",
    "imagePullSecrets": "name",
    "initContainers": "name",
    "ports": "containerPort",
    "resourceClaims": "name",
    "topologySpreadConstraints": "topologyKey",
    "volumeMounts": "mountPath",
    "volumes": "name",
}
"""patchMergeKey of the lists of a PodSpec (k8s.io/api/core/v1, types.go)."""


def preset_name(spec: Json) -> str:
    """Of a service without a part for prompts alone. KServe refuses workers without a number of pods."""
    if "worker" not in spec:
        return "kserve-config-llm-template"
    parallelism = spec.get("parallelism", {})
    if parallelism.get("data"):
        return "kserve-config-llm-worker-data-parallel"
    assert parallelism.get("pipeline"), "refused: when worker is specified, parallelism must be configured"
    return "kserve-config-llm-worker-pipeline-parallel"


def effective_spec(service: Json, presets: Iterable[Json]) -> Json:
    """The spec that pods are made from."""
    there = {(one["metadata"]["namespace"], one["metadata"]["name"]): one["spec"] for one in presets}
    name = preset_name(service["spec"])
    places = [(namespace, name) for namespace in (service["metadata"]["namespace"], SYSTEM_NAMESPACE)]
    found = next((there[place] for place in places if place in there), None)
    assert found is not None, f"not found in namespaces: {name}"
    merged: Json = merged_into(found, service["spec"])
    assert "{{" not in json.dumps(merged), "would be read as a template"
    return merged


def merged_into(base: Any, patch: Any, field: str = "") -> Any:
    """`patch` over `base`."""
    if isinstance(base, dict) and isinstance(patch, dict):
        return {
            key: merged_into(base[key], patch[key], key) if key in base and key in patch else {**base, **patch}[key]
            for key in [*base, *(key for key in patch if key not in base)]
        }
    key = MERGE_KEYS.get(field)
    if isinstance(base, list) and isinstance(patch, list) and key is not None:
        over = {one[key]: one for one in patch}
        kept = [merged_into(one, over[one[key]]) if one[key] in over else one for one in base]
        known = {one[key] for one in base}
        return [*kept, *(one for one in patch if one[key] not in known)]
    return patch


def group_of(service: Json, spec: Json) -> Json:
    """The LeaderWorkerSet that KServe makes of the effective spec (workload_multi_node.go, 0.20); none is made of a
    service that downloads nothing but what the spec says."""
    assert spec["storageInitializer"] == {"enabled": False}, "a container that downloads would be added"
    name, namespace = service["metadata"]["name"], service["metadata"]["namespace"]
    common = {"app.kubernetes.io/name": name, "app.kubernetes.io/part-of": "llminferenceservice"}
    leader = {
        **common,
        "app.kubernetes.io/component": "llminferenceservice-workload-leader",
        "kserve.io/component": "workload",
        "llm-d.ai/role": "both",
    }
    worker = {**common, "app.kubernetes.io/component": "llminferenceservice-workload-worker"}
    if "template" not in spec:
        worker |= {"kserve.io/component": "workload", "llm-d.ai/role": "decode"}

    def part(labels: Json, pod_spec: Json) -> Json:
        described = {"labels": {**labels, **spec.get("labels", {})}, "annotations": spec.get("annotations", {})}
        return {"metadata": described, "spec": pod_spec}

    leaders = {"leaderTemplate": part(leader, spec["template"])} if "template" in spec else {}
    return {
        "apiVersion": "leaderworkerset.x-k8s.io/v1",
        "kind": "LeaderWorkerSet",
        "metadata": {"name": f"{name}-kserve-mn", "namespace": namespace, "labels": worker},
        "spec": {
            **({"replicas": spec["replicas"]} if "replicas" in spec else {}),
            "startupPolicy": "LeaderCreated",
            # What LeaderWorkerSet's own webhook writes where nothing is said.
            "rolloutStrategy": {
                "type": "RollingUpdate",
                "rollingUpdateConfiguration": {"maxUnavailable": 1, "maxSurge": 0},
            },
            "leaderWorkerTemplate": {
                "size": spec["parallelism"]["pipeline"],
                "restartPolicy": "RecreateGroupOnPodRestart",
                "workerTemplate": part(worker, spec["worker"]),
                **leaders,
            },
        },
    }


SHIPPED: Json = {
    "metadata": {"name": "kserve-config-llm-worker-pipeline-parallel", "namespace": SYSTEM_NAMESPACE},
    "spec": {
        "worker": {
            "containers": [
                {
                    "name": "main",
                    "image": "example/llm",
                    "volumeMounts": [
                        {"mountPath": "/home", "name": "home"},
                        {"mountPath": "/models", "name": "model-cache"},
                        {"mountPath": "/var/run/kserve/tls", "name": "tls-certs"},
                    ],
                }
            ],
            "volumes": [
                {"name": "home", "emptyDir": {}},
                {"name": "model-cache", "emptyDir": {}},
                {"name": "tls-certs", "secret": {"secretName": "certificates"}},
            ],
        }
    },
}
"""As the presets are that KServe ships, by the names of what they add (config/llmisvcconfig, 2026-08): a container of
its own, a volume of certificates, directories without a limit."""
