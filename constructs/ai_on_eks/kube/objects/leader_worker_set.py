"""leaderworkerset.x-k8s.io/v1 LeaderWorkerSet: the pods of a model whose replicas span nodes.

A replica is a group of pods that live and die together: when one restarts, the others hold parts of a model that nobody
can use, so the whole group is made again. Groups are replaced one at a time and never beside each other, since every
node is taken.

The leader answers only once all workers have joined, so workers are made with it and not after it is ready.
"""

from __future__ import annotations

from ai_on_eks.kube.objects.labels import LEADER, WORKER, metadata
from ai_on_eks.kube.objects.pod_template import pod_metadata
from ai_on_eks.kube.objects.replicas import fixed_replicas
from ai_on_eks.serving.types import Group, Json, Workload

NAME_SUFFIX = "-group"
"""The controller makes a headless Service of the object's name, by which pods find their leader. Named as the model it
would take the place of the Service that callers use."""


def leader_worker_set(workload: Workload, group: Group) -> Json:
    """The object; its leader's pod template is `workload.pod_spec`, unchanged."""
    return {
        "apiVersion": "leaderworkerset.x-k8s.io/v1",
        "kind": "LeaderWorkerSet",
        "metadata": metadata(workload, group_name(workload.name)),
        "spec": {
            **fixed_replicas(workload),
            "startupPolicy": "LeaderCreated",
            "rolloutStrategy": {
                "type": "RollingUpdate",
                "rollingUpdateConfiguration": dict(workload.rollout),
            },
            "networkConfig": {"subdomainPolicy": "Shared"},
            "leaderWorkerTemplate": {
                "size": group.nodes,
                "restartPolicy": "RecreateGroupOnPodRestart",
                "leaderTemplate": {"metadata": pod_metadata(workload, LEADER), "spec": workload.pod_spec},
                "workerTemplate": {"metadata": pod_metadata(workload, WORKER), "spec": group.worker_pod_spec},
            },
        },
    }


def group_name(model: str) -> str:
    """Of the LeaderWorkerSet of a model, and of the Service that its controller makes."""
    return f"{model}{NAME_SUFFIX}"
