"""Further decoders with two-layer feed-forward networks: GPT-Neo, CodeGen, XGLM, BioGPT, Persimmon.

What they have in common with the others is in `ungated_parts.py`; here is what each config says and in which words.

    GPT-Neo    learned positions; queries, keys and values without bias; some layers attend to a window
    CodeGen    GPT-J with queries, keys and values in one matrix
    XGLM       fixed positions, which need no weights
    BioGPT     learned positions, two rows of them reserved
    Persimmon  rotary positions; queries and keys normalized, with a shift

Source: modeling_<model type>.py and configuration_<model type>.py of transformers 5.23.0, read 2026-11-28.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ai_on_eks.descriptors.architectures import ungated_parts
from ai_on_eks.descriptors.architectures.hyperparameters import MAX_LAYERS, Hyperparameters
from ai_on_eks.descriptors.architectures.ungated_parts import Names, Shape
from ai_on_eks.descriptors.inventory import Inventory

FAMILY = "transformer"

RESERVED_POSITIONS = 2
"""Rows before the first position. Source: BioGptLearnedPositionalEmbedding of transformers 5.23.0."""
INNER_FACTOR = 4
"""Inner layers over the hidden size, where the config does not say otherwise: GPT-Neo, CodeGen."""
WINDOWS = "layers that attend to a window are counted as if they kept the whole context"

_APART = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj")
_NAMES: Mapping[str, Names] = {
    "biogpt": Names(
        "biogpt.embed_tokens", "biogpt.embed_positions", "biogpt.layers.*", _APART, "self_attn.out_proj", "fc1", "fc2",
        head="output_projection",
    ),
    "codegen": Names(
        "transformer.wte", "", "transformer.h.*", ("attn.qkv_proj",), "attn.out_proj", "mlp.fc_in", "mlp.fc_out"
    ),
    "gpt_neo": Names(
        "transformer.wte", "transformer.wpe", "transformer.h.*",
        tuple(f"attn.attention.{one}_proj" for one in "qkv"), "attn.attention.out_proj", "mlp.c_fc", "mlp.c_proj",
    ),
    "persimmon": Names(
        "model.embed_tokens", "", "model.layers.*", ("self_attn.query_key_value",), "self_attn.dense",
        "mlp.dense_h_to_4h", "mlp.dense_4h_to_h",
    ),
    "xglm": Names("model.embed_tokens", "", "model.layers.*", _APART, "self_attn.out_proj", "fc1", "fc2"),
}  # fmt: skip


def read(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The inventory of a decoder, or an InputError with every missing hyper-parameter."""
    shape = MODEL_TYPES[model_type](parameters)
    parameters.finish()
    return ungated_parts.inventory(model_type, _NAMES[model_type], shape)


def _biogpt(parameters: Hyperparameters) -> Shape:
    size = _Sizes(parameters, {})
    return size.shape(
        inner=parameters.integer("intermediate_size"),
        layer_norms=(("self_attn_layer_norm", size.hidden), ("final_layer_norm", size.hidden)),
        norms=("biogpt.layer_norm",),
        position_rows=size.context + RESERVED_POSITIONS,
    )


def _codegen(parameters: Hyperparameters) -> Shape:
    size = _Sizes(
        parameters,
        {
            "hidden_size": "n_embd",
            "num_hidden_layers": "n_layer",
            "num_attention_heads": "n_head",
            "max_position_embeddings": "n_positions",
        },
    )
    return size.shape(
        inner=parameters.integer_or("n_inner", INNER_FACTOR * size.hidden),
        layer_norms=(("ln_1", size.hidden),),
        norms=("transformer.ln_f",),
        input_bias=False,
        output_bias=False,
        head_bias=True,
        side_by_side=True,
    )


def _gpt_neo(parameters: Hyperparameters) -> Shape:
    size = _Sizes(parameters, {"num_hidden_layers": "num_layers", "num_attention_heads": "num_heads"})
    return size.shape(
        inner=parameters.integer_or("intermediate_size", INNER_FACTOR * size.hidden),
        layer_norms=(("ln_1", size.hidden), ("ln_2", size.hidden)),
        norms=("transformer.ln_f",),
        position_rows=size.context,
        input_bias=False,
        estimated=(WINDOWS,),
    )


def _persimmon(parameters: Hyperparameters) -> Shape:
    size = _Sizes(parameters, {})
    around = (("input_layernorm", size.hidden), ("post_attention_layernorm", size.hidden))
    width = size.head_dimension
    normed = (("self_attn.q_layernorm", width), ("self_attn.k_layernorm", width))
    return size.shape(
        inner=parameters.integer("intermediate_size"),
        layer_norms=(*around, *(normed if parameters.flag("qk_layernorm") else ())),
        norms=("model.final_layernorm",),
    )


def _xglm(parameters: Hyperparameters) -> Shape:
    crossed = parameters.value("add_cross_attention") is True
    parameters.support("add_cross_attention", not crossed, "attention to an encoder is not known")
    words = {"hidden_size": "d_model", "num_hidden_layers": "num_layers", "num_attention_heads": "attention_heads"}
    size = _Sizes(parameters, words)
    return size.shape(
        inner=parameters.integer("ffn_dim"),
        layer_norms=(("self_attn_layer_norm", size.hidden), ("final_layer_norm", size.hidden)),
        norms=("model.layer_norm",),
    )


class _Sizes:
    """What every config says, in `words` of its own or in the usual ones: the library takes either."""

    def __init__(self, parameters: Hyperparameters, words: Mapping[str, str]) -> None:
        def spelled(key: str) -> str:
            own = words.get(key, key)
            return key if parameters.has(key) and not parameters.has(own) else own

        self._parameters = parameters
        self._layers = parameters.integer(spelled("num_hidden_layers"), most=MAX_LAYERS)
        self._heads = parameters.integer(spelled("num_attention_heads"))
        self.hidden = parameters.integer(spelled("hidden_size"))
        self.context = parameters.integer(spelled("max_position_embeddings"))
        self.head_dimension = max(1, self.hidden // self._heads)
        keys = (spelled("hidden_size"), spelled("num_attention_heads"))
        message = f"{self._heads} heads do not divide {keys[0]} {self.hidden}"
        parameters.relate(keys, self.hidden % self._heads == 0, message)

    def shape(self, **others: Any) -> Shape:
        """The decoder, with what sets its model type apart."""
        parameters = self._parameters
        return Shape(
            layers=self._layers,
            hidden=self.hidden,
            heads=self._heads,
            key_value_heads=self._heads,
            head_dimension=self.head_dimension,
            vocabulary=parameters.integer("vocab_size"),
            context=self.context,
            has_head=parameters.ending("architectures", ("ForCausalLM", "Model")) != "Model",
            tied=parameters.flag("tie_word_embeddings"),
            **others,
        )


MODEL_TYPES: Mapping[str, Callable[[Hyperparameters], Shape]] = {
    "biogpt": _biogpt,
    "codegen": _codegen,
    "gpt_neo": _gpt_neo,
    "persimmon": _persimmon,
    "xglm": _xglm,
}

DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "biogpt": {"tie_word_embeddings": True},
    "codegen": {"tie_word_embeddings": False},
    "gpt_neo": {"tie_word_embeddings": True},
    "persimmon": {"tie_word_embeddings": False, "qk_layernorm": True},
    "xglm": {"tie_word_embeddings": True},
}
"""What transformers documents for a hyper-parameter that a published config may leave out."""
