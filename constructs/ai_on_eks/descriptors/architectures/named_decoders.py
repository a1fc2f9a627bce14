"""Decoders with one kind of layer throughout that call everything by names of their own: InternLM2, Qwen 1, ChatGLM …

    Baichuan, InternLM2, Qwen 1, ChatGLM    Llama, with queries, keys and values in one matrix
    EXAONE 3, BitNet                        Llama under other names; BitNet with a norm inside both blocks
    MPT                                     two-layer feed-forward networks of 4H, no biases, ALiBi instead of positions

Per layer, with hidden size H, A query and K key/value heads of D, intermediate size I:

    attention     H × (A + 2K)·D  +  A·D × H        Qwen 1, ChatGLM: + (A + 2K)·D
    feed-forward  3 × H × I, of MPT 2 × H × I       Qwen's intermediate_size is that of gate and up together
    norms         H each;  BitNet: + H before the output projection, + I before the last

The cache, operations and live values are those of `decoder_parts`. BitNet's weights are counted as written in 16 bit;
its packed form of 1.58 bits has no format here and is refused by its `quantization_config`.
Source: MPT and BitNet, modeling_<model type>.py of transformers 5.23.0; the others by code beside their weights,
configuration_<model type>.py of Baichuan2-7B-Chat, internlm2-chat-7b, Qwen-7B, chatglm3-6b and
EXAONE-3.0-7.8B-Instruct, with names and shapes as in vLLM 0.20 to 0.33; read 2026-11-28.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from ai_on_eks.descriptors.architectures.decoder_inventory import decoder_inventory
from ai_on_eks.descriptors.architectures.hyperparameters import MAX_LAYERS, Hyperparameters
from ai_on_eks.descriptors.inventory import Inventory, Live, Sharding, Tensor, TensorRole

FAMILY = "transformer"
_MPT_FACTOR = 4
"""Inner layers of MPT are so many times the hidden size."""


class Names(Struct, frozen=True):
    """What a model type calls its tensors. `inputs` is one name of a fused projection, or those of queries, keys and
    values; `widening` one of gate and up together, or each; `norms` stand in a layer, `last_norm` once."""

    embedding: str
    layers: str
    inputs: tuple[str, ...]
    output: str
    widening: tuple[str, ...]
    narrowing: str
    norms: tuple[str, str]
    last_norm: str
    head: str = "lm_head"


_LLAMA = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj")
_NORMS = ("input_layernorm", "post_attention_layernorm")
_NAMES: Mapping[str, Names] = {
    "baichuan": Names(
        "model.embed_tokens", "model.layers.*", ("self_attn.W_pack",), "self_attn.o_proj",
        ("mlp.gate_proj", "mlp.up_proj"), "mlp.down_proj", _NORMS, "model.norm",
    ),
    "bitnet": Names(
        "model.embed_tokens", "model.layers.*", _LLAMA, "self_attn.o_proj", ("mlp.gate_proj", "mlp.up_proj"),
        "mlp.down_proj", _NORMS, "model.norm",
    ),
    "chatglm": Names(
        "transformer.embedding.word_embeddings", "transformer.encoder.layers.*", ("self_attention.query_key_value",),
        "self_attention.dense", ("mlp.dense_h_to_4h",), "mlp.dense_4h_to_h", _NORMS,
        "transformer.encoder.final_layernorm", "transformer.output_layer",
    ),
    "exaone": Names(
        "transformer.wte", "transformer.h.*",
        ("attn.attention.q_proj", "attn.attention.k_proj", "attn.attention.v_proj"), "attn.attention.out_proj",
        ("mlp.c_fc_0", "mlp.c_fc_1"), "mlp.c_proj", ("ln_1", "ln_2"), "transformer.ln_f",
    ),
    "internlm2": Names(
        "model.tok_embeddings", "model.layers.*", ("attention.wqkv",), "attention.wo",
        ("feed_forward.w1", "feed_forward.w3"), "feed_forward.w2", ("attention_norm", "ffn_norm"), "model.norm",
        "output",
    ),
    "mpt": Names(
        "transformer.wte", "transformer.blocks.*", ("attn.Wqkv",), "attn.out_proj", ("ffn.up_proj",), "ffn.down_proj",
        ("norm_1", "norm_2"), "transformer.norm_f",
    ),
    "qwen": Names(
        "transformer.wte", "transformer.h.*", ("attn.c_attn",), "attn.c_proj", ("mlp.w1", "mlp.w2"), "mlp.c_proj",
        ("ln_1", "ln_2"), "transformer.ln_f",
    ),
}  # fmt: skip


class Shape(Struct, frozen=True):
    """One decoder in numbers. `inner_norms` are further norms of a layer by name and width."""

    layers: int
    hidden: int
    inner: int
    heads: int
    key_value_heads: int
    head_dimension: int
    vocabulary: int
    context: int
    has_head: bool
    tied: bool
    input_bias: bool = False
    other_bias: bool = False
    gated: bool = True
    inner_norms: tuple[tuple[str, int], ...] = ()


def read(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The inventory of a decoder, or an InputError with every missing hyper-parameter."""
    shape = MODEL_TYPES[model_type](parameters)
    parameters.finish()
    names = _NAMES[model_type]
    words = (shape.vocabulary, shape.hidden)
    head = Tensor(f"{names.head}.weight", words, TensorRole.HEAD, Sharding.SPLIT)
    return decoder_inventory(
        model_type,
        shape,
        (
            Tensor(f"{names.embedding}.weight", words, TensorRole.EMBEDDING, Sharding.SPLIT),
            *_attention(names, shape),
            *_feed_forward(names, shape),
            *(_norm(f"{names.layers}.{name}", shape.hidden, shape.layers) for name in names.norms),
            *(_norm(f"{names.layers}.{name}", width, shape.layers) for name, width in shape.inner_norms),
            _norm(names.last_norm, shape.hidden, 1),
            *((head,) if shape.has_head and not shape.tied else ()),
        ),
        feed_forward_live=Live((3 if shape.gated else 2) * shape.inner),
        residuals=1,
        estimated=(),
    )


def _attention(names: Names, shape: Shape) -> tuple[Tensor, ...]:
    queries, keys = shape.heads * shape.head_dimension, shape.key_value_heads * shape.head_dimension
    split, shared = Sharding.SPLIT, Sharding.KEY_VALUE
    if len(names.inputs) == 1:
        rows = {"[queries]": (queries, split), "[keys, values]": (2 * keys, shared)}
        parts = [(names.inputs[0], part, *size) for part, size in rows.items()]
    else:
        sizes = ((queries, split), (keys, shared), (keys, shared))
        parts = [(name, "", *size) for name, size in zip(names.inputs, sizes, strict=True)]
    role, found = TensorRole.ATTENTION, []
    for name, part, height, sharding in parts:
        full = f"{names.layers}.{name}"
        found.append(_matrix(f"{full}.weight{part}", (height, shape.hidden), role, sharding, shape.layers))
        if shape.input_bias:
            found.append(Tensor(f"{full}.bias{part}", (height,), role, sharding, shape.layers))
    output = f"{names.layers}.{names.output}"
    found.append(_matrix(f"{output}.weight", (shape.hidden, queries), role, split, shape.layers))
    if shape.other_bias:
        found.append(Tensor(f"{output}.bias", (shape.hidden,), role, Sharding.REPLICATED, shape.layers))
    return tuple(found)


def _feed_forward(names: Names, shape: Shape) -> tuple[Tensor, ...]:
    role, split, hidden, layers = TensorRole.FEED_FORWARD, Sharding.SPLIT, shape.hidden, shape.layers
    fused = shape.gated and len(names.widening) == 1
    rows = 2 * shape.inner if fused else shape.inner
    down = f"{names.layers}.{names.narrowing}"
    found = [
        *(_matrix(f"{names.layers}.{name}.weight", (rows, hidden), role, split, layers) for name in names.widening),
        _matrix(f"{down}.weight", (hidden, shape.inner), role, split, layers),
    ]
    if shape.other_bias:
        found += [Tensor(f"{names.layers}.{name}.bias", (rows,), role, split, layers) for name in names.widening]
        found.append(Tensor(f"{down}.bias", (hidden,), role, Sharding.REPLICATED, layers))
    return tuple(found)


def _matrix(name: str, size: tuple[int, int], role: TensorRole, sharding: Sharding, layers: int) -> Tensor:
    return Tensor(name, size, role, sharding, layers, quantizable=True)


def _norm(name: str, width: int, layers: int) -> Tensor:
    return Tensor(f"{name}.weight", (width,), TensorRole.NORM, Sharding.REPLICATED, layers)


def _shape(
    parameters: Hyperparameters,
    *,
    hidden: str = "hidden_size",
    heads: str = "num_attention_heads",
    layers: str = "num_hidden_layers",
    words: str = "vocab_size",
    context: str = "max_position_embeddings",
    inner: int,
    key_value_heads: int | None = None,
    dimension: str = "",
    classes: tuple[str, ...] = ("ForCausalLM", "Model"),
    **others: Any,
) -> Shape:
    """What is read by the names given. Without key/value heads of their own, all heads have keys and values."""
    width, number = parameters.integer(hidden), parameters.integer(heads)
    groups = number if key_value_heads is None else key_value_heads
    message = f"{groups} key/value heads do not divide {number} attention heads"
    parameters.relate((heads,), number % groups == 0, message)
    own = bool(dimension) and parameters.has(dimension)
    if not own:
        parameters.relate((hidden, heads), width % number == 0, f"{number} heads do not divide {hidden} {width}")
    return Shape(
        layers=parameters.integer(layers, most=MAX_LAYERS),
        hidden=width,
        inner=inner,
        heads=number,
        key_value_heads=groups,
        head_dimension=parameters.integer(dimension) if own else max(1, width // number),
        vocabulary=parameters.integer(words),
        context=parameters.integer(context),
        has_head=parameters.ending("architectures", classes) != "Model",
        tied=parameters.flag("tie_word_embeddings"),
        **others,
    )


def _baichuan(parameters: Hyperparameters) -> Shape:
    """The 13B model has ALiBi, and the length it was trained with under another name."""
    context = "model_max_length" if parameters.has("model_max_length") else "max_position_embeddings"
    return _shape(parameters, context=context, inner=parameters.integer("intermediate_size"))


def _bitnet(parameters: Hyperparameters) -> Shape:
    heads, inner = parameters.integer("num_attention_heads"), parameters.integer("intermediate_size")
    groups, biased = parameters.integer_or("num_key_value_heads", heads), parameters.flag("attention_bias")
    parameters.support("attention_bias", not biased, "attention with biases is not known")
    hidden = parameters.integer("hidden_size")
    norms = (("self_attn.attn_sub_norm", hidden), ("mlp.ffn_sub_norm", inner))
    return _shape(parameters, inner=inner, key_value_heads=groups, dimension="head_dim", inner_norms=norms)


def _chatglm(parameters: Hyperparameters) -> Shape:
    for key in ("vision_config", "add_bias_linear"):
        known = not parameters.has(key) or parameters.value(key) is False
        parameters.support(key, known, "not known of this model type")
    for key in ("rmsnorm", "post_layer_norm"):
        parameters.support(key, parameters.flag(key), "a model without is not known")
    groups = parameters.integer("multi_query_group_num") if parameters.flag("multi_query_attention") else None
    return _shape(
        parameters, layers="num_layers", words="padded_vocab_size", context="seq_length",
        inner=parameters.integer("ffn_hidden_size"), key_value_heads=groups, dimension="kv_channels",
        classes=("ForConditionalGeneration", "ForCausalLM", "ChatGLMModel"),
        input_bias=parameters.flag("add_qkv_bias"),
    )  # fmt: skip


def _exaone(parameters: Hyperparameters) -> Shape:
    groups = parameters.integer_or("num_key_value_heads", parameters.integer("num_attention_heads"))
    inner = parameters.integer("intermediate_size")
    return _shape(parameters, layers="num_layers", inner=inner, key_value_heads=groups, dimension="head_dim")


def _internlm2(parameters: Hyperparameters) -> Shape:
    groups = parameters.integer_or("num_key_value_heads", parameters.integer("num_attention_heads"))
    inner, biased = parameters.integer("intermediate_size"), parameters.flag("bias")
    parameters.support("bias", not biased, "projections with biases are not known")
    return _shape(parameters, inner=inner, key_value_heads=groups)


def _mpt(parameters: Hyperparameters) -> Shape:
    section = parameters.section("attn_config", _MPT_ATTENTION)
    kind = section.choice("attn_type", ("multihead_attention", "grouped_query_attention", "multiquery_attention"))
    section.support("attn_type", kind == "multihead_attention", "keys that heads share are not known")
    section.support("alibi", section.flag("alibi"), "learned positions are not known")
    section.support("qk_ln", not section.flag("qk_ln"), "normalized queries and keys are not known")
    parameters.support("no_bias", parameters.flag("no_bias"), "biases are not known")
    factor = parameters.integer("expansion_ratio")
    parameters.support("expansion_ratio", factor == _MPT_FACTOR, f"inner layers of {factor} times the hidden size")
    inner = _MPT_FACTOR * parameters.integer("d_model")
    return _shape(
        parameters, hidden="d_model", heads="n_heads", layers="n_layers", context="max_seq_len", inner=inner,
        gated=False,
    )  # fmt: skip


def _qwen(parameters: Hyperparameters) -> Shape:
    parameters.support("visual", not parameters.has("visual"), "Qwen-VL of the first generation is not known")
    parameters.support("no_bias", parameters.flag("no_bias"), "biases of outputs are not known")
    both = parameters.integer("intermediate_size")
    parameters.relate(("intermediate_size",), both % 2 == 0, f"gate and up together are {both}")
    context = "seq_length" if parameters.has("seq_length") else "max_position_embeddings"
    return _shape(
        parameters, context=context, inner=max(1, both // 2), dimension="kv_channels", input_bias=True,
        classes=("LMHeadModel", "ForCausalLM", "QWenModel"),
    )  # fmt: skip


MODEL_TYPES: Mapping[str, Callable[[Hyperparameters], Shape]] = {
    "baichuan": _baichuan,
    "bitnet": _bitnet,
    "chatglm": _chatglm,
    "exaone": _exaone,
    "internlm2": _internlm2,
    "mpt": _mpt,
    "qwen": _qwen,
}

_MPT_ATTENTION: Mapping[str, Any] = {"attn_type": "multihead_attention", "alibi": True, "qk_ln": False}

DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "baichuan": {"tie_word_embeddings": False},
    "bitnet": {"tie_word_embeddings": False, "attention_bias": False, "num_key_value_heads": 5},
    "chatglm": {
        "tie_word_embeddings": False,
        "rmsnorm": True,
        "post_layer_norm": True,
        "multi_query_attention": False,
        "add_qkv_bias": False,
    },
    "exaone": {"tie_word_embeddings": False},
    "internlm2": {"tie_word_embeddings": False, "bias": False},
    "mpt": {"tie_word_embeddings": True, "no_bias": True, "expansion_ratio": 4},
    "qwen": {"tie_word_embeddings": False, "no_bias": True},
}
"""What the class of a model type documents for a hyper-parameter that a published config may leave out."""
