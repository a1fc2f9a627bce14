"""What vLLM is started with on Neuron devices, as exact tables."""

from __future__ import annotations

import pytest
import serving_plans as plans
from msgspec.structs import replace

from ai_on_eks.descriptors.platform_monitoring import Monitoring, MonitoringKind
from ai_on_eks.descriptors.schema import CachePrecision, Precision, Storage, WeightPrecision
from ai_on_eks.errors import InputError
from ai_on_eks.placement.types import Plan
from ai_on_eks.serving.types import Json
from ai_on_eks.serving.workload import build_workload

on_both = pytest.mark.parametrize(
    "plan", [plans.llama_on_inferentia2(), plans.llama_on_trainium2()], ids=["inferentia2", "trainium2"]
)


def pod_spec(plan: Plan) -> Json:
    return build_workload(plan, plans.PLATFORM, plans.IMAGES).pod_spec


def engine_container(plan: Plan) -> Json:
    container: Json = pod_spec(plan)["containers"][0]
    return container


def environment(container: Json) -> dict[str, str]:
    return {entry["name"]: entry["value"] for entry in container["env"] if "value" in entry}


def refused(plan: Plan) -> list[str]:
    with pytest.raises(InputError) as caught:
        pod_spec(plan)
    return [problem.code for problem in caught.value.problems]


def test_given_inferentia2_then_each_sequence_has_one_block_as_long_as_the_context() -> None:
    container = engine_container(plans.llama_on_inferentia2())
    assert container["command"] == ["vllm", "serve"]
    assert container["args"] == [
        "/models",
        "--served-model-name=llama-8b",
        "--port=8000",
        "--dtype=bfloat16",
        "--max-model-len=4096",
        "--max-num-seqs=8",
        "--max-num-batched-tokens=4096",
        "--block-size=4096",
        "--num-gpu-blocks-override=8",
        "--no-enable-prefix-caching",
        "--no-enable-chunked-prefill",
        "--tensor-parallel-size=4",
    ]
    assert container["resources"]["limits"]["aws.amazon.com/neuron"] == "2"


def test_given_trainium2_then_blocks_hold_every_sequence_and_shared_memory_its_messages() -> None:
    container = engine_container(plans.llama_on_trainium2())
    assert container["args"] == [
        "/models",
        "--served-model-name=llama-8b",
        "--port=8000",
        "--dtype=bfloat16",
        "--kv-cache-dtype=auto",
        "--max-model-len=4000",
        "--max-num-seqs=8",
        "--max-num-batched-tokens=4096",
        "--block-size=32",
        "--num-gpu-blocks-override=1000",  # 8 sequences × 125 blocks
        "--tensor-parallel-size=8",
    ]
    assert container["resources"]["limits"]["aws.amazon.com/neuron"] == "2"
    assert "/dev/shm" in [mount["mountPath"] for mount in container["volumeMounts"]]  # noqa: S108


def test_given_inferentia2_then_programs_are_kept_where_the_next_replica_finds_them() -> None:
    container = engine_container(plans.llama_on_inferentia2())
    assert container["env"][0]["name"] == "MODEL_BUCKET", "a variable is completed by those before it"
    found = environment(container)
    assert found["NEURON_COMPILE_CACHE_URL"] == (
        f"s3://$(MODEL_BUCKET)/compiled/llama-8b/{plans.REVISION}/{plans.IMAGES['nxd-inference'].tag}/4-ranks-4096x8"
    )
    assert found["NEURON_COMPILED_ARTIFACTS"] == "/cache/artifacts"
    assert found["NEURON_RT_NUM_CORES"] == "4"


def test_given_trainium2_then_the_cache_of_programs_is_on_the_pods_volume_and_no_process_claims_all_cores() -> None:
    found = environment(engine_container(plans.llama_on_trainium2()))
    assert found["VLLM_CACHE_ROOT"] == "/cache/vllm"
    assert not {"NEURON_RT_NUM_CORES", "NEURON_COMPILE_CACHE_URL"} & set(found)


@on_both
def test_given_a_device_then_the_scheduler_that_knows_the_links_places_the_pod(plan: Plan) -> None:
    spec = pod_spec(plan)
    assert spec["schedulerName"] == "my-scheduler"
    assert spec["tolerations"] == [{"key": "aws.amazon.com/neuron", "operator": "Exists", "effect": "NoSchedule"}]


@on_both
def test_given_a_device_then_the_compiler_may_write_where_it_is_started(plan: Plan) -> None:
    container = engine_container(plan)
    writable = {mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")}
    assert container["workingDir"] in writable
    assert environment(container)["HOME"] in writable


@on_both
def test_given_a_device_then_the_pod_is_not_killed_while_it_compiles(plan: Plan) -> None:
    probe = engine_container(plan)["startupProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] >= 45 * 60


@on_both
def test_given_a_device_then_weights_are_copied_without_other_formats(plan: Plan) -> None:
    arguments = pod_spec(plan)["initContainers"][0]["args"]
    assert arguments[:4] == ["s3", "sync", f"s3://$(MODEL_BUCKET)/models/llama-8b/{plans.REVISION}", "/models"]
    assert {"--exclude=*.bin", "--exclude=*.pth", "--exclude=original/*"} <= set(arguments)


@pytest.mark.parametrize("weights", [WeightPrecision.INT8, WeightPrecision.FP8])
def test_given_quantized_weights_then_nxd_inference_is_refused_and_the_hub_too(weights: WeightPrecision) -> None:
    plan = plans.llama_on_inferentia2(precision=Precision(weights=weights), storage=Storage.NODE)
    assert refused(plan) == ["storage-not-served", "precision-not-served"]


def test_given_fp8_then_the_plugin_follows_the_checkpoint() -> None:
    precision = Precision(weights=WeightPrecision.FP8, kv_cache=CachePrecision.FP8)
    arguments = engine_container(plans.llama_on_trainium2(precision=precision))["args"]
    assert {"--dtype=auto", "--kv-cache-dtype=fp8"} <= set(arguments)
    assert not [argument for argument in arguments if argument.startswith("--quantization")]


def test_given_the_hub_then_the_plugin_is_refused() -> None:
    assert refused(plans.llama_on_trainium2(storage=Storage.NODE)) == ["storage-not-served"]


@on_both
def test_devices_are_watched_by_an_image_of_the_file_where_metrics_are_collected(plan: Plan) -> None:
    on = plans.PLATFORM.model_copy(update={"monitoring": Monitoring(kind=MonitoringKind.IN_CLUSTER)})
    assert build_workload(plan, on, plans.IMAGES).device_monitor == plans.IMAGES["neuron-monitor"].reference
    movable = {**plans.IMAGES, "neuron-monitor": replace(plans.IMAGES["neuron-monitor"], digest=None)}
    assert any("neuron-monitor:1.10.0 is unpinned" in text for text in build_workload(plan, on, movable).warnings)
    assert build_workload(plan, plans.PLATFORM, plans.IMAGES).device_monitor is None
    without = {key: image for key, image in plans.IMAGES.items() if key != "neuron-monitor"}
    with pytest.raises(InputError, match=r"the images file has no entry for neuron-monitor"):
        build_workload(plan, on, without)


def test_gpus_are_watched_by_their_own_chart() -> None:
    on = plans.PLATFORM.model_copy(update={"monitoring": Monitoring(kind=MonitoringKind.IN_CLUSTER)})
    assert build_workload(plans.llama(), on, plans.IMAGES).device_monitor is None
