"""TorchScript on Triton: a config that says what the archive does not, and what is refused unopened."""

from __future__ import annotations

from typing import Any

import pytest
import serving_plans as plans

from ai_on_eks.descriptors.schema import Architecture, Family, Format, Precision, Source, WeightPrecision
from ai_on_eks.errors import InputError, Problem
from ai_on_eks.placement.types import Plan
from ai_on_eks.serving.types import Workload
from ai_on_eks.serving.workload import build_workload


def built(plan: Plan) -> Workload:
    return build_workload(plan, plans.PLATFORM, plans.IMAGES)


def config(plan: Plan) -> list[str]:
    (files,) = built(plan).config_maps.values()
    return files["config.pbtxt"].splitlines()


def problems(**changes: Any) -> tuple[Problem, ...]:
    with pytest.raises(InputError) as caught:
        built(plans.torchscript(**changes))
    return caught.value.problems


def source(file: str | None) -> Source:
    return Source(uri="s3://ours/resnet", revision=plans.REVISION, file=file, format=Format.PYTORCH)


def test_given_a_script_then_its_tensors_are_called_by_their_position() -> None:
    assert config(plans.torchscript()) == [
        'name: "resnet-50"',
        'platform: "pytorch_libtorch"',
        'input [ { name: "INPUT__0" data_type: TYPE_FP32 dims: [ 3, -1, -1 ] } ]',
        'output [ { name: "OUTPUT__0" data_type: TYPE_FP32 dims: [ -1 ] } ]',
        "max_batch_size: 32",
        "dynamic_batching { }",
        "instance_group [ { kind: KIND_CPU count: 1 } ]",
    ]


def test_given_half_precision_and_one_colour_then_the_tensors_are_so() -> None:
    grey = Architecture(family=Family.CNN, config={"num_channels": 1})
    half = config(plans.torchscript(precision=Precision(weights=WeightPrecision.FP16), architecture=grey))
    assert half[2] == 'input [ { name: "INPUT__0" data_type: TYPE_FP16 dims: [ 1, -1, -1 ] } ]'


def test_given_a_script_then_it_is_copied_under_the_name_that_its_backend_looks_for() -> None:
    (fetch,) = built(plans.torchscript()).pod_spec["initContainers"]
    assert fetch["args"][2:4] == [
        f"s3://$(MODEL_BUCKET)/models/resnet-50/{plans.REVISION}/resnet50.pt",
        "/models/resnet-50/1/model.pt",
    ]


def test_given_onnx_then_its_config_still_says_nothing_of_tensors() -> None:
    assert config(plans.resnet())[1] == 'backend: "onnxruntime"'
    assert not [line for line in config(plans.resnet()) if "INPUT" in line]


@pytest.mark.parametrize("file", ["pytorch_model.bin", "weights.pth", "checkpoint.ckpt"])
def test_given_bare_weights_then_they_are_refused_with_the_two_ways_out(file: str) -> None:
    (problem,) = problems(source=source(file))
    assert (problem.code, problem.path, problem.value) == ("format-not-served", "source.file", file)
    assert problem.allowed == ("*.pt", "*.torchscript")
    assert "torch.jit.save" in str(problem.fix)
    assert "ONNX" in str(problem.fix)


def test_given_no_file_then_it_is_asked_for() -> None:
    (problem,) = problems(source=source(None))
    assert (problem.code, problem.path) == ("source-file-missing", "source.file")
    assert str(problem.fix).startswith("file: model.pt")


def test_given_a_detector_of_8_bit_in_bare_weights_then_all_three_are_said_at_once() -> None:
    found = problems(
        source=source("detector.pth"), task="object-detection", precision=Precision(weights=WeightPrecision.INT8)
    )
    assert [problem.path for problem in found] == ["source.file", "task", "precision.weights"]
    assert all(problem.fix for problem in found)
