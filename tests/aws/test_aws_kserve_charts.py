"""KServe and what it needs: installed where a model's pods are made by it."""

from __future__ import annotations

from aws_templates import samples
from msgspec.structs import replace

from ai_on_eks.aws import kserve_charts
from ai_on_eks.descriptors.schema import Shape

PLAIN = samples.workload()
KSERVE = replace(samples.workload("bge"), shape=Shape.INFERENCE_SERVICE)
LLM = replace(samples.workload("llama"), shape=Shape.LLM_INFERENCE_SERVICE, model_uri="hf://example/llama")


def test_given_a_model_of_kserve_then_its_charts_are_installed_in_order_and_otherwise_none() -> None:
    names = {
        shaped: [release.name for release in replace(samples.deployment(), workloads=workloads).helm_releases()]
        for shaped, workloads in ((False, (PLAIN,)), (True, (PLAIN, KSERVE)))
    }
    assert [name for name in names[True] if name not in names[False]] == [
        "cert-manager",
        "kserve-crd",
        "kserve-resources",
    ]


def test_the_controller_waits_for_its_definitions_and_certificates() -> None:
    certificates, definitions, controller = kserve_charts.releases([KSERVE])
    assert controller.after == (certificates.name, definitions.name)
    assert controller.namespace == definitions.namespace == "kserve"
    assert controller.namespace_labels is None
    assert certificates.values["crds"] == {"enabled": True}
    assert {definitions.version, controller.version} == {"v0.20.0"}


def test_kserve_gives_containers_no_sizes_and_makes_no_routes() -> None:
    values = kserve_charts.controller_values()["kserve"]
    assert values["controller"] == {"deploymentMode": "Standard", "gateway": {"disableIngressCreation": True}}
    sizes = values["inferenceservice"]["resources"]
    assert {size for part in ("limits", "requests") for size in sizes[part].values()} == {""}


def test_a_mirror_holds_all_charts_and_images() -> None:
    deployment = replace(samples.deployment(image_mirror=samples.MIRROR), workloads=(KSERVE,))
    found = {release.name: release for release in deployment.helm_releases()}
    assert found["cert-manager"].values["imageRegistry"] == f"{samples.MIRROR}/quay.io"
    image = found["kserve-resources"].values["kserve"]["controller"]["image"]
    assert image == f"{samples.MIRROR}/docker.io/kserve/kserve-controller"


def test_given_a_model_of_the_other_kind_then_its_own_charts_are_installed_and_no_presets() -> None:
    certificates, definitions, controller = kserve_charts.releases([LLM])
    assert [one.name for one in (definitions, controller)] == ["kserve-llmisvc-crd", "kserve-llmisvc-resources"]
    assert controller.after == (certificates.name, definitions.name)
    assert definitions.namespace_labels == kserve_charts.NAMESPACE_LABELS
    assert {definitions.version, controller.version} == {"v0.20.0"}
    values = controller.values["kserve"]
    assert values["llmisvc"] == {
        "createGIECRDs": False,
        "controller": {"imagePullPolicy": "IfNotPresent", "replicas": 2},
    }
    assert "createSharedResources" not in values


def test_given_models_of_both_kinds_then_one_of_them_brings_what_both_read() -> None:
    releases = {one.name: one for one in kserve_charts.releases([LLM, KSERVE])}
    assert list(releases) == [
        "cert-manager", "kserve-crd", "kserve-resources", "kserve-llmisvc-crd", "kserve-llmisvc-resources",
    ]  # fmt: skip
    second = releases["kserve-llmisvc-resources"]
    assert second.values["kserve"]["createSharedResources"] is False
    assert "kserve-resources" in second.after
    assert [one.name for one in releases.values() if one.namespace == "kserve" and one.namespace_labels] == [
        "kserve-crd"
    ]


def test_given_such_a_model_on_one_node_then_groups_have_their_controller() -> None:
    names = {
        shape: [one.name for one in replace(samples.deployment(), workloads=(workload,)).helm_releases()]
        for shape, workload in (("plain", PLAIN), ("llm", LLM))
    }
    assert ("lws" in names["plain"], "lws" in names["llm"]) == (False, True)
