"""Thirty models of mixed kinds with the loads of one company: what docs/examples/fleet/ holds.

    python -m benchmarks.fleet_models          writes docs/examples/fleet/*.yaml again

Hyper-parameters are those of each model's own config.json on the hub, read 2026-11; only the keys that decide sizes are
kept. Loads are made up: chat in front of people, batches at night, search, moderation, a second copy for what must not
fail. Embedding models and classifiers may share an accelerator.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

FOLDER = Path(__file__).parents[1] / "docs" / "examples" / "fleet"

Config = Mapping[str, Any]


class Row(NamedTuple):
    """One model: where it is from, its shape, its load."""

    repository: str
    config: Config
    serving: Mapping[str, Any]
    weights: str = "bf16"
    kind: str = "foundation"
    family: str = "transformer"
    form: str = "safetensors"
    storage: str = "s3"


def decoder(model_type: str, shape: tuple[int, int, int, int, int, int], **more: Any) -> Config:
    """A language model: layers, hidden and feed-forward size, attention and key/value heads, vocabulary."""
    layers, width, inner, heads, groups, words = shape
    return {
        "model_type": model_type,
        "num_hidden_layers": layers,
        "hidden_size": width,
        "intermediate_size": inner,
        "num_attention_heads": heads,
        "num_key_value_heads": groups,
        "vocab_size": words,
        "tie_word_embeddings": False,
        "max_position_embeddings": 32768,
        **more,
    }


def encoder(model_type: str, layers: int, width: int, heads: int, *, words: int, positions: int = 512) -> Config:
    """A bidirectional encoder; its feed-forward layers are four times as wide."""
    return {
        "model_type": model_type,
        "num_hidden_layers": layers,
        "hidden_size": width,
        "intermediate_size": 4 * width,
        "num_attention_heads": heads,
        "vocab_size": words,
        "type_vocab_size": 2 if model_type == "bert" else 1,
        "max_position_embeddings": positions,
    }


def resnet(depths: list[int]) -> Config:
    """He et al. 2015, table 1, with bottlenecks."""
    return {
        "model_type": "resnet",
        "layer_type": "bottleneck",
        "num_channels": 3,
        "embedding_size": 64,
        "depths": depths,
        "hidden_sizes": [256, 512, 1024, 2048],
        "num_labels": 1000,
        "image_size": 224,
    }


def chat(context: int, concurrency: int, **more: Any) -> dict[str, Any]:
    return {"context_tokens": context, "concurrency": concurrency, **more}


def items(per_second: int, concurrency: int = 64, batch: int = 32, **more: Any) -> dict[str, Any]:
    return {"concurrency": concurrency, "batch": batch, "targets": {"items_per_second": per_second}, **more}


def prompt(tpot_ms: int) -> dict[str, Any]:
    """What someone waits for: a time per output token."""
    return {"targets": {"tpot_ms": tpot_ms}}


EMBEDDING: Mapping[str, str] = {"kind": "embedding"}
CLASSIFIER: Mapping[str, str] = {"kind": "task-specific", "family": "cnn", "form": "onnx", "weights": "fp32"}

_QWEN: Config = {"head_dim": 128, "max_position_embeddings": 40960}
_LLAMA: Config = {"max_position_embeddings": 131072}
_MIXTURE: Config = {"num_experts": 128, "num_experts_per_tok": 8, "moe_intermediate_size": 768, **_QWEN}

MODELS: tuple[Row, ...] = (
    Row(
        "meta-llama/Llama-3.3-70B-Instruct",
        decoder("llama", (80, 8192, 28672, 64, 8, 128256), **_LLAMA),
        chat(16384, 16),
    ),
    Row(
        "meta-llama/Llama-3.1-70B-Instruct",
        decoder("llama", (80, 8192, 28672, 64, 8, 128256), **_LLAMA),
        chat(8192, 32),
    ),
    Row("meta-llama/Llama-2-70b-chat-hf", decoder("llama", (80, 8192, 28672, 64, 8, 32000)), chat(4096, 8)),
    Row(
        "meta-llama/Llama-3.1-8B-Instruct",
        decoder("llama", (32, 4096, 14336, 32, 8, 128256), **_LLAMA),
        chat(16384, 32, **prompt(60)),
    ),
    Row(
        "meta-llama/Llama-3.2-3B-Instruct",
        decoder("llama", (28, 3072, 8192, 24, 8, 128256), **{**_LLAMA, "tie_word_embeddings": True}),
        chat(8192, 16),
    ),
    Row("Qwen/Qwen3-32B", decoder("qwen3", (64, 5120, 25600, 64, 8, 151936), **_QWEN), chat(16384, 16)),
    Row("Qwen/Qwen2.5-32B-Instruct", decoder("qwen2", (64, 5120, 27648, 40, 8, 152064)), chat(8192, 24)),
    Row(
        "Qwen/Qwen2.5-1.5B-Instruct",
        decoder("qwen2", (28, 1536, 8960, 12, 2, 151936), tie_word_embeddings=True),
        chat(4096, 32),
    ),
    Row(
        "Qwen/Qwen3-0.6B",
        decoder("qwen3", (28, 1024, 3072, 16, 8, 151936), tie_word_embeddings=True, **_QWEN),
        chat(4096, 16),
    ),
    Row("Qwen/Qwen3-30B-A3B", decoder("qwen3_moe", (48, 2048, 6144, 32, 4, 151936), **_MIXTURE), chat(16384, 32)),
    Row(
        "mistralai/Mistral-7B-Instruct-v0.3",
        decoder("mistral", (32, 4096, 14336, 32, 8, 32768)),
        chat(8192, 16, minimum_replicas=2),
    ),
    Row(
        "mistralai/Mixtral-8x7B-Instruct-v0.1",
        decoder("mixtral", (32, 4096, 14336, 32, 8, 32000), num_local_experts=8, num_experts_per_tok=2),
        chat(8192, 16),
    ),
    Row("codellama/CodeLlama-34b-Instruct-hf", decoder("llama", (48, 8192, 22016, 64, 8, 32000)), chat(8192, 8)),
    Row("01-ai/Yi-34B-Chat", decoder("llama", (60, 7168, 20480, 56, 8, 64000)), chat(4096, 16)),
    Row("microsoft/phi-4", decoder("phi3", (40, 5120, 17920, 40, 10, 100352)), chat(8192, 16)),
    Row("XiaomiMiMo/MiMo-7B-RL", decoder("mimo", (36, 4096, 11008, 32, 8, 151680), head_dim=128), chat(8192, 8)),
    Row("BAAI/bge-large-en-v1.5", encoder("bert", 24, 1024, 16, words=30522), items(200), **EMBEDDING, weights="fp16"),
    Row(
        "BAAI/bge-base-en-v1.5",
        encoder("bert", 12, 768, 12, words=30522),
        items(100, minimum_replicas=2),
        **EMBEDDING,
        weights="fp16",
    ),
    Row("BAAI/bge-small-en-v1.5", encoder("bert", 12, 384, 12, words=30522), items(50), **EMBEDDING, weights="fp32"),
    Row(
        "BAAI/bge-m3",
        encoder("xlm-roberta", 24, 1024, 16, words=250002, positions=8194),
        items(20, context_tokens=2048),
        **EMBEDDING,
        weights="fp16",
    ),
    Row("intfloat/e5-base-v2", encoder("bert", 12, 768, 12, words=30522), items(30), **EMBEDDING, weights="fp32"),
    Row(
        "intfloat/multilingual-e5-large",
        encoder("xlm-roberta", 24, 1024, 16, words=250002, positions=514),
        items(80),
        **EMBEDDING,
        weights="fp16",
    ),
    Row(
        "sentence-transformers/all-MiniLM-L6-v2",
        encoder("bert", 6, 384, 12, words=30522),
        items(100),
        **EMBEDDING,
        weights="fp32",
    ),
    Row("thenlper/gte-large", encoder("bert", 24, 1024, 16, words=30522), items(60), **EMBEDDING, weights="fp16"),
    Row("thenlper/gte-base", encoder("bert", 12, 768, 12, words=30522), items(60), **EMBEDDING, weights="fp16"),
    Row("onnxmodelzoo/resnet50-v1-12", resnet([3, 4, 6, 3]), items(500), **CLASSIFIER),
    Row("onnxmodelzoo/resnet101-v1-7", resnet([3, 4, 23, 3]), items(200), **CLASSIFIER),
    Row("onnxmodelzoo/resnet152-v1-7", resnet([3, 8, 36, 3]), items(100, minimum_replicas=2), **CLASSIFIER),
    Row("meta-llama/Llama-2-7b-chat-hf", decoder("llama", (32, 4096, 11008, 32, 32, 32000)), chat(4096, 8)),
    Row("meta-llama/CodeLlama-7b-Instruct-hf", decoder("llama", (32, 4096, 11008, 32, 32, 32016)), chat(8192, 8)),
)


def name_of(row: Row) -> str:
    """The repository's name as a descriptor may carry it."""
    return row.repository.partition("/")[2].lower().replace(".", "-").replace("_", "-")


def descriptor(row: Row, name: str | None = None) -> dict[str, Any]:
    """The row as a descriptor; under another name where a fleet has it several times."""
    config = dict(row.config)
    source: dict[str, Any] = {"uri": f"hf://{row.repository}", "format": row.form}
    if row.form == "onnx":
        source["file"] = f"{row.repository.rpartition('/')[2]}.onnx"
    small = {} if row.kind == "foundation" else {"constraints": {"accelerator_sharing": ["mig", "time-slicing"]}}
    return {
        "name": name or name_of(row),
        "kind": row.kind,
        "source": source,
        "architecture": {"family": row.family, "config": config},
        "precision": {"weights": row.weights},
        "serving": dict(row.serving),
        "storage": row.storage,
        **small,
    }


def files() -> dict[str, str]:
    """Every example by file name."""
    return {
        f"{name_of(row)}.yaml": f"# {row.repository}\n{yaml.safe_dump(descriptor(row), sort_keys=False)}"
        for row in MODELS
    }


def main() -> int:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path in FOLDER.glob("*.yaml"):
        path.unlink()
    for name, text in files().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    sys.stdout.write(f"{len(MODELS)} descriptors in {FOLDER}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
