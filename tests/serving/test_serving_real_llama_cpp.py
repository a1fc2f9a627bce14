"""llama.cpp, really started: the rendered container's own command on a model of 200 kB.

    make engine-test          a server of August 2026 that a package brings compiled (build 10434); CI runs this one
    make engine-test-built    the build beside the deployed one (11349), compiled first

Everywhere else it is skipped: `LLAMA_SERVER` names the program.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import gguf
import numpy as np
import pytest
from msgspec.structs import asdict
from real_engines import Running, in_background, lay_out, start_container

from ai_on_eks.catalog.engine_metrics import engine_metrics
from ai_on_eks.catalog.loading import load_catalog
from ai_on_eks.descriptors.architectures import build_inventory
from ai_on_eks.descriptors.loading import load_descriptor
from ai_on_eks.descriptors.platform import PlannedEngines, Platform
from ai_on_eks.placement.planning import plan_model
from ai_on_eks.serving.images import load_images
from ai_on_eks.serving.types import Workload
from ai_on_eks.serving.workload import build_workload

SERVER = os.environ.get("LLAMA_SERVER") or shutil.which("llama-server")

pytestmark = [
    pytest.mark.local_server,
    pytest.mark.enable_socket,
    pytest.mark.allow_hosts(["127.0.0.1"]),
    pytest.mark.skipif(SERVER is None, reason="LLAMA_SERVER names no llama-server: make engine-test brings one"),
]

PATIENCE = 4.0
"""Seconds until a caller gives up."""

HIDDEN, HEADS, KV_HEADS, LAYERS, WIDTH, VOCABULARY, CONTEXT = 64, 4, 2, 2, 128, 300, 32768
LONG = CONTEXT - 64
"""Tokens that take a processor longer than a caller waits: a fifth of a millisecond each, and more as they grow."""

CONTROL, BYTES = 3, 256
"""The first tokens of the vocabulary: those that are no text, then one for each byte."""
CONSTANT = 10.0
DESCRIPTOR = f"""\
name: tiny
kind: foundation
source: {{uri: "s3://example-models/tiny", file: tiny.gguf, format: gguf}}
architecture:
  family: transformer
  config:
    model_type: llama
    hidden_size: {HIDDEN}
    intermediate_size: {WIDTH}
    num_hidden_layers: {LAYERS}
    num_attention_heads: {HEADS}
    num_key_value_heads: {KV_HEADS}
    vocab_size: {VOCABULARY}
    max_position_embeddings: {CONTEXT}
    tie_word_embeddings: false
precision: {{weights: fp16, scheme: "gguf:f16"}}
serving: {{context_tokens: {CONTEXT}, concurrency: 2}}
constraints: {{accelerators: [cpu], instance_families: [c7i]}}
"""


def write_model(path: Path) -> None:
    """A Llama with random weights and a vocabulary of bytes. It never ends by itself and writes whole characters only:
    to half of one build 10434 answers 500.

    One dimension is the same large value for every token and stays so through the layers; the output's weights on it
    are what every token is liked or disliked for.
    """
    random = np.random.default_rng(0)
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(HIDDEN)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(WIDTH)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(HIDDEN // HEADS)
    writer.add_vocab_size(VOCABULARY)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(BYTES))]
    tokens += [f"▁w{number}" for number in range(VOCABULARY - len(tokens))]
    kinds = [gguf.TokenType.UNKNOWN, *[gguf.TokenType.CONTROL] * 2, *[gguf.TokenType.BYTE] * BYTES]
    kinds += [gguf.TokenType.NORMAL] * (VOCABULARY - len(kinds))
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores([0.0] * VOCABULARY)
    writer.add_token_types(kinds)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    rows = KV_HEADS * HIDDEN // HEADS
    shapes = {"token_embd": (VOCABULARY, HIDDEN), "output": (VOCABULARY, HIDDEN)}
    for layer in range(LAYERS):
        shapes |= {
            f"blk.{layer}.attn_q": (HIDDEN, HIDDEN), f"blk.{layer}.attn_output": (HIDDEN, HIDDEN),
            f"blk.{layer}.attn_k": (rows, HIDDEN), f"blk.{layer}.attn_v": (rows, HIDDEN),
            f"blk.{layer}.ffn_gate": (WIDTH, HIDDEN), f"blk.{layer}.ffn_up": (WIDTH, HIDDEN),
            f"blk.{layer}.ffn_down": (HIDDEN, WIDTH),
        }  # fmt: skip
    for name, shape in shapes.items():
        weights = random.normal(0, 0.02, shape).astype(np.float16)
        if name == "token_embd":
            weights[:, 0] = CONSTANT
        elif name == "output":
            weights[:CONTROL, 0] = weights[CONTROL + 0x80 : CONTROL + BYTES, 0] = -CONSTANT
        writer.add_tensor(f"{name}.weight", weights)
    for name in ("output_norm", *(f"blk.{n}.{part}_norm" for n in range(LAYERS) for part in ("attn", "ffn"))):
        writer.add_tensor(f"{name}.weight", np.ones(HIDDEN, dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@pytest.fixture(scope="module")
def workload(tmp_path_factory: pytest.TempPathFactory, platform: Platform) -> Workload:
    """Planned and built as any other model."""
    path = tmp_path_factory.mktemp("descriptor") / "tiny.yaml"
    path.write_text(DESCRIPTOR, encoding="utf-8")
    descriptor = load_descriptor(path)
    rendered = platform.model_copy(update={"engines": PlannedEngines.RENDERED})
    plan = plan_model(descriptor, build_inventory(descriptor), load_catalog(platform.region), rendered)
    built = build_workload(plan, rendered, load_images(None))
    assert built.engine == "llama-cpp"
    return built


@pytest.fixture
def engine(workload: Workload, tmp_path: Path) -> Iterator[Running]:
    assert SERVER is not None
    lay_out(workload, tmp_path)
    write_model(tmp_path / "models" / "tiny.gguf")
    running = start_container(workload, tmp_path, {"llama-server": [SERVER]})
    yield running
    running.end()


def test_the_rendered_command_serves_and_stops_within_its_grace_period(workload: Workload, engine: Running) -> None:
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        engine.wait_for(probe)

    status, text = engine.ask("/v1/completions", {"model": workload.name, "prompt": "hello", "max_tokens": 8})
    assert (status, json.loads(text)["usage"]["completion_tokens"]) == (200, 8)
    assert json.loads(engine.ask("/v1/models")[1])["data"][0]["id"] == workload.name

    # The hook has slept; what is left of the grace period is for the server.
    hook = workload.pod_spec["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    left = workload.pod_spec["terminationGracePeriodSeconds"] - hook
    assert engine.stop(left) < left
    assert engine.process.returncode == 0


def test_requests_that_outlive_the_hook_keep_the_server_until_their_callers_leave(
    workload: Workload, engine: Running
) -> None:
    """Why nothing is left to the server: it stops computing, answers nobody and does not end by itself."""
    engine.wait_for("readinessProbe")
    body = {"prompt": "hello", "max_tokens": LONG, "ignore_eos": True}
    started = [in_background(lambda: engine.ask("/v1/completions", body, seconds=PATIENCE)) for _ in range(3)]
    time.sleep(PATIENCE / 8)

    hook = workload.pod_spec["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    left = workload.pod_spec["terminationGracePeriodSeconds"] - hook
    assert engine.stop(left) > PATIENCE / 2
    for thread, answers in started:
        thread.join()
        assert answers[0][0] == 0


def test_alarms_and_autoscaling_ask_for_metrics_that_the_engine_has(workload: Workload, engine: Running) -> None:
    engine.wait_for("readinessProbe")
    engine.ask("/v1/completions", {"prompt": "hello", "max_tokens": 2})
    status, text = engine.ask(workload.metrics_path, port=workload.metrics_port)
    exported = set(re.findall(r"^# TYPE (\S+)", text, re.MULTILINE))

    assert status == 200
    named = {name.partition("{")[0] for name in asdict(engine_metrics("llama-cpp")).values() if isinstance(name, str)}
    assert named
    assert named <= exported, named - exported


def test_every_slot_has_the_context_that_was_planned(workload: Workload, engine: Running) -> None:
    engine.wait_for("readinessProbe")
    slots = json.loads(engine.ask("/props")[1])

    assert slots["total_slots"] == 2
    assert slots["default_generation_settings"]["n_ctx"] >= CONTEXT


def test_more_requests_than_slots_wait_and_are_answered(workload: Workload, engine: Running) -> None:
    engine.wait_for("readinessProbe")
    body = {"prompt": "hello", "max_tokens": 16}
    started = [in_background(lambda: engine.ask("/v1/completions", body)) for _ in range(5)]
    for thread, _ in started:
        thread.join()

    assert [answers[0][0] for _, answers in started] == [200] * 5
