"""What a model is made of, whatever it was read from.

    weights of a rank = Σ over tensors: count × elements ÷ shards(tensor, TP) × bits(tensor) / 8
    cache of a rank   = Σ over states:  layers × elements ÷ shards(state, TP) × bits(state) / 8 × tokens kept
    operations        = per token (or image) forward, from the same tensors; of experts only the active ones

A config, the header of a weight file or a bare parameter count each yield this one value; sizing, performance and
placement read nothing else of a model. One formula per architecture would be shorter today and wrong for the next one.
"""

from __future__ import annotations

from enum import StrEnum
from math import prod
from typing import NamedTuple

from msgspec import Struct

from ai_on_eks.descriptors.element_format import ElementFormat
from ai_on_eks.descriptors.image_generation import Component, ImageRequest
from ai_on_eks.units import ceil_div


class TensorRole(StrEnum):
    """What a tensor does; decides quantization and reporting."""

    EMBEDDING = "embedding"
    ATTENTION = "attention"
    FEED_FORWARD = "feed-forward"
    EXPERT = "expert"
    ROUTER = "router"
    NORM = "norm"
    HEAD = "head"
    CONVOLUTION = "convolution"
    POOLER = "pooler"
    RECURRENT = "recurrent"
    VISION = "vision"
    UNKNOWN = "unknown"


class Sharding(StrEnum):
    """How tensor parallelism divides a tensor.

    SPLIT        evenly over all ranks (columns, rows, vocabulary)
    KEY_VALUE    over ranks up to the number of key/value heads, replicated beyond
    REPLICATED   whole on every rank
    """

    SPLIT = "split"
    KEY_VALUE = "key-value"
    REPLICATED = "replicated"


class Item(StrEnum):
    """What one unit of work is."""

    TOKEN = "token"  # noqa: S105 - a unit of work, not a credential
    IMAGE = "image"


class Tensor(Struct, frozen=True):
    """`count` tensors of the same shape and use. `name` may hold one `*` for the layer number and one for the expert's.

    active_count   how many of them one token passes; None = all. Fewer only where a router chooses among experts
    per_layer      how many of them belong to one layer, the number of experts; pipeline stages share whole layers
    layers         the layer numbers that the first `*` stands for, where they are not 0, 1, 2 … count ÷ per_layer − 1
    stored         the format a quantized checkpoint keeps them in; None = what the descriptor's precision means for
                   tensors that are `quantizable`, or for those that are not
    """

    name: str
    shape: tuple[int, ...]
    role: TensorRole
    sharding: Sharding
    count: int = 1
    quantizable: bool = False
    active_count: int | None = None
    per_layer: int = 1
    layers: tuple[int, ...] | None = None
    stored: ElementFormat | None = None

    def __post_init__(self) -> None:
        if self.active_count is not None and not 0 < self.active_count <= self.count:
            raise ValueError(f"{self.name}: {self.active_count} of {self.count} tensors cannot be active")
        if self.per_layer < 1:
            raise ValueError(f"{self.name}: {self.per_layer} tensors per layer")
        if self.layers is not None and len(self.layers) * self.per_layer != self.count:
            raise ValueError(f"{self.name}: {self.count} tensors in {len(self.layers)} layers")

    @property
    def parameters(self) -> int:
        return self.count * prod(self.shape)

    @property
    def active_parameters(self) -> int:
        """Parameters that one token passes through."""
        return (self.count if self.active_count is None else self.active_count) * prod(self.shape)


class KeyValueState(Struct, frozen=True):
    """What `layers` attention layers keep of the tokens of a running sequence.

        elements per token kept = layers × key_value_heads × (key_dimension + value_dimension)

    window_tokens    a sliding window or chunk: never more than so many tokens are kept; None = all of them
    fixed_tokens     tokens of an input of constant length, whatever the context (an encoder's output that a decoder
                     attends to); None = the tokens of the sequence itself
    tokens_per_entry tokens that share one entry, where keys are compressed along the sequence
    is_replicated    every rank keeps all of it, as the latent of multi-head latent attention, which has no heads
    bits             of an element, where they do not follow the descriptor's precision of the cache
    name             what is kept, for the account
    """

    layers: int
    key_value_heads: int
    key_dimension: int
    value_dimension: int
    window_tokens: int | None = None
    fixed_tokens: int | None = None
    tokens_per_entry: int = 1
    is_replicated: bool = False
    bits: int | None = None
    name: str = "keys and values"

    @property
    def elements_per_token(self) -> int:
        """Of all layers, for one token that is kept."""
        return self.layers * self.key_value_heads * (self.key_dimension + self.value_dimension)

    @property
    def grows(self) -> bool:
        """Does every further token of a long sequence add to it?"""
        return self.window_tokens is None and self.fixed_tokens is None


class RecurrentState(Struct, frozen=True):
    """What `layers` recurrent layers (state-space, linear attention, convolution) keep of a sequence, however long.

        elements per sequence = layers × elements

    heads            tensor parallelism divides the elements over at most so many ranks
    bits             of an element, where they do not follow the data type of the computation
    """

    layers: int
    elements: int
    heads: int
    bits: int | None = None
    name: str = "recurrent state"

    @property
    def elements_per_sequence(self) -> int:
        return self.layers * self.elements


State = KeyValueState | RecurrentState


class Operations(Struct, frozen=True):
    """Floating-point operations of one forward pass; a multiply-add counts as two.

    flops(n tokens attending to c tokens each) = n × (per_item + attending(c))
    For images `per_item` is the whole pass and nothing depends on a context.

    windowed    of layers that attend to a window or chunk: operations per token and token attended to, and how many
                tokens that are at most
    """

    per_item: int
    per_item_and_context_token: int = 0
    windowed: tuple[tuple[int, int], ...] = ()

    def attending(self, context_tokens: float) -> float:
        """Operations of one token that depend on how many tokens it may attend to."""
        windowed = sum(each * min(context_tokens, window) for each, window in self.windowed)
        return self.per_item_and_context_token * context_tokens + windowed


class Activations(Struct, frozen=True):
    """What a forward pass needs beside weights and cache, in elements.

    per_item      widest set of intermediate values alive at once, per token or image
    vocabulary    width of the sampler's input; 0 where nothing is sampled
    undivided     of `per_item` what every rank of tensor parallelism holds whole; None = all of it
    """

    per_item: int
    vocabulary: int = 0
    undivided: int | None = None

    def per_item_of_rank(self, tensor_parallel: int) -> int:
        """The widest set on one rank. The sum of the whole part and a part of the rest is never less than the widest
        block of a rank, whichever of a model's blocks that is."""
        if self.undivided is None:
            return self.per_item
        return self.undivided + ceil_div(self.per_item - self.undivided, tensor_parallel)


class Live(NamedTuple):
    """Values of one token that are alive in a block beside the residual.

    values      on one device
    undivided   of them, what every rank holds whole: inputs and outputs of experts, not what lies between
    """

    values: int
    undivided: int = 0


class InputEncoder(Struct, frozen=True):
    """What stands before a decoder and makes tokens of an image or of sound. Its tensors are the model's.

    operations       of one token it hands on, among as many as the whole image or sound yields
    per_item         widest set of intermediate values alive at once, in elements per token it hands on
    handed           elements of each token it hands on, kept until the decoder has taken it
    tokens           handed on for one image of the largest size, or piece of the greatest length; None = as many as the
                     input is large
    name             what it takes in, for the account
    """

    operations: Operations
    per_item: int
    handed: int
    tokens: int | None = None
    name: str = "image"


class Inventory(Struct, frozen=True):
    """A model, reduced to what memory and time follow from.

    `estimated` names the assumptions made when the source did not say everything; empty means exact.
    `unserved_tensors` are in the published checkpoint, so on disk, and not loaded: layers that predict further tokens,
    which serve speculative decoding only. They count as no parameters, in no memory and in no operation.
    `components` are the networks of a diffusion pipeline, `image` what is asked of them; both or neither.
    `prompt_states` are those of a decoder that answers in one pass and has no `states`: they are gone after it, and an
    engine that pages its cache has them while it computes.
    """

    architecture: str
    item: Item
    tensors: tuple[Tensor, ...]
    states: tuple[State, ...]
    operations: Operations
    activations: Activations
    layers: int
    hidden_size: int
    attention_heads: int = 0
    key_value_heads: int = 0
    max_context_tokens: int | None = None
    estimated: tuple[str, ...] = ()
    encoders: tuple[InputEncoder, ...] = ()
    unserved_tensors: tuple[Tensor, ...] = ()
    components: tuple[Component, ...] = ()
    image: ImageRequest | None = None
    prompt_states: tuple[State, ...] = ()

    def __hash__(self) -> int:
        """Cheap on purpose: an inventory is a key of memoized sizes, and hashing all its tensors would cost as much as
        sizing them. The operations follow from nearly every dimension, so two models rarely share it. Equality still
        compares everything."""
        size = self.layers, self.hidden_size, self.max_context_tokens, len(self.tensors)
        return hash((self.architecture, size, self.operations))

    @property
    def parameters(self) -> int:
        """Logical parameters: tied weights counted once."""
        return sum(tensor.parameters for tensor in self.tensors)

    @property
    def active_parameters(self) -> int:
        """Parameters that one token passes through, embedding included: all but the experts it is not routed to."""
        return sum(tensor.active_parameters for tensor in self.tensors)
