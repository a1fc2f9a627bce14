"""What `plan` answers: the contract's keys, the table, the explanation, models that fit nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_running import LLAMA_8B, MINIMAL, MODELS, PLATFORM, RESNET, keys_of, run_here, write

PLACEMENT_KEYS = (
    *("instance_type", "nodes_per_replica", "replicas", "accelerator", "accelerators_per_replica"),
    *("tensor_parallel", "pipeline_parallel", "engine", "usd_per_hour", "memory_fraction", "max_model_len"),
    *("kv_cache_tokens", "estimates", "headroom_bytes"),
)
REJECTION_KEYS = ("instance_type", "rule", "reason", "shortfall")


def test_given_plans_when_printed_as_json_then_every_key_of_the_contract_is_there(
    capsys: pytest.CaptureFixture[str],
) -> None:
    answer = run_here(capsys, "plan", *MODELS, "--json", "--platform", PLATFORM)
    for plan in answer.data["plans"]:
        assert keys_of(plan, "model", "chosen", "alternatives", "rejected") == []
        for placement in (plan["chosen"], *plan["alternatives"]):
            assert keys_of(placement, *PLACEMENT_KEYS) == []
            assert keys_of(placement["estimates"], "ttft_ms", "tpot_ms", "output_tokens_per_s") == []
        assert plan["rejected"]
        assert all(keys_of(rejection, *REJECTION_KEYS) == [] for rejection in plan["rejected"])


def test_given_a_price_when_printed_then_region_and_date_stand_beside_it(capsys: pytest.CaptureFixture[str]) -> None:
    answer = run_here(capsys, "plan", *MODELS, "--json", "--platform", PLATFORM)
    for plan in answer.data["plans"]:
        chosen = plan["chosen"]
        assert list(chosen["price"]) == ["usd_per_hour", "region", "date", "source"]
        assert chosen["price"]["region"] == "us-east-1"
        assert chosen["usd_per_hour"] == pytest.approx(chosen["nodes"] * chosen["price"]["usd_per_hour"])
    total = sum(plan["chosen"]["usd_per_hour"] for plan in answer.data["plans"])
    assert answer.data["total_usd_per_hour"] == pytest.approx(total)


def test_given_alternatives_when_listed_then_none_is_cheaper_than_the_choice(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for plan in run_here(capsys, "plan", *MODELS, "--json", "--platform", PLATFORM).data["plans"]:
        costs = [p["usd_per_hour"] for p in (plan["chosen"], *plan["alternatives"]) if p["usd_per_hour"] is not None]
        assert costs == sorted(costs)


def test_given_the_same_plan_when_printed_as_table_then_it_shows_what_the_document_says(
    capsys: pytest.CaptureFixture[str],
) -> None:
    (plan,) = run_here(capsys, "plan", LLAMA_8B, "--json", "--platform", PLATFORM).data["plans"]
    answer = run_here(capsys, "plan", LLAMA_8B, "--platform", PLATFORM)
    header, row, *_ = answer.out.splitlines()
    assert header.split()[:4] == ["model", "engine", "instance", "type"]
    chosen = plan["chosen"]
    assert row.split()[:7] == [
        "llama-3-1-8b-instruct",
        chosen["engine"],
        chosen["engine_version"],
        chosen["instance_type"],
        str(chosen["nodes"]),
        str(chosen["tensor_parallel"]),
        f"{chosen['usd_per_hour']:.3f}",
    ]
    assert f"total: {chosen['usd_per_hour']:.3f} $/h (on-demand Linux, prices of us-east-1 " in answer.out
    assert answer.err == f"platform: {PLATFORM} (us-east-1)\n"


def test_given_unpinned_images_when_planned_then_each_is_warned_of_once(capsys: pytest.CaptureFixture[str]) -> None:
    out = " ".join(run_here(capsys, "plan", *MODELS, "--platform", PLATFORM).out.split())
    assert "unpinned" in out
    assert out.count("warning: llama-3-1-8b-instruct, llama-3-3-70b-instruct: image ") == 1


def test_given_explain_when_planned_then_every_rejection_term_and_source_is_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    (plan,) = run_here(capsys, "plan", LLAMA_8B, "--explain", "--json", "--platform", PLATFORM).data["plans"]
    words = " ".join(run_here(capsys, "plan", LLAMA_8B, "--explain", "--platform", PLATFORM).out.split())
    named = {rejection["instance_type"] for rejection in plan["rejected"]} - {"any"}
    told = set(words.replace(",", " ").replace(":", " ").split())
    assert all(name in told or name.partition(".")[0] in told for name in named)  # of many types only the families
    terms = plan["chosen"]["per_accelerator"]["terms"]
    assert terms
    assert all(term["name"].split()[0] in words for term in terms)
    assert all(" ".join(rejection["reason"].split()) in words for rejection in plan["rejected"])
    assert "evidence: roofline" in words


def test_given_no_explain_when_planned_then_the_document_leaves_the_terms_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    (plan,) = run_here(capsys, "plan", LLAMA_8B, "--json", "--platform", PLATFORM).data["plans"]
    assert "terms" not in plan["chosen"]["per_accelerator"]


def test_given_a_model_that_fits_nowhere_when_planned_then_the_others_are_printed_and_the_code_is_three(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    huge = write(tmp_path, "huge.yaml", MINIMAL.replace("tiny", "huge").replace("1000000000", "99000000000000"))
    answer = run_here(capsys, "plan", RESNET, huge, "--json", "--platform", PLATFORM)
    assert answer.code == 3
    fitting, missing = answer.data["plans"]
    assert fitting["chosen"]
    assert missing["chosen"] is None
    assert missing["why"].startswith("nothing fits; nearest: ")
    assert answer.data["total_usd_per_hour"] is None
    (problem,) = answer.problems
    assert (problem["code"], problem["file"], problem["value"]) == ("nothing-fits", huge, "huge")
    assert problem["fix"]


def test_given_a_model_that_fits_nowhere_when_shown_then_the_nearest_misses_follow_the_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    huge = write(tmp_path, "huge.yaml", MINIMAL.replace("1000000000", "99000000000000"))
    answer = run_here(capsys, "plan", huge, "--platform", PLATFORM)
    assert answer.code == 3
    assert "tiny fits nowhere; nearest:\n" in answer.out
    assert "total: nothing is placed\n" in answer.out
    assert "): memory: " in answer.out
    assert "error[nothing-fits]" in answer.err


def test_given_a_region_without_the_type_when_planned_then_the_rule_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    only = write(tmp_path, "m.yaml", MINIMAL + "constraints: {instance_families: [p4de]}\n")
    answer = run_here(capsys, "plan", only, "--region", "eu-north-1", "--json")
    assert answer.code == 3
    nearest = answer.data["plans"][0]["rejected"][0]
    assert (nearest["instance_type"], nearest["rule"]) == ("p4de.24xlarge", "region-offering")
    assert "instance_families" in answer.problems[0]["fix"]


def test_given_a_region_option_when_planned_then_prices_tell_where_they_are_from(
    capsys: pytest.CaptureFixture[str],
) -> None:
    answer = run_here(capsys, "plan", RESNET, "--region", "eu-north-1", "--json", "--platform", PLATFORM)
    assert answer.data["region"] == "eu-north-1"
    assert all(zone.startswith("eu-north-1") for zone in answer.data["platform"]["availability_zones"])
    (plan,) = answer.data["plans"]
    elsewhere = plan["chosen"]["price"]["region"] != "eu-north-1"
    assert any("eu-north-1" in warning for warning in plan["warnings"]) is elsewhere


def test_given_no_platform_file_when_planned_then_the_default_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = run_here(capsys, "plan", RESNET)
    assert answer.code == 0
    assert (
        answer.err
        == "platform: no platform.yaml here; region us-east-1 (the default), all its zones, default settings\n"
    )


def test_given_a_choice_that_nobody_asked_for_when_planned_then_the_plan_says_what_is_rendered_instead(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The same model on the same platform: `plan` answers what is cheapest, what makes workloads what can be made."""
    bge = next(path for path in MODELS if "bge" in path)
    (cheapest,) = run_here(capsys, "plan", bge, "--json", "--platform", PLATFORM).data["plans"]
    (made,) = run_here(capsys, "plan", bge, "--json", "--platform", PLATFORM, "--engines", "rendered").data["plans"]
    assert (cheapest["chosen"]["engine"], made["chosen"]["engine"]) == ("torch-neuronx", "tei")
    assert cheapest["chosen"]["usd_per_hour"] < made["chosen"]["usd_per_hour"]
    (warning,) = [text for text in cheapest["warnings"] if "`render` takes" in text]
    assert f"`render` takes 1 × {made['chosen']['instance_type']}" in warning
    assert any("would save" in text for text in made["warnings"])
