"""Other objects that make a model's pods: the pods are those of a Deployment, and what goes with them finds them."""

from __future__ import annotations

from typing import Any

from kube_samples import POD_SPEC, workload

from ai_on_eks.descriptors.schema import Shape
from ai_on_eks.kube.expansion import pods_of
from ai_on_eks.kube.manifests import model_manifests
from ai_on_eks.serving.types import Autoscaling, LoadSignal, Workload

SCALED = Autoscaling(
    least=1, most=4, planned=2, ready_seconds=300.0, signals=(LoadSignal("demand", "sum(a)", 16.0, is_divided=True),),
    address="http://metrics.example:9090",
)  # fmt: skip


def kserve(**changes: Any) -> Workload:
    return workload(shape=Shape.INFERENCE_SERVICE, **changes)


def predictor(**changes: Any) -> dict[str, Any]:
    found: dict[str, Any] = model_manifests(kserve(**changes))["Resource"]["spec"]["predictor"]
    return found


def test_an_inference_service_has_the_pods_of_a_deployment_under_its_own_name_of_the_container() -> None:
    planned = model_manifests(workload())["Resource"]["spec"]["template"]
    found = predictor()

    assert {key: found[key] for key in planned["metadata"]} == planned["metadata"]
    (container,) = found["containers"]
    assert container == {**POD_SPEC["containers"][0], "name": "kserve-container"}
    rest = {key: value for key, value in planned["spec"].items() if key != "containers"}
    assert rest.items() <= found.items()


def test_kserve_runs_no_knative_scales_nothing_and_shows_nothing_to_the_outside() -> None:
    resource = model_manifests(kserve(replicas=2))["Resource"]
    metadata = resource["metadata"]

    assert metadata["annotations"] == {
        "serving.kserve.io/autoscalerClass": "none",
        "serving.kserve.io/deploymentMode": "Standard",
    }
    assert metadata["labels"]["networking.kserve.io/visibility"] == "cluster-local"
    spec = resource["spec"]["predictor"]
    assert (spec["minReplicas"], spec["maxReplicas"]) == (2, 2)
    assert spec["deploymentStrategy"] == {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1},
    }


def test_the_models_own_service_policy_and_budget_find_the_pods_of_kserve() -> None:
    manifests = model_manifests(kserve(replicas=2))
    labels = manifests["Resource"]["spec"]["predictor"]["labels"]

    assert manifests["Service"]["spec"]["selector"].items() <= labels.items()
    assert manifests["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"].items() <= labels.items()
    assert manifests["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"].items() <= labels.items()


def test_an_autoscaler_of_ours_scales_the_deployment_that_kserve_makes() -> None:
    manifests = model_manifests(kserve(autoscaling=SCALED))

    assert manifests["ScaledObject"]["spec"]["scaleTargetRef"] == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "name": "llama-predictor",
    }
    resource = manifests["Resource"]
    assert resource["metadata"]["annotations"]["serving.kserve.io/autoscalerClass"] == "external"
    assert (resource["spec"]["predictor"]["minReplicas"], resource["spec"]["predictor"]["maxReplicas"]) == (1, 4)


def test_an_inference_service_becomes_as_many_pods_as_a_deployment_and_they_are_the_same() -> None:
    (planned,) = pods_of(model_manifests(workload()).values())
    (pod,) = pods_of(model_manifests(kserve()).values())
    assert pod.labels == planned.labels
    assert {key: value for key, value in pod.spec.items() if key != "containers"} == {
        key: value for key, value in planned.spec.items() if key != "containers"
    }
