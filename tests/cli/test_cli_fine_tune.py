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


def test_a_job_is_told_from_a_model_where_only_models_are_read(capsys: pytest.CaptureFixture[str]) -> None:
    answer = run_here(capsys, "report", LORA, "-o", "never.html")
    assert answer.code == 4
    assert "wrong-kind-of-file" in answer.err
    assert "describes a fine-tuning job" in answer.err


LUSTRE = ROOT / "docs" / "examples" / "fine-tune-lustre"


def test_validate_takes_jobs_and_names_what_they_run_and_where_they_fit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = run_here(capsys, "validate", PLATFORM, LLAMA_8B, LORA, "--json")
    assert answer.data["jobs"] == [LORA]
    assert {one["code"] for one in answer.data["findings"]} <= {"unpinned-image", "stale-prices", "stale-catalogue"}
    paths = {one["path"] for one in answer.data["findings"] if one["code"] == "unpinned-image"}
    assert "images.weights-fetch.digest" in paths
    nowhere = job(tmp_path, "method: full\nconstraints: {accelerators: [l4], max_nodes: 1}\n")
    found = run_here(capsys, "validate", PLATFORM, nowhere, "--json")
    assert found.code == 1
    assert [one["file"] for one in found.data["findings"] if one["code"] == "nothing-trains"] == [nowhere]


def test_validate_tells_the_mistakes_of_jobs_and_models_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "m.yaml").write_text("name: m\nkind: foundtion\n", encoding="utf-8")
    answer = run_here(capsys, "validate", PLATFORM, str(tmp_path / "m.yaml"), job(tmp_path, "method: lra\n"))
    assert answer.code == 4
    assert answer.err.count("error[not-allowed]") == 2


def test_validate_finds_the_jobs_of_a_project(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "jobs").mkdir()
    (tmp_path / "platform.yaml").write_text(Path(PLATFORM).read_text(encoding="utf-8"), encoding="utf-8")
    file = job(tmp_path / "jobs", "method: lora\n")
    monkeypatch.chdir(tmp_path)
    assert run_here(capsys, "validate", "--json").data["jobs"] == ["jobs/job.yaml"]
    assert Path(file).is_file()


def test_validate_explains_a_job(capsys: pytest.CaptureFixture[str]) -> None:
    answer = run_here(capsys, "validate", PLATFORM, LORA, "--explain", "--json")
    settings = {one["path"]: one for one in answer.data["settings"][LORA]}
    assert (settings["training.epochs"]["value"], settings["training.epochs"]["origin"]) == (2, "file")
    assert (settings["checkpoints.storage"]["value"], settings["checkpoints.storage"]["origin"]) == ("s3", "default")


def test_a_job_on_lustre_needs_a_platform_with_one(capsys: pytest.CaptureFixture[str]) -> None:
    file = str(LUSTRE / "llama-8b-lustre.yaml")
    assert run_here(capsys, "validate", str(LUSTRE / "platform.yaml"), file).code in {0, 1}
    answer = run_here(capsys, "validate", PLATFORM, file)
    assert answer.code == 4
    assert f"{file}:8: error[storage-not-on-platform] data.storage" in answer.err
    assert f"{file}:11: error[storage-not-on-platform] checkpoints.storage" in answer.err


def test_size_tells_the_same_terms_as_the_plan(capsys: pytest.CaptureFixture[str]) -> None:
    planned = run_here(capsys, "plan", LORA, "--platform", PLATFORM, "--json").data["jobs"][0]["chosen"]
    answer = run_here(capsys, "size", LORA, "--instance-type", planned["instance_type"], "--json")
    assert (answer.code, answer.data["schema"], answer.data["fits"]) == (0, "ai-on-eks/size-job/v1", True)
    rank = answer.data["per_accelerator"]
    assert (rank["needed_bytes"], rank["headroom_bytes"]) == (planned["rank_bytes"], planned["headroom_bytes"])
    assert [one["name"] for one in rank["terms"]] == [one["name"] for one in planned["terms"]]
    assert (answer.data["host_bytes"], answer.data["disk_bytes"]) == (planned["host_bytes"], planned["disk_bytes"])


def test_size_of_a_job_without_a_target_is_of_one_rank(capsys: pytest.CaptureFixture[str]) -> None:
    answer = run_here(capsys, "size", LORA, "--explain")
    assert answer.code == 0
    assert "frozen weights" in answer.out
    assert "fit" not in answer.out
    assert run_here(capsys, "size", LORA, "--json").data["fits"] is None


def test_size_of_a_job_that_does_not_fit_ends_with_3(capsys: pytest.CaptureFixture[str]) -> None:
    answer = run_here(capsys, "size", EXAMPLES[0], "--instance-type", "g6e.2xlarge")
    assert answer.code == 3
    assert "does not fit on g6e.2xlarge" in answer.out


@pytest.mark.parametrize("options", [("--engine", "vllm"), ("--tp", "2"), ("--max-model-len", "8")])
def test_size_of_a_job_takes_no_option_of_serving(options: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    answer = run_here(capsys, "size", LORA, *options)
    assert answer.code == 2
    assert f"error[wrong-usage] {options[0]}" in answer.err


@pytest.mark.parametrize("name", ["c7i.2xlarge", "trn1.2xlarge", "g4dn.xlarge", "g6f.xlarge"])
def test_size_of_a_job_refuses_types_on_which_none_trains(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    answer = run_here(capsys, "size", LORA, "--instance-type", name)
    assert (answer.code, f"nothing trains on {name}" in answer.err) == (2, True)
