"""What TensorFlow Serving is started with, and what it does not load."""

from __future__ import annotations

from typing import Any

import pytest
import serving_plans as plans
from msgspec.structs import replace

from ai_on_eks.descriptors.schema import Format, Serving, Source, Storage
from ai_on_eks.errors import InputError
from ai_on_eks.placement.types import Plan
from ai_on_eks.serving.types import Workload
from ai_on_eks.serving.workload import build_workload

SOURCE = Source(uri="s3://ours/resnet", revision=plans.REVISION, format=Format.TENSORFLOW)


def built(plan: Plan) -> Workload:
    return build_workload(plan, plans.PLATFORM, plans.IMAGES)


def engine(plan: Plan) -> dict[str, Any]:
    container: dict[str, Any] = built(plan).pod_spec["containers"][0]
    return container


def test_given_a_savedmodel_then_the_server_loads_one_version_once_and_batches_as_sized() -> None:
    container = engine(plans.savedmodel())
    assert container["command"] == ["tensorflow_model_server"]
    assert container["args"] == [
        "--port=8500",
        "--rest_api_port=8501",
        "--rest_api_num_threads=72",
        "--model_name=resnet-50",
        "--model_base_path=/models/resnet-50",
        "--file_system_poll_wait_seconds=0",
        "--max_num_load_retries=0",
        "--monitoring_config_file=/config/monitoring.config",
        "--enable_batching=true",
        "--batching_parameters_file=/config/batching.config",
    ]
    assert built(plans.savedmodel()).config_maps["resnet-50-tensorflow"] == {
        "batching.config": (
            "max_batch_size { value: 32 }\n"
            "batch_timeout_micros { value: 0 }\n"
            "max_enqueued_batches { value: 10 }\n"
            "num_batch_threads { value: 1 }\n"
        ),
        "monitoring.config": 'prometheus_config { enable: true path: "/monitoring/prometheus/metrics" }\n',
    }


def test_given_batches_of_one_then_nothing_is_batched() -> None:
    plan = plans.savedmodel()
    assert plan.chosen is not None
    memory = replace(plan.chosen.memory, rank=replace(plan.chosen.memory.rank, max_sequences=1))
    alone = replace(plan, chosen=replace(plan.chosen, memory=memory))
    assert not [argument for argument in engine(alone)["args"] if "batching" in argument]


def test_given_many_requests_at_once_then_as_many_may_wait() -> None:
    config = built(plans.savedmodel(serving=Serving(concurrency=4000, batch=32))).config_maps["resnet-50-tensorflow"]
    assert "max_enqueued_batches { value: 125 }" in config["batching.config"]
    assert "--rest_api_num_threads=4008" in engine(plans.savedmodel(serving=Serving(concurrency=4000)))["args"]


def test_given_s3_then_only_the_savedmodel_is_copied() -> None:
    (fetch,) = built(plans.savedmodel()).pod_spec["initContainers"]
    assert fetch["args"] == [
        "s3",
        "sync",
        f"s3://$(MODEL_BUCKET)/models/resnet-50/{plans.REVISION}",
        "/models/resnet-50/1",
        "--exclude=*",
        "--include=saved_model.pb",
        "--include=fingerprint.pb",
        "--include=variables/*",
        "--include=assets*",
        "--no-progress",
    ]


def test_given_a_savedmodel_in_a_folder_of_its_source_then_that_folder_is_served() -> None:
    below = SOURCE.model_copy(update={"file": "export/saved_model.pb"})
    (fetch,) = built(plans.savedmodel(source=below)).pod_spec["initContainers"]
    assert fetch["args"][2] == f"s3://$(MODEL_BUCKET)/models/resnet-50/{plans.REVISION}/export"


def test_given_another_file_then_it_is_refused_before_anything_is_written() -> None:
    with pytest.raises(InputError) as caught:
        built(plans.savedmodel(source=SOURCE.model_copy(update={"file": "frozen_graph.pb"})))
    (problem,) = caught.value.problems
    assert (problem.code, problem.path, problem.value) == ("format-not-served", "source.file", "frozen_graph.pb")
    assert problem.fix == "export the model with tf.saved_model.save, or to ONNX"


def test_given_the_hub_then_it_is_refused_as_nothing_downloads_it() -> None:
    with pytest.raises(InputError, match="reads weights from local files and downloads none"):
        built(plans.savedmodel(source=SOURCE.model_copy(update={"uri": "hf://a/b"}), storage=Storage.NODE))


@pytest.mark.parametrize("accelerators", [0, 1])
def test_given_either_device_then_health_is_the_models_own(accelerators: int) -> None:
    container = engine(plans.savedmodel(accelerators=accelerators))
    asked = {container[probe]["httpGet"]["path"] for probe in ("startupProbe", "readinessProbe", "livenessProbe")}
    assert asked == {"/v1/models/resnet-50"}
    assert container["ports"] == [{"name": "http", "containerPort": 8501, "protocol": "TCP"}]
