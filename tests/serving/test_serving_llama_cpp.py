"""What llama.cpp's server is started with, as exact tables."""

from __future__ import annotations

import pytest
import serving_plans as plans
from msgspec.structs import replace

from ai_on_eks.descriptors.schema import CachePrecision, Format, Precision, Source, Storage, WeightPrecision
from ai_on_eks.errors import InputError
from ai_on_eks.placement.types import Plan
from ai_on_eks.serving.types import Json
from ai_on_eks.serving.workload import build_workload


def engine_container(plan: Plan) -> Json:
    container: Json = build_workload(plan, plans.PLATFORM, plans.IMAGES).pod_spec["containers"][0]
    return container


def fetched(file: str) -> list[str]:
    source = Source(uri="s3://ours/llama", revision=plans.REVISION, file=file, format=Format.GGUF)
    spec = build_workload(plans.llama_gguf(source=source), plans.PLATFORM, plans.IMAGES).pod_spec
    arguments: list[str] = spec["initContainers"][0]["args"]
    return arguments


def value(plan: Plan, flag: str) -> str:
    arguments = engine_container(plan)["args"]
    found: str = arguments[arguments.index(flag) + 1]
    return found


def test_given_a_gpu_then_every_layer_is_on_it_and_slots_share_the_context() -> None:
    container = engine_container(plans.llama_gguf())
    assert container["command"] == ["/app/llama-server"]
    assert container["args"] == [
        *("--model", "/models/llama-q4_k_m.gguf"),
        *("--alias", "llama-gguf"),
        *("--host", "0.0.0.0"),  # noqa: S104 - the pod's own network
        *("--port", "8080"),
        *("--ctx-size", "16384"),  # 4 slots × 4,000 tokens in blocks of 256
        *("--parallel", "4"),
        *("--ubatch-size", "512"),
        *("--cache-type-k", "f16"),
        *("--cache-type-v", "f16"),
        *("--cache-ram", "0"),
        *("--fit", "off"),
        *("--n-gpu-layers", "all"),
        *("--split-mode", "none"),
        "--no-ui",
        "--metrics",
        "--offline",
    ]


def test_given_several_gpus_then_layers_are_dealt_out_to_them() -> None:
    container = engine_container(plans.llama_gguf(accelerators=4))
    assert value(plans.llama_gguf(accelerators=4), "--split-mode") == "layer"
    assert container["resources"]["limits"]["nvidia.com/gpu"] == "4"


def test_given_a_processor_then_nothing_is_said_of_gpus() -> None:
    container = engine_container(plans.llama_gguf(accelerators=0))
    assert container["image"].startswith("ghcr.io/ggml-org/llama.cpp:server-b")
    assert not {"--n-gpu-layers", "--split-mode"} & set(container["args"])


@pytest.mark.parametrize(
    ("cache", "kept"),
    [
        (CachePrecision.AUTO, "f16"),
        (CachePrecision.FP16, "f16"),
        (CachePrecision.BF16, "bf16"),
        (CachePrecision.FP8, "q8_0"),
    ],
)
def test_given_a_cache_precision_then_keys_and_values_are_kept_in_it(cache: CachePrecision, kept: str) -> None:
    plan = plans.llama_gguf(precision=Precision(weights=WeightPrecision.INT4, scheme="gguf:q4_k_m", kv_cache=cache))
    assert (value(plan, "--cache-type-k"), value(plan, "--cache-type-v")) == (kept, kept)


def test_given_one_file_then_it_alone_is_copied() -> None:
    assert fetched("q4/llama-q4_k_m.gguf") == [
        *("s3", "cp"),
        f"s3://$(MODEL_BUCKET)/models/llama-gguf/{plans.REVISION}/q4/llama-q4_k_m.gguf",
        "/models/llama-q4_k_m.gguf",
        "--no-progress",
    ]


def test_given_a_split_file_then_every_shard_is_copied_and_no_other_quantization() -> None:
    assert fetched("q8/llama-00001-of-00003.gguf") == [
        *("s3", "sync"),
        f"s3://$(MODEL_BUCKET)/models/llama-gguf/{plans.REVISION}/q8",
        "/models",
        "--exclude=*",
        "--include=llama-*-of-00003.gguf",
        "--no-progress",
    ]


def test_given_no_file_and_no_store_then_both_are_said_at_once() -> None:
    source = Source(uri="hf://ours/llama", format=Format.GGUF)
    with pytest.raises(InputError) as caught:
        engine_container(plans.llama_gguf(source=source, storage=Storage.NODE))
    assert [problem.code for problem in caught.value.problems] == ["storage-not-served", "source-file-missing"]


def test_given_stages_then_vllm_divides_layers_and_ranks_read_each_for_itself() -> None:
    plan = plans.llama_70b()
    assert plan.chosen is not None
    staged = replace(plan, chosen=replace(plan.chosen, tensor_parallel=2, pipeline_parallel=2))
    arguments = engine_container(staged)["args"]
    assert {"--tensor-parallel-size=2", "--pipeline-parallel-size=2"} <= set(arguments)
    assert '"distributed":false' in next(one for one in arguments if one.startswith("--model-loader-extra-config"))


def test_given_experts_dealt_out_then_vllm_is_told_and_otherwise_not() -> None:
    plan = plans.llama_70b()
    assert plan.chosen is not None
    dealt = replace(plan, chosen=replace(plan.chosen, expert_parallel=4))
    assert "--enable-expert-parallel" in engine_container(dealt)["args"]
    assert "--enable-expert-parallel" not in engine_container(plan)["args"]
