"""Tensors of decoders whose layers differ: in their heads, their windows, their feed-forward blocks.

Of the layers of one kind, with hidden size H, A query and K key/value heads of D (values of V), intermediate size I:

    attention     H × (A·D + K·(D + V))  +  A·V × H      no keys and values where another layer's are read; no values
                                                         where the keys are taken for them
    norms         H each; D for queries and D for keys
    dense         3 × H × I
    router        E × H,  experts  E × 3 × H × I of which a token passes k,  shared  3 × H × S

Layers are named by their numbers, so that what a checkpoint says about one layer can be matched. Matrices and experts
are those of `latent_parts`, and so is how they are divided over the ranks.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from ai_on_eks.descriptors.architectures.decoder_inventory import decoder_inventory
from ai_on_eks.descriptors.architectures.hyperparameters import MAX_LAYERS, Hyperparameters
from ai_on_eks.descriptors.architectures.latent_parts import LAYER, Experts, Layers, expert_matrix, linear, norm
from ai_on_eks.descriptors.architectures.windows import AttentionGroup
from ai_on_eks.descriptors.inventory import Inventory, Live, Sharding, Tensor, TensorRole

GATED = ("gate_proj", "up_proj", "down_proj")


class Size(Struct, frozen=True):
    """What all layers share."""

    layers: int
    hidden: int
    heads: int
    key_value_heads: int
    head_dimension: int
    vocabulary: int
    context: int
    has_head: bool
    tied: bool


def read_size(parameters: Hyperparameters, *, heads: int, key_value_heads: int, head_dimension: int) -> Size:
    """The dimensions of the whole; those of the heads are the widest layers'."""
    return Size(
        layers=parameters.integer("num_hidden_layers", most=MAX_LAYERS),
        hidden=parameters.integer("hidden_size"),
        heads=heads,
        key_value_heads=key_value_heads,
        head_dimension=head_dimension,
        vocabulary=parameters.integer("vocab_size"),
        context=parameters.integer("max_position_embeddings"),
        has_head=parameters.ending("architectures", ("ForCausalLM", "ForConditionalGeneration", "Model")) != "Model",
        tied=parameters.flag("tie_word_embeddings"),
    )


class Attention(Struct, frozen=True):
    """Layers that attend in the same way.

    has_keys     they have keys and values of their own, and keep them
    has_values   values are made by a projection of their own, not taken from the keys
    normed       queries and keys are normalized, head by head
    sinks        one learned score per head
    """

    layers: Layers
    hidden: int
    heads: int
    key_value_heads: int
    key_dimension: int
    value_dimension: int
    window: int | None = None
    input_bias: bool = False
    output_bias: bool = False
    has_keys: bool = True
    has_values: bool = True
    normed: bool = False
    sinks: str = ""

    @property
    def group(self) -> AttentionGroup:
        return AttentionGroup(
            len(self.layers),
            self.heads,
            self.key_value_heads,
            self.key_dimension,
            self.value_dimension,
            self.window,
            self.has_keys,
        )

    def tensors(self) -> tuple[Tensor, ...]:
        """Queries, keys, values and output of these layers."""
        keys, values = self.key_value_heads * self.key_dimension, self.key_value_heads * self.value_dimension
        found = [*self._projection("q_proj", self.heads * self.key_dimension, Sharding.SPLIT)]
        if self.has_keys:
            found += self._projection("k_proj", keys, Sharding.KEY_VALUE)
        if self.has_keys and self.has_values:
            found += self._projection("v_proj", values, Sharding.KEY_VALUE)
        size = (self.hidden, self.heads * self.value_dimension)
        role = TensorRole.ATTENTION
        found.append(linear("self_attn.o_proj", size, role, Sharding.SPLIT, self.layers))
        if self.output_bias:
            found.append(vector("self_attn.o_proj.bias", self.hidden, role, Sharding.REPLICATED, self.layers))
        if self.normed:
            found.append(norm("self_attn.q_norm", self.key_dimension, self.layers))
        if self.normed and self.has_keys:
            found.append(norm("self_attn.k_norm", self.key_dimension, self.layers))
        if self.sinks:
            found.append(vector(f"self_attn.{self.sinks}", self.heads, role, Sharding.SPLIT, self.layers))
        return tuple(found)

    def _projection(self, name: str, rows: int, sharding: Sharding) -> list[Tensor]:
        role = TensorRole.ATTENTION
        weight = linear(f"self_attn.{name}", (rows, self.hidden), role, sharding, self.layers)
        bias = vector(f"self_attn.{name}.bias", rows, role, sharding, self.layers)
        return [weight, bias] if self.input_bias else [weight]


def vector(name: str, width: int, role: TensorRole, sharding: Sharding, layers: Layers) -> Tensor:
    """A bias or another vector of every one of `layers`."""
    return Tensor(f"{LAYER}.{name}", (width,), role, sharding, len(layers), layers=layers)


def router(name: str, experts: Experts, layers: Layers) -> tuple[Tensor, ...]:
    """What chooses the experts; whole on every rank, and never quantized."""
    if not layers:
        return ()
    size, role = (experts.number, experts.hidden), TensorRole.ROUTER
    return (Tensor(f"{LAYER}.{name}.weight", size, role, Sharding.REPLICATED, len(layers), layers=layers),)


def expert_matrices(
    experts: Experts, layers: Layers, block: str, names: tuple[str, str, str] = GATED
) -> tuple[Tensor, ...]:
    """Gate, up and down projection of every expert."""
    if not layers:
        return ()
    inner, hidden = experts.intermediate, experts.hidden
    sizes = zip(names, ((inner, hidden), (inner, hidden), (hidden, inner)), strict=True)
    return tuple(expert_matrix(name, size, experts, layers, f"{block}.*") for name, size in sizes)


def assemble(
    model_type: str,
    size: Size,
    attentions: Iterable[Attention],
    layers: tuple[Tensor, ...],
    *,
    feed_forward_live: Live,
    estimated: tuple[str, ...] = (),
    residuals: int = 1,
) -> Inventory:
    """The whole model around the tensors of its layers; `residuals` copies of the hidden state are alive."""
    words = (size.vocabulary, size.hidden)
    embedding = Tensor("model.embed_tokens.weight", words, TensorRole.EMBEDDING, Sharding.SPLIT)
    last = Tensor("model.norm.weight", (size.hidden,), TensorRole.NORM, Sharding.REPLICATED)
    head = Tensor("lm_head.weight", words, TensorRole.HEAD, Sharding.SPLIT)
    kinds = tuple(one for one in attentions if one.layers)
    attending = tuple(tensor for one in kinds for tensor in one.tensors())
    return decoder_inventory(
        model_type,
        size,
        (embedding, *attending, *layers, last, *((head,) if size.has_head and not size.tied else ())),
        feed_forward_live=feed_forward_live,
        residuals=residuals,
        estimated=estimated,
        attention=tuple(one.group for one in kinds),
    )


def numbers(flags: Iterable[bool], *, of: bool = True) -> Layers:
    """The numbers of the layers whose flag is `of`."""
    return tuple(layer for layer, flag in enumerate(flags) if flag is of)
