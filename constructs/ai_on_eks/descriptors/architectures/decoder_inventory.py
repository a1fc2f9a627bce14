"""A decoder's inventory from its tensors and dimensions, whatever its layers are called.

operations per token             = matrices + tied head (2 × vocabulary × hidden)
operations per token of context  = 4 × layers × heads × head dimension, of a window at most as many tokens as it has
live values per token            = residuals × hidden + max(feed-forward, queries, keys, values and their result);
                                   tensor parallelism divides what lies between inputs and outputs of a block
"""

from __future__ import annotations

from typing import Protocol

from ai_on_eks.descriptors.architectures import windows
from ai_on_eks.descriptors.architectures.operations import matrix_flops
from ai_on_eks.descriptors.inventory import Activations, Inventory, Item, Live, Tensor


class Dimensions(Protocol):
    """What every decoder has."""

    @property
    def layers(self) -> int: ...
    @property
    def hidden(self) -> int: ...
    @property
    def heads(self) -> int: ...
    @property
    def key_value_heads(self) -> int: ...
    @property
    def head_dimension(self) -> int: ...
    @property
    def vocabulary(self) -> int: ...
    @property
    def context(self) -> int | None: ...
    @property
    def has_head(self) -> bool: ...
    @property
    def tied(self) -> bool: ...


def decoder_inventory(
    model_type: str,
    shape: Dimensions,
    tensors: tuple[Tensor, ...],
    *,
    feed_forward_live: Live,
    residuals: int,
    estimated: tuple[str, ...],
    attention: tuple[windows.AttentionGroup, ...] = (),
    head_width: int | None = None,
) -> Inventory:
    """The whole model. `feed_forward_live` is what a feed-forward block keeps beside the residual, `residuals` how many
    copies of the hidden state are alive, both per token. `attention` are the layers by how they attend; without it all
    attend to the whole context with the heads of `shape`. `head_width` is the width of the words where it is not the
    hidden size."""
    tied_head = 2 * shape.vocabulary * (head_width or shape.hidden) if shape.has_head and shape.tied else 0
    heads = (shape.heads, shape.key_value_heads, shape.head_dimension, shape.head_dimension)
    attending = attention or (windows.AttentionGroup(shape.layers, *heads),)
    return Inventory(
        architecture=model_type,
        item=Item.TOKEN,
        tensors=tensors,
        states=windows.states(attending),
        operations=windows.operations(matrix_flops(tensors) + tied_head, attending),
        activations=Activations(
            per_item=residuals * shape.hidden
            + max(feed_forward_live.values, *(_projected(group) for group in attending)),
            vocabulary=shape.vocabulary if shape.has_head else 0,
            undivided=residuals * shape.hidden + feed_forward_live.undivided,
        ),
        layers=shape.layers,
        hidden_size=shape.hidden,
        attention_heads=shape.heads,
        key_value_heads=shape.key_value_heads,
        max_context_tokens=shape.context,
        estimated=estimated,
    )


def _projected(group: windows.AttentionGroup) -> int:
    """Queries, keys, values and the attention's output of one token."""
    query_side = group.heads * (group.key_dimension + group.value_dimension)
    return query_side + group.key_value_heads * (group.key_dimension + group.value_dimension)
