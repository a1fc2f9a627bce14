"""What a workload tells the cluster, warns of and refuses."""

from __future__ import annotations

import pytest
import serving_plans as plans
from msgspec.structs import replace

from ai_on_eks.descriptors.schema import Format, Precision, Source, Storage, WeightPrecision
from ai_on_eks.errors import InputError, NothingFitsError
from ai_on_eks.placement.types import Plan
from ai_on_eks.serving.workload import build_workload


def refused(plan: Plan) -> list[str]:
    with pytest.raises(InputError) as caught:
        build_workload(plan, plans.PLATFORM, plans.IMAGES)
    return [problem.code for problem in caught.value.problems]


def test_given_a_plan_then_the_workload_is_named_and_labelled_after_the_model() -> None:
    workload = build_workload(plans.llama_70b(), plans.PLATFORM, plans.IMAGES)
    assert (workload.name, workload.namespace, workload.service_account) == ("llama-70b", "models", "llama-70b")
    assert workload.replicas == 2
    assert workload.labels == {
        "app.kubernetes.io/component": "model",
        "app.kubernetes.io/managed-by": "ai-on-eks",
        "app.kubernetes.io/name": "llama-70b",
        "app.kubernetes.io/part-of": "demo",
        "ai-on-eks/revision": plans.REVISION,
    }
    assert workload.pod_spec["serviceAccountName"] == "llama-70b"
    assert workload.pod_spec["containers"][0]["image"] == f"docker.io/vllm/vllm-openai:v0.33.0@{plans.DIGEST}"


@pytest.mark.parametrize(
    ("plan", "rollout"),
    [
        (plans.llama(), {"maxSurge": 0, "maxUnavailable": 1}),
        (plans.resnet(), {"maxSurge": 1, "maxUnavailable": 1}),
    ],
    ids=["accelerators", "cpu"],
)
def test_given_no_spare_node_then_a_rollout_still_proceeds(plan: Plan, rollout: dict[str, int]) -> None:
    assert build_workload(plan, plans.PLATFORM, plans.IMAGES).rollout == rollout


def test_given_everything_pinned_then_there_is_no_warning() -> None:
    assert build_workload(plans.bge(), plans.PLATFORM, plans.IMAGES).warnings == ()


def test_given_unpinned_images_and_weights_then_each_is_warned_of() -> None:
    images = {key: replace(image, digest=None, verified=None) for key, image in plans.IMAGES.items()}
    assert build_workload(plans.resnet(), plans.PLATFORM, images).warnings == (
        "image nvcr.io/nvidia/tritonserver:26.07-py3 is unpinned: its tag can be moved; "
        "`ai-on-eks images lock` pins it",
        "image public.ecr.aws/aws-cli/aws-cli:2.36.46 is unpinned: its tag can be moved; "
        "`ai-on-eks images lock` pins it",
        "weights of hf://onnxmodelzoo/resnet50-v1-12 are unpinned: source.revision names no commit, "
        "what is served can change",
    )


def test_given_an_engine_that_streams_then_the_unused_fetch_image_is_not_warned_of() -> None:
    images = {key: replace(image, digest=None, verified=None) for key, image in plans.IMAGES.items()}
    (warning,) = build_workload(plans.llama(), plans.PLATFORM, images).warnings
    assert warning.startswith("image docker.io/vllm/vllm-openai:v0.33.0 is unpinned")


def test_given_no_placement_then_nothing_fits() -> None:
    with pytest.raises(NothingFitsError) as caught:
        build_workload(replace(plans.llama(), chosen=None), plans.PLATFORM, plans.IMAGES)
    assert [problem.code for problem in caught.value.problems] == ["nothing-fits"]


@pytest.mark.parametrize("name", ["vllm", "triton", "nvidia", "default", "default-deny", "platform"])
def test_given_a_name_that_engines_read_or_the_platform_has_then_it_is_refused(name: str) -> None:
    with pytest.raises(InputError) as caught:
        build_workload(plans.llama(name=name), plans.PLATFORM, plans.IMAGES)
    (problem,) = caught.value.problems
    assert (problem.code, problem.path, problem.fix) == ("name-reserved", "name", f"name: {name}-model")


@pytest.mark.parametrize("storage", [Storage.FSX, Storage.EFS])
def test_given_storage_that_the_platform_lacks_then_both_are_named(storage: Storage) -> None:
    with pytest.raises(InputError) as caught:
        build_workload(plans.llama(storage=storage), plans.PLATFORM, plans.IMAGES)
    (problem,) = caught.value.problems
    assert (problem.code, problem.path) == ("storage-not-on-platform", "storage")
    assert "llama-8b" in problem.message
    assert f"storage.{storage.value}" in problem.message


def test_given_storage_node_and_no_hub_then_it_is_refused() -> None:
    source = Source(uri="s3://weights/llama", format=Format.SAFETENSORS)
    assert refused(plans.llama(storage=Storage.NODE, source=source)) == ["storage-needs-hub"]


def test_given_triton_without_a_file_and_without_a_store_then_both_are_said_at_once() -> None:
    source = Source(uri="hf://onnxmodelzoo/resnet50-v1-12", format=Format.ONNX)
    assert refused(plans.resnet(storage=Storage.NODE, source=source)) == ["storage-not-served", "source-file-missing"]


def test_given_a_data_type_that_tei_does_not_compute_in_then_it_is_refused() -> None:
    assert refused(plans.bge(precision=Precision(weights=WeightPrecision.BF16))) == ["precision-not-served"]


def test_given_an_engine_without_an_image_then_it_is_refused() -> None:
    plan = plans.llama()
    assert plan.chosen is not None
    assert refused(replace(plan, chosen=replace(plan.chosen, image_key=None))) == ["placement-not-rendered"]


def test_given_an_images_file_without_the_engine_then_every_missing_key_is_named() -> None:
    with pytest.raises(InputError) as caught:
        build_workload(plans.bge(), plans.PLATFORM, {"vllm": plans.IMAGES["vllm"]})
    assert [(problem.code, problem.path, problem.allowed) for problem in caught.value.problems] == [
        ("image-missing", "images.tei-89", ("vllm",)),
        ("image-missing", "images.weights-fetch", ("vllm",)),
    ]


def test_given_programs_kept_in_the_store_then_the_pods_may_write_beside_the_weights_and_otherwise_not() -> None:
    workload = build_workload(plans.llama_on_inferentia2(), plans.PLATFORM, plans.IMAGES)
    assert workload.compile_cache is not None
    assert workload.compile_cache.startswith(f"compiled/{workload.name}/{plans.REVISION}/")
    for plan in (plans.llama(), plans.llama_on_trainium2()):
        assert build_workload(plan, plans.PLATFORM, plans.IMAGES).compile_cache is None
