"""`plan` and `render` of fine-tuning jobs, as a user runs them."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from cli_running import LLAMA_8B, PLATFORM, ROOT, run_here

EXAMPLES = sorted(str(path) for path in (ROOT / "docs" / "examples" / "fine-tune").glob("*.yaml"))
LORA = EXAMPLES[1]


def job(folder: Path, more: str) -> str:
    path = folder / "job.yaml"
    path.write_text(f"name: j\nkind: fine-tune\nmodel: {LLAMA_8B}\ndata: {{path: d.jsonl}}\n{more}", encoding="utf-8")
    return str(path)


def test_plan_names_every_term_alternative_and_rejection(capsys: pytest.CaptureFixture[str]) -> None:
    answer = run_here(capsys, "plan", *EXAMPLES, "--platform", PLATFORM, "--json")
    assert answer.code == 0
    document = answer.data
    assert document["schema"] == "ai-on-eks/plan-jobs/v1"
    assert [one["job"] for one in document["jobs"]] == ["llama-70b-domain", "llama-8b-support"]
    for one in document["jobs"]:
        chosen = one["chosen"]
        assert sum(term["bytes"] for term in chosen["terms"]) == chosen["rank_bytes"]
        assert all(term["formula"] and term["source"] for term in chosen["terms"])
        assert chosen["usd"] == pytest.approx(chosen["usd_per_hour"] * chosen["hours"])
        assert one["alternatives"]
        assert all(rejection["rule"] and rejection["reason"] for rejection in one["rejected"])


def test_plan_for_people_has_a_row_for_each_job(capsys: pytest.CaptureFixture[str]) -> None:
    answer = run_here(capsys, "plan", *EXAMPLES, "--platform", PLATFORM)
    assert answer.code == 0
    rows = [line.split()[:3] for line in answer.out.splitlines()[1:]]
    assert [row[:2] for row in rows] == [["llama-70b-domain", "full"], ["llama-8b-support", "lora"]]


def test_a_job_that_fits_nowhere_ends_with_3_and_the_nearest_miss(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = job(tmp_path, "method: full\nconstraints: {accelerators: [l4], max_nodes: 1}\n")
    answer = run_here(capsys, "plan", file, "--platform", PLATFORM)
    assert answer.code == 3
    assert "error[nothing-trains]" in answer.err
    assert run_here(capsys, "render", file, "--platform", PLATFORM, "-o", str(tmp_path / "out")).code == 3
    assert not (tmp_path / "out").exists()


def test_models_and_jobs_are_not_planned_together(capsys: pytest.CaptureFixture[str]) -> None:
    answer = run_here(capsys, "plan", LLAMA_8B, LORA, "--platform", PLATFORM)
    assert answer.code == 2
    assert "error[kinds-mixed]" in answer.err


def test_two_jobs_of_one_name_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    answer = run_here(capsys, "plan", LORA, LORA, "--platform", PLATFORM)
    assert answer.code == 4
    assert "error[duplicate-job-name]" in answer.err


def test_render_writes_a_file_for_each_job_and_the_queues(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "out"
    answer = run_here(capsys, "render", *EXAMPLES, "--platform", PLATFORM, "-o", str(folder))
    assert answer.code == 0
    names = ["llama-70b-domain.yaml", "llama-8b-support.yaml", "queues.yaml"]
    assert sorted(path.name for path in folder.glob("*.yaml")) == names
    kinds = {name: [one["kind"] for one in yaml.safe_load_all((folder / name).read_text())] for name in names}
    assert kinds["queues.yaml"] == ["ResourceFlavor", "ResourceFlavor", "ClusterQueue", "LocalQueue"]
    assert kinds["llama-8b-support.yaml"] == ["ServiceAccount", "ConfigMap", "NetworkPolicy", "JobSet"]
    again = tmp_path / "again"
    assert run_here(capsys, "render", *EXAMPLES, "--platform", PLATFORM, "-o", str(again)).code == 0
    assert all((folder / name).read_bytes() == (again / name).read_bytes() for name in names)


def test_the_schema_is_there_for_editors(capsys: pytest.CaptureFixture[str]) -> None:
    answer = run_here(capsys, "schema", "fine-tune")
    assert answer.data["properties"]["kind"]["const"] == "fine-tune"


@pytest.mark.parametrize("command", ["size", "validate"])
def test_a_job_is_told_from_a_model_where_only_models_are_read(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = run_here(capsys, command, LORA, "--json")
    assert answer.code != 0
    assert "wrong-kind-of-file" in answer.out + answer.err
    assert "describes a fine-tuning job" in answer.out + answer.err
