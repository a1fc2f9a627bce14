"""Two of our models under autoscalers. All good."""

from __future__ import annotations

from review_sample import Json, Sample
from review_samples import ours


def scaled() -> Sample:
    """Two of our models under an autoscaler each, one of them asleep until something before it tells of a request."""
    sample = ours()
    awake, asleep = "llama-3-3-70b-instruct", "llama-3-1-8b-instruct"

    def trigger(name: str, query: str, threshold: str, metric_type: str) -> Json:
        asked = {"serverAddress": "http://metrics.example", "query": query, "threshold": threshold}
        metadata = {**asked, "ignoreNullValues": "false"}
        return {"type": "prometheus", "name": name, "metricType": metric_type, "metadata": metadata}

    def scaler(name: str, least: int, *triggers: Json) -> Json:
        target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
        spec = {"scaleTargetRef": target, "minReplicaCount": least, "maxReplicaCount": 3, "triggers": [*triggers]}
        metadata = {"name": name, "namespace": "models"}
        return {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": metadata, "spec": spec}

    demand = trigger("demand", "sum(vllm:num_requests_running) + sum(vllm:num_requests_waiting)", "16", "AverageValue")
    quantile = "histogram_quantile(0.95, sum by (le) (rate(vllm:time_to_first_token_seconds_bucket[5m])))"
    late = trigger("first-token", quantile, "0.8", "Value")
    queued = trigger("queued", "sum(llm_d_epp_flow_control_queue_size)", "1", "AverageValue")
    budgets = [
        {
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "metadata": {"name": name, "namespace": "models"},
            "spec": {"maxUnavailable": 1, "selector": {"matchLabels": {"ai-on-eks/model": name}}},
        }
        for name in (awake, asleep)
        if not any(body["kind"] == "PodDisruptionBudget" for body in sample.objects[f"{name}.yaml"])
    ]
    for name in (awake, asleep):
        spec = sample.object("Deployment", name)["spec"]
        spec.pop("replicas")
        spread = {"maxSkew": 1, "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": spec["selector"]}
        spec["template"]["spec"]["topologySpreadConstraints"] = [
            {**spread, "topologyKey": "topology.kubernetes.io/zone"}
        ]
    objects = {file: sample.objects[file] for file in ("platform.yaml", f"{awake}.yaml", f"{asleep}.yaml")}
    scalers = [scaler(awake, 1, demand, late), scaler(asleep, 0, demand, queued)]
    return Sample({}, {**objects, "scaling.yaml": [*scalers, *budgets]})
