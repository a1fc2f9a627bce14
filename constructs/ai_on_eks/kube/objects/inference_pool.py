"""inference.networking.k8s.io/v1 InferencePool: a model's replicas, and whom the gateway asks which of them to take."""

from __future__ import annotations

from ai_on_eks.catalog.endpoint_picker import endpoint_picker
from ai_on_eks.kube.objects.labels import metadata, serving_selector
from ai_on_eks.kube.objects.router import router_name
from ai_on_eks.serving.types import Json, Router, Workload


def inference_pool(workload: Workload, router: Router) -> Json:
    """Without a picker the gateway takes any replica, but for a model that may sleep: only the picker can hold a
    request until there is one."""
    return {
        "apiVersion": "inference.networking.k8s.io/v1",
        "kind": "InferencePool",
        "metadata": metadata(workload),
        "spec": {
            "targetPorts": [{"number": workload.port}],
            "appProtocol": "http",
            "selector": {"matchLabels": serving_selector(workload)},
            "endpointPickerRef": {
                "name": router_name(workload.name),
                "port": {"number": endpoint_picker().ext_proc_port},
                "failureMode": "FailOpen" if router.hold_seconds is None else "FailClose",
            },
        },
    }
