"""The training program as far as it needs no trainer: data, checkpoints in the bucket, arguments, who does what.

That it trains is tested beside this file; several processes on devices were not tried.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from ai_on_eks.programs import fine_tune
from ai_on_eks.programs.fine_tune import DataError, Folder, Place, Shared, accumulation, check_lines, training_arguments

BUCKET = "weights"
LINES = '{"text": "one"}\n{"messages": []}\n'

SETTINGS: dict[str, Any] = {
    "method": "lora",
    "adapter": {"rank": 16, "alpha": 32, "targets": "all-linear"},
    "training": {
        "sequence_tokens": 2048, "batch": 16, "micro_batch": 1, "epochs": 2, "learning_rate": 1e-4,
        "activation_checkpointing": True, "checkpoint_steps": 50,
    },
}  # fmt: skip


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Folder]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket=BUCKET)
        client.put_object(Bucket=BUCKET, Key="datasets/d.jsonl", Body=LINES.encode())
        yield Folder(client, BUCKET, "finetunes/j")


def prepared(folder: Folder, work: Path, place: Place | None = None) -> str | None:
    data = work / "data.jsonl"
    fetch = partial(folder.client.download_file, BUCKET, "datasets/d.jsonl", str(data))
    return fine_tune.prepare(folder, data, fetch, work, place or Place({}))


def checkpoint(folder: Folder, tmp_path: Path, name: str, *, complete: bool) -> None:
    source = tmp_path / "made" / name
    (source / "inner").mkdir(parents=True)
    (source / "trainer_state.json").write_text(name)
    (source / "inner" / "rank-0").write_text("r")
    folder.upload(source, f"checkpoints/{name}")
    if complete:
        folder.finish_checkpoint(name)


def test_without_a_checkpoint_a_job_starts_anew(folder: Folder, tmp_path: Path) -> None:
    assert prepared(folder, tmp_path) is None
    assert (tmp_path / "data.jsonl").read_text() == LINES


def test_a_job_goes_on_from_the_newest_complete_checkpoint(folder: Folder, tmp_path: Path) -> None:
    checkpoint(folder, tmp_path, "checkpoint-900", complete=True)
    checkpoint(folder, tmp_path, "checkpoint-1000", complete=False)
    work = tmp_path / "work"
    work.mkdir()
    assert prepared(folder, work) == "checkpoint-900"
    found = sorted(path.relative_to(work).as_posix() for path in (work / "checkpoints").rglob("*") if path.is_file())
    assert found == ["checkpoints/checkpoint-900/inner/rank-0", "checkpoints/checkpoint-900/trainer_state.json"]


def test_a_complete_checkpoint_removes_those_before_it_and_none_after(folder: Folder, tmp_path: Path) -> None:
    for name, complete in (("checkpoint-90", True), ("checkpoint-100", True), ("checkpoint-200", False)):
        checkpoint(folder, tmp_path, name, complete=complete)
    assert sorted({key.split("/")[1] for key in folder.keys("checkpoints/")}) == ["checkpoint-100", "checkpoint-200"]


def test_other_processes_of_a_node_wait_for_the_first(
    folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ready").write_text("checkpoint-7")
    second = Place({"RANK": "1", "LOCAL_RANK": "1", "WORLD_SIZE": "2"})
    assert prepared(folder, tmp_path, second) == "checkpoint-7"
    (tmp_path / "ready").unlink()
    monkeypatch.setattr(fine_tune, "MOST_WAIT_SECONDS", 2)
    monkeypatch.setattr(fine_tune, "WAIT_SECONDS", 0)
    with pytest.raises(TimeoutError):
        prepared(folder, tmp_path, second)


def test_in_a_shared_folder_nothing_is_copied_and_the_newest_complete_checkpoint_is_read(tmp_path: Path) -> None:
    results, work = tmp_path / "results", tmp_path / "work"
    work.mkdir()
    data = tmp_path / "d.jsonl"
    data.write_text(LINES)
    kept = Shared(results)
    for name in ("checkpoint-90", "checkpoint-100", "checkpoint-200"):
        (results / "checkpoints" / name).mkdir(parents=True)
        (results / "checkpoints" / name / "part").write_text(name)
    kept.finish_checkpoint("checkpoint-90")
    assert fine_tune.prepare(kept, data, lambda: None, work, Place({})) == "checkpoint-90"
    kept.finish_checkpoint("checkpoint-100")
    assert kept.newest_checkpoint() == "checkpoint-100"
    assert sorted(path.name for path in (results / "checkpoints").iterdir()) == ["checkpoint-100", "checkpoint-200"]
    assert (kept.checkpoints(work), kept.result(work)) == (results / "checkpoints", results / "result")
    assert [path.name for path in work.iterdir()] == ["ready"]


def test_a_checkpoint_that_is_being_removed_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """GIVEN a pod that ends while it removes an old checkpoint THEN no restart reads what is left of it."""
    kept = Shared(tmp_path)
    for name in ("checkpoint-1", "checkpoint-2"):
        (tmp_path / "checkpoints" / name).mkdir(parents=True)
    kept.finish_checkpoint("checkpoint-1")

    def killed(path: Path) -> None:
        raise KeyboardInterrupt(path)

    monkeypatch.setattr("ai_on_eks.programs.fine_tune.shutil.rmtree", killed)
    with pytest.raises(KeyboardInterrupt):
        kept.finish_checkpoint("checkpoint-2")
    (tmp_path / "checkpoints" / "checkpoint-2" / "complete").unlink()
    assert kept.newest_checkpoint() is None


def test_a_shared_folder_keeps_the_last_complete_checkpoint_until_the_next_has_every_part(tmp_path: Path) -> None:
    """The trainer removes older ones as soon as its own part is written, whatever the other nodes have."""
    assert training_arguments(SETTINGS, tmp_path, 1, most_kept=None)["save_total_limit"] is None
    assert training_arguments(SETTINGS, tmp_path, 1)["save_total_limit"] == 1


def test_mounted_data_that_are_not_there_end_the_job_for_good(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = tmp_path / "settings.json"
    settings.write_text(json.dumps(SETTINGS))
    places = ["--weights", str(tmp_path), "--work", str(tmp_path), "--settings", str(settings)]
    code = fine_tune.main([*places, "--results", str(tmp_path / "results"), "--data", str(tmp_path / "none.jsonl")])
    assert code == fine_tune.EXIT_FINAL
    assert "there is no" in capsys.readouterr().err


@pytest.mark.parametrize("places", [["--results", "/r", "--data", "datasets/d"], ["--prefix", "p", "--data", "/d"]])
def test_a_bucket_is_asked_for_where_anything_lies_in_one(places: list[str]) -> None:
    with pytest.raises(SystemExit):
        fine_tune.main([*places, "--settings", "s", "--weights", "w", "--work", "k"])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"text": "a"}\nnot json\n', "line 2 is not JSON"),
        ('{"prompt": "a"}\n', "line 1 has neither messages nor text"),
        ("[]\n", "line 1 has neither"),
        ("", "no examples"),
    ],
)
def test_data_that_cannot_be_learnt_from_are_told_with_their_line(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "d.jsonl"
    path.write_text(text)
    with pytest.raises(DataError, match=reason):
        check_lines(path)


def test_bad_data_end_the_job_for_good(folder: Folder, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder.client.put_object(Bucket=BUCKET, Key="datasets/d.jsonl", Body=b"no json")
    settings, work = tmp_path / "settings.json", tmp_path / "work"
    settings.write_text(json.dumps(SETTINGS))
    work.mkdir()
    code = fine_tune.main(
        ["--settings", str(settings), "--bucket", BUCKET, "--prefix", "finetunes/j", "--data", "datasets/d.jsonl",
         "--weights", str(tmp_path), "--work", str(work)]
    )  # fmt: skip
    assert code == fine_tune.EXIT_FINAL
    assert "line 1 is not JSON" in capsys.readouterr().err


def test_a_batch_is_summed_up_of_what_all_processes_take_at_once() -> None:
    assert accumulation(128, 2, 16) == 4
    with pytest.raises(DataError, match="no multiple"):
        accumulation(100, 2, 16)


@pytest.mark.parametrize(
    ("method", "world_size", "is_divided"),
    [("lora", 1, False), ("lora", 8, True), ("full", 8, True), ("qlora", 8, False)],
)
def test_states_are_divided_as_sizing_counts_them(
    method: str, world_size: int, is_divided: bool, tmp_path: Path
) -> None:
    arguments = training_arguments({**SETTINGS, "method": method}, tmp_path, world_size)
    assert ("fsdp" in arguments) is is_divided
    if is_divided:
        assert arguments["fsdp_config"]["fsdp_version"] == 2
        assert arguments["fsdp_config"]["activation_checkpointing"] is True
    assert arguments["gradient_checkpointing"] is not is_divided
    assert arguments["gradient_accumulation_steps"] == 16 // world_size
    assert (arguments["max_length"], arguments["save_steps"], arguments["bf16"]) == (2048, 50, True)
