"""What `size` and `plan` say of a mixture of experts."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_running import run_here

MIXTRAL = """
name: mixtral
kind: foundation
source:
  uri: hf://mistralai/Mixtral-8x7B-v0.1
  format: safetensors
architecture:
  family: transformer
  config:
    model_type: mixtral
    hidden_size: 4096
    intermediate_size: 14336
    num_hidden_layers: 32
    num_attention_heads: 32
    num_key_value_heads: 8
    num_local_experts: 8
    num_experts_per_tok: 2
    vocab_size: 32000
    max_position_embeddings: 32768
precision:
  weights: bf16
serving:
  context_tokens: 4096
  concurrency: 4
"""


def test_given_a_mixture_when_sized_then_total_and_active_parameters_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mixtral.yaml"
    path.write_text(MIXTRAL.lstrip(), encoding="utf-8")
    body = run_here(capsys, "size", str(path), "--json").data
    assert body["parameters"] == {"total": 46_702_792_704, "active": 12_879_925_248}
    assert body["weights_bytes"] == 2 * 46_702_792_704
    assert "12,879,925,248" in run_here(capsys, "size", str(path)).out
