"""serving.kserve.io/v1alpha2 LLMInferenceService: the pods of one model, kept by KServe as groups of nodes.

    effective spec = preset <- spec          strategic merge; the preset is chosen by the form of the spec
    preset         = of this name in the model's namespace, else in KServe's own; none in either stops the controller
    makes          LeaderWorkerSet `<model>-kserve-mn`, its headless Service, Service `<model>-kserve-workload-svc`

KServe's presets belong to its own images: they write the command, lay a volume of certificates in the pod and add
directories without a limit, and a merge takes nothing away. So the one that is looked for first, in the models'
namespace, is ours and empty: what is rendered is the whole pod. It is looked for under the name of groups with stages,
under which KServe 0.20 ships none (kserve/kserve#5047, 2026-08-19); the chart with the others is not installed.

Groups also where a replica is one pod: of a Deployment KServe 0.20 has no field for the rollout (kserve/kserve#5916 is
newer), so that with every accelerator taken a new pod would wait for the old one for ever. LeaderWorkerSet by itself
lets one group be missing and makes none beside it (rolloutStrategy, defaults: 1 and 0).

`parallelism.pipeline` is where KServe takes the number of a group's pods from, and refuses to change it in place
(pkg/apis/serving/v1alpha2, GetSize and validateImmutableParallelism). How the engine divides the model stands in its
arguments.
"""

from __future__ import annotations

from typing import Any

from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.kube.objects.labels import WORKER, metadata, platform_labels, pod_labels
from ai_on_eks.kube.objects.pod_template import pod_metadata
from ai_on_eks.kube.objects.replicas import fixed_replicas
from ai_on_eks.serving.ownership import COMPONENT_LABEL, NAME_LABEL, PART_OF_LABEL
from ai_on_eks.serving.types import Json, Workload

PRESET = "kserve-config-llm-worker-pipeline-parallel"
"""Name of the preset of groups with stages (pkg/controller/v1alpha2/llmisvc/config_merge.go). The prefix is a setting
of the controller, `kserve-` unless its chart is told another."""

GROUP_SUFFIX = "-kserve-mn"
SERVICE_SUFFIX = "-kserve-workload-svc"

KSERVE_LABELS = frozenset({COMPONENT_LABEL, NAME_LABEL, PART_OF_LABEL})
"""On the pods KServe's own values stay: its Service and its watches select by them. The name is the model's in both."""


def llm_inference_service(workload: Workload) -> Json:
    """The object. No router and no scheduler: requests come as to every other shape."""
    nodes = 1 if workload.group is None else workload.group.nodes
    return {
        "apiVersion": "serving.kserve.io/v1alpha2",
        "kind": "LLMInferenceService",
        "metadata": metadata(workload),
        "spec": {
            "model": {"name": workload.name, "uri": workload.model_uri},
            "storageInitializer": {"enabled": False},
            **fixed_replicas(workload),
            "parallelism": {"pipeline": nodes},
            **_described(workload),
            **_pods(workload),
        },
    }


def own_preset(platform: Platform) -> Json:
    """What KServe's controller finds before its own: nothing."""
    return {
        "apiVersion": "serving.kserve.io/v1alpha2",
        "kind": "LLMInferenceServiceConfig",
        "metadata": {"name": PRESET, "namespace": platform.namespace, "labels": platform_labels(platform)},
        "spec": {},
    }


def kserve_group_name(model: str) -> str:
    """Of the LeaderWorkerSet that KServe makes, and of the headless Service that this one's controller makes."""
    return f"{model}{GROUP_SUFFIX}"


def kserve_service_names(model: str) -> tuple[str, ...]:
    """Of the Services that KServe makes, and that LeaderWorkerSet's controller makes of its group."""
    return kserve_group_name(model), f"{model}{SERVICE_SUFFIX}"


def _pods(workload: Workload) -> dict[str, Any]:
    """A group of one has workers alone: the first of them answers."""
    if workload.group is None:
        return {"worker": workload.pod_spec}
    return {"template": workload.pod_spec, "worker": workload.group.worker_pod_spec}


def _described(workload: Workload) -> dict[str, Any]:
    """One set for all pods of a group. Its workers have no metrics, so that a PodMonitor alone tells where they are."""
    part = None if workload.group is None else WORKER
    labels = {name: value for name, value in pod_labels(workload).items() if name not in KSERVE_LABELS}
    annotations = pod_metadata(workload, part).get("annotations")
    return {"labels": labels, **({"annotations": annotations} if annotations else {})}
