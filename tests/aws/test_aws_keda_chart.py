"""KEDA: installed where a model is scaled by metrics, and may do no more than that."""

from __future__ import annotations

from aws_templates import samples
from msgspec.structs import replace

from ai_on_eks.aws import keda_chart
from ai_on_eks.serving.types import Autoscaling, LoadSignal

BY_METRICS = Autoscaling(
    least=1, most=3, planned=1, ready_seconds=300.0, signals=(LoadSignal("demand", "sum(a)", 16.0, is_divided=True),)
)
BY_PROCESSORS = replace(BY_METRICS, signals=())


def test_given_a_model_that_is_scaled_by_metrics_then_the_release_is_there_and_otherwise_not() -> None:
    for scaling, expected in ((None, None), (BY_PROCESSORS, None), (BY_METRICS, "keda")):
        workloads = (replace(samples.workload(), autoscaling=scaling),)
        release = replace(samples.deployment(), workloads=workloads).scaler()
        assert (None if release is None else release.name) == expected


def test_the_release_is_pinned_and_survives_the_loss_of_a_node() -> None:
    release = keda_chart.release(samples.platform())
    assert (release.repository, release.version) == ("https://kedacore.github.io/charts", "2.21.1")
    assert {release.values[part]["replicaCount"] for part in ("operator", "metricsServer", "webhooks")} == {2}
    assert set((release.namespace_labels or {}).values()) == {"restricted"}


def test_it_sees_the_models_alone_no_secret_and_scales_no_other_kind() -> None:
    values = keda_chart.values(samples.platform(namespace="llms"))
    assert values["watchNamespace"] == "llms"
    assert values["permissions"]["operator"]["restrict"]["secret"] is True
    assert values["rbac"]["scaledRefKinds"] == [{"apiGroup": "leaderworkerset.x-k8s.io", "kind": "leaderworkersets"}]


def test_a_mirror_holds_its_chart_and_images() -> None:
    workloads = (replace(samples.workload(), autoscaling=BY_METRICS),)
    release = replace(samples.deployment(image_mirror=samples.MIRROR), workloads=workloads).scaler()
    assert release is not None
    assert release.repository == f"oci://{samples.MIRROR}/kedacore.github.io/charts"
    assert release.values["image"]["keda"]["registry"] == f"{samples.MIRROR}/ghcr.io"
