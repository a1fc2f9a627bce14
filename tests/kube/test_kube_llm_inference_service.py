"""KServe's LLMInferenceService: its pods are the planned ones after everything that KServe does to it."""

from __future__ import annotations

from typing import Any

import pytest
from kserve_merge import SHIPPED, effective_spec, group_of, merged_into, preset_name
from kube_samples import POD_SPEC, platform, workload

from ai_on_eks.descriptors.schema import Shape
from ai_on_eks.errors import InputError
from ai_on_eks.kube.expansion import pods_of
from ai_on_eks.kube.manifests import model_manifests, platform_manifests, shapes_of
from ai_on_eks.kube.render import render_manifests
from ai_on_eks.serving.types import Autoscaling, Group, LoadSignal, Workload

WORKER_SPEC = {**POD_SPEC, "containers": [{"name": "engine", "image": "registry.example/engine:v1.0.0"}]}
GROUP = Group(2, WORKER_SPEC)
SCALED = Autoscaling(
    least=0, most=4, planned=2, ready_seconds=300.0, signals=(LoadSignal("demand", "sum(a)", 16.0, is_divided=True),),
    address="http://metrics.example:9090",
)  # fmt: skip

each_size = pytest.mark.parametrize("group", [None, GROUP], ids=["one node", "two nodes"])


def kserve(**changes: Any) -> Workload:
    labels = {
        "app.kubernetes.io/component": "model",
        "app.kubernetes.io/name": "llama",
        "app.kubernetes.io/part-of": "example",
    }
    return workload(shape=Shape.LLM_INFERENCE_SERVICE, model_uri="hf://example/llama", **{"labels": labels, **changes})


def service(**changes: Any) -> dict[str, Any]:
    found: dict[str, Any] = model_manifests(kserve(**changes))["Resource"]
    return found


def presets() -> list[dict[str, Any]]:
    shared = platform_manifests(platform(), None, shapes=shapes_of([kserve()]))
    return [one for one in shared.values() if one["kind"] == "LLMInferenceServiceConfig"]


@each_size
def test_the_pods_are_the_planned_ones_after_kserve_has_merged_its_presets(group: Group | None) -> None:
    resource = service(group=group, replicas=2)
    spec = effective_spec(resource, [SHIPPED, *presets()])

    made = group_of(resource, spec)["spec"]
    template = made["leaderWorkerTemplate"]
    assert (made["replicas"], template["size"]) == (2, 1 if group is None else 2)
    leader = template.get("leaderTemplate", template["workerTemplate"])
    assert leader["spec"] == POD_SPEC
    if group is not None:
        assert template["workerTemplate"]["spec"] == WORKER_SPEC


def test_without_the_empty_preset_kserve_s_own_would_add_a_container_and_directories_without_a_limit() -> None:
    """GIVEN the presets that KServe ships alone WHEN they are merged THEN what they add stays."""
    spec = effective_spec(service(), [SHIPPED])

    assert [one["name"] for one in spec["worker"]["containers"]] == ["main", "engine"]
    assert {"name": "home", "emptyDir": {}} in spec["worker"]["volumes"]


def test_a_merge_cannot_take_away_what_a_preset_has() -> None:
    shipped = SHIPPED["spec"]["worker"]
    ours = {"volumes": [{"name": "tls-certs", "emptyDir": {"sizeLimit": "1Mi"}}]}

    merged = {one["name"]: one for one in merged_into(shipped, ours)["volumes"]}
    assert merged["tls-certs"].keys() == {"name", "secret", "emptyDir"}


def test_given_no_preset_in_either_namespace_then_kserve_makes_nothing() -> None:
    with pytest.raises(AssertionError, match="not found"):
        effective_spec(service(), [])


def test_the_preset_is_found_under_the_name_that_kserve_looks_for_and_only_where_it_is_needed() -> None:
    (own,) = presets()
    assert own["metadata"]["name"] == preset_name(service()["spec"])
    assert (own["metadata"]["namespace"], own["spec"]) == (platform().namespace, {})
    assert "KservePreset" not in platform_manifests(platform(), None, shapes=(Shape.INFERENCE_SERVICE,))
    rendered = render_manifests([kserve()], platform())["platform.yaml"]
    assert "kind: LLMInferenceServiceConfig" in rendered


@each_size
def test_kserve_s_own_labels_stay_and_ours_come_beside_them(group: Group | None) -> None:
    resource = service(group=group)
    made = group_of(resource, resource["spec"])["spec"]["leaderWorkerTemplate"]
    labels = made.get("leaderTemplate", made["workerTemplate"])["metadata"]["labels"]

    assert labels["app.kubernetes.io/part-of"] == "llminferenceservice"
    assert labels["app.kubernetes.io/component"].startswith("llminferenceservice-workload-")
    assert labels["app.kubernetes.io/name"] == "llama"
    assert labels["ai-on-eks/model"] == "llama"


@each_size
def test_service_policies_budget_and_monitor_find_the_pods_that_answer_and_no_others(group: Group | None) -> None:
    workload_ = kserve(group=group, replicas=2)
    manifests = model_manifests(workload_, monitored=True)
    pods = {pod.name: pod.labels for pod in pods_of([manifests["Resource"]])}
    serving = {name for name in pods if name.endswith("-0")}

    def found(selector: dict[str, str]) -> set[str]:
        return {name for name, labels in pods.items() if selector.items() <= labels.items()}

    assert len(serving) == 2
    assert found(manifests["Service"]["spec"]["selector"]) == serving
    assert found(manifests["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"]) == serving
    assert found(manifests["PodMonitor"]["spec"]["selector"]["matchLabels"]) == serving
    assert found(manifests["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"]) == set(pods)
    if group is not None:
        assert found(manifests["GroupNetworkPolicy"]["spec"]["podSelector"]["matchLabels"]) == set(pods)


def test_only_pods_that_have_metrics_say_where_they_are() -> None:
    alone, grouped = service()["spec"], service(group=GROUP)["spec"]
    assert alone["annotations"]["prometheus.io/scrape"] == "true"
    assert "annotations" not in grouped


@each_size
def test_the_expanded_pods_are_those_of_the_group_that_kserve_makes(group: Group | None) -> None:
    resource = service(group=group, replicas=2)
    expanded = pods_of([resource])
    made = pods_of([group_of(resource, resource["spec"])])

    assert [(pod.name, pod.spec) for pod in expanded] == [(pod.name, pod.spec) for pod in made]
    assert all(pod.labels.items() <= other.labels.items() for pod, other in zip(expanded, made, strict=True))


def test_an_autoscaler_of_ours_scales_the_group_and_the_object_says_no_number() -> None:
    manifests = model_manifests(kserve(autoscaling=SCALED))
    assert manifests["ScaledObject"]["spec"]["scaleTargetRef"] == {
        "apiVersion": "leaderworkerset.x-k8s.io/v1",
        "kind": "LeaderWorkerSet",
        "name": "llama-kserve-mn",
    }
    assert "replicas" not in manifests["Resource"]["spec"]


def test_nothing_is_downloaded_routed_or_scheduled_by_kserve() -> None:
    spec = service()["spec"]
    assert spec["storageInitializer"] == {"enabled": False}
    assert spec["model"] == {"name": "llama", "uri": "hf://example/llama"}
    assert not {"router", "prefill", "scaling", "tracing", "baseRefs"} & spec.keys()


@pytest.mark.parametrize(
    ("shape", "taken"),
    [
        (Shape.LLM_INFERENCE_SERVICE, "llama-kserve-mn"),
        (Shape.LLM_INFERENCE_SERVICE, "llama-kserve-workload-svc"),
        (Shape.INFERENCE_SERVICE, "llama-predictor"),
    ],
)
def test_a_model_called_as_a_service_that_kserve_makes_is_refused(shape: Shape, taken: str) -> None:
    models = [workload(shape=shape, model_uri="hf://example/llama"), workload(name=taken, service_account=taken)]
    with pytest.raises(InputError) as caught:
        render_manifests(models, platform())
    assert [(one.code, one.value) for one in caught.value.problems] == [("name-reserved", taken)]
