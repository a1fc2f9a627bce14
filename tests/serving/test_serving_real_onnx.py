"""An ONNX model served by the rendered Triton workload, really started: Triton stood in for, onnxruntime for real.

Held against each other are what was rendered (arguments, ports, probes, the model repository, config.pbtxt, times of a
stop) and a model file made by ONNX' own library.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import onnx
import pytest
from msgspec.structs import replace
from onnx import TensorProto, helper
from real_engines import Running, in_background, lay_out, start_container

from ai_on_eks.catalog.loading import load_catalog
from ai_on_eks.descriptors.architectures import build_inventory
from ai_on_eks.descriptors.loading import load_descriptor
from ai_on_eks.descriptors.platform import PlannedEngines, Platform
from ai_on_eks.placement.planning import plan_model
from ai_on_eks.serving.images import load_images
from ai_on_eks.serving.types import Workload
from ai_on_eks.serving.workload import build_workload

pytestmark = [pytest.mark.local_server, pytest.mark.enable_socket, pytest.mark.allow_hosts(["127.0.0.1"])]

STAND_IN = {"tritonserver": [sys.executable, str(Path(__file__).parent / "triton_stand_in.py")]}
BATCH = 4
SLOW_SECONDS = 1.5

DESCRIPTOR = f"""\
name: tiny-classifier
kind: task-specific
task: image-classification
source: {{uri: "s3://example-models/tiny", file: tiny.onnx, format: onnx}}
architecture:
  family: cnn
  config:
    model_type: resnet
    layer_type: basic
    num_channels: 3
    embedding_size: 8
    depths: [1, 1, 1, 1]
    hidden_sizes: [8, 8, 8, 8]
    num_labels: 2
    image_size: 32
precision: {{weights: fp32}}
serving: {{concurrency: 4, batch: {BATCH}}}
constraints: {{accelerators: [cpu]}}
"""


def write_model(path: Path, first_axis: str | int = "N") -> None:
    """The mean of each picture, twice."""
    pictures = helper.make_tensor_value_info("data", TensorProto.FLOAT, [first_axis, 3, 32, 32])
    scores = helper.make_tensor_value_info("scores", TensorProto.FLOAT, [first_axis, 2])
    mean = helper.make_node("ReduceMean", ["data"], ["mean"], axes=[1, 2, 3], keepdims=1)
    flat = helper.make_node("Flatten", ["mean"], ["flat"])
    twice = helper.make_node("Concat", ["flat", "flat"], ["scores"], axis=1)
    graph = helper.make_graph([mean, flat, twice], "tiny", [pictures], [scores])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    onnx.save(made, str(path))


@pytest.fixture(scope="module")
def workload(tmp_path_factory: pytest.TempPathFactory, platform: Platform) -> Workload:
    """Planned and built as any other model."""
    path = tmp_path_factory.mktemp("descriptor") / "tiny.yaml"
    path.write_text(DESCRIPTOR, encoding="utf-8")
    descriptor = load_descriptor(path)
    rendered = platform.model_copy(update={"engines": PlannedEngines.RENDERED})
    plan = plan_model(descriptor, build_inventory(descriptor), load_catalog(platform.region), rendered)
    built = build_workload(plan, rendered, load_images(None))
    assert built.engine == "triton"
    return built


def started(workload: Workload, root: Path, first_axis: str | int = "N") -> Iterator[Running]:
    lay_out(workload, root)
    write_model(root / "models" / workload.name / "1" / "model.onnx", first_axis)
    running = start_container(workload, root, STAND_IN)
    yield running
    running.end()


@pytest.fixture
def engine(workload: Workload, tmp_path: Path) -> Iterator[Running]:
    yield from started(workload, tmp_path)


def picture(batch: int, **parameters: float) -> dict[str, object]:
    data = [0.5] * (batch * 3 * 32 * 32)
    one = {"name": "data", "datatype": "FP32", "shape": [batch, 3, 32, 32], "data": data}
    return {"inputs": [one], "parameters": parameters}


def path_of(workload: Workload) -> str:
    return f"/v2/models/{workload.name}/infer"


def test_probes_succeed_and_the_model_answers_a_whole_batch(workload: Workload, engine: Running) -> None:
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        engine.wait_for(probe)

    status, text = engine.ask(path_of(workload), picture(BATCH))
    (output,) = json.loads(text)["outputs"]
    assert (status, output["shape"]) == (200, [BATCH, 2])
    assert output["data"] == [[0.5, 0.5]] * BATCH
    assert engine.ask(path_of(workload), picture(BATCH + 1))[0] == 400
    assert engine.ask(workload.metrics_path, port=workload.metrics_port)[0] == 200


def test_a_request_that_runs_at_the_order_to_stop_is_answered_within_the_grace_period(
    workload: Workload, engine: Running
) -> None:
    engine.wait_for("readinessProbe")
    thread, answers = in_background(lambda: engine.ask(path_of(workload), picture(1, test_seconds=SLOW_SECONDS)))
    time.sleep(SLOW_SECONDS / 3)

    hook = workload.pod_spec["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    left = workload.pod_spec["terminationGracePeriodSeconds"] - hook
    taken = engine.stop(left)
    thread.join()
    assert answers[0][0] == 200
    assert SLOW_SECONDS / 3 < taken < left
    assert engine.process.returncode == 0


def test_a_model_whose_batch_is_fixed_is_refused_as_triton_refuses_it(workload: Workload, tmp_path: Path) -> None:
    for running in started(workload, tmp_path, first_axis=1):
        assert running.process.wait(30) == 1
        assert "max_batch_size is 4" in running.output()


def test_an_argument_that_the_server_does_not_know_ends_it(workload: Workload, tmp_path: Path) -> None:
    container = workload.pod_spec["containers"][0]
    changed = {**container, "args": [*container["args"], "--no-such-flag=1"]}
    other = replace(workload, pod_spec={**workload.pod_spec, "containers": [changed]})
    for running in started(other, tmp_path):
        assert running.process.wait(30) == 1
