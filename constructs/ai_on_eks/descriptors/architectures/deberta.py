"""DeBERTa v2 and v3: an encoder whose attention looks at relative positions in matrices of their own.

Per layer, with hidden size H and intermediate size I:

    attention     4 × (H × H + H)             + H × H + H each for positions as keys and as queries, if not shared
    feed-forward  2 × H × I + I + H
    norms         4H
    once          rows × H relative positions (rows = 2 × buckets), their norm, a convolution in the larger v2 models

    operations per token  2 × layers' matrices  +  2 × kinds × rows × H × layers
                          content with positions, for each kind of score (c2p, p2c): with the rows of the relative
                          positions, however long the text is
    … and context token   4 × layers × H
    activations per token H + max(2I,  4H + A × (2 × context + rows))
                          A heads: unlike elsewhere the scores are stored, as a sum, with the kind being added before
                          and after its rows are put in place; counted for the longest text

Projecting the relative positions themselves happens once per pass, not per token: it is left out of the operations.
Names are those of the published checkpoints.
Source: modeling_deberta_v2.py and configuration_deberta_v2.py of transformers 5.23.0, read 2026-11-24.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from ai_on_eks.descriptors.architectures import encoder_heads
from ai_on_eks.descriptors.architectures.encoder_parts import layer_norm, linear, whole
from ai_on_eks.descriptors.architectures.hyperparameters import Hyperparameters
from ai_on_eks.descriptors.architectures.operations import matrix_flops
from ai_on_eks.descriptors.inventory import (
    Activations,
    Inventory,
    Item,
    Operations,
    Sharding,
    Tensor,
    TensorRole,
)

FAMILY = "transformer"
MODEL_TYPES: Mapping[str, None] = {"deberta-v2": None}

DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "deberta-v2": {
        "num_labels": 2,
        "type_vocab_size": 0,
        "relative_attention": False,
        "position_biased_input": True,
        "position_buckets": -1,
        "max_relative_positions": -1,
        "share_att_key": False,
        "conv_kernel_size": 0,
        "conv_groups": 1,
    },
}
"""What transformers documents for a hyper-parameter that a published config may leave out."""

_PREFIX = "deberta.encoder"


class _Positions(Struct, frozen=True):
    """How attention sees positions. `rows` of relative positions, 0 without; `own` are projections of their own."""

    rows: int
    kinds: tuple[str, ...]
    own: tuple[str, ...]


def read(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The inventory of an encoder, or an InputError with every missing hyper-parameter."""
    hidden, inner = parameters.integer("hidden_size"), parameters.integer("intermediate_size")
    layers, heads = parameters.integer("num_hidden_layers"), parameters.integer("num_attention_heads")
    message = f"{heads} heads do not divide hidden_size {hidden}"
    parameters.relate(("hidden_size", "num_attention_heads"), hidden % heads == 0, message)
    vocabulary, context = parameters.integer("vocab_size"), parameters.integer("max_position_embeddings")
    for key in ("embedding_size", "attention_head_size"):
        expected = hidden if key == "embedding_size" else hidden // heads
        other = parameters.integer_or(key, expected)
        parameters.support(key, other == expected, f"{other} instead of {expected} is not known")
    positions = _positions(context, parameters)
    embeddings = _embeddings(hidden, vocabulary, context, parameters)
    normed = "layer_norm" in parameters.words("norm_rel_ebd")
    kernel = parameters.integer("conv_kernel_size", least=0)
    groups = parameters.integer("conv_groups")
    parameters.relate(("hidden_size", "conv_groups"), hidden % groups == 0, f"{groups} groups do not divide {hidden}")
    head = _head(hidden, vocabulary, parameters)
    parameters.finish()
    body = _layers(hidden, inner, layers, positions)
    convolution = _convolution(hidden, kernel, groups) if kernel else ()
    once = (
        *((_relative(hidden, positions.rows),) if positions.rows else ()),
        *(layer_norm(f"{_PREFIX}.LayerNorm", hidden) if normed else ()),
        *convolution,
    )
    own = sum(2 * tensor.parameters for tensor in body if ".pos_" in tensor.name and len(tensor.shape) == 2)
    convolved = sum(2 * tensor.parameters for tensor in convolution if len(tensor.shape) == 3)
    stored = heads * (2 * context + positions.rows)
    scores = 2 * len(positions.kinds) * positions.rows * hidden * layers
    return Inventory(
        architecture=model_type,
        item=Item.TOKEN,
        tensors=(*embeddings, *once, *body, *head),
        states=(),
        operations=Operations(
            per_item=matrix_flops(body) - own + convolved + scores,
            per_item_and_context_token=4 * layers * hidden,
        ),
        activations=Activations(per_item=hidden + max(2 * inner, 4 * hidden + stored)),
        layers=layers,
        hidden_size=hidden,
        attention_heads=heads,
        key_value_heads=heads,
        max_context_tokens=context,
        estimated=(f"attention scores are stored for texts of {context} tokens; shorter ones would store less",),
    )


def _positions(context: int, parameters: Hyperparameters) -> _Positions:
    """Relative positions: twice the buckets, or twice the longest distance where there are no buckets."""
    if not parameters.flag("relative_attention"):
        return _Positions(0, (), ())
    buckets = parameters.integer("position_buckets", least=-1)
    longest = parameters.integer("max_relative_positions", least=-1)
    span = buckets if buckets > 0 else (longest if longest > 0 else context)
    named = parameters.words("pos_att_type")
    kinds = tuple(kind for kind in ("c2p", "p2c") if kind in named)
    projections = {"c2p": "pos_key_proj", "p2c": "pos_query_proj"}
    shared = parameters.flag("share_att_key")
    return _Positions(2 * span, kinds, () if shared else tuple(projections[kind] for kind in kinds))


def _relative(hidden: int, rows: int) -> Tensor:
    return Tensor(f"{_PREFIX}.rel_embeddings.weight", (rows, hidden), TensorRole.EMBEDDING, Sharding.REPLICATED)


def _embeddings(hidden: int, vocabulary: int, context: int, parameters: Hyperparameters) -> tuple[Tensor, ...]:
    rows = {"word_embeddings": vocabulary}
    if parameters.flag("position_biased_input"):
        rows["position_embeddings"] = context
    types = parameters.integer("type_vocab_size", least=0)
    if types:
        rows["token_type_embeddings"] = types
    prefix = "deberta.embeddings"
    return (
        *(
            Tensor(
                f"{prefix}.{name}.weight",
                (count, hidden),
                TensorRole.EMBEDDING,
                Sharding.SPLIT if name == "word_embeddings" else Sharding.REPLICATED,
            )
            for name, count in rows.items()
        ),
        *layer_norm(f"{prefix}.LayerNorm", hidden),
    )


def _convolution(hidden: int, kernel: int, groups: int) -> tuple[Tensor, ...]:
    """A convolution over neighbouring tokens beside the first layer, in the larger models of version 2."""
    role, sharding = TensorRole.CONVOLUTION, Sharding.REPLICATED
    return (
        Tensor(f"{_PREFIX}.conv.conv.weight", (hidden, hidden // groups, kernel), role, sharding),
        Tensor(f"{_PREFIX}.conv.conv.bias", (hidden,), role, sharding),
        *layer_norm(f"{_PREFIX}.conv.LayerNorm", hidden),
    )


def _layers(hidden: int, inner: int, layers: int, positions: _Positions) -> tuple[Tensor, ...]:
    prefix, attention, feed_forward = f"{_PREFIX}.layer.*", TensorRole.ATTENTION, TensorRole.FEED_FORWARD
    names = ("query_proj", "key_proj", "value_proj", *positions.own)
    return (
        *(
            tensor
            for name in names
            for tensor in linear(f"{prefix}.attention.self.{name}", hidden, hidden, attention, layers)
        ),
        *linear(f"{prefix}.attention.output.dense", hidden, hidden, attention, layers, divided_input=True),
        *layer_norm(f"{prefix}.attention.output.LayerNorm", hidden, layers),
        *linear(f"{prefix}.intermediate.dense", inner, hidden, feed_forward, layers),
        *linear(f"{prefix}.output.dense", hidden, inner, feed_forward, layers, divided_input=True),
        *layer_norm(f"{prefix}.output.LayerNorm", hidden, layers),
    )


def _head(hidden: int, vocabulary: int, parameters: Hyperparameters) -> tuple[Tensor, ...]:
    """What stands on top, by the class in `architectures`; the bare model has no pooler."""
    ending = parameters.ending("architectures", encoder_heads.HEADS) or "Model"
    if ending == "Model":
        return ()
    if ending == "ForMaskedLM":
        prefix = "cls.predictions"
        return (
            *whole(f"{prefix}.transform.dense", hidden, hidden, TensorRole.HEAD),
            *layer_norm(f"{prefix}.transform.LayerNorm", hidden),
            Tensor(f"{prefix}.bias", (vocabulary,), TensorRole.HEAD, Sharding.REPLICATED),
            *encoder_heads.decoder(f"{prefix}.decoder", vocabulary, hidden, parameters),
        )
    choosing = ending == "ForMultipleChoice"
    labels = 1 if choosing else parameters.labels()
    if ending != "ForSequenceClassification" and not choosing:
        name = "qa_outputs" if ending == "ForQuestionAnswering" else "classifier"
        return whole(name, labels, hidden, TensorRole.HEAD)
    width = parameters.integer_or("pooler_hidden_size", hidden)
    parameters.support("pooler_hidden_size", width == hidden, f"a pooler of {width} instead of {hidden} is not known")
    return (
        *whole("pooler.dense", hidden, hidden, TensorRole.POOLER),
        *whole("classifier", labels, hidden, TensorRole.HEAD),
    )
