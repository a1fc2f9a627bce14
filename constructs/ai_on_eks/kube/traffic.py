"""Which objects bring requests to a model, in the order they are applied: what a route leads to comes before it."""

from __future__ import annotations

from ai_on_eks.kube.objects.http_route import http_route, listener_rule, target_group
from ai_on_eks.kube.objects.inference_pool import inference_pool
from ai_on_eks.kube.objects.network_policy import router_policy
from ai_on_eks.kube.objects.pod_monitor import router_monitor
from ai_on_eks.kube.objects.router import router_manifests
from ai_on_eks.serving.types import Json, Traffic, Workload


def traffic_manifests(workload: Workload, traffic: Traffic, *, monitored: bool) -> dict[str, Json]:
    """The objects by construct id. `monitored` where a collector looks for metrics."""
    manifests: dict[str, Json] = {}
    router = traffic.router
    if router is not None:
        manifests["RouterNetworkPolicy"] = router_policy(workload, traffic, router)
        manifests |= router_manifests(workload, router)
        if monitored:
            manifests["RouterPodMonitor"] = router_monitor(workload)
        if router.proxy_image is None:
            manifests["InferencePool"] = inference_pool(workload, router)
    if traffic.has_load_balancer:
        manifests["TargetGroup"] = target_group(workload, traffic)
    if traffic.tokens is not None:
        manifests["ListenerRule"] = listener_rule(workload, traffic.tokens)
    manifests["HTTPRoute"] = http_route(workload, traffic)
    return manifests
