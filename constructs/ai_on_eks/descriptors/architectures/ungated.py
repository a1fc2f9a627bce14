"""Decoder-only transformers with two-layer feed-forward networks: GPT-2, GPT-J, OPT, BLOOM, GPT-NeoX, Falcon, Phi-2.

What they have in common is in `ungated_parts.py`; here is what each config says and in which words.

    GPT-2     learned positions, n_inner = 4 × n_embd where it is null
    BigCode   GPT-2 with one key/value head (StarCoder, SantaCoder)
    GPT-J     rotary positions, one norm per layer for attention and feed-forward side by side; the head has a bias
    OPT       learned positions, two rows of them reserved; words of another width than the hidden size in OPT-350m
    BLOOM     ALiBi: no positions, no longest context; a norm after the embedding; inner layers of 4 × hidden
    GPT-NeoX  rotary positions, attention and feed-forward side by side
    Falcon    one key/value head (multi-query), or num_kv_heads of them (new decoder architecture)
    Phi-2     one norm per layer for attention and feed-forward side by side; the head has a bias

Names are those of the published checkpoints. GPT-2 stores its matrices transposed; sizes do not depend on it.
Source: modeling_<model type>.py and configuration_<model type>.py of transformers 5.23.0, read 2026-11-24.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ai_on_eks.descriptors.architectures import ungated_parts
from ai_on_eks.descriptors.architectures.hyperparameters import Hyperparameters
from ai_on_eks.descriptors.architectures.ungated_parts import Names, Shape
from ai_on_eks.descriptors.inventory import Inventory

FAMILY = "transformer"

OPT_RESERVED_POSITIONS = 2
"""Rows before the first position. Source: OPTLearnedPositionalEmbedding of transformers 5.23.0."""

INNER_FACTOR = 4
"""Inner layers are four times the hidden size where the config does not say otherwise: GPT-2, BLOOM, Falcon."""

_MEGATRON = {
    "inner": "mlp.dense_h_to_4h",
    "outer": "mlp.dense_4h_to_h",
}

_NAMES: Mapping[str, Names] = {
    "gpt2": Names(
        "transformer.wte", "transformer.wpe", "transformer.h.*", ("attn.c_attn",), "attn.c_proj", "mlp.c_fc",
        "mlp.c_proj",
    ),
    "gpt_bigcode": Names(
        "transformer.wte", "transformer.wpe", "transformer.h.*", ("attn.c_attn",), "attn.c_proj", "mlp.c_fc",
        "mlp.c_proj",
    ),
    "gptj": Names(
        "transformer.wte", "", "transformer.h.*", ("attn.q_proj", "attn.k_proj", "attn.v_proj"), "attn.out_proj",
        "mlp.fc_in", "mlp.fc_out",
    ),
    "opt": Names(
        "model.decoder.embed_tokens", "model.decoder.embed_positions", "model.decoder.layers.*",
        ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"), "self_attn.out_proj", "fc1", "fc2",
    ),
    "bloom": Names(
        "transformer.word_embeddings", "", "transformer.h.*", ("self_attention.query_key_value",),
        "self_attention.dense", **_MEGATRON,
    ),
    "gpt_neox": Names(
        "gpt_neox.embed_in", "", "gpt_neox.layers.*", ("attention.query_key_value",), "attention.dense",
        **_MEGATRON, head="embed_out",
    ),
    "falcon": Names(
        "transformer.word_embeddings", "", "transformer.h.*", ("self_attention.query_key_value",),
        "self_attention.dense", **_MEGATRON,
    ),
    "phi": Names(
        "model.embed_tokens", "", "model.layers.*", ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
        "self_attn.dense", "mlp.fc1", "mlp.fc2",
    ),
}  # fmt: skip


def read(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The inventory of a decoder, or an InputError with every missing hyper-parameter."""
    shape = MODEL_TYPES[model_type](parameters)
    parameters.finish()
    return ungated_parts.inventory(model_type, _NAMES[model_type], shape)


def _spelled(parameters: Hyperparameters, key: str, *others: str) -> str:
    """The spelling the config uses, of those that transformers takes for the same hyper-parameter."""
    return next((one for one in others if parameters.has(one)), key)


def _head_dimension(parameters: Hyperparameters, hidden_key: str, hidden: int, heads_key: str, heads: int) -> int:
    message = f"{heads} heads do not divide {hidden_key} {hidden}"
    parameters.relate((hidden_key, heads_key), hidden % heads == 0, message)
    return max(1, hidden // heads)


def _has_head(parameters: Hyperparameters) -> bool:
    return parameters.ending("architectures", ("ForCausalLM", "Model")) != "Model"


def _gpt2(parameters: Hyperparameters, *, has_one_key: bool = False) -> Shape:
    hidden_key = _spelled(parameters, "n_embd", "hidden_size")
    heads_key = _spelled(parameters, "n_head", "num_attention_heads")
    hidden, heads = parameters.integer(hidden_key), parameters.integer(heads_key)
    positions = parameters.integer(_spelled(parameters, "n_positions", "max_position_embeddings"))
    crossed = parameters.flag("add_cross_attention")
    parameters.support("add_cross_attention", not crossed, "attention to an encoder is not known")
    # the class name in full: GPT2DoubleHeadsModel has a second head and ends with 'Model' too
    named = parameters.ending("architectures", ("GPT2LMHeadModel", "GPT2Model", "ForCausalLM", "GPTBigCodeModel"))
    return Shape(
        layers=parameters.integer(_spelled(parameters, "n_layer", "num_hidden_layers")),
        hidden=hidden,
        inner=parameters.integer_or("n_inner", INNER_FACTOR * hidden),
        heads=heads,
        key_value_heads=1 if has_one_key else heads,
        head_dimension=_head_dimension(parameters, hidden_key, hidden, heads_key, heads),
        vocabulary=parameters.integer("vocab_size"),
        context=positions,
        has_head=named not in ("GPT2Model", "GPTBigCodeModel"),
        tied=parameters.flag("tie_word_embeddings"),
        layer_norms=(("ln_1", hidden), ("ln_2", hidden)),
        norms=("transformer.ln_f",),
        position_rows=positions,
    )


def _gpt_bigcode(parameters: Hyperparameters) -> Shape:
    return _gpt2(parameters, has_one_key=parameters.flag("multi_query"))


def _gptj(parameters: Hyperparameters) -> Shape:
    hidden_key = _spelled(parameters, "n_embd", "hidden_size")
    heads_key = _spelled(parameters, "n_head", "num_attention_heads")
    hidden, heads = parameters.integer(hidden_key), parameters.integer(heads_key)
    return Shape(
        layers=parameters.integer(_spelled(parameters, "n_layer", "num_hidden_layers")),
        hidden=hidden,
        inner=parameters.integer_or("n_inner", INNER_FACTOR * hidden),
        heads=heads,
        key_value_heads=heads,
        head_dimension=_head_dimension(parameters, hidden_key, hidden, heads_key, heads),
        vocabulary=parameters.integer("vocab_size"),
        context=parameters.integer(_spelled(parameters, "n_positions", "max_position_embeddings")),
        has_head=_has_head(parameters),
        tied=parameters.flag("tie_word_embeddings"),
        layer_norms=(("ln_1", hidden),),
        norms=("transformer.ln_f",),
        input_bias=False,
        output_bias=False,
        head_bias=True,
        side_by_side=True,
    )


def _opt(parameters: Hyperparameters) -> Shape:
    hidden, heads = parameters.integer("hidden_size"), parameters.integer("num_attention_heads")
    projected = parameters.integer_or("word_embed_proj_dim", hidden)
    positions = parameters.integer("max_position_embeddings")
    before = parameters.flag("do_layer_norm_before")
    final = before and not parameters.flag("_remove_final_layer_norm")
    affine, biased = parameters.flag("layer_norm_elementwise_affine"), parameters.flag("enable_bias")
    return Shape(
        layers=parameters.integer("num_hidden_layers"),
        hidden=hidden,
        inner=parameters.integer("ffn_dim"),
        heads=heads,
        key_value_heads=heads,
        head_dimension=_head_dimension(parameters, "hidden_size", hidden, "num_attention_heads", heads),
        vocabulary=parameters.integer("vocab_size"),
        context=positions,
        has_head=_has_head(parameters),
        tied=parameters.flag("tie_word_embeddings"),
        layer_norms=(("self_attn_layer_norm", hidden), ("final_layer_norm", hidden)) if affine else (),
        norms=("model.decoder.final_layer_norm",) if affine and final else (),
        position_rows=positions + OPT_RESERVED_POSITIONS,
        input_bias=biased,
        output_bias=biased,
        feed_forward_bias=biased,
        embedding_width=projected if projected != hidden else None,
    )


def _bloom(parameters: Hyperparameters) -> Shape:
    hidden_key = _spelled(parameters, "hidden_size", "n_embed")
    heads_key = _spelled(parameters, "n_head", "num_attention_heads")
    hidden, heads = parameters.integer(hidden_key), parameters.integer(heads_key)
    named = parameters.has("seq_length")  # what it was trained with; ALiBi itself sets no limit
    return Shape(
        layers=parameters.integer(_spelled(parameters, "n_layer", "num_hidden_layers")),
        hidden=hidden,
        inner=INNER_FACTOR * hidden,
        heads=heads,
        key_value_heads=heads,
        head_dimension=_head_dimension(parameters, hidden_key, hidden, heads_key, heads),
        vocabulary=parameters.integer("vocab_size"),
        context=parameters.integer("seq_length") if named else None,
        has_head=_has_head(parameters),
        tied=parameters.flag("tie_word_embeddings"),
        layer_norms=(("input_layernorm", hidden), ("post_attention_layernorm", hidden)),
        norms=("transformer.word_embeddings_layernorm", "transformer.ln_f"),
        estimated=() if named else ("the longest context is unknown: the config has no seq_length",),
    )


def _gpt_neox(parameters: Hyperparameters) -> Shape:
    hidden, heads = parameters.integer("hidden_size"), parameters.integer("num_attention_heads")
    biased = parameters.flag("attention_bias")
    return Shape(
        layers=parameters.integer("num_hidden_layers"),
        hidden=hidden,
        inner=parameters.integer("intermediate_size"),
        heads=heads,
        key_value_heads=heads,
        head_dimension=_head_dimension(parameters, "hidden_size", hidden, "num_attention_heads", heads),
        vocabulary=parameters.integer("vocab_size"),
        context=parameters.integer("max_position_embeddings"),
        has_head=_has_head(parameters),
        tied=parameters.flag("tie_word_embeddings"),
        layer_norms=(("input_layernorm", hidden), ("post_attention_layernorm", hidden)),
        norms=("gpt_neox.final_layer_norm",),
        input_bias=biased,
        output_bias=biased,
        side_by_side=parameters.flag("use_parallel_residual"),
    )


def _falcon(parameters: Hyperparameters) -> Shape:
    hidden_key = _spelled(parameters, "hidden_size", "n_embed")
    hidden, heads = parameters.integer(hidden_key), parameters.integer("num_attention_heads")
    grouped, side_by_side = parameters.flag("new_decoder_architecture"), parameters.flag("parallel_attn")
    key_value_heads = 1 if parameters.flag("multi_query") else heads
    if grouped:
        key_value_heads = parameters.integer_or("num_kv_heads", heads)
        message = f"{key_value_heads} key/value heads do not divide {heads} attention heads"
        parameters.relate(("num_attention_heads", "num_kv_heads"), heads % key_value_heads == 0, message)
    norms: tuple[str, ...] = ("input_layernorm", "post_attention_layernorm")
    if side_by_side:
        two = parameters.integer_or("num_ln_in_parallel_attn", 2 if grouped else 1) == 2
        norms = ("ln_attn", "ln_mlp") if two else ("input_layernorm",)
    biased = parameters.flag("bias")
    return Shape(
        layers=parameters.integer("num_hidden_layers"),
        hidden=hidden,
        inner=parameters.integer_or("ffn_hidden_size", INNER_FACTOR * hidden),
        heads=heads,
        key_value_heads=key_value_heads,
        head_dimension=_head_dimension(parameters, hidden_key, hidden, "num_attention_heads", heads),
        vocabulary=parameters.integer("vocab_size"),
        context=parameters.integer("max_position_embeddings"),
        has_head=_has_head(parameters),
        tied=parameters.flag("tie_word_embeddings"),
        layer_norms=tuple((name, hidden) for name in norms),
        norms=("transformer.ln_f",),
        input_bias=biased,
        output_bias=biased,
        feed_forward_bias=biased,
        side_by_side=side_by_side,
    )


def _phi(parameters: Hyperparameters) -> Shape:
    hidden, heads = parameters.integer("hidden_size"), parameters.integer("num_attention_heads")
    key_value_heads = parameters.integer_or("num_key_value_heads", heads)
    message = f"{key_value_heads} key/value heads do not divide {heads} attention heads"
    parameters.relate(("num_attention_heads", "num_key_value_heads"), heads % key_value_heads == 0, message)
    dimension = _head_dimension(parameters, "hidden_size", hidden, "num_attention_heads", heads)
    normed = parameters.flag("qk_layernorm")
    query_key = (("self_attn.q_layernorm", dimension), ("self_attn.k_layernorm", dimension)) if normed else ()
    return Shape(
        layers=parameters.integer("num_hidden_layers"),
        hidden=hidden,
        inner=parameters.integer("intermediate_size"),
        heads=heads,
        key_value_heads=key_value_heads,
        head_dimension=dimension,
        vocabulary=parameters.integer("vocab_size"),
        context=parameters.integer("max_position_embeddings"),
        has_head=_has_head(parameters),
        tied=parameters.flag("tie_word_embeddings"),
        layer_norms=(("input_layernorm", hidden), *query_key),
        norms=("model.final_layernorm",),
        head_bias=True,
        side_by_side=True,
    )


MODEL_TYPES: Mapping[str, Callable[[Hyperparameters], Shape]] = {
    "gpt2": _gpt2,
    "gpt_bigcode": _gpt_bigcode,
    "gptj": _gptj,
    "opt": _opt,
    "bloom": _bloom,
    "gpt_neox": _gpt_neox,
    "falcon": _falcon,
    "phi": _phi,
}

DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "gpt2": {"tie_word_embeddings": True, "add_cross_attention": False},
    "gpt_bigcode": {"tie_word_embeddings": True, "add_cross_attention": False, "multi_query": True},
    "gptj": {"tie_word_embeddings": False},
    "opt": {
        "tie_word_embeddings": True,
        "do_layer_norm_before": True,
        "_remove_final_layer_norm": False,
        "layer_norm_elementwise_affine": True,
        "enable_bias": True,
    },
    "bloom": {"tie_word_embeddings": True},
    "gpt_neox": {"tie_word_embeddings": False, "attention_bias": True, "use_parallel_residual": True},
    "falcon": {
        "tie_word_embeddings": True,
        "max_position_embeddings": 2048,
        "new_decoder_architecture": False,
        "multi_query": True,
        "parallel_attn": True,
        "bias": False,
    },
    "phi": {"tie_word_embeddings": False, "qk_layernorm": False},
}
"""What transformers documents for a hyper-parameter that a published config may leave out."""
