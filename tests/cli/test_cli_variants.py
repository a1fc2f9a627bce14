"""Models that a descriptor names beside itself are compared, and never chosen."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_running import LLAMA_8B, PLATFORM, run_here

LLAMA_70B = Path(LLAMA_8B).with_name("llama-3-3-70b-instruct.yaml")


def described(tmp_path: Path, variants: str) -> str:
    file = tmp_path / "large.yaml"
    file.write_text(LLAMA_70B.read_text(encoding="utf-8") + f"variants: [{variants}]\n", encoding="utf-8")
    return str(file)


def test_given_a_smaller_model_when_planned_then_it_is_compared_and_not_chosen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "small.yaml").write_bytes(Path(LLAMA_8B).read_bytes())
    file = described(tmp_path, "small.yaml")
    (plan,) = run_here(capsys, "plan", file, "--platform", PLATFORM, "--json").data["plans"]
    (own,) = run_here(capsys, "plan", LLAMA_8B, "--platform", PLATFORM, "--json").data["plans"]
    (variant,) = plan["variants"]
    assert plan["parameters"]["total"] > 70_000_000_000
    assert variant["model"] == own["model"]
    assert variant["usd_per_hour"] == own["chosen"]["usd_per_hour"]
    assert variant["saved_share"] == pytest.approx(
        1 - own["chosen"]["usd_per_hour"] / plan["chosen"]["usd_per_hour"], abs=1e-4
    )
    explained = run_here(capsys, "plan", file, "--platform", PLATFORM, "--explain").out
    assert "variants:\n  llama-3-1-8b-instruct: 8,030,261,248 parameters: " in explained


def test_given_a_variant_that_is_not_there_when_planned_then_it_is_an_error_of_its_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = run_here(capsys, "plan", described(tmp_path, "absent.yaml"), "--platform", PLATFORM, "--json")
    assert (answer.code, answer.codes) == (4, ["file-not-found"])
