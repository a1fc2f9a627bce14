"""Plain manifests arrive in cdk8s exactly, or not at all."""

from __future__ import annotations

import math
from typing import Any

import cdk8s
import pytest
from kube_samples import platform, workload

from ai_on_eks.kube.api_object import api_object, check_plain
from ai_on_eks.kube.manifests import model_manifests, platform_manifests
from ai_on_eks.kube.model import ModelWorkload
from ai_on_eks.kube.platform import PlatformObjects

FULL = workload(replicas=3, metrics_port=8002, config_maps={"llama-config": {"config.pbtxt": 'name: "x"\nno\n'}})


def _arrived(manifest: dict[str, Any]) -> Any:
    return api_object(cdk8s.Testing.chart(), "Resource", manifest).to_json()


@pytest.mark.parametrize("key", model_manifests(FULL))
def test_every_object_of_a_model_arrives_exactly(key: str) -> None:
    assert _arrived(model_manifests(FULL)[key]) == model_manifests(FULL)[key]


@pytest.mark.parametrize("key", platform_manifests(platform(), "weights"))
def test_every_object_of_the_platform_arrives_exactly(key: str) -> None:
    assert _arrived(platform_manifests(platform(), "weights")[key]) == platform_manifests(platform(), "weights")[key]


def test_values_keep_their_types_and_awkward_keys_their_spelling() -> None:
    spec = {
        "integer": 2**53 - 1,
        "zero": 0,
        "no": "no",
        "off": False,
        "empty": "",
        "emptyObject": {},
        "emptyList": [],
        "limits": {"nvidia.com/gpu": 1, "hostIPC": True, "a~b": "1.36"},
    }

    arrived = _arrived({"apiVersion": "v1", "kind": "Thing", "metadata": {"name": "x"}, "spec": spec, "a/b": [1]})

    assert arrived["spec"] == spec
    assert arrived["a/b"] == [1]
    assert all(type(arrived["spec"][key]) is type(value) for key, value in spec.items())


def test_labels_and_annotations_survive_even_when_empty() -> None:
    metadata = {"name": "x", "namespace": "n", "labels": {"a.b/c": ""}, "annotations": {"d": "true"}}

    assert _arrived({"apiVersion": "v1", "kind": "Thing", "metadata": metadata})["metadata"] == metadata


def test_labels_of_a_chart_reach_the_objects() -> None:
    chart = cdk8s.Chart(cdk8s.Testing.app(), "chart", labels={"team": "vision"})

    made = api_object(chart, "Resource", {"apiVersion": "v1", "kind": "Thing", "metadata": {"name": "x"}})

    assert made.to_json()["metadata"]["labels"] == {"team": "vision"}


def test_a_token_of_cdk_passes_through_unchanged() -> None:
    bucket = "${Token[Bucket.12]}"
    chart = cdk8s.Testing.chart()

    PlatformObjects(chart, "Platform", platform=platform(), model_bucket=bucket)

    assert chart.to_json()[-1]["data"] == {"bucket": bucket, "region": "us-east-1"}


@pytest.mark.parametrize(
    ("value", "error"),
    [
        pytest.param({"a": None}, TypeError, id="None would vanish"),
        pytest.param([None], TypeError, id="None in a list"),
        pytest.param({"a": (1, 2)}, TypeError, id="a tuple is no list"),
        pytest.param({1: "a"}, TypeError, id="a key that is no string"),
        pytest.param({"a": 2**53}, ValueError, id="not exact in JavaScript"),
        pytest.param({"a": math.nan}, ValueError, id="not a JSON number"),
    ],
)
def test_what_would_not_arrive_is_refused(value: object, error: type[Exception]) -> None:
    with pytest.raises(error):
        check_plain(value)


def test_a_refusal_says_where() -> None:
    with pytest.raises(TypeError, match=r"^/spec/a~1b/0: NoneType"):
        check_plain({"spec": {"a/b": [None]}})


def test_metadata_that_would_be_lost_is_refused() -> None:
    with pytest.raises(ValueError, match="finalizers"):
        _arrived({"apiVersion": "v1", "kind": "Thing", "metadata": {"name": "x", "finalizers": ["a"]}})


def test_a_workload_of_another_namespace_is_refused() -> None:
    with pytest.raises(ValueError, match="planned for namespace elsewhere"):
        ModelWorkload(cdk8s.Testing.chart(), "Model", workload=workload(namespace="elsewhere"), platform=platform())


def test_the_primary_child_is_called_resource() -> None:
    chart = cdk8s.Testing.chart()

    model = ModelWorkload(chart, "Model", workload=FULL, platform=platform())
    shared = PlatformObjects(chart, "Platform", platform=platform(), model_bucket=None)

    assert model.node.default_child is not None
    assert model.resource.kind == "Deployment"
    assert model.resource.node.path.endswith("Model/Resource")
    assert shared.resource.kind == "Namespace"
    assert model.resource.name == "llama"
