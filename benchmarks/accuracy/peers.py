"""Published formulae of other tools, each as the few lines that decide its figures, fed with the same configs.

    W  bytes of the checkpoint (parameters × bytes of their data type; the tools read it from the files' headers)
    T  tensor parallelism          F  share of the device's memory M

    hf-mem         weights W ÷ T       token 2 × layers × heads × head size × bytes ÷ T
    KAITO          weights 1.02 W ÷ T  token the same, head size = hidden ÷ heads
    llm-d-planner  weights W ÷ T       token the same, or the latent's
    pools          hf-mem answers none; KAITO F M − weights − 1.7 − 0.6 GiB; llm-d-planner F M − weights − activation by
                   kind of model − 0.15 or 0.6 GiB

hf-mem and llm-d-planner give a whole model's figures; they are divided by T here, as their user would. None of them
replicates key/value heads where they are fewer than ranks, or knows recurrent states. A tool is asked only what it
answers: one that needs a key which the config does not have gives no figure.

Sources: hf-mem 0.5.6 (PyPI, safetensors/kv_cache.py); kaito-project/kaito docs "Model SKU Requirements Calculation
Guide" (vLLM 0.10.1); llm-d-incubation/llm-d-planner config_explorer/capacity_planner.py. All read 2026-11-24.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from ai_on_eks.units import GIB

BYTES = {"fp32": 4.0, "fp16": 2.0, "bf16": 2.0, "fp8": 1.0, "int8": 1.0, "int4": 0.5, "mxfp4": 0.5, "nvfp4": 0.5}
_ATTENTION_KINDS = frozenset({"attention", "full_attention", "global_attention"})
_EXPERT_KEYS = ("num_local_experts", "num_experts", "n_routed_experts")


class Question(Struct, frozen=True):
    """What a tool is asked: a config, how it is stored and served."""

    config: Mapping[str, Any]
    parameters: int
    weights: str
    cache: str
    tensor_parallel: int
    memory_bytes: int
    memory_fraction: float
    context_tokens: int


class Peer(Struct, frozen=True):
    """A tool's three answers; each is None where it gives none."""

    name: str
    weights_bytes: Callable[[Question], float | None]
    bytes_per_token: Callable[[Question], float | None]
    pool_bytes: Callable[[Question], float | None]


def stored_bytes(question: Question) -> float:
    """Bytes of the checkpoint."""
    return question.parameters * BYTES[question.weights]


def _hf_mem_token(question: Question) -> float | None:
    config = question.config
    if not {"hidden_size", "num_attention_heads", "num_hidden_layers"} <= config.keys():
        return None
    layers, context = config["num_hidden_layers"], question.context_tokens
    full = layers
    if "sliding_window_pattern" in config:
        full = layers // config["sliding_window_pattern"]
    elif "layer_types" in config:
        full = sum(kind in _ATTENTION_KINDS for kind in config["layer_types"])
    window = config.get("sliding_window") or context
    windowed = context if 0 < full < layers else min(window, context)
    entries = (full * context + (layers - full) * windowed) / context
    each = 2 * _key_value_heads(config) * _head_size(config) * BYTES[question.cache]
    return float(entries * each / question.tensor_parallel)


def _kaito_token(question: Question) -> float | None:
    config = question.config
    if not {"hidden_size", "num_attention_heads", "num_hidden_layers"} <= config.keys():
        return None
    size = config["hidden_size"] / config["num_attention_heads"]
    heads = 1 if config.get("multi_query") is True else _key_value_heads(config)
    return float(2 * config["num_hidden_layers"] * heads * size * BYTES[question.cache] / question.tensor_parallel)


def _kaito_weights(question: Question) -> float:
    return 1.02 * stored_bytes(question) / question.tensor_parallel


def _kaito_pool(question: Question) -> float:
    budget = question.memory_fraction * question.memory_bytes
    return budget - _kaito_weights(question) - (1.7 + 0.6) * GIB


def _llm_d_token(question: Question) -> float | None:
    config = question.config.get("text_config", question.config)
    if not {"hidden_size", "num_attention_heads", "num_hidden_layers"} <= config.keys():
        return None
    each = 2 * _key_value_heads(config) * _head_size(config)
    if "kv_lora_rank" in config and "qk_rope_head_dim" in config:
        each = config["kv_lora_rank"] + config["qk_rope_head_dim"]
    return float(config["num_hidden_layers"] * each * BYTES[question.cache] / question.tensor_parallel)


def _whole_weights(question: Question) -> float:
    return stored_bytes(question) / question.tensor_parallel


def _llm_d_pool(question: Question) -> float:
    text = question.config.get("text_config", question.config)
    names = question.config.get("architectures") or [""]
    activation = {"LlamaForCausalLM": 4.8, "Qwen2ForCausalLM": 5.6, "Qwen3ForCausalLM": 5.6}.get(names[0])
    if activation is None and any(key in text for key in _EXPERT_KEYS):
        activation = 8.0
    if activation is None:
        activation = 2.5 if "vision_config" in question.config else 5.5
    other = 0.15 if question.tensor_parallel == 1 else 0.6
    budget = question.memory_fraction * question.memory_bytes
    return budget - _whole_weights(question) - (activation + other) * GIB


def _key_value_heads(config: Mapping[str, Any]) -> int:
    return int(config.get("num_key_value_heads") or config["num_attention_heads"])


def _head_size(config: Mapping[str, Any]) -> int:
    return int(config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"])


PEERS = (
    Peer("hf-mem", _whole_weights, _hf_mem_token, lambda _question: None),
    Peer("KAITO", _kaito_weights, _kaito_token, _kaito_pool),
    Peer("llm-d-planner", _whole_weights, _llm_d_token, _llm_d_pool),
)
