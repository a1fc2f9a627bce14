"""`plan --explain` says how long a replica takes from the start of its node, where a workload knows."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_running import LLAMA_8B, PLATFORM, ROOT, run_here, write


def test_given_a_plan_when_explained_then_the_parts_of_its_start_add_up(capsys: pytest.CaptureFixture[str]) -> None:
    start = run_here(capsys, "plan", LLAMA_8B, "--platform", PLATFORM, "--explain", "--json").data["plans"][0][
        "readiness"
    ]
    names = [term["name"] for term in start["terms"]]
    assert names == ["node", "image", "staging", "process", "weights", "warm-up"]
    assert abs(sum(term["seconds"] for term in start["terms"]) - start["total_seconds"]) < 1.0
    assert 60 < start["total_seconds"] < 1800

    text = run_here(capsys, "plan", LLAMA_8B, "--platform", PLATFORM, "--explain").out
    assert f"ready {start['total_seconds']:,.0f} s after a new node starts: node 45 s, image " in text
    assert "staging" not in text.split("ready ", 1)[1].split("\n", 1)[0], "what takes no time is left out"


def test_given_a_plan_when_not_explained_then_no_workload_is_made_for_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_here(capsys, "plan", LLAMA_8B, "--platform", PLATFORM, "--json").data["plans"][0]["readiness"] is None


def test_given_a_placement_without_a_workload_when_explained_then_its_start_is_unknown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (ROOT / "models" / "bge-large-en-v1-5.yaml").read_text(encoding="utf-8")
    model = write(tmp_path, "bge.yaml", f"{text}\nconstraints:\n  engines: [neuronx-distributed]\n")
    plan = run_here(capsys, "plan", model, "--platform", PLATFORM, "--explain", "--json").data["plans"][0]
    assert plan["chosen"]["rendered"] is False
    assert plan["readiness"] is None
