"""The names that llama.cpp gives to a model's tensors, and what they are to its mixtures.

Source: gguf 0.19.0, tensor_mapping.py; the categories are those of llama.cpp's src/llama-quant.cpp, commit 007dbbf3.
"""

from __future__ import annotations

from enum import StrEnum

from ai_on_eks.descriptors.inventory import Tensor, TensorRole


class Category(StrEnum):
    """What a tensor is to a mixture. VALUE includes fused queries, keys and values, and the latent's expansion."""

    EMBEDDING = "embedding"
    HEAD = "head"
    QUERY = "query"
    KEY = "key"
    VALUE = "value"
    FUSED = "fused"
    OUTPUT = "output"
    GATE = "gate"
    UP = "up"
    DOWN = "down"
    OTHER = "other"


_CATEGORIES = {
    Category.QUERY: ("q_proj", "query", "q_lin", "q"),
    Category.KEY: ("k_proj", "key", "k_lin", "k"),
    Category.VALUE: ("v_proj", "value", "v_lin", "v", "kv_b_proj"),
    Category.FUSED: ("qkv_proj", "query_key_value", "c_attn", "Wqkv", "qkv"),
    Category.OUTPUT: ("o_proj", "out_proj", "out_lin", "Wo", "o"),
    Category.GATE: ("gate_proj", "w1", "wi_0"),
    Category.UP: ("up_proj", "gate_up_proj", "w3", "c_fc", "fc1", "fc_in", "dense_h_to_4h", "Wi", "wi_1", "lin1"),
    Category.DOWN: ("down_proj", "w2", "fc2", "fc_out", "dense_4h_to_h", "wo", "lin2"),
}
_BY_MODULE = {module: category for category, modules in _CATEGORIES.items() for module in modules}
_BY_ROLE = {TensorRole.EMBEDDING: Category.EMBEDDING, TensorRole.HEAD: Category.HEAD}

_OUTSIDE = {
    "model.embed_tokens": "token_embd",
    "lm_head": "output",
    "model.norm": "output_norm",
}
_INSIDE = {
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
"""Decoders of llama's form: those whose hyper-parameters `describe` takes from a file's header."""


def category_of(tensor: Tensor) -> Category:
    """By the module's own name; two names mean different things in attention and feed-forward layers."""
    if tensor.role in _BY_ROLE:
        return _BY_ROLE[tensor.role]
    module = tensor.name.removesuffix(".weight").rpartition(".")[2]
    if module in ("dense", "c_proj"):
        attention = tensor.role is TensorRole.ATTENTION
        return Category.OUTPUT if attention else Category.DOWN if module == "c_proj" else Category.OTHER
    return _BY_MODULE.get(module, Category.OTHER)


def gguf_name(name: str) -> str | None:
    """`model.layers.*.mlp.up_proj.weight` -> `blk.*.ffn_up.weight`; None for a name that no such file has."""
    module, _, ending = name.rpartition(".")
    if module in _OUTSIDE:
        return f"{_OUTSIDE[module]}.{ending}"
    inner = module.removeprefix("model.layers.*.")
    return f"blk.*.{_INSIDE[inner]}.{ending}" if inner != module and inner in _INSIDE else None
