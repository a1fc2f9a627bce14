"""How long sizing many models in one process takes, and how much memory.

    python benchmarks/many_sizes.py [descriptors]

Every descriptor is a file of its own: read, checked, turned into an inventory and sized on one accelerator. They cycle
through the families below with other depths and vocabularies, so that no two are alike and no answer is remembered.
Beside it, in the same run: parsing the same files as plain YAML and nothing else. Machines differ; the ratio travels.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

from ai_on_eks.catalog.loading import load_catalog
from ai_on_eks.descriptors.architectures import build_inventory
from ai_on_eks.descriptors.loading import load_descriptor
from ai_on_eks.placement.requirements import effective_load, effective_precision
from ai_on_eks.sizing.size import size_model
from ai_on_eks.sizing.types import Target

DEFAULT_DESCRIPTORS = 1000
ACCELERATOR = "h100"
DEPTH_KEYS = ("num_hidden_layers", "num_layers", "encoder_layers", "n_layer")
WIDTH_KEYS = ("vocab_size", "num_labels")

_DECODER = {
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "vocab_size": 128256,
    "max_position_embeddings": 131072,
}
_MIXTURE = {"num_experts": 128, "num_experts_per_tok": 8, "moe_intermediate_size": 768, "head_dim": 128}
_LATENT = {
    "q_lora_rank": 1536,
    "kv_lora_rank": 512,
    "qk_rope_head_dim": 64,
    "qk_nope_head_dim": 128,
    "v_head_dim": 128,
    "n_routed_experts": 64,
    "num_experts_per_tok": 8,
    "n_shared_experts": 1,
    "moe_intermediate_size": 2048,
    "first_k_dense_replace": 3,
    "n_group": 8,
    "topk_group": 4,
}
_ENCODER = {
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "vocab_size": 30522,
    "max_position_embeddings": 512,
}
_SEQUENCE_TO_SEQUENCE = {
    "d_model": 1024,
    "d_kv": 64,
    "d_ff": 4096,
    "num_layers": 24,
    "num_heads": 16,
    "vocab_size": 32128,
}
_RESNET = {
    "depths": [3, 4, 6, 3],
    "hidden_sizes": [256, 512, 1024, 2048],
    "embedding_size": 64,
    "num_labels": 1000,
    "image_size": 224,
}

FAMILIES: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    ("foundation", "transformer", "llama", _DECODER),
    ("foundation", "transformer", "qwen3_moe", _DECODER | _MIXTURE),
    ("foundation", "transformer", "deepseek_v3", _DECODER | _LATENT | {"num_key_value_heads": 32}),
    ("embedding", "transformer", "bert", _ENCODER),
    ("foundation", "transformer", "t5", _SEQUENCE_TO_SEQUENCE),
    ("task-specific", "cnn", "resnet", _RESNET),
)
"""Kind, family, model type and hyper-parameters; the shapes are those of Llama-3.1-8B, Qwen3-30B-A3B, DeepSeek-V3 with
fewer experts, BERT-large, T5-large and ResNet-50."""


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_DESCRIPTORS
    with tempfile.TemporaryDirectory() as folder:
        paths = [_write(Path(folder), number) for number in range(count)]
        parse_s = _parse(paths)
        size_s = _size(paths)
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(
        f"{count} descriptors: {size_s:.2f} s, {size_s / parse_s:.1f} × parsing the same files as YAML "
        f"({parse_s:.2f} s); peak memory of the process {peak_mib:.0f} MiB\n"
    )
    return 0


def descriptor_of(number: int) -> dict[str, Any]:
    """The body of one generated descriptor."""
    kind, family, model_type, hyperparameters = FAMILIES[number % len(FAMILIES)]
    step = number // len(FAMILIES)
    config = {"model_type": model_type, **hyperparameters}
    for key in DEPTH_KEYS:
        if key in config:
            config[key] += step % 16
    for key in WIDTH_KEYS:
        if key in config:
            config[key] += step
    return {
        "name": f"model-{number}",
        "kind": kind,
        "source": {"uri": "hf://organisation/model", "format": "safetensors"},
        "architecture": {"family": family, "config": config},
    }


def _write(folder: Path, number: int) -> Path:
    path = folder / f"{number}.yaml"
    path.write_text(json.dumps(descriptor_of(number), indent=1), encoding="utf-8")
    return path


def _parse(paths: list[Path]) -> float:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    start = time.perf_counter()
    for path in paths:
        yaml.load(path.read_text(encoding="utf-8"), Loader=loader)  # noqa: S506 - a safe one
    return time.perf_counter() - start


def _size(paths: list[Path]) -> float:
    catalog = load_catalog("us-east-1")
    engines = {"foundation": "vllm", "embedding": "tei", "task-specific": "triton"}
    start = time.perf_counter()
    for path in paths:
        descriptor = load_descriptor(path)
        inventory = build_inventory(descriptor)
        target = Target(
            device_memory_bytes=catalog.accelerators[ACCELERATOR].memory_bytes,
            tensor_parallel=1,
            pipeline_parallel=1,
            engine=catalog.engines[engines[descriptor.kind.value]].memory,
            accelerator=ACCELERATOR,
        )
        size_model(inventory, effective_precision(descriptor), effective_load(descriptor, inventory), target)
    return time.perf_counter() - start


if __name__ == "__main__":
    sys.exit(main())
