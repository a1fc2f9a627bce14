"""Images are held against the driver of the nodes that the plan chose."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
import serving_plans as plans
from msgspec.structs import replace

from ai_on_eks.catalog.engines import load_engines
from ai_on_eks.catalog.types import InstanceType, Vendor
from ai_on_eks.descriptors.platform import CapacityStrategy, OperatingSystem, Platform
from ai_on_eks.errors import InputError
from ai_on_eks.serving import drivers
from ai_on_eks.serving.drivers import driver_problems, driver_warnings
from ai_on_eks.serving.images import load_images
from ai_on_eks.serving.types import ImageReference
from ai_on_eks.serving.workload import build_workload

IMAGE = plans.IMAGES["vllm"]
GPU = plans.instance_type("g6e.xlarge", 1, 4, 32, 2.5)
CPU = plans.instance_type("c7i.xlarge", 0, 4, 8, 2.5)
INFERENTIA = replace(GPU, accelerator=replace(plans.L40S, vendor=Vendor.NEURON))


def on(system: OperatingSystem, strategy: CapacityStrategy = CapacityStrategy.KARPENTER) -> Platform:
    capacity = plans.PLATFORM.capacity.model_copy(update={"operating_system": system, "strategy": strategy})
    return plans.PLATFORM.model_copy(update={"capacity": capacity})


AL2023, BOTTLEROCKET = on(OperatingSystem.AL2023), on(OperatingSystem.BOTTLEROCKET)


def given_drivers(monkeypatch: pytest.MonkeyPatch, versions: Mapping[str, str | None]) -> None:
    monkeypatch.setattr(drivers, "image_driver", lambda system, _vendor: versions[system])


def told(image: ImageReference, kind: InstanceType, platform: Platform) -> list[tuple[str, str | None, str | None]]:
    return [(one.message, one.path, one.fix) for one in driver_problems(image, kind, platform)]


def test_given_an_image_of_a_newer_cuda_than_the_driver_then_nothing_is_rendered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given_drivers(monkeypatch, {"al2023": "570.195.03", "bottlerocket": "570.195.03"})
    with pytest.raises(InputError) as caught:
        build_workload(plans.llama(), AL2023, plans.IMAGES)
    (problem,) = caught.value.problems
    assert (problem.code, problem.path, problem.value) == ("driver-too-old", "images.vllm.cuda", "13.0")
    assert problem.message == (
        "docker.io/vllm/vllm-openai:v0.33.0 is built with CUDA 13.0 and wants driver 580 or newer; al2023@v20260714 "
        "has the NVIDIA driver 570.195.03"
    )
    assert problem.fix == "name an image that is built with CUDA 12 or older in the file of images"


def test_given_another_system_whose_driver_suffices_then_that_is_the_smallest_fix(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given_drivers(monkeypatch, {"al2023": "570.195.03", "bottlerocket": "580.178.04"})
    ((_, _, fix),) = told(IMAGE, GPU, AL2023)
    assert fix == "set capacity.operating_system to bottlerocket, whose image has the driver 580.178.04"
    assert told(IMAGE, GPU, BOTTLEROCKET) == []


def test_given_a_runtime_that_the_driver_does_not_start_then_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    given_drivers(monkeypatch, {"al2023": "2.26.10.0", "bottlerocket": None})
    ((message, path, fix),) = told(replace(IMAGE, neuron_sdk="2.32.0"), INFERENTIA, AL2023)
    assert "built with Neuron SDK 2.32.0 (runtime 2.34.10.0) and wants driver 2.27 or newer" in message
    assert (path, fix) == ("images.vllm.neuron_sdk", "name an image of an older Neuron SDK in the file of images")


@pytest.mark.parametrize(
    ("image", "kind", "platform", "words"),
    [
        (replace(IMAGE, cuda=None), GPU, AL2023, "does not say what it is built with (images.vllm.cuda)"),
        (replace(IMAGE, neuron_sdk=None), INFERENTIA, AL2023, "does not say what it is built with"),
        (replace(IMAGE, cuda="14.1"), GPU, AL2023, "which NVIDIA driver CUDA 14.1 wants is not known"),
        (replace(IMAGE, neuron_sdk="9.9.9"), INFERENTIA, AL2023, "which Neuron driver Neuron SDK 9.9.9 wants is not"),
        (IMAGE, INFERENTIA, BOTTLEROCKET, "the Neuron driver of bottlerocket@v1.66.0 is not known"),
        (
            IMAGE,
            GPU,
            on(OperatingSystem.AL2023, CapacityStrategy.AUTO_MODE),
            "the NVIDIA driver of EKS Auto Mode's nodes is not known",
        ),
        (
            replace(IMAGE, neuron_sdk="2.28.0"),
            INFERENTIA,
            AL2023,
            "(runtime 2.30.50.0), and al2023@v20260714 has the driver 2.29.0.0, which is said to want runtime 2.33",
        ),
    ],
)
def test_what_is_not_known_is_said_and_not_refused(
    image: ImageReference, kind: InstanceType, platform: Platform, words: str
) -> None:
    (warning,) = driver_warnings(image, kind, platform)
    assert words in warning
    assert driver_problems(image, kind, platform) == ()


@pytest.mark.parametrize("platform", [AL2023, BOTTLEROCKET])
def test_where_both_go_together_or_there_is_no_device_nothing_is_said(platform: Platform) -> None:
    assert driver_warnings(IMAGE, GPU, platform) == ()
    assert driver_problems(IMAGE, GPU, platform) == ()
    assert driver_warnings(replace(IMAGE, cuda=None, neuron_sdk=None), CPU, platform) == ()


def test_every_packaged_image_of_an_engine_says_what_it_is_built_with_and_runs_on_every_node_image() -> None:
    packaged = load_images()
    engines = load_engines().values()
    by_device = [(device, key) for engine in engines for device, key in engine.images.items() if device != "cpu"]
    assert len(by_device) > 10
    for device, key in by_device:
        image = packaged[key]
        assert (image.neuron_sdk if device == Vendor.NEURON else image.cuda) is not None, key
    assert {packaged[key].cuda for key in ("vllm-efa", "fine-tune")} == {"13.0"}
    for image in packaged.values():
        for system in OperatingSystem:
            assert image.cuda is None or driver_problems(image, GPU, on(system)) == (), image.key
            assert image.neuron_sdk is None or driver_problems(image, INFERENTIA, on(system)) == (), image.key


def test_a_tag_that_names_its_cuda_is_believed() -> None:
    """`…-cu130-…` and `…-sdk2.28.0-…`, as their publishers name images."""
    for image in load_images().values():
        if "-cu" in image.tag and (major := image.tag.partition("-cu")[2][:2]).isdigit():
            assert image.cuda is not None
            assert image.cuda.startswith(f"{major}."), image.key
        if "-sdk" in image.tag:
            assert image.tag.partition("-sdk")[2].startswith(f"{image.neuron_sdk}-"), image.key


def test_the_images_file_refuses_what_is_no_release(tmp_path: Path) -> None:
    path = tmp_path / "images.yaml"
    entry = "{repository: a.b/c, tag: v1, digest: null, verified: null, size_bytes: 1"
    path.write_text(f"schema: v1\nimages:\n  a: {entry}, cuda: cu130}}\n  b: {entry}, neuron_sdk: '2.28'}}\n", "utf-8")
    with pytest.raises(InputError) as caught:
        load_images(path)
    assert [problem.path for problem in caught.value.problems] == ["images.a.cuda", "images.b.neuron_sdk"]
