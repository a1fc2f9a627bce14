"""A decoder's inventory from its tensors and dimensions, whatever its layers are called.

operations per token             = matrices + tied head (2 × vocabulary × hidden)
operations per token of context  = 4 × layers × heads × head dimension
live values per token            = residuals × hidden + max(feed-forward, queries, keys, values and their result)
"""

from __future__ import annotations

from typing import Protocol

from ai_on_eks.descriptors.architectures.operations import matrix_flops
from ai_on_eks.descriptors.inventory import Activations, Inventory, Item, KeyValueState, Operations, Tensor


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
    feed_forward_live: int,
    residuals: int,
    estimated: tuple[str, ...],
) -> Inventory:
    """The whole model. `feed_forward_live` is what a feed-forward block keeps beside the residual, `residuals` how many
    copies of the hidden state are alive, both per token."""
    tied_head = 2 * shape.vocabulary * shape.hidden if shape.has_head and shape.tied else 0
    attention_width = shape.heads * shape.head_dimension
    projected = attention_width + 2 * shape.key_value_heads * shape.head_dimension
    return Inventory(
        architecture=model_type,
        item=Item.TOKEN,
        tensors=tensors,
        states=(KeyValueState(shape.layers, shape.key_value_heads, shape.head_dimension, shape.head_dimension),),
        operations=Operations(
            per_item=matrix_flops(tensors) + tied_head,
            per_item_and_context_token=4 * shape.layers * attention_width,
        ),
        activations=Activations(
            per_item=residuals * shape.hidden + max(feed_forward_live, projected + attention_width),
            vocabulary=shape.vocabulary if shape.has_head else 0,
        ),
        layers=shape.layers,
        hidden_size=shape.hidden,
        attention_heads=shape.heads,
        key_value_heads=shape.key_value_heads,
        max_context_tokens=shape.context,
        estimated=estimated,
    )
