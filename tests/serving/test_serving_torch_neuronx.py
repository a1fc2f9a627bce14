"""What the traced server is started with, as exact tables."""

from __future__ import annotations

import ast
import re
from typing import Any

import pytest
import serving_plans as plans
from msgspec.structs import replace
from serving_traced_plans import ENGINE, bge_on_inferentia2, resnet_on_inferentia2

from ai_on_eks.catalog.engine_start import engine_start
from ai_on_eks.descriptors.platform import ModelStore
from ai_on_eks.descriptors.schema import Precision, Storage, WeightPrecision
from ai_on_eks.errors import InputError
from ai_on_eks.placement.types import Plan
from ai_on_eks.serving.engines import torch_neuronx
from ai_on_eks.serving.startup import MARGIN
from ai_on_eks.serving.types import Json
from ai_on_eks.serving.workload import build_workload
from ai_on_eks.units import GIB


def workload(plan: Plan, **platform: Any) -> Any:
    return build_workload(plan, plans.PLATFORM.model_copy(update=platform), plans.IMAGES)


def container(plan: Plan) -> Json:
    found: Json = workload(plan).pod_spec["containers"][0]
    return found


def environment(one: Json) -> dict[str, str]:
    return {entry["name"]: entry["value"] for entry in one["env"] if "value" in entry}


def lengths(plan: Plan) -> list[str]:
    return [one for one in container(plan)["args"] if one.startswith("--lengths")]


def with_memory(plan: Plan, **rank: int) -> Plan:
    assert plan.chosen is not None
    memory = plan.chosen.memory
    changed = replace(memory, rank=replace(memory.rank, **rank))
    return replace(plan, chosen=replace(plan.chosen, memory=changed))


def test_given_an_encoder_then_each_core_has_programs_of_several_lengths_for_its_share_of_the_batch() -> None:
    found = container(bge_on_inferentia2())
    assert found["command"] == ["python3", "-m", "ai_on_eks.programs.traced_server"]
    assert found["args"] == [
        "--model=/models",
        "--name=bge-large",
        "--task=feature-extraction",
        "--port=8000",
        "--data-type=bfloat16",
        "--batch=8",  # sixteen at once over two cores
        "--lengths=128,256,512",
        "--cores=2",
        "--cache=/cache/programs",
        "--compiler=--model-type=transformer",
        "--most-waiting=512",
        "--shutdown-seconds=45",
    ]
    assert found["resources"]["limits"]["aws.amazon.com/neuron"] == "1"


def test_given_a_cnn_in_float32_then_one_program_whose_products_run_in_bfloat16() -> None:
    found = container(resnet_on_inferentia2())["args"]
    assert found[2:] == [
        "--task=image-classification",
        "--port=8000",
        "--data-type=float32",
        "--batch=8",  # what memory is counted for, over two cores
        "--cores=2",
        "--cache=/cache/programs",
        "--compiler=--auto-cast=matmult",
        "--compiler=--auto-cast-type=bf16",
        "--most-waiting=600",
        "--shutdown-seconds=45",
    ]


@pytest.mark.parametrize(
    ("rank", "expected"),
    [
        ({"headroom_bytes": 0}, "512"),
        ({"headroom_bytes": -1}, "512"),
        ({"headroom_bytes": GIB + 700_000_000}, "256,512"),
        ({"weights_bytes": 100_000_000}, "64,128,256,512"),  # never more than four
        ({"weights_bytes": 4_000_000_000, "headroom_bytes": 40 * GIB}, "512"),  # the host holds no more
    ],
)
def test_given_less_memory_then_fewer_lengths_and_the_longest_always(rank: dict[str, int], expected: str) -> None:
    assert lengths(with_memory(bge_on_inferentia2(), **rank)) == [f"--lengths={expected}"]


def test_given_a_short_context_then_no_program_is_shorter_than_it_is_worth() -> None:
    plan = with_memory(bge_on_inferentia2(), weights_bytes=100_000_000)
    assert plan.chosen is not None
    short = replace(plan, chosen=replace(plan.chosen, max_model_len=100))
    assert lengths(short) == ["--lengths=50,100"]


def test_the_server_comes_as_a_package_of_the_models_config_map() -> None:
    built = workload(bge_on_inferentia2())
    (name,) = built.config_maps
    assert re.fullmatch(r"bge-large-traced-[0-9a-f]{8}", name)
    assert {**built.config_maps[name]} == {
        file: (torch_neuronx.PROGRAMS / file).read_text(encoding="utf-8") for file in torch_neuronx.FILES
    }
    assert sum(map(len, built.config_maps[name].values())) < 1_000_000, "a ConfigMap holds 1 MiB"
    (mount,) = [one for one in built.pod_spec["containers"][0]["volumeMounts"] if one["name"] == "server"]
    assert mount == {"name": "server", "mountPath": "/server/ai_on_eks/programs", "readOnly": True}
    found = environment(built.pod_spec["containers"][0])
    assert found["PYTHONPATH"] == "/server"
    assert found["PYTHONDONTWRITEBYTECODE"] == "1", "its folder is read-only"


def test_whatever_the_server_imports_of_this_package_comes_along() -> None:
    shipped = {name.removesuffix(".py") for name in torch_neuronx.FILES}
    for name in torch_neuronx.FILES:
        tree = ast.parse((torch_neuronx.PROGRAMS / name).read_text(encoding="utf-8"))
        imported = [one.module or "" for one in ast.walk(tree) if isinstance(one, ast.ImportFrom)]
        ours = {one.rpartition(".")[2] for one in imported if one.startswith("ai_on_eks")}
        assert ours <= shipped


def test_programs_are_kept_where_the_pods_may_write_and_nowhere_is_the_hub_asked() -> None:
    built = workload(bge_on_inferentia2())
    found = environment(built.pod_spec["containers"][0])
    assert found["TRACED_PROGRAMS_URL"] == f"s3://$(MODEL_BUCKET)/{built.compile_cache}"
    assert found["HF_HUB_OFFLINE"] == "1"
    assert not [name for name in found if name.startswith("VLLM")]


def test_the_startup_probe_waits_for_every_program_and_less_where_a_job_has_made_them() -> None:
    def seconds(plan: Plan, **platform: Any) -> float:
        probe = workload(plan, **platform).pod_spec["containers"][0]["startupProbe"]
        assert probe["httpGet"]["path"] == "/v2/health/ready"
        return float(probe["periodSeconds"] * probe["failureThreshold"])

    plan = bge_on_inferentia2()
    start = engine_start("torch-neuronx")
    assert start.compiled_warm_up_seconds is not None
    assert seconds(plan) >= MARGIN * (start.process_seconds + 3 * start.warm_up_seconds)
    ahead = seconds(plan, model_store=ModelStore(compile_ahead=True))
    saved = MARGIN * 3 * (start.warm_up_seconds - start.compiled_warm_up_seconds)
    assert seconds(plan) - ahead == pytest.approx(saved, abs=10)


def test_a_job_makes_the_programs_by_the_servers_own_command() -> None:
    built = workload(bge_on_inferentia2(), model_store=ModelStore(compile_ahead=True))
    assert built.compiling is not None
    (engine,) = built.compiling.pod_spec["containers"]
    assert "--url=http://127.0.0.1:8000/v2/health/ready" in engine["args"]
    assert "ai_on_eks.programs.traced_server" in engine["args"]
    assert {one["name"] for one in engine["volumeMounts"]} >= {"program", "server"}


def test_running_requests_end_before_the_pod_does() -> None:
    spec = workload(bge_on_inferentia2()).pod_spec
    assert spec["terminationGracePeriodSeconds"] >= 15 + torch_neuronx.SHUTDOWN_SECONDS + 15
    assert "--shutdown-seconds=45" in spec["containers"][0]["args"]


@pytest.mark.parametrize(
    ("weights", "data_type"),
    [(WeightPrecision.FP16, "float16"), (WeightPrecision.BF16, "bfloat16"), (WeightPrecision.FP32, "float32")],
)
def test_every_precision_of_the_catalogue_has_a_data_type(weights: WeightPrecision, data_type: str) -> None:
    found = container(bge_on_inferentia2(precision=Precision(weights=weights)))["args"]
    assert f"--data-type={data_type}" in found
    assert ("--compiler=--auto-cast=matmult" in found) is (weights is WeightPrecision.FP32)
    assert set(ENGINE.min_compute_capability) == {"bf16", "fp16", "fp32"}


def test_weights_are_copied_as_safetensors_and_never_downloaded_by_the_server() -> None:
    (fetch,) = workload(bge_on_inferentia2()).pod_spec["initContainers"]
    assert {"--exclude=*.bin", "--exclude=*.pt", "--exclude=onnx/*"} <= set(fetch["args"])
    with pytest.raises(InputError) as caught:
        workload(bge_on_inferentia2(storage=Storage.NODE))
    assert [problem.code for problem in caught.value.problems] == ["storage-not-served"]
