"""DeepSeek-V4: attention to a window and to compressed entries behind it, chosen or all, and streams of hidden states.

A layer compresses 4 tokens into an entry, or 128, or none; every layer attends to the last W tokens as well.

    kept of a sequence   all layers  D per token, at most W tokens
                         r = 4       D per 4 tokens;  an index key of d bytes with its scale per 4 tokens;
                                     of the last 8 tokens 4·D + 4·d values in float32, not yet an entry
                         r = 128     D per 128 tokens;  of the last 128 tokens 2·D values in float32
    operations per token 2 × active matrices
    … and context token  4·N·D of the window;  4·N·D ÷ 128 where r = 128;  2·n·d ÷ 4 for the index where r = 4, and
                         4·N·D ÷ 4 of as many tokens as the chosen entries stand for
    activations          h·H + H + max(attention, experts), the streams being the residual

All of it is whole on every rank: there is one key for all heads. Letters are those of `latent_compressed_parts`.
Layers for multi-token prediction follow in a checkpoint under `mtp`, without embedding and head, and are not loaded
unless speculative decoding asks for them.
Source: vLLM 0.33.0, DeepseekV4SWACache, CompressorStateCache, DeepseekV4IndexerCache, models/deepseek_v4/nvidia/mtp.py,
read 2026-11-24; configuration_deepseek_v4.py of transformers 5.23.0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ai_on_eks.descriptors.architectures import latent_compressed_parts as parts
from ai_on_eks.descriptors.architectures import latent_indexer
from ai_on_eks.descriptors.architectures.hyperparameters import MAX_LAYERS, Hyperparameters
from ai_on_eks.descriptors.architectures.latent_parts import Experts, Layers
from ai_on_eks.descriptors.architectures.operations import matrix_flops
from ai_on_eks.descriptors.element_format import ElementFormat
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

MODEL_TYPES = ("deepseek_ref", "deepseek_v4")
"""The first is what configs say that were made for DeepSeek's own code; their `architectures` say DeepseekV4."""

_DEFAULTS: Mapping[str, Any] = {
    "tie_word_embeddings": False,
    "attention_bias": False,
    "num_nextn_predict_layers": 0,
    "hc_mult": 4,
}
DEFAULTS: Mapping[str, Mapping[str, Any]] = dict.fromkeys(MODEL_TYPES, _DEFAULTS)
"""What transformers documents for a hyper-parameter that a published config may leave out. A checkpoint whose config
names no layers for multi-token prediction holds none."""

RATIOS = {"sliding_attention": 0, "compressed_sparse_attention": 4, "heavily_compressed_attention": 128}
"""Kinds of layers -> tokens per entry, 0 = none."""


class Shape(Struct, frozen=True):
    """A decoder's dimensions; `ratios` are the layers by the tokens that each compresses into an entry."""

    layers: int
    vocabulary: int
    context: int
    tied: bool
    attention: parts.Compressed
    window: int
    chosen_entries: int
    ratios: Mapping[int, Layers]
    experts: Experts
    expert_format: ElementFormat | None
    predicting: int

    @property
    def hidden(self) -> int:
        return self.attention.hidden


def read(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The inventory of a decoder, or an InputError with every missing hyper-parameter."""
    named = parameters.ending("architectures", ("DeepseekV4ForCausalLM",))
    if model_type == "deepseek_ref":
        message = "'deepseek_ref' is known only with the class DeepseekV4ForCausalLM"
        parameters.support("architectures", named is not None, message)
    layers = parameters.integer("num_hidden_layers", most=MAX_LAYERS)
    parameters.support("attention_bias", not parameters.flag("attention_bias"), "biases are not known")
    attention = _attention(parameters)
    shape = Shape(
        layers=layers,
        vocabulary=parameters.integer("vocab_size"),
        context=parameters.integer("max_position_embeddings"),
        tied=parameters.flag("tie_word_embeddings"),
        attention=attention,
        window=parameters.integer("sliding_window"),
        chosen_entries=parameters.integer("index_topk"),
        ratios=_ratios(parameters, layers),
        experts=_experts(parameters, attention.hidden),
        expert_format=_expert_format(parameters),
        predicting=parameters.integer("num_nextn_predict_layers", least=0, most=MAX_LAYERS),
    )
    parameters.finish()
    return _inventory(model_type, shape)


def _attention(parameters: Hyperparameters) -> parts.Compressed:
    heads, dimension = parameters.integer("num_attention_heads"), parameters.integer("head_dim")
    groups = parameters.integer("o_groups")
    message = f"{groups} groups do not divide {heads} attention heads"
    parameters.relate(("num_attention_heads", "o_groups"), heads % groups == 0, message)
    return parts.Compressed(
        hidden=parameters.integer("hidden_size"),
        heads=heads,
        dimension=dimension,
        query_rank=parameters.integer("q_lora_rank"),
        groups=groups,
        output_rank=parameters.integer("o_lora_rank"),
        index_heads=parameters.integer("index_n_heads"),
        index_dimension=parameters.integer("index_head_dim"),
        streams=parameters.integer("hc_mult"),
    )


def _ratios(parameters: Hyperparameters, layers: int) -> dict[int, Layers]:
    """The layers of each ratio: by their kinds, or by a list of ratios, which goes on with the predicting layers."""
    kinds = parameters.layer_kinds("layer_types", tuple(RATIOS))
    ratios = tuple(RATIOS[kind] for kind in kinds) or parameters.layer_numbers("compress_ratios")
    key = "layer_types" if kinds else "compress_ratios"
    if not ratios:
        parameters.integers("compress_ratios")  # reports that it is missing
    parameters.relate(("num_hidden_layers", key), len(ratios) >= layers, f"{len(ratios)} ratios for {layers} layers")
    rates = parameters.value("compress_rates")
    usual = {kind: ratio for kind, ratio in RATIOS.items() if ratio}
    parameters.support("compress_rates", rates is None or rates == usual, "only 4 and 128 tokens per entry are known")
    known = tuple(RATIOS.values())
    parameters.support(key, set(ratios) <= set(known), "only 0, 4 and 128 tokens per entry are known")
    return {ratio: tuple(layer for layer, its in enumerate(ratios[:layers]) if its == ratio) for ratio in known}


def _experts(parameters: Hyperparameters, hidden: int) -> Experts:
    number, chosen = parameters.integer("n_routed_experts"), parameters.integer("num_experts_per_tok")
    keys = ("n_routed_experts", "num_experts_per_tok")
    parameters.relate(keys, chosen <= number, f"a token passes {chosen} of {number} experts")
    intermediate = parameters.integer("moe_intermediate_size")
    number_shared = parameters.integer("n_shared_experts")
    # transformers builds one whatever the number, engines one as wide as so many
    parameters.support("n_shared_experts", number_shared == 1, f"{number_shared} shared experts instead of 1")
    shared = intermediate
    return Experts(hidden, number, chosen, intermediate, shared)


def _expert_format(parameters: Hyperparameters) -> ElementFormat | None:
    """Experts in 4 bit beside matrices in 8 bit; elsewhere they are stored as everything else is."""
    if not parameters.has("expert_dtype"):
        return None
    return parts.MXFP4 if parameters.choice("expert_dtype", ("fp4", "fp8", "bf16")) == "fp4" else None


def _inventory(model_type: str, shape: Shape) -> Inventory:
    tensors = _tensors(shape)
    tied_head = 2 * shape.vocabulary * shape.hidden if shape.tied else 0
    attention = shape.attention
    live = attention.query_rank + attention.dimension + 2 * attention.heads * attention.dimension
    return Inventory(
        architecture=model_type,
        item=Item.TOKEN,
        tensors=tensors,
        states=_states(shape),
        operations=_operations(shape, matrix_flops(tensors) + tied_head),
        activations=Activations(
            per_item=attention.streams * shape.hidden + shape.hidden + max(live, shape.experts.live),
            vocabulary=shape.vocabulary,
        ),
        layers=shape.layers,
        hidden_size=shape.hidden,
        attention_heads=attention.heads,
        key_value_heads=1,
        max_context_tokens=shape.context,
        unserved_tensors=_predicting(shape) if shape.predicting else (),
    )


def _tensors(shape: Shape) -> tuple[Tensor, ...]:
    size = (shape.vocabulary, shape.hidden)
    head = Tensor("head.weight", size, TensorRole.HEAD, Sharding.SPLIT)
    return (
        Tensor("embed.weight", size, TensorRole.EMBEDDING, Sharding.SPLIT),
        *_layers(shape, shape.ratios),
        *_joined(shape),
        Tensor("norm.weight", (shape.hidden,), TensorRole.NORM, Sharding.REPLICATED),
        *(() if shape.tied else (head,)),
    )


def _layers(shape: Shape, ratios: Mapping[int, Layers]) -> tuple[Tensor, ...]:
    every = tuple(sorted(layer for layers in ratios.values() for layer in layers))
    return (
        *parts.attention(shape.attention, every),
        *(one for ratio, layers in ratios.items() for one in parts.compressor(shape.attention, ratio, layers)),
        *parts.feed_forward(shape.experts, every, shape.expert_format),
        *parts.streams(shape.attention, every),
        *parts.layer_norms(shape.hidden, every),
    )


def _joined(shape: Shape) -> tuple[Tensor, ...]:
    """What makes one hidden state of the streams, before the head."""
    streams, role, whole = shape.attention.streams, TensorRole.FEED_FORWARD, Sharding.REPLICATED
    sizes = {"fn": (streams, streams * shape.hidden), "base": (streams,), "scale": (1,)}
    return tuple(Tensor(f"hc_head_{part}", size, role, whole, stored=parts.FLOAT32) for part, size in sizes.items())


def _predicting(shape: Shape) -> tuple[Tensor, ...]:
    """Layers that compress nothing, behind projections of the hidden state and of the next token's embedding."""
    layers, hidden = tuple(range(shape.predicting)), shape.hidden
    square, role = (hidden, hidden), TensorRole.FEED_FORWARD
    ends = (replace(one, name=f"layers.*.{one.name}", count=len(layers), layers=layers) for one in _joined(shape))
    tensors = (
        *_layers(shape, {0: layers}),
        *(parts.tensor(f"{name}.weight", square, role, layers, quantizable=True) for name in ("e_proj", "h_proj")),
        *(parts.tensor(f"{name}.weight", (hidden,), TensorRole.NORM, layers) for name in ("enorm", "hnorm", "norm")),
        *ends,
    )
    return tuple(replace(one, name=one.name.replace("layers.", "mtp.", 1)) for one in tensors)


def _states(shape: Shape) -> tuple[State, ...]:
    attention = shape.attention

    def entries(ratio: int, elements: int, name: str, bits: int | None = None) -> KeyValueState:
        layers = len(shape.ratios[ratio])
        return KeyValueState(layers, 1, elements, 0, tokens_per_entry=ratio, is_replicated=True, bits=bits, name=name)

    def unfinished(ratio: int, dimension: int, name: str) -> KeyValueState:
        """Entries in the making: a value and its weight for each entry that a token takes part in."""
        taking = parts.entry_parts(ratio)
        layers, window = len(shape.ratios[ratio]), taking * ratio
        return KeyValueState(
            layers, 1, 2 * taking * dimension, 0, window_tokens=window, is_replicated=True, bits=32, name=name
        )

    window = KeyValueState(
        shape.layers, 1, attention.dimension, 0, window_tokens=shape.window, is_replicated=True, name="window"
    )
    kept: list[State] = [window]
    for ratio in (ratio for ratio, layers in shape.ratios.items() if ratio and layers):
        kept.append(entries(ratio, attention.dimension, f"entries of {ratio} tokens"))
        kept.append(unfinished(ratio, attention.dimension, f"unfinished entries of {ratio} tokens"))
        if ratio == parts.OVERLAPPING:
            index = latent_indexer.key_bytes(attention.index_dimension)
            kept.append(entries(ratio, index, "indexer keys", latent_indexer.KEY_BITS))
            kept.append(unfinished(ratio, attention.index_dimension, "unfinished indexer keys"))
    return tuple(kept)


def _operations(shape: Shape, per_item: int) -> Operations:
    attention, chosen = shape.attention, parts.OVERLAPPING
    each = 4 * attention.heads * attention.dimension
    growing = sum(len(layers) * each // ratio for ratio, layers in shape.ratios.items() if ratio > chosen)
    choosing = len(shape.ratios[chosen])
    index = 2 * choosing * attention.index_heads * attention.index_dimension // chosen
    windowed = ((shape.layers * each, shape.window), (choosing * each // chosen, shape.chosen_entries * chosen))
    return Operations(per_item, growing + index, windowed=windowed)
