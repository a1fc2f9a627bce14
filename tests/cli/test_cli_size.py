"""What `size` answers, with and without a target."""

from __future__ import annotations

import pytest
from cli_running import LLAMA_8B, RESNET, ROOT, keys_of, run_here

RANK_KEYS = (
    *("memory_bytes", "budget_bytes", "weights_bytes", "activation_bytes", "overhead_bytes"),
    *("kv_cache_bytes", "kv_bytes_per_token", "kv_cache_tokens"),
)

LLAMA_8B_PARAMETERS = 8_030_261_248
"""Published: model card and safetensors index of Llama-3.1-8B-Instruct (16,060,522,496 bytes in BF16)."""


def test_given_no_target_when_sized_then_the_model_alone_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    answer = run_here(capsys, "size", LLAMA_8B, "--json")
    body = answer.data
    assert answer.code == 0
    assert body["schema"] == "ai-on-eks/size/v1"
    assert body["model"] == "llama-3-1-8b-instruct"
    assert body["parameters"] == {"total": LLAMA_8B_PARAMETERS, "active": LLAMA_8B_PARAMETERS}
    assert body["weights_bytes"] == 2 * LLAMA_8B_PARAMETERS
    assert body["kv_bytes_per_token"] == 32 * 8 * (128 + 128) * 2
    assert body["context_tokens"] == 16384
    assert (body["target"], body["per_accelerator"], body["fits"], body["reasons"]) == (None, None, None, [])


def test_given_a_target_that_fits_when_sized_then_the_account_adds_up(capsys: pytest.CaptureFixture[str]) -> None:
    answer = run_here(capsys, "size", LLAMA_8B, "--instance-type", "g6e.xlarge", "--json")
    body, rank = answer.data, answer.data["per_accelerator"]
    assert (answer.code, body["fits"], body["reasons"]) == (0, True, [])
    assert keys_of(rank, *RANK_KEYS) == []
    spent = rank["weights_bytes"] + rank["activation_bytes"] + rank["overhead_bytes"]
    assert rank["kv_cache_bytes"] == rank["budget_bytes"] - spent
    assert body["target"] == {
        "accelerator": "l40s",
        "instance_type": "g6e.xlarge",
        "engine": "vllm",
        "engine_version": body["target"]["engine_version"],
        "tensor_parallel": 1,
        "pipeline_parallel": 1,
    }


def test_given_a_target_that_is_too_small_when_sized_then_data_is_printed_and_the_code_is_three(
    capsys: pytest.CaptureFixture[str],
) -> None:
    answer = run_here(capsys, "size", LLAMA_8B, "--accelerator", "t4", "--json")
    assert (answer.code, answer.err) == (3, "")
    assert answer.data["fits"] is False
    assert answer.data["reasons"]
    shown = run_here(capsys, "size", LLAMA_8B, "--accelerator", "t4")
    assert shown.code == 3
    assert "does not fit: " in shown.out


def test_given_options_when_sized_then_each_reaches_the_account(capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--accelerator", "l40s", "--tp", "2", "--max-model-len", "4096", "--concurrency", "3")
    body = run_here(capsys, "size", LLAMA_8B, *options, "--memory-fraction", "0.5", "--engine", "vllm", "--json").data
    rank = body["per_accelerator"]
    assert (body["context_tokens"], body["concurrency"]) == (4096, 3)
    assert rank["memory_fraction"] == 0.5
    assert rank["budget_bytes"] == int(rank["memory_bytes"] * 0.5)
    assert rank["kv_bytes_per_token"] == body["kv_bytes_per_token"] // 2
    assert rank["weights_bytes"] < body["weights_bytes"] * 0.51


@pytest.mark.parametrize(("engine", "fraction"), [("vllm", 0.92), ("vllm@0.33.0", 0.92), ("vllm@0.11", 0.9)])
def test_given_a_version_of_an_engine_when_sized_then_its_own_memory_behaviour_counts(
    capsys: pytest.CaptureFixture[str], engine: str, fraction: float
) -> None:
    body = run_here(capsys, "size", LLAMA_8B, "--accelerator", "l40s", "--engine", engine, "--json").data
    assert body["per_accelerator"]["memory_fraction"] == fraction
    assert body["target"]["engine_version"] == (engine.partition("@")[2] or "0.33.0")


def test_given_a_share_of_what_is_free_when_told_then_it_is_not_taken_for_one_of_the_memory(
    capsys: pytest.CaptureFixture[str],
) -> None:
    target = ("size", LLAMA_8B, "--accelerator", "l40s", "--engine")
    assert "budget (0.9 of what is free)" in run_here(capsys, *target, "tensorrt-llm").out
    assert "budget (× 0.92)" in run_here(capsys, *target, "vllm").out


@pytest.mark.parametrize("engine", ["tensorrt-llm", "vllm-ray", "sglang"])
def test_given_an_engine_that_is_taken_by_name_when_named_by_the_option_then_it_is_sized(
    capsys: pytest.CaptureFixture[str], engine: str
) -> None:
    answer = run_here(capsys, "size", LLAMA_8B, "--accelerator", "h100", "--engine", engine, "--json")
    assert (answer.code, answer.data["target"]["engine"]) == (0, engine)


def test_given_an_engine_that_does_not_serve_the_model_when_sized_then_it_is_refused(
    capsys: pytest.CaptureFixture[str],
) -> None:
    answer = run_here(capsys, "size", LLAMA_8B, "--accelerator", "l40s", "--engine", "tei", "--json")
    assert (answer.code, answer.out, answer.codes) == (3, "", ["no-engine"])
    assert answer.problems[0]["fix"] == "use vllm"


def test_given_a_cpu_instance_when_sized_then_the_container_memory_is_the_target(
    capsys: pytest.CaptureFixture[str],
) -> None:
    body = run_here(capsys, "size", RESNET, "--instance-type", "m7i.xlarge", "--json").data
    assert body["target"]["accelerator"] is None
    assert 0 < body["per_accelerator"]["memory_bytes"] < 16 * 2**30
    assert body["kv_bytes_per_token"] == 0


def test_given_explain_when_sized_then_terms_have_formula_and_source(capsys: pytest.CaptureFixture[str]) -> None:
    out = run_here(capsys, "size", LLAMA_8B, "--accelerator", "l40s", "--explain").out
    assert "formula and source" in out
    assert "8,030,261,248 × 16 bit" in out


def test_given_a_model_of_images_when_a_context_is_asked_for_then_it_is_refused(
    capsys: pytest.CaptureFixture[str],
) -> None:
    answer = run_here(capsys, "size", RESNET, "--max-model-len", "128", "--json")
    assert (answer.code, answer.codes) == (2, ["no-context"])


@pytest.mark.parametrize(
    ("options", "rules"),
    [
        (["--instance-type", "p5.48xlarge", "--tp", "3"], ["tensor-parallel", "feed-forward-width"]),
        (["--accelerator", "inferentia2"], ["engine-accelerator"]),
        (["--accelerator", "t4"], ["precision-support"]),
    ],
)
def test_given_a_target_that_cannot_run_the_model_when_sized_then_the_rules_are_told(
    capsys: pytest.CaptureFixture[str], options: list[str], rules: list[str]
) -> None:
    body = run_here(capsys, "size", LLAMA_8B, *options, "--json").data
    assert [one["rule"] for one in body["objections"]] == rules
    shown = run_here(capsys, "size", LLAMA_8B, *options).out
    for one in body["objections"]:
        assert f"not served there: {one['rule']}: {one['reason'][:20]}" in shown


def test_given_a_target_that_serves_when_sized_then_nothing_is_objected(capsys: pytest.CaptureFixture[str]) -> None:
    for options in (["--accelerator", "l40s", "--tp", "2"], ["--instance-type", "g6e.xlarge"], []):
        assert run_here(capsys, "size", LLAMA_8B, *options, "--json").data["objections"] == []


def test_given_one_of_something_when_told_then_it_is_singular(capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--accelerator", "l4", "--concurrency", "1", "--max-model-len", "1")
    assert "fits: one replica holds 1 of 1 sequence of 1 token\n" in run_here(capsys, "size", LLAMA_8B, *options).out
    assert "context" not in run_here(capsys, "size", RESNET).out
    explained = run_here(capsys, "plan", RESNET, "--explain").out
    assert "1 replica, 1 accelerator a replica (" in explained
    assert " items a replica" in explained


def test_given_a_share_of_what_is_free_when_planned_then_the_account_says_so(
    capsys: pytest.CaptureFixture[str],
) -> None:
    model = str(ROOT / "tests" / "k8s" / "engine_models" / "llama-3-3-70b-tensorrt-llm.yaml")
    shown = run_here(capsys, "plan", model, "--explain").out
    (line,) = (line for line in shown.splitlines() if "memory of one rank: " in line)
    assert "of what is free for the cache, " in line
    assert " × " not in line.partition(" budget")[0]
