"""A decoder whose layers are not all alike: what one kind of block adds, and how blocks add up to a model.

    tensors      Σ blocks, and embedding, last norm and head
    states       Σ blocks: keys and values of attention layers, windows and states of recurrent ones
    operations   2 × matrices (and the tied head)  +  Σ blocks: what no matrix says, such as the recurrence
    live         hidden + the widest block: blocks run one after the other

A block knows the numbers of its layers, because a quantized checkpoint names the layers it leaves alone by number.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from ai_on_eks.descriptors.architectures.hyperparameters import MAX_LAYERS, Hyperparameters
from ai_on_eks.descriptors.architectures.operations import matrix_flops
from ai_on_eks.descriptors.inventory import (
    Activations,
    Inventory,
    Item,
    Operations,
    Sharding,
    State,
    Tensor,
    TensorRole,
)


class Block(Struct, frozen=True):
    """What the layers of one kind add to the model.

    live            elements per token beside the residual while it works
    flops           per token, of all its layers, beside the matrices
    context_flops   the same for each token attended to
    windowed        the same where that is a window, and its tokens
    """

    tensors: tuple[Tensor, ...]
    live: int = 0
    states: tuple[State, ...] = ()
    flops: int = 0
    context_flops: int = 0
    windowed: tuple[tuple[int, int], ...] = ()


NOTHING = Block(())


class Layers(Struct, frozen=True):
    """The layers of one kind: `prefix` is a layer's name with `*` for its number, below which its tensors are."""

    prefix: str
    numbers: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.numbers)

    def tensor(
        self,
        name: str,
        shape: tuple[int, ...],
        role: TensorRole,
        sharding: Sharding = Sharding.SPLIT,
        *,
        quantizable: bool = False,
        each: int = 1,
        active: int | None = None,
    ) -> Tensor:
        """One tensor of every layer; `each` of them per layer, of which a token passes `active`."""
        return Tensor(
            f"{self.prefix}.{name}",
            shape,
            role,
            sharding,
            count=len(self) * each,
            quantizable=quantizable,
            active_count=None if active is None else len(self) * active,
            per_layer=each,
            layers=self.numbers,
        )

    def matrix(
        self,
        name: str,
        rows: int,
        columns: int,
        role: TensorRole,
        sharding: Sharding = Sharding.SPLIT,
        *,
        quantizable: bool = True,
    ) -> Tensor:
        """The weight of a projection."""
        return self.tensor(f"{name}.weight", (rows, columns), role, sharding, quantizable=quantizable)

    def linear(
        self,
        name: str,
        rows: int,
        columns: int,
        role: TensorRole,
        sharding: Sharding = Sharding.SPLIT,
        *,
        bias: bool,
        divided_input: bool = False,
    ) -> tuple[Tensor, ...]:
        """A projection and its bias, which is whole on every rank where the projection's input is divided."""
        weight = self.matrix(name, rows, columns, role, sharding)
        bias_sharding = Sharding.REPLICATED if divided_input else sharding
        return (weight, *((self.tensor(f"{name}.bias", (rows,), role, bias_sharding),) if bias else ()))

    def norm(self, name: str, width: int, sharding: Sharding = Sharding.REPLICATED) -> Tensor:
        """The scale of a norm."""
        return self.tensor(f"{name}.weight", (width,), TensorRole.NORM, sharding)


class Frame(Struct, frozen=True):
    """What stands around the layers, and their number."""

    layers: int
    hidden: int
    vocabulary: int
    context: int | None
    heads: int
    key_value_heads: int
    has_head: bool
    tied: bool
    embedding: str = "model.embed_tokens.weight"
    last_norm: str = "model.norm.weight"


def assemble(model_type: str, frame: Frame, blocks: Iterable[Block], *, estimated: tuple[str, ...] = ()) -> Inventory:
    """The whole model around its blocks."""
    present = tuple(blocks)
    vocabulary = (frame.vocabulary, frame.hidden)
    head = Tensor("lm_head.weight", vocabulary, TensorRole.HEAD, Sharding.SPLIT)
    tensors = (
        Tensor(frame.embedding, vocabulary, TensorRole.EMBEDDING, Sharding.SPLIT),
        *(tensor for block in present for tensor in block.tensors if tensor.count),
        Tensor(frame.last_norm, (frame.hidden,), TensorRole.NORM, Sharding.REPLICATED),
        *((head,) if frame.has_head and not frame.tied else ()),
    )
    tied_head = 2 * frame.vocabulary * frame.hidden if frame.has_head and frame.tied else 0
    return Inventory(
        architecture=model_type,
        item=Item.TOKEN,
        tensors=tensors,
        states=tuple(state for block in present for state in block.states if state.layers),
        operations=Operations(
            per_item=matrix_flops(tensors) + tied_head + sum(block.flops for block in present),
            per_item_and_context_token=sum(block.context_flops for block in present),
            windowed=tuple(one for block in present for one in block.windowed),
        ),
        activations=Activations(
            per_item=frame.hidden + max((block.live for block in present), default=0),
            vocabulary=frame.vocabulary if frame.has_head else 0,
        ),
        layers=frame.layers,
        hidden_size=frame.hidden,
        attention_heads=frame.heads,
        key_value_heads=frame.key_value_heads,
        max_context_tokens=frame.context,
        estimated=estimated,
    )


def numbers(kinds: Iterable[str], *wanted: str) -> tuple[int, ...]:
    """The numbers of the layers that are one of `wanted`."""
    return tuple(number for number, kind in enumerate(kinds) if kind in wanted)


def has_head(parameters: Hyperparameters, *classes: str) -> bool:
    """Whether the class that the config names ends in a head for words; `classes` are such endings."""
    return parameters.ending("architectures", (*classes, "ForCausalLM", "Model")) != "Model"


def depth(parameters: Hyperparameters) -> int:
    """`num_hidden_layers`, of which each is listed by its number."""
    return parameters.integer("num_hidden_layers", most=MAX_LAYERS)


def per_layer(parameters: Hyperparameters, key: str, kinds: tuple[str, ...], layers: int) -> None:
    """Every layer has its kind, and no more."""
    parameters.relate(
        ("num_hidden_layers", key), len(kinds) == layers, f"kinds for {len(kinds)} layers, and {layers} layers"
    )
