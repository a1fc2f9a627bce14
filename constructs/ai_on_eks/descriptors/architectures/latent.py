"""Decoders with multi-head latent attention: DeepSeek-V2, -V3, -R1 and -V3.2, Kimi-K2, GLM-5, Mistral 4 …

    kept per token and layer  L + R elements, one entry without heads: whole on every rank
                              and the indexer's keys where attention is sparse (latent_indexer)
                              MiniCPM3: 2 × N × (P + R), divided by heads, because vLLM keeps its keys and values
                              expanded, the values as long as the keys (minicpm3.py; is_deepseek_mla leaves it out)

    operations per token      2 × active matrices. A latent is expanded once (N·(P + V) × L), or query and output are
                              moved into its space: as many operations either way
    … and context token       2 × N × (P + R + V)      dense attention: keys and values are expanded, as for a prompt
                              2 × N × (2L + R), of at most index_topk tokens, and the indexer over all of them

    activations per token     H + max(attention, 3 × I, experts)

Which form counts: vLLM computes prompts of dense models in the expanded form, and single tokens on the latents. That
takes 3.4 times the operations of DeepSeek-V3 (278,528 ÷ 81,920 per layer) and reads 71 times fewer bytes (576 elements
instead of 40,960). Prompts are bound by operations and single tokens by bytes, so the prompt's form is counted. Sparse
models attend on the latents to what the indexer chose; some lengths of prompts are computed in the expanded form where
that was measured to be faster, so theirs is an upper estimate (vLLM 0.33.0, mla_attention.py in
model_executor/layers/attention, read 2026-11-24).

Letters are those of `latent_parts`. Layers for multi-token prediction follow the last layer in a checkpoint. They are
passed over unless speculative decoding asks for them, and then loaded as a draft model of their own (vLLM 0.33.0,
get_spec_layer_idx_from_weight_name and deepseek_mtp.py): tensors on disk, not in memory. DeepSeek's repeat embedding
and head, GLM-5's do not (modules_to_not_convert of GLM-5.1-FP8 names their norms and projection, and neither of the
two).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from ai_on_eks.descriptors.architectures import latent_indexer, latent_parts
from ai_on_eks.descriptors.architectures.hyperparameters import MAX_LAYERS, Hyperparameters
from ai_on_eks.descriptors.architectures.latent_indexer import Indexer
from ai_on_eks.descriptors.architectures.latent_parts import Experts, LatentAttention, Layers
from ai_on_eks.descriptors.architectures.operations import matrix_flops
from ai_on_eks.descriptors.inventory import (
    Activations,
    Inventory,
    Item,
    KeyValueState,
    Operations,
    Sharding,
    State,
    Tensor,
    TensorRole,
)

FAMILY = "transformer"


class Traits(Struct, frozen=True):
    """What sets one model type apart.

    indexed      sparse attention: every layer has an indexer
    shares       some layers use the choice of the one before
    lists_mlp    the config may list which layers are dense, instead of counting the first ones
    predicts     the checkpoint may hold layers for multi-token prediction
    repeats_ends those layers repeat the embedding and the head
    mixes        layers have experts, but for the dense ones
    expands      the cache holds keys and values of every head instead of latents
    """

    indexed: bool = False
    shares: bool = False
    lists_mlp: bool = False
    predicts: bool = True
    repeats_ends: bool = True
    mixes: bool = True
    expands: bool = False


MODEL_TYPES: Mapping[str, Traits] = {
    "deepseek_v2": Traits(predicts=False),
    "deepseek_v3": Traits(),
    "deepseek_v32": Traits(indexed=True, lists_mlp=True),
    "glm4_moe_lite": Traits(lists_mlp=True),
    "glm_moe_dsa": Traits(indexed=True, shares=True, lists_mlp=True, repeats_ends=False),
    "kimi_k2": Traits(),
    "minicpm3": Traits(predicts=False, mixes=False, expands=True),
    "mistral4": Traits(predicts=False),
    "youtu": Traits(predicts=False, mixes=False),
}

_COMMON: Mapping[str, Any] = {
    "tie_word_embeddings": False,
    "attention_bias": False,
    "mlp_bias": False,
    "moe_layer_freq": 1,
    "num_nextn_predict_layers": 0,
}

DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "deepseek_v2": {**_COMMON, "first_k_dense_replace": 0},
    "deepseek_v3": {**_COMMON, "first_k_dense_replace": 3},
    "deepseek_v32": {**_COMMON, "first_k_dense_replace": 3},
    "glm4_moe_lite": {**_COMMON, "first_k_dense_replace": 1},
    "glm_moe_dsa": {**_COMMON, "first_k_dense_replace": 3, "index_topk_freq": 1, "index_skip_topk_offset": 2},
    "kimi_k2": {**_COMMON, "first_k_dense_replace": 3},
    "minicpm3": {"tie_word_embeddings": True, "attention_bias": False, "mlp_bias": False},
    "mistral4": {**_COMMON, "first_k_dense_replace": 0},
    "youtu": {"tie_word_embeddings": True, "attention_bias": False, "mlp_bias": False},
}
"""What transformers documents for a hyper-parameter that a published config may leave out. A checkpoint whose config
names no layers for multi-token prediction holds none."""


class Shape(Struct, frozen=True):
    """A decoder's dimensions and what kind each of its layers is."""

    layers: int
    vocabulary: int
    context: int
    has_head: bool
    tied: bool
    attention: LatentAttention
    intermediate: int
    dense: Layers
    sparse: Layers
    experts: Experts | None
    indexer: Indexer | None
    predicting: int

    @property
    def hidden(self) -> int:
        return self.attention.hidden


def read(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The inventory of a decoder, or an InputError with every missing hyper-parameter."""
    shape = read_shape(model_type, parameters)
    parameters.finish()
    return assemble(model_type, shape)


def read_shape(model_type: str, parameters: Hyperparameters) -> Shape:
    """The dimensions; the caller calls `finish`."""
    traits = MODEL_TYPES[model_type]
    layers = parameters.integer("num_hidden_layers", most=MAX_LAYERS)
    dense = _dense_layers(traits, parameters, layers)
    for key in ("attention_bias", "mlp_bias"):
        parameters.support(key, not parameters.flag(key), "latent attention with biases is not known")
    attention = _attention(parameters)
    return Shape(
        layers=layers,
        vocabulary=parameters.integer("vocab_size"),
        context=parameters.integer("max_position_embeddings"),
        has_head=parameters.ending("architectures", ("ForCausalLM", "Model")) != "Model",
        tied=parameters.flag("tie_word_embeddings"),
        attention=attention,
        intermediate=parameters.integer("intermediate_size") if dense else 0,
        dense=dense,
        sparse=tuple(sorted(set(range(layers)) - set(dense))),
        experts=_experts(parameters, attention.hidden) if traits.mixes else None,
        indexer=_indexer(traits, parameters, layers, attention),
        predicting=parameters.integer("num_nextn_predict_layers", least=0, most=MAX_LAYERS) if traits.predicts else 0,
    )


def assemble(model_type: str, shape: Shape) -> Inventory:
    """The whole model."""
    tensors = _tensors(shape)
    tied_head = 2 * shape.vocabulary * shape.hidden if shape.has_head and shape.tied else 0
    live = max(
        shape.attention.live, 3 * shape.intermediate, shape.experts.live if shape.experts and shape.sparse else 0
    )
    return Inventory(
        architecture=model_type,
        item=Item.TOKEN,
        tensors=tensors,
        states=_states(MODEL_TYPES[model_type], shape),
        operations=_operations(shape, matrix_flops(tensors) + tied_head),
        activations=Activations(per_item=shape.hidden + live, vocabulary=shape.vocabulary if shape.has_head else 0),
        layers=shape.layers,
        hidden_size=shape.hidden,
        attention_heads=shape.attention.heads,
        key_value_heads=shape.attention.heads if MODEL_TYPES[model_type].expands else 1,
        max_context_tokens=shape.context,
        unserved_tensors=_predicting(MODEL_TYPES[model_type], shape) if shape.predicting else (),
    )


def _dense_layers(traits: Traits, parameters: Hyperparameters, layers: int) -> Layers:
    """The layers without experts: those listed, or the first ones and, after them, all but every
    `moe_layer_freq`th."""
    if not traits.mixes:
        return tuple(range(layers))
    kinds = parameters.layer_kinds("mlp_layer_types", ("dense", "sparse")) if traits.lists_mlp else ()
    if kinds:
        keys = ("num_hidden_layers", "mlp_layer_types")
        parameters.relate(keys, len(kinds) == layers, f"{len(kinds)} kinds for {layers} layers")
        return tuple(layer for layer, kind in enumerate(kinds) if kind == "dense")
    first, step = parameters.integer("first_k_dense_replace", least=0), parameters.integer("moe_layer_freq")
    return tuple(layer for layer in range(layers) if layer < first or layer % step)


def _attention(parameters: Hyperparameters) -> LatentAttention:
    return LatentAttention(
        hidden=parameters.integer("hidden_size"),
        heads=parameters.integer("num_attention_heads"),
        query_rank=parameters.integer_or_null("q_lora_rank"),
        latent=parameters.integer("kv_lora_rank"),
        without_position=parameters.integer("qk_nope_head_dim"),
        with_position=parameters.integer("qk_rope_head_dim"),
        value=parameters.integer("v_head_dim"),
    )


def _experts(parameters: Hyperparameters, hidden: int) -> Experts:
    number, chosen = parameters.integer("n_routed_experts"), parameters.integer("num_experts_per_tok")
    keys = ("n_routed_experts", "num_experts_per_tok")
    parameters.relate(keys, chosen <= number, f"a token passes {chosen} of {number} experts")
    intermediate = parameters.integer("moe_intermediate_size")
    shared = (parameters.integer_or_null("n_shared_experts") or 0) * intermediate
    return Experts(hidden, number, chosen, intermediate, shared)


def _indexer(traits: Traits, parameters: Hyperparameters, layers: int, attention: LatentAttention) -> Indexer | None:
    if not traits.indexed:
        return None
    parameters.support("q_lora_rank", attention.query_rank is not None, "an indexer needs queries of low rank")
    every = latent_indexer.indexed_layers(parameters, layers) if traits.shares else tuple(range(layers))
    return latent_indexer.read_indexer(parameters, every)


def _tensors(shape: Shape) -> tuple[Tensor, ...]:
    size = (shape.vocabulary, shape.hidden)
    head = Tensor("lm_head.weight", size, TensorRole.HEAD, Sharding.SPLIT)
    return (
        Tensor("model.embed_tokens.weight", size, TensorRole.EMBEDDING, Sharding.SPLIT),
        *_layers(shape, shape.dense, shape.sparse, shape.indexer.layers if shape.indexer else ()),
        Tensor("model.norm.weight", (shape.hidden,), TensorRole.NORM, Sharding.REPLICATED),
        *((head,) if shape.has_head and not shape.tied else ()),
    )


def _layers(shape: Shape, dense: Layers, sparse: Layers, indexed: Layers) -> tuple[Tensor, ...]:
    every = tuple(sorted(dense + sparse))
    indexer = shape.indexer
    return (
        *latent_parts.attention(shape.attention, every),
        *(latent_indexer.tensors(indexer, shape.hidden, shape.attention.query_rank or 0, indexed) if indexer else ()),
        *latent_parts.dense(shape.hidden, shape.intermediate, dense),
        *(latent_parts.sparse(shape.experts, sparse) if shape.experts else ()),
        *latent_parts.layer_norms(shape.hidden, every),
    )


def _predicting(traits: Traits, shape: Shape) -> tuple[Tensor, ...]:
    """The layers for multi-token prediction: sparse ones, each with an indexer of its own."""
    layers = tuple(range(shape.layers, shape.layers + shape.predicting))
    return (
        *_layers(shape, (), layers, layers if shape.indexer else ()),
        *latent_parts.predicting(shape.hidden, shape.vocabulary, layers, repeats_ends=traits.repeats_ends),
    )


def _states(traits: Traits, shape: Shape) -> tuple[State, ...]:
    attention = shape.attention
    if traits.expands:
        return (KeyValueState(shape.layers, attention.heads, attention.query, attention.query),)
    latent = KeyValueState(
        shape.layers, 1, attention.latent, attention.with_position, is_replicated=True, name="latent keys and values"
    )
    return (latent, latent_indexer.state(shape.indexer)) if shape.indexer else (latent,)


def _operations(shape: Shape, per_item: int) -> Operations:
    attention, indexer = shape.attention, shape.indexer
    if indexer is None:
        return Operations(per_item, shape.layers * attention.whole_operations)
    attending = (shape.layers * attention.absorbed_operations, indexer.chosen)
    return Operations(per_item, indexer.operations, windowed=(attending,))
