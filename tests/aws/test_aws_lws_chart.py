"""The controller of LeaderWorkerSets: installed where a model needs it."""

from __future__ import annotations

from aws_templates import samples
from msgspec.structs import replace

from ai_on_eks.aws import lws_chart
from ai_on_eks.serving.types import Group

ALONE = samples.workload()
GROUPED = replace(samples.workload("deepseek"), group=Group(nodes=2, worker_pod_spec={}))


def test_given_a_model_over_several_nodes_then_the_controller_is_installed_and_otherwise_not() -> None:
    names = {
        grouped: [release.name for release in replace(samples.deployment(), workloads=workloads).helm_releases()]
        for grouped, workloads in ((False, (ALONE,)), (True, (ALONE, GROUPED)))
    }
    assert "lws" not in names[False]
    assert [name for name in names[True] if name not in names[False]] == ["lws"]


def test_the_release_is_pinned_and_its_webhook_survives_the_loss_of_a_node() -> None:
    release = lws_chart.release()
    assert (release.repository, release.chart, release.version) == ("oci://registry.k8s.io/lws/charts", "lws", "0.11.0")
    assert release.values["replicaCount"] == 2
    assert release.namespace_labels == {
        f"pod-security.kubernetes.io/{mode}": "baseline" for mode in ("audit", "enforce", "warn")
    }
