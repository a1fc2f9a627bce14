"""Every wrong file gets all its problems told, with the exit code of the contract and without a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_running import LLAMA_8B, MINIMAL, PLATFORM, run_here, write

CASES = {
    "an unknown key": (MINIMAL + "storge: s3\n", "storge"),
    "a missing field": (MINIMAL.replace("kind: foundation\n", ""), "kind"),
    "a wrong unit": (MINIMAL + "serving: {context_tokens: 16k}\n", "serving.context_tokens"),
    "a value that is not allowed": (MINIMAL + "storage: floppy\n", "storage"),
}


@pytest.mark.parametrize(("text", "path"), CASES.values(), ids=CASES.keys())
def test_given_a_wrong_descriptor_when_planned_then_the_problem_has_its_place_and_fix(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, path: str
) -> None:
    file = write(tmp_path, "model.yaml", text)
    answer = run_here(capsys, "plan", file, "--json")
    assert (answer.code, answer.out) == (4, "")
    (problem,) = answer.problems
    assert (problem["file"], problem["path"]) == (file, path)
    assert problem["line"]
    assert problem["fix"]


def test_given_many_mistakes_in_many_files_when_planned_then_all_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [
        write(tmp_path, "one.yaml", MINIMAL.replace("kind: foundation", "kind: other") + "storge: s3\n"),
        write(tmp_path, "two.yaml", MINIMAL + "serving: {concurrency: 0}\n"),
        write(tmp_path, "three.yaml", "- a list\n"),
    ]
    platform = write(tmp_path, "platform.yaml", "name: p\nregion: us-east-1\n")
    answer = run_here(capsys, "plan", *files, "--platform", platform, "--json")
    assert answer.code == 4
    told = {(problem["file"], problem["path"]) for problem in answer.problems}
    assert {(files[0], "kind"), (files[0], "storge"), (files[1], "serving.concurrency")} <= told
    assert {file for file, _path in told} == {*files, platform}


@pytest.mark.parametrize("command", [["plan"], ["size"], ["validate"]])
@pytest.mark.parametrize(
    ("name", "content"),
    [("absent.yaml", None), ("folder", "folder"), ("binary.yaml", b"\x00\xff\xfe" * 100), ("empty.yaml", b"")],
    ids=["missing", "a folder", "binary", "empty"],
)
def test_given_something_that_is_no_descriptor_when_read_then_one_problem_names_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: list[str], name: str, content: str | bytes | None
) -> None:
    path = tmp_path / name
    if content == "folder":
        path.mkdir()
    elif isinstance(content, bytes):
        path.write_bytes(content)
    answer = run_here(capsys, *command, str(path), "--json")
    assert (answer.code, answer.out) == (4, "")
    assert {problem["file"] for problem in answer.problems} == {str(path)}


def test_given_a_model_twice_when_planned_then_the_name_is_told_with_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [write(tmp_path, name, MINIMAL) for name in ("a.yaml", "b.yaml")]
    answer = run_here(capsys, "plan", *files, "--json")
    (problem,) = answer.problems
    assert answer.code == 4
    assert (problem["code"], problem["file"], problem["line"]) == ("duplicate-model-name", files[1], 1)


def test_given_an_unknown_region_in_the_platform_file_when_planned_then_its_line_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    zones = "network: {availability_zones: [us-east-9a, us-east-9b]}\n"
    platform = write(tmp_path, "p.yaml", f"name: p\nregion: us-east-9\n{zones}")
    answer = run_here(capsys, "plan", LLAMA_8B, "--platform", platform, "--json")
    (problem,) = answer.problems
    assert answer.code == 4
    assert (problem["code"], problem["file"], problem["line"]) == ("unknown-region", platform, 2)
    assert "us-east-1" in problem["allowed"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["plna"], "unknown-command"),
        (["plan"], "wrong-usage"),
        (["plan", LLAMA_8B, "--nonsense"], "wrong-usage"),
        (["plan", LLAMA_8B, "--region", "us-east-9"], "unknown-region"),
        (["render", LLAMA_8B], "wrong-usage"),
        (["size", LLAMA_8B, "--tp", "0"], "wrong-usage"),
        (["size", LLAMA_8B, "--tp", "2"], "option-without-target"),
        (["size", LLAMA_8B, "--memory-fraction", "92"], "wrong-usage"),
        (["size", LLAMA_8B, "--accelerator", "l40"], "unknown-accelerator"),
        (["size", LLAMA_8B, "--instance-type", "g6e.huge"], "unknown-instance-type"),
        (["size", LLAMA_8B, "--accelerator", "h100", "--instance-type", "g6e.xlarge"], "contradicting-target"),
        (["size", LLAMA_8B, "--instance-type", "g6e.xlarge", "--tp", "2"], "more-ranks-than-accelerators"),
        (["size", LLAMA_8B, "--accelerator", "l4", "--pp", "33"], "out-of-range"),
        (["size", LLAMA_8B, "--max-model-len", "131073"], "out-of-range"),
        (["size", LLAMA_8B, "--explain"], "option-without-target"),
        (["size", LLAMA_8B, "--accelerator", "v100-16gb"], "memory-not-known"),
        (["size", LLAMA_8B, "--accelerator", "l4", "--engine", "vlm"], "unknown-engine"),
        (["size", LLAMA_8B, "--accelerator", "l4", "--engine", "vllm@0.1"], "unknown-engine-version"),
        (["catalog", "show"], "wrong-usage"),
        (["catalog", "show", "g6.xlrage"], "unknown-instance-type"),
        (["catalog", "list", "g6.xlarge"], "wrong-usage"),
        (["catalog", "--family", "g99"], "unknown-instance-family"),
        (["catalog", "show", "g6.xlarge", "--family", "g6"], "wrong-usage"),
        (["schema", "cluster"], "wrong-usage"),
    ],
)
def test_given_wrong_usage_when_run_then_the_code_is_two_and_stdout_is_empty(
    capsys: pytest.CaptureFixture[str], arguments: list[str], code: str
) -> None:
    answer = run_here(capsys, *arguments, "--json")
    assert (answer.code, answer.out) == (2, "")
    assert answer.codes == [code]
    assert answer.problems[0]["fix"]


def test_given_a_mistyped_name_when_reported_then_the_nearest_is_offered(capsys: pytest.CaptureFixture[str]) -> None:
    assert "did you mean 'plan'?" in run_here(capsys, "plna").err
    assert "did you mean 'l40s'?" in run_here(capsys, "size", LLAMA_8B, "--accelerator", "L40").err


def test_given_lines_instead_of_json_when_reported_then_place_code_and_fix_are_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path, "model.yaml", MINIMAL + "storge: s3\n")
    answer = run_here(capsys, "plan", file)
    assert answer.code == 4
    first, *rest = answer.err.splitlines()
    assert first.startswith(f"{file}:5: error[")
    assert any("fix: " in line and "storage" in line for line in rest)


@pytest.mark.parametrize(
    ("source", "code"), [("s3://bucket/prefix", "source-not-supported"), ("hf://org/name", "remote-unreachable")]
)
def test_given_a_source_that_cannot_be_read_when_described_then_it_is_told(
    source: str, code: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    answer = run_here(capsys, "describe", source, "--json")
    assert (answer.code, answer.out) == (4, "")
    assert answer.codes == [code]


def test_given_names_that_the_catalogue_lacks_when_planned_then_each_is_told_with_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    constraints = "constraints:\n  accelerators: [l4, l40]\n  instance_families: [g6e, zz]\n"
    file = write(tmp_path, "model.yaml", MINIMAL + constraints)
    nodes = "capacity: {system_nodes: {instance_type: m7i.lrage}}\n"
    platform = write(
        tmp_path,
        "p.yaml",
        f"name: p\nregion: us-east-1\n{nodes}network: {{availability_zones: [us-east-1a, us-east-1b]}}\n",
    )
    for command in (["plan", file, "--platform", platform], ["validate", file, platform]):
        answer = run_here(capsys, *command, "--json")
        assert answer.code == 4
        assert [(one["code"], one["file"], one["line"], one["path"]) for one in answer.problems] == [
            ("unknown-accelerator", file, 6, "constraints.accelerators[1]"),
            ("unknown-instance-family", file, 7, "constraints.instance_families[1]"),
            ("unknown-instance-type", platform, 3, "capacity.system_nodes.instance_type"),
        ]
        assert [one["fix"] for one in answer.problems][0::2] == ["did you mean 'l40s'?", "did you mean 'm7i.large'?"]


def test_given_a_zone_that_is_not_known_when_planned_then_a_warning_names_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    zones = "network: {availability_zones: [us-east-1a, us-east-1x]}\n"
    platform = write(tmp_path, "p.yaml", f"name: p\nregion: us-east-1\n{zones}")
    told = f"{platform}: network.availability_zones[1]: us-east-1 has no zone 'us-east-1x' in the catalogue"
    assert run_here(capsys, "plan", LLAMA_8B, "--platform", platform, "--json").data["warnings"] == [told]
    assert f"warning: {told}\n" in run_here(capsys, "plan", LLAMA_8B, "--platform", platform).err


def test_given_a_model_that_no_engine_serves_when_planned_then_every_engine_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path, "model.yaml", MINIMAL.replace("safetensors", "pytorch"))
    answer = run_here(capsys, "plan", file, "--json")
    assert (answer.code, answer.codes) == (3, ["nothing-fits"])
    message = answer.problems[0]["message"]
    assert message.startswith("no engine serves tiny: ")
    assert all(engine in message for engine in ("Text Embeddings Inference", "Triton", "vLLM"))
    shown = run_here(capsys, "plan", file).out
    assert " TP " not in shown.partition("fits nowhere")[2]
    assert all(f"\n  {engine}: engine-model: " in shown for engine in ("tei", "triton", "vllm"))


def test_given_an_images_file_that_is_not_there_when_planned_then_the_platform_names_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    zones = "network: {availability_zones: [us-east-1a, us-east-1b]}\n"
    platform = write(tmp_path, "p.yaml", f"name: p\nregion: us-east-1\nimages: absent.yaml\n{zones}")
    for command in (["plan", LLAMA_8B, "--platform", platform], ["validate", LLAMA_8B, platform]):
        (problem,) = run_here(capsys, *command, "--json").problems
        assert (problem["code"], problem["file"], problem["line"]) == ("file-not-found", platform, 3)
        assert (problem["path"], problem["message"]) == ("images", "'absent.yaml': there is no such file")


def test_given_a_platform_as_a_model_or_the_other_way_round_when_planned_then_one_problem_says_so(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for arguments, file, word in (
        (["plan", PLATFORM, LLAMA_8B], PLATFORM, "--platform"),
        (["size", PLATFORM], PLATFORM, "--platform"),
        (["plan", LLAMA_8B, "--platform", LLAMA_8B], LLAMA_8B, "without --platform"),
    ):
        answer = run_here(capsys, *arguments, "--json")
        (problem,) = answer.problems
        assert answer.code == 4
        assert (problem["code"], problem["file"], problem["line"]) == ("wrong-kind-of-file", file, 1)
        assert word in problem["fix"]


def test_given_a_name_that_cannot_be_served_when_rendered_then_file_and_line_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(
        tmp_path, "model.yaml", Path(LLAMA_8B).read_text(encoding="utf-8").replace("llama-3-1-8b-instruct", "vllm")
    )
    answer = run_here(capsys, "render", file, "-o", str(tmp_path / "out"), "--json")
    assert (answer.code, answer.out) == (4, "")
    (problem,) = answer.problems
    assert (problem["code"], problem["file"], problem["line"]) == ("name-reserved", file, 2)
    assert not (tmp_path / "out").exists()
