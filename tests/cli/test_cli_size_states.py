"""What `size` says of models whose layers keep something else than keys and values."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_running import run_here

MAMBA = """
name: mamba-2-8b
kind: foundation
task: text-generation
source: {uri: hf://state-spaces/mamba-2.8b-hf, format: safetensors}
architecture:
  family: ssm
  config:
    {model_type: mamba, hidden_size: 2560, num_hidden_layers: 64, state_size: 16, expand: 2, conv_kernel: 4,
     vocab_size: 50280}
precision: {weights: bf16}
serving: {context_tokens: 4096, concurrency: 1}
storage: s3
"""


def test_given_only_recurrent_layers_when_explained_then_the_cache_is_told_without_a_size_per_token(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    path = tmp_path / "mamba.yaml"
    path.write_text(MAMBA, encoding="utf-8")
    answer = run_here(capsys, "size", str(path), "--accelerator", "a10g", "--explain")

    assert answer.code == 0
    assert "KV cache per token" not in answer.out
    assert "KV cache of a replica" in answer.out
    assert "(1 sequence × 1 block + 1) × 12,451,840 B; a sequence: 1 page of " in answer.out
    assert "fits: one replica holds 1 of 1 sequence of 4,096 tokens" in answer.out
    assert "1 ranks" not in answer.out
    assert "1 sequences" not in answer.out
