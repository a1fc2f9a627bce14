"""Planted faults in what changes the number of a model's pods."""

from __future__ import annotations

import copy
from typing import Any

from review_faults import GONE, Fault, in_object
from review_sample import Sample
from review_scaled import scaled as sample

AWAKE, ASLEEP = "llama-3-3-70b-instruct", "llama-3-1-8b-instruct"


def scaled(code: str, path: str, *values: Any, name: str = AWAKE, kind: str = "ScaledObject") -> list[Fault]:
    return in_object(code, kind, path, *values, sample=sample, name=name)


def second_autoscaler(kind: str) -> Fault:
    def plant(good: Sample) -> None:
        other = copy.deepcopy(good.object("ScaledObject", AWAKE))
        other["metadata"]["name"] = "by-hand"
        if kind == "HorizontalPodAutoscaler":
            target = other["spec"]["scaleTargetRef"]
            spec = {"scaleTargetRef": target, "minReplicas": 1, "maxReplicas": 3, "metrics": []}
            other |= {"apiVersion": "autoscaling/v2", "kind": kind, "spec": spec}
        good.objects["scaling.yaml"].append(other)

    return Fault("autoscaler-twice", f"a second one, {kind}", sample, plant)


def without_budgets(good: Sample) -> None:
    for file, bodies in good.objects.items():
        good.objects[file] = [body for body in bodies if body["kind"] != "PodDisruptionBudget"]


FAULTS = [
    *scaled("autoscaler-target-missing", "spec.scaleTargetRef.name", "llama"),
    *scaled("autoscaler-target-missing", "spec.scaleTargetRef.kind", "LeaderWorkerSet"),
    *scaled("autoscaler-target-missing", "metadata.namespace", "default"),
    *scaled("autoscaler-range", "spec.minReplicaCount", 4),
    *scaled("autoscaler-range", "spec.maxReplicaCount", 0, name=ASLEEP),
    second_autoscaler("ScaledObject"),
    second_autoscaler("HorizontalPodAutoscaler"),
    *scaled("autoscaler-replicas-fixed", "spec.replicas", 1, 2, kind="Deployment"),
    *scaled("autoscaler-lost-metrics", "spec.triggers.0.metadata.ignoreNullValues", GONE, "true"),
    *scaled("autoscaler-accelerator-busy", "spec.triggers.0.metadata.query", "avg(DCGM_FI_DEV_GPU_UTIL)"),
    *scaled("autoscaler-accelerator-busy", "spec.triggers.1.metadata.query", "avg(neuroncore_utilization_ratio)"),
    *scaled("autoscaler-latency-divided", "spec.triggers.1.metricType", GONE, "AverageValue"),
    *scaled("autoscaler-never-wakes", "spec.triggers.1", GONE, name=ASLEEP),
    *scaled("autoscaler-never-wakes", "spec.minReplicaCount", 0, GONE),
    Fault("budget-missing", "three replicas at the most", sample, without_budgets),
]
