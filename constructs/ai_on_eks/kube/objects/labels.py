"""Labels that other objects, tools and people select by. A change of one here is a change of contract."""

from __future__ import annotations

from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.descriptors.schema import Shape
from ai_on_eks.serving.ownership import MANAGED_BY, MANAGED_BY_LABEL, PART_OF_LABEL, plan_digest
from ai_on_eks.serving.types import Workload

MODEL_LABEL = "ai-on-eks/model"
"""Names the model a pod belongs to. The Deployment's selector is immutable, so it holds this one label and no version:
a label that ever changes would force the Deployment to be deleted and created again."""

PLAN_DIGEST_LABEL = "ai-on-eks/plan-digest"
"""On every object of a model and on none of its pods: what has the digest of another plan was not applied with the
rest. On the pods a change that they do not see, such as one more replica, would make all of them anew."""

GATEWAY_LABEL = "ai-on-eks/gateway"
"""Set to "true" on a namespace, it may call every model's API."""

PART_LABEL = "ai-on-eks/part"
LEADER = "leader"
WORKER = "worker"
"""On the pods of a replica that spans nodes: which of them serves."""

WORKER_INDEX_LABEL = "leaderworkerset.sigs.k8s.io/worker-index"
"""LeaderWorkerSet's controller sets it on every pod of a group; the leader's is 0."""

RAY_SERVE_LABEL = "ray.io/serve"
"""KubeRay sets it on the head: "true" while Serve's proxy there is healthy, "false" before."""

NAMESPACE_NAME_LABEL = "kubernetes.io/metadata.name"
"""Set by the API server on every namespace to its name since Kubernetes 1.22; nobody can set it to anything else."""

CONFIG_HASH_ANNOTATION = "ai-on-eks/config-hash"
"""On the pod template: a digest of the mounted ConfigMaps, so that a change of their data rolls the pods."""


def selector(workload: Workload) -> dict[str, str]:
    """What selects the pods of one model, for Deployment, Service, PodDisruptionBudget and NetworkPolicy alike.

    The same labels everywhere is a requirement and not only taste: the VPC CNI adds a Service's cluster address to a
    policy only where the Service's selector and the policy's match label by label
    (github.com/aws/amazon-network-policy-controller-k8s issue 194, 2025-09-23).
    """
    return {MODEL_LABEL: workload.name}


def serving_selector(workload: Workload) -> dict[str, str]:
    """What selects the pods that answer requests: of a replica that spans nodes the leader alone, and of a cluster of
    Ray its head once the model answers there."""
    if workload.group is None:
        return selector(workload)
    if workload.shape is Shape.LLM_INFERENCE_SERVICE:  # whose pods all have the same labels of ours
        return selector(workload) | {WORKER_INDEX_LABEL: "0"}
    served = {} if workload.ray is None else {RAY_SERVE_LABEL: "true"}
    return selector(workload) | {PART_LABEL: LEADER} | served


def measured_selector(workload: Workload) -> dict[str, str]:
    """What selects the pods that tell of the load: in a cluster of Ray every node does, of the processes on it."""
    return serving_selector(workload) if workload.ray is None else selector(workload)


def pod_labels(workload: Workload) -> dict[str, str]:
    """Labels of every pod of one model, sorted by key; the selector's always win."""
    return dict(sorted({**workload.labels, **selector(workload)}.items()))


def object_labels(workload: Workload) -> dict[str, str]:
    """Labels of every object of one model: its pods', and which plan it is from."""
    return dict(sorted({**pod_labels(workload), PLAN_DIGEST_LABEL: plan_digest(workload)}.items()))


def platform_labels(platform: Platform) -> dict[str, str]:
    """Labels of every object that belongs to the platform and to no model."""
    return {MANAGED_BY_LABEL: MANAGED_BY, PART_OF_LABEL: platform.name}


def metadata(workload: Workload, name: str | None = None) -> dict[str, object]:
    """Metadata of a namespaced object of one model; its name is the model's unless another is given."""
    return {"name": name or workload.name, "namespace": workload.namespace, "labels": object_labels(workload)}
