"""What each engine is started with, as exact tables."""

from __future__ import annotations

import pytest
import serving_plans as plans
from msgspec.structs import replace
from serving_ray_plans import QUANTIZED

from ai_on_eks.descriptors.schema import CachePrecision, Kind, Precision, Serving, Storage, WeightPrecision
from ai_on_eks.placement.types import Plan
from ai_on_eks.serving.types import Json
from ai_on_eks.serving.workload import build_workload


def engine_container(plan: Plan) -> Json:
    container: Json = build_workload(plan, plans.PLATFORM, plans.IMAGES).pod_spec["containers"][0]
    return container


def fetch_container(plan: Plan) -> Json:
    container: Json = build_workload(plan, plans.PLATFORM, plans.IMAGES).pod_spec["initContainers"][0]
    return container


def environment(container: Json) -> dict[str, str]:
    return {entry["name"]: entry["value"] for entry in container["env"] if "value" in entry}


def test_given_llama_8b_in_s3_then_vllm_streams_it_with_the_planned_figures() -> None:
    container = engine_container(plans.llama())
    assert container["command"] == ["vllm", "serve"]
    assert container["args"] == [
        f"s3://$(MODEL_BUCKET)/models/llama-8b/{plans.REVISION}",
        "--load-format=runai_streamer",
        '--model-loader-extra-config={"concurrency":4,"distributed":false,"memory_limit":2147483648}',
        "--served-model-name=llama-8b",
        "--port=8000",
        "--dtype=bfloat16",
        "--kv-cache-dtype=auto",
        "--max-model-len=16384",
        "--max-num-seqs=256",
        "--max-num-batched-tokens=2048",
        "--gpu-memory-utilization=0.92",
        "--tensor-parallel-size=1",
        "--shutdown-timeout=45",
    ]


def test_given_llama_70b_over_four_accelerators_then_ranks_load_together() -> None:
    assert engine_container(plans.llama_70b())["args"] == [
        f"s3://$(MODEL_BUCKET)/models/llama-70b/{plans.REVISION}",
        "--load-format=runai_streamer",
        '--model-loader-extra-config={"concurrency":36,"distributed":true,"memory_limit":2147483648}',
        "--served-model-name=llama-70b",
        "--port=8000",
        "--dtype=bfloat16",
        "--kv-cache-dtype=auto",
        "--max-model-len=32768",
        "--max-num-seqs=1024",
        "--max-num-batched-tokens=8192",
        "--gpu-memory-utilization=0.9",
        "--tensor-parallel-size=4",
        "--shutdown-timeout=45",
    ]


def test_given_storage_node_then_vllm_takes_model_and_revision_from_the_hub() -> None:
    container = engine_container(plans.llama(storage=Storage.NODE))
    assert container["args"][:3] == [
        "meta-llama/Llama-3.1-8B-Instruct",
        f"--revision={plans.REVISION}",
        "--served-model-name=llama-8b",
    ]
    assert "HF_HUB_OFFLINE" not in environment(container)
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert environment(container)["HF_TOKEN_PATH"] == f"{mounts['hub-token']}/token"


def test_given_weights_in_s3_then_vllm_is_offline_and_writes_to_the_cache_volume_only() -> None:
    container = engine_container(plans.llama())
    assert container["env"][0] == {
        "name": "MODEL_BUCKET",
        "valueFrom": {"configMapKeyRef": {"name": "model-store", "key": "bucket"}},
    }
    assert environment(container) == {
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_REGION": "us-east-1",
        "CUDA_CACHE_PATH": "/cache/cuda",
        "DO_NOT_TRACK": "1",
        "FLASHINFER_WORKSPACE_BASE": "/cache",
        "HF_HOME": "/cache/huggingface",
        "HF_HUB_OFFLINE": "1",
        "HOME": "/cache",
        "TORCHINDUCTOR_CACHE_DIR": "/cache/torchinductor",
        "TRITON_CACHE_DIR": "/cache/triton",
        "USER": "engine",
        "VLLM_NO_USAGE_STATS": "1",
        "XDG_CACHE_HOME": "/cache/xdg",
        "XDG_CONFIG_HOME": "/cache/config",
    }


@pytest.mark.parametrize(
    ("weights", "flag"),
    [
        (WeightPrecision.FP32, "float32"),
        (WeightPrecision.FP16, "float16"),
        (WeightPrecision.BF16, "bfloat16"),
        (WeightPrecision.FP8, "auto"),
        (WeightPrecision.INT4, "auto"),
        (WeightPrecision.MXFP4, "auto"),
    ],
)
def test_given_a_weight_precision_then_vllm_computes_in_its_type(weights: WeightPrecision, flag: str) -> None:
    args = engine_container(plans.llama(precision=Precision(weights=weights)))["args"]
    assert f"--dtype={flag}" in args


@pytest.mark.parametrize(
    ("cache", "flag"),
    [
        (CachePrecision.AUTO, "auto"),
        (CachePrecision.FP16, "float16"),
        (CachePrecision.BF16, "bfloat16"),
        (CachePrecision.FP8, "fp8"),
    ],
)
def test_given_a_cache_precision_then_vllm_stores_keys_and_values_in_it(cache: CachePrecision, flag: str) -> None:
    precision = Precision(weights=WeightPrecision.BF16, kv_cache=cache)
    assert f"--kv-cache-dtype={flag}" in engine_container(plans.llama(precision=precision))["args"]


def test_given_any_load_then_vllm_gets_the_batch_limits_that_sizing_counted() -> None:
    plan = plans.llama()
    assert plan.chosen is not None
    rank = replace(plan.chosen.memory.rank, max_sequences=77, max_batched_tokens=4321)
    changed = replace(plan, chosen=replace(plan.chosen, memory=replace(plan.chosen.memory, rank=rank)))
    assert {"--max-num-seqs=77", "--max-num-batched-tokens=4321"} <= set(engine_container(changed)["args"])


@pytest.mark.parametrize(
    ("task", "batch", "expected"), [(None, 8, 32), ("text-classification", 64, 64), ("text-ranking", 8, 100),
                                    ("text-ranking", 128, 128)]
)  # fmt: skip
def test_given_a_ranker_then_one_request_to_tei_holds_what_a_search_hands_on(
    task: str | None, batch: int, expected: int
) -> None:
    plan = plans.bge(task=task)
    assert plan.chosen is not None
    rank = replace(plan.chosen.memory.rank, max_sequences=batch)
    chosen = replace(plan.chosen, memory=replace(plan.chosen.memory, rank=rank))
    assert f"--max-client-batch-size={expected}" in engine_container(replace(plan, chosen=chosen))["args"]


@pytest.mark.parametrize(("kind", "pools"), [(Kind.FOUNDATION, False), (Kind.TASK_SPECIFIC, True)])
def test_given_a_classifier_then_vllm_scores_and_does_not_write(kind: Kind, pools: bool) -> None:
    assert ("--runner=pooling" in engine_container(plans.llama(kind=kind))["args"]) is pools


def test_given_settings_of_a_quantization_beside_the_config_then_vllm_is_told_its_method() -> None:
    assert "--quantization=gptq" in engine_container(plans.llama(architecture=QUANTIZED))["args"]
    assert not any("--quantization" in one for one in engine_container(plans.llama())["args"])


def test_given_no_precision_then_a_foundation_model_computes_in_bfloat16() -> None:
    assert "--dtype=bfloat16" in engine_container(plans.llama(precision=None))["args"]


def test_given_bge_in_s3_then_tei_serves_the_copied_folder() -> None:
    container = engine_container(plans.bge())
    assert "command" not in container
    assert container["args"] == [
        "--model-id=/models",
        "--served-model-name=bge-large",
        "--port=8080",
        "--prometheus-port=9000",
        "--dtype=float16",
        "--max-batch-tokens=16384",
        "--max-batch-requests=32",
        "--max-client-batch-size=32",
        "--max-concurrent-requests=512",
        "--json-output",
    ]


def test_given_bge_in_s3_then_the_fetch_leaves_other_formats_behind() -> None:
    container = fetch_container(plans.bge())
    assert "command" not in container
    assert container["args"] == [
        "s3",
        "sync",
        f"s3://$(MODEL_BUCKET)/models/bge-large/{plans.REVISION}",
        "/models",
        "--exclude=*.bin",
        "--exclude=*.pt",
        "--exclude=*.h5",
        "--exclude=*.ot",
        "--exclude=*.msgpack",
        "--exclude=onnx/*",
        "--exclude=openvino/*",
        "--no-progress",
    ]


def test_given_bge_from_the_hub_then_tei_downloads_it_to_its_cache() -> None:
    workload = build_workload(plans.bge(storage=Storage.NODE), plans.PLATFORM, plans.IMAGES)
    assert "initContainers" not in workload.pod_spec
    assert workload.pod_spec["containers"][0]["args"][:3] == [
        "--model-id=BAAI/bge-large-en-v1.5",
        f"--revision={plans.REVISION}",
        "--huggingface-hub-cache=/cache",
    ]
    assert {"name": "hub-token", "secret": {"secretName": "hub-token", "optional": True, "defaultMode": 0o440}} in (
        workload.pod_spec["volumes"]
    )


@pytest.mark.parametrize(
    ("batched_tokens", "context_tokens", "flag"),
    [(4096, 512, 4096), (16384, 512, 16384), (65536, 512, 16384), (32768, 32768, 32768)],
)
def test_given_a_batch_then_tei_holds_it_up_to_its_limit_and_never_less_than_one_input(
    batched_tokens: int, context_tokens: int, flag: int
) -> None:
    plan = plans.bge()
    assert plan.chosen is not None
    demand = replace(plan.chosen.memory, rank=replace(plan.chosen.memory.rank, max_batched_tokens=batched_tokens))
    sized = replace(plan, chosen=replace(plan.chosen, memory=demand, max_model_len=context_tokens))
    assert f"--max-batch-tokens={flag}" in engine_container(sized)["args"]


def test_given_more_concurrency_than_tei_admits_by_default_then_its_queue_grows() -> None:
    args = engine_container(plans.bge(serving=Serving(concurrency=2000, batch=32)))["args"]
    assert "--max-concurrent-requests=2000" in args


def test_given_resnet_then_triton_loads_exactly_this_model() -> None:
    container = engine_container(plans.resnet())
    assert container["command"] == ["tritonserver"]
    assert container["args"] == [
        "--model-repository=/models",
        "--model-control-mode=explicit",
        "--load-model=resnet-50",
        "--http-port=8000",
        "--grpc-port=8001",
        "--metrics-port=8002",
        "--exit-timeout-secs=45",
    ]


def test_given_resnet_then_the_named_file_becomes_triton_version_1() -> None:
    assert fetch_container(plans.resnet())["args"] == [
        "s3",
        "cp",
        "s3://$(MODEL_BUCKET)/models/resnet-50/unpinned/resnet50-v1-12.onnx",
        "/models/resnet-50/1/model.onnx",
        "--no-progress",
    ]


@pytest.mark.parametrize(
    ("plan", "group"),
    [
        (plans.resnet(), "KIND_CPU count: 1"),
        (plans.resnet_on_accelerator(), "KIND_GPU count: 1"),
        # The count is for each GPU: with 2 there would be four instances, and sizing counted one on each.
        (plans.resnet_on_accelerator(2), "KIND_GPU count: 1"),
    ],
    ids=["cpu", "accelerator", "two accelerators"],
)
def test_given_resnet_then_triton_config_names_no_tensor_and_batches_dynamically(plan: Plan, group: str) -> None:
    workload = build_workload(plan, plans.PLATFORM, plans.IMAGES)
    assert workload.config_maps == {
        "resnet-50-triton": {
            "config.pbtxt": 'name: "resnet-50"\n'
            'backend: "onnxruntime"\n'
            "max_batch_size: 32\n"
            "dynamic_batching { }\n"
            f"instance_group [ {{ kind: {group} }} ]\n"
        }
    }


@pytest.mark.parametrize(
    ("plan", "ports", "probed"),
    [
        (plans.llama(), (8000, 8000), ["/health", "/v1/models", "/health"]),
        (plans.bge(), (8080, 9000), ["/health", "/health", "/health"]),
        (plans.resnet(), (8000, 8002), ["/v2/health/ready", "/v2/health/ready", "/v2/health/live"]),
    ],
    ids=["vllm", "tei", "triton"],
)
def test_given_an_engine_then_ports_and_probes_are_its_own(
    plan: Plan, ports: tuple[int, int], probed: list[str]
) -> None:
    workload = build_workload(plan, plans.PLATFORM, plans.IMAGES)
    container = workload.pod_spec["containers"][0]
    assert (workload.port, workload.metrics_port) == ports
    assert workload.metrics_path == "/metrics"
    assert {entry["containerPort"] for entry in container["ports"]} == set(ports)
    paths = [container[f"{kind}Probe"]["httpGet"]["path"] for kind in ("startup", "readiness", "liveness")]
    assert paths == probed
