"""The file of a fine-tuning job: what passes, and every mistake with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from ai_on_eks.descriptors.fine_tune import AdapterTargets, JobStorage, TuningMethod
from ai_on_eks.descriptors.fine_tune_kind import is_fine_tune
from ai_on_eks.descriptors.fine_tune_loading import load_fine_tune
from ai_on_eks.errors import InputError

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "models" / "llama-3-1-8b-instruct.yaml"
JOB = """\
name: j
kind: fine-tune
model: {model}
method: {method}
data: {{path: d.jsonl}}
"""


def written(folder: Path, more: str = "", *, model: str | None = None, method: str = "lora") -> Path:
    path = folder / "job.yaml"
    path.write_text(JOB.format(model=model or MODEL, method=method) + more, encoding="utf-8")
    return path


def refused(path: Path) -> list[tuple[str, str | None]]:
    with pytest.raises(InputError) as caught:
        load_fine_tune(path)
    assert all(problem.line is not None and problem.fix and problem.file for problem in caught.value.problems)
    return [(problem.code, problem.path) for problem in caught.value.problems]


def test_given_a_short_file_then_defaults_are_as_documented(tmp_path: Path) -> None:
    found = load_fine_tune(written(tmp_path))
    assert found.job.method is TuningMethod.LORA
    assert (found.job.adapter.rank, found.job.adapter.targets) == (16, AdapterTargets.ALL_LINEAR)
    assert (found.job.training.batch, found.job.training.micro_batch, found.job.deadline_hours) == (16, 1, 24.0)
    assert found.descriptor.name == "llama-3-1-8b-instruct"
    assert (found.job.data.storage, found.job.checkpoints.storage) == (JobStorage.S3, JobStorage.S3)
    assert found.job.lustre_paths == ()


def test_given_a_job_in_lustre_then_its_file_says_which_settings_ask_for_it() -> None:
    lustre = ROOT / "docs" / "examples" / "fine-tune-lustre" / "llama-8b-lustre.yaml"
    assert load_fine_tune(lustre).job.lustre_paths == ("data.storage", "checkpoints.storage")


def test_given_the_examples_then_they_load() -> None:
    examples = sorted((ROOT / "docs" / "examples" / "fine-tune").glob("*.yaml"))
    assert len(examples) == 2
    assert [load_fine_tune(path).file for path in examples] == [str(path) for path in examples]


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("trainig: {}\n", ("unknown-key", "trainig")),
        ("adapter: {rank: 0}\n", ("out-of-range", "adapter.rank")),
        ("adapter: {targets: all}\n", ("not-allowed", "adapter.targets")),
        ("training: {batch: 10, micro_batch: 4}\n", ("batch-not-divided", "training.batch")),
        ("training: {sequence_tokens: 1000000}\n", ("out-of-range", "training.sequence_tokens")),
        ("training: {learning_rate: 2}\n", ("out-of-range", "training.learning_rate")),
        ("checkpoints: {storage: efs}\n", ("not-allowed", "checkpoints.storage")),
        ("checkpoints: {path: a}\n", ("unknown-key", "checkpoints.path")),
        ("constraints: {max_nodes: 0}\n", ("out-of-range", "constraints.max_nodes")),
    ],
)
def test_given_a_mistake_then_it_is_told_with_its_path(tmp_path: Path, more: str, expected: tuple[str, str]) -> None:
    assert refused(written(tmp_path, more)) == [expected]


def test_given_an_adapter_where_all_weights_are_trained_then_it_has_no_effect(tmp_path: Path) -> None:
    assert refused(written(tmp_path, "adapter: {rank: 8}\n", method="full")) == [("setting-without-effect", "adapter")]


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        ("models/bge-large-en-v1-5.yaml", "generates nothing"),
        ("models/resnet-50.yaml", "is stored as onnx"),
        ("tests/k8s/engine_models/qwen3-14b-gguf.yaml", "is stored as gguf"),
    ],
)
def test_given_a_model_that_cannot_be_trained_then_the_reason_is_told(tmp_path: Path, model: str, reason: str) -> None:
    with pytest.raises(InputError) as caught:
        load_fine_tune(written(tmp_path, model=str(ROOT / model)))
    (problem,) = [one for one in caught.value.problems if one.code == "model-not-trainable"]
    assert problem.path == "model"
    assert reason in problem.message


def test_given_a_model_of_known_size_alone_then_its_layers_are_not_known(tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text(
        "name: m\nkind: foundation\nsource: {uri: hf://org/m, format: safetensors}\n"
        "architecture: {family: transformer, parameters: 8000000000}\n"
    )
    assert refused(written(tmp_path, model="m.yaml")) == [("model-not-trainable", "model")]


def test_given_a_model_that_is_not_there_then_the_job_says_which(tmp_path: Path) -> None:
    ((code, path),) = refused(written(tmp_path, model="none.yaml"))
    assert (code, path) == ("file-not-found", "model")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("kind: fine-tune\n", True),
        ("name: a\nkind: 'fine-tune'  # a job\n", True),
        ("kind: foundation\n", False),
        ("  kind: fine-tune\n", False),
        ("# kind: fine-tune\n", False),
    ],
)
def test_given_a_file_then_its_own_word_tells_its_kind(tmp_path: Path, text: str, expected: bool) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(text)
    assert is_fine_tune(str(path)) is expected
    assert is_fine_tune(str(tmp_path / "none.yaml")) is False
