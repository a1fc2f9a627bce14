"""The weights beside a config are compared with what it accounts for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cli_running import run_here

CONFIG: dict[str, Any] = {
    "model_type": "llama", "architectures": ["LlamaForCausalLM"], "torch_dtype": "bfloat16", "vocab_size": 32_000,
    "hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 8, "num_attention_heads": 8,
    "max_position_embeddings": 4096,
}  # fmt: skip
BYTES = 2 * (2 * 32_000 * 1024 + 8 * (4 * 1024 * 1024 + 3 * 1024 * 4096 + 2 * 1024) + 1024)


def notes(folder: Path, sizes: dict[str, int], config: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> list[str]:
    (folder / "config.json").write_text(json.dumps(config))
    for name, size in sizes.items():
        with (folder / name).open("wb") as stream:
            stream.truncate(size)
    answer = run_here(capsys, "describe", str(folder), "--json")
    assert answer.code == 0
    found: list[str] = answer.data["notes"]
    return [note for note in found if "weight files" in note]


@pytest.mark.parametrize(
    "sizes",
    [
        {"model.safetensors": BYTES + 20_000},
        {"model-00001-of-00002.safetensors": BYTES // 2, "model-00002-of-00002.safetensors": BYTES // 2},
        {"model.safetensors-00001-of-00001.safetensors": BYTES},
        {"model-00001-of-00002.safetensors": 1},
        {"model-00001-of-00002.safetensors": 1, "model-00002-of-00003.safetensors": 1},
        {"model.safetensors": 0},
        {"consolidated.safetensors": 1},
        {"pytorch_model.bin": 1},
        {},
    ],
    ids=str,
)
def test_given_weights_that_fit_or_cannot_be_judged_when_described_then_nothing_is_said(
    sizes: dict[str, int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert notes(tmp_path, sizes, CONFIG, capsys) == []


@pytest.mark.parametrize(
    ("size", "change"),
    [
        (BYTES // 2, {}),
        (2 * BYTES, {}),
        (134, {}),
        (BYTES, {"num_hidden_layers": 7}),
        (BYTES, {"torch_dtype": "float32"}),
    ],
)
def test_given_weights_of_another_size_when_described_then_a_note_gives_both(
    size: int, change: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (note,) = notes(tmp_path, {"model.safetensors": size}, CONFIG | change, capsys)
    assert f"{size / 2**30:.2f} GiB" in note
