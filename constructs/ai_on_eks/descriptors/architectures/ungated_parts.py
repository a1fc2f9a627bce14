"""What decoders with two-layer (ungated) feed-forward networks have in common, whatever they call it.

Per layer, with hidden size H, A query and K key/value heads of D, intermediate size I:

    attention     H × (A + 2K)·D  +  A·D × H        (+ biases)
    feed-forward  2 × H × I                         (+ I + H where biased)
    norms         2 × width each (scale and shift)

    operations per token  2 × (layers' matrices + V × H)   the head is a matrix even where its weights are tied
    … and context token   4 × layers × A × D
    activations per token R × H + max(2I,  (A + 2K)·D + A·D)
        R residuals (two where attention and feed-forward run side by side: the first result waits for the second),
        and either the inner layer before and after its activation function, or queries, keys, values and the output
"""

from __future__ import annotations

from msgspec import Struct

from ai_on_eks.descriptors.architectures.decoder_inventory import decoder_inventory
from ai_on_eks.descriptors.inventory import (
    Inventory,
    Live,
    Sharding,
    Tensor,
    TensorRole,
)


class Names(Struct, frozen=True):
    """What a model type calls its tensors. `inputs` is one name of a fused projection, or those of q, k and v."""

    embedding: str
    positions: str
    layers: str
    inputs: tuple[str, ...]
    output: str
    inner: str
    outer: str
    head: str = "lm_head"


class Shape(Struct, frozen=True):
    """One decoder in numbers. `layer_norms` are name and width; `norms` are those that stand once; `embedding_width` is
    that of the words where it is not the hidden size: two matrices then lead to it and back."""

    layers: int
    hidden: int
    inner: int
    heads: int
    key_value_heads: int
    head_dimension: int
    vocabulary: int
    context: int | None
    has_head: bool
    tied: bool
    layer_norms: tuple[tuple[str, int], ...]
    norms: tuple[str, ...]
    position_rows: int = 0
    input_bias: bool = True
    output_bias: bool = True
    feed_forward_bias: bool = True
    head_bias: bool = False
    side_by_side: bool = False
    embedding_width: int | None = None
    estimated: tuple[str, ...] = ()


def inventory(model_type: str, names: Names, shape: Shape) -> Inventory:
    """The decoder as tensors, state, operations and activations."""
    tensors = (*_embeddings(names, shape), *_layers(names, shape), *_norms(names, shape), *_head(names, shape))
    return decoder_inventory(
        model_type,
        shape,
        tensors,
        feed_forward_live=Live(2 * shape.inner),
        residuals=2 if shape.side_by_side else 1,
        estimated=shape.estimated,
        head_width=shape.embedding_width,
    )


def _embeddings(names: Names, shape: Shape) -> tuple[Tensor, ...]:
    role, width = TensorRole.EMBEDDING, shape.embedding_width
    size = (shape.vocabulary, width or shape.hidden)
    found = [Tensor(f"{names.embedding}.weight", size, role, Sharding.SPLIT)]
    if shape.position_rows:
        rows = (shape.position_rows, shape.hidden)
        found.append(Tensor(f"{names.positions}.weight", rows, role, Sharding.REPLICATED))
    if width is not None:
        between, prefix = TensorRole.FEED_FORWARD, names.embedding.rpartition(".")[0]
        for name, matrix in (("project_in", (shape.hidden, width)), ("project_out", (width, shape.hidden))):
            found.append(Tensor(f"{prefix}.{name}.weight", matrix, between, Sharding.REPLICATED))
    return tuple(found)


def _layers(names: Names, shape: Shape) -> tuple[Tensor, ...]:
    hidden, inner, width = shape.hidden, shape.inner, shape.heads * shape.head_dimension
    attention, feed_forward, bias = TensorRole.ATTENTION, TensorRole.FEED_FORWARD, shape.feed_forward_bias

    def linear(
        name: str, size: tuple[int, int], role: TensorRole, sharding: Sharding, *, bias: bool, divided_input: bool
    ) -> tuple[Tensor, ...]:
        """A projection of every layer. The bias of one whose input is divided is whole on every rank."""
        place, _, rows = f"{names.layers}.{name}".partition("[")
        rows = f"[{rows}" if rows else ""
        weight = Tensor(f"{place}.weight{rows}", size, role, sharding, shape.layers, quantizable=True)
        bias_sharding = Sharding.REPLICATED if divided_input else sharding
        vector = Tensor(f"{place}.bias{rows}", size[:1], role, bias_sharding, shape.layers)
        return (weight, vector) if bias else (weight,)

    projections = tuple(
        tensor
        for name, rows, sharding in _inputs(names, shape)
        for tensor in linear(name, (rows, hidden), attention, sharding, bias=shape.input_bias, divided_input=False)
    )
    split = Sharding.SPLIT
    return (
        *projections,
        *linear(names.output, (hidden, width), attention, split, bias=shape.output_bias, divided_input=True),
        *linear(names.inner, (inner, hidden), feed_forward, split, bias=bias, divided_input=False),
        *linear(names.outer, (hidden, inner), feed_forward, split, bias=bias, divided_input=True),
    )


def _inputs(names: Names, shape: Shape) -> tuple[tuple[str, int, Sharding], ...]:
    """Queries, keys and values: as they are stored, and a fused matrix by its rows where they divide differently."""
    query, key = shape.heads * shape.head_dimension, shape.key_value_heads * shape.head_dimension
    if len(names.inputs) == 3:
        rows = zip(names.inputs, (query, key, key), strict=True)
        return tuple(
            (name, size, Sharding.KEY_VALUE if place else Sharding.SPLIT) for place, (name, size) in enumerate(rows)
        )
    (fused,) = names.inputs
    if query == key:
        return ((fused, 3 * query, Sharding.SPLIT),)
    return (
        (f"{fused}[queries]", query, Sharding.SPLIT),
        (f"{fused}[keys, values]", 2 * key, Sharding.KEY_VALUE),
    )


def _norms(names: Names, shape: Shape) -> tuple[Tensor, ...]:
    role, sharding = TensorRole.NORM, Sharding.REPLICATED
    return (
        *(
            Tensor(f"{names.layers}.{name}.{part}", (width,), role, sharding, shape.layers)
            for name, width in shape.layer_norms
            for part in ("weight", "bias")
        ),
        *(
            Tensor(f"{name}.{part}", (shape.hidden,), role, sharding)
            for name in shape.norms
            for part in ("weight", "bias")
        ),
    )


def _head(names: Names, shape: Shape) -> tuple[Tensor, ...]:
    if not shape.has_head:
        return ()
    role, sharding = TensorRole.HEAD, Sharding.SPLIT
    size = (shape.vocabulary, shape.embedding_width or shape.hidden)
    weight = Tensor(f"{names.head}.weight", size, role, sharding)
    bias = Tensor(f"{names.head}.bias", (shape.vocabulary,), role, sharding)
    return (*(() if shape.tied else (weight,)), *((bias,) if shape.head_bias else ()))
