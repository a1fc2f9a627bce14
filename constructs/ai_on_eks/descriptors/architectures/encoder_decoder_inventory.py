"""What an encoder-decoder costs, whatever its layers are called.

The encoder passes once over the source; the decoder makes one token after the other and looks back at both.

    operations per source token       2 × (encoder's matrices + cross-attention's keys and values)
    … and token of the source         4 × encoder layers × A × D
    operations per generated token    2 × (decoder's other matrices + vocabulary × hidden)
    … and token attended to           4 × decoder layers × A × D, once for the text so far, once for the source

    cache   the text's keys and values    layers × 2 × A × D   per token of the text
            the source's keys and values  layers × 2 × A × D   per token of the source, made once

A is the number of heads, D a head's width. Where the source has a constant length (30 seconds of sound), the second
cache is constant, and so are the operations on it. Elsewhere source and text may each be as long as the context: an
upper bound, which the inventory says.
Source: arXiv:1706.03762, §3.2.3; modeling_t5.py, modeling_bart.py and modeling_whisper.py of transformers 5.23.0.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from ai_on_eks.descriptors.architectures.operations import matrix_flops
from ai_on_eks.descriptors.inventory import (
    Activations,
    InputEncoder,
    Inventory,
    Item,
    KeyValueState,
    Operations,
    Tensor,
)

UPPER_BOUND = "source and generated text may each be as long as the context; the cache holds both"


class Stack(Struct, frozen=True):
    """The layers of one half. `feed_forward_live` is what a feed-forward block keeps beside the residual, in elements
    per token: its inner values before and after their activation function, and a gate's."""

    layers: int
    hidden: int
    heads: int
    head_dimension: int
    feed_forward_live: int

    @property
    def attention_width(self) -> int:
        return self.heads * self.head_dimension

    @property
    def score_flops(self) -> int:
        """Of one token and one token it attends to: scores, and their product with the values."""
        return 4 * self.layers * self.attention_width

    @property
    def live(self) -> int:
        """Elements alive at once per token: the residual, and the feed-forward block's or queries, keys, values and
        the attention's output."""
        return self.hidden + max(self.feed_forward_live, 4 * self.attention_width)


class Halves(Struct, frozen=True):
    """The tensors of the layers, by when a token is multiplied with them."""

    encoder: tuple[Tensor, ...]
    decoder: tuple[Tensor, ...]
    source_projections: tuple[Tensor, ...]
    """Cross-attention's keys and values: in the decoder's layers, but passed by the source's tokens."""

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        return (*self.encoder, *self.decoder, *self.source_projections)


def encoder_decoder_inventory(
    model_type: str,
    encoder: Stack,
    decoder: Stack,
    halves: Halves,
    *,
    around: Iterable[Tensor],
    vocabulary: int,
    context: int | None,
    source_tokens: int | None = None,
    source_flops: int = 0,
    source_live: int = 0,
    source: str = "text",
) -> Inventory:
    """The whole model.

    around         tensors outside the layers
    vocabulary     words the head tells apart; 0 where the class has no head
    source_tokens  of a source of constant length; None where it may be as long as the context
    source_flops   what a token of the source takes before the first layer
    source_live    elements alive there per token of the source
    """
    fixed = source_tokens is not None
    cross = decoder.score_flops
    # One matrix multiplies the logits, whether it is a tensor of its own or the tied embedding.
    per_item = matrix_flops(halves.decoder) + 2 * vocabulary * decoder.hidden
    made = KeyValueState(decoder.layers, decoder.heads, decoder.head_dimension, decoder.head_dimension)
    seen = KeyValueState(
        decoder.layers,
        decoder.heads,
        decoder.head_dimension,
        decoder.head_dimension,
        fixed_tokens=source_tokens,
        name="keys and values of the source",
    )
    return Inventory(
        architecture=model_type,
        item=Item.TOKEN,
        tensors=(*around, *halves.tensors),
        states=(made, seen),
        operations=Operations(
            per_item=per_item + (cross * source_tokens if source_tokens is not None else 0),
            per_item_and_context_token=decoder.score_flops + (0 if fixed else cross),
        ),
        activations=Activations(per_item=decoder.live, vocabulary=vocabulary),
        layers=decoder.layers,
        hidden_size=decoder.hidden,
        attention_heads=decoder.heads,
        key_value_heads=decoder.heads,
        max_context_tokens=context,
        estimated=() if fixed else (UPPER_BOUND,),
        encoders=(
            InputEncoder(
                operations=Operations(
                    per_item=source_flops + matrix_flops(halves.encoder) + matrix_flops(halves.source_projections),
                    per_item_and_context_token=encoder.score_flops,
                ),
                per_item=max(source_live, encoder.live),
                handed=encoder.hidden,
                tokens=source_tokens,
                name=source,
            ),
        ),
    )
