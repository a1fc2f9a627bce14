"""What decoders with one kind of layer throughout have in common, whatever sets a model type apart.

Per layer, with hidden size H, A query and K key/value heads of D, intermediate size I:

    attention     H × (A + 2K)·D  +  A·D × H        (+ biases, + norms of queries and keys)
    feed-forward  3 × H × I where a gate multiplies the inner layer, 2 × H × I where none does
    norms         H each, 2H where they shift as well as scale

    operations per token  2 × (layers' matrices + V × H)   the head is a matrix even where its weights are tied
    … and context token   4 × layers × A × D               scores and their product with the values; of a layer with a
                                                           window at most as many tokens as that
    activations per token H + max(matrices of the feed-forward × I,  (A + 2K)·D + A·D)
        the residual, and beside it either the gated product with both its factors, or queries, keys, values and the
        attention's output; the scores themselves are never stored (flash attention)

Norms of queries and keys have one weight per element of a head, of all heads at once, or of each head its own.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from ai_on_eks.descriptors.architectures import windows
from ai_on_eks.descriptors.architectures.decoder_inventory import decoder_inventory
from ai_on_eks.descriptors.architectures.hyperparameters import MAX_LAYERS, Hyperparameters
from ai_on_eks.descriptors.inventory import Inventory, Live, Sharding, Tensor, TensorRole

BEFORE_EACH = ("input_layernorm", "post_attention_layernorm")
AROUND_EACH = (*BEFORE_EACH, "pre_feedforward_layernorm", "post_feedforward_layernorm")
AFTER_EACH = ("post_attention_layernorm", "post_feedforward_layernorm")


class Width(StrEnum):
    """What a norm of queries or keys has a weight for."""

    HEAD = "head"
    ALL_HEADS = "all heads"
    EACH_HEAD = "each head"
    NORM_PER_HEAD = "a norm per head"


class Traits(Struct, frozen=True):
    """What sets one model type apart. A bias or norm is `True`, `False`, or the hyper-parameter that says so.

    norms             names of a layer's norms; with a shift where `norm_bias`
    final_norm        the norm after the last layer; empty where it has no weights
    query_key_norms   queries and keys are normalized, with weights of `query_key_width` under `query_key_names`
    fused             queries, keys and values are one stored matrix
    fused_gate        gate and up projection are one stored matrix
    matrices          names of the feed-forward projections; two where no gate multiplies
    output            name of the attention's output projection
    activation        names of the scalars that the activation function has learned
    window            which layers attend to a window
    """

    input_bias: bool | str = False
    output_bias: bool | str = False
    feed_forward_bias: bool | str = False
    norms: tuple[str, ...] = BEFORE_EACH
    norm_bias: bool = False
    final_norm: str = "model.norm"
    query_key_norms: bool | str = False
    query_key_names: tuple[str, str] = ("q_norm", "k_norm")
    query_key_width: Width = Width.HEAD
    fused: bool = False
    fused_gate: bool = False
    matrices: tuple[str, ...] = ("gate_proj", "up_proj", "down_proj")
    output: str = "o_proj"
    activation: tuple[str, ...] = ()
    window: windows.Rule = windows.NEVER


class Shape(Struct, frozen=True):
    """The dimensions of a decoder."""

    layers: int
    hidden: int
    intermediate: int
    heads: int
    key_value_heads: int
    head_dimension: int
    vocabulary: int
    context: int
    has_head: bool
    tied: bool
    input_bias: bool
    output_bias: bool
    feed_forward_bias: bool
    query_key_norms: bool = False
    windows: tuple[int | None, ...] = ()


def read_shape(traits: Traits, parameters: Hyperparameters, *, reads_intermediate: bool = True) -> Shape:
    """The dimensions every decoder has. Without a dense feed-forward layer there is no `intermediate_size` to read."""
    hidden = parameters.integer("hidden_size")
    heads = parameters.integer("num_attention_heads")
    key_value_heads = parameters.integer_or("num_key_value_heads", heads)
    dimension = parameters.integer_or("head_dim", max(1, hidden // heads))
    if not parameters.has("head_dim") and dimension == max(1, hidden // heads):
        keys = ("hidden_size", "num_attention_heads")
        parameters.relate(keys, hidden % heads == 0, f"{heads} heads do not divide hidden_size {hidden}")
    parameters.relate(
        ("num_attention_heads", "num_key_value_heads"),
        heads % key_value_heads == 0,
        f"{key_value_heads} key/value heads do not divide {heads} attention heads",
    )

    def flag(rule: bool | str) -> bool:
        return parameters.flag(rule) if isinstance(rule, str) else rule

    layers = parameters.integer("num_hidden_layers", most=MAX_LAYERS)
    return Shape(
        layers=layers,
        hidden=hidden,
        intermediate=parameters.integer("intermediate_size") if reads_intermediate else 0,
        heads=heads,
        key_value_heads=key_value_heads,
        head_dimension=dimension,
        vocabulary=parameters.integer("vocab_size"),
        context=parameters.integer("max_position_embeddings"),
        has_head=parameters.ending("architectures", ("ForCausalLM", "Model")) != "Model",
        tied=parameters.flag("tie_word_embeddings"),
        input_bias=flag(traits.input_bias),
        output_bias=flag(traits.output_bias),
        feed_forward_bias=flag(traits.feed_forward_bias),
        query_key_norms=flag(traits.query_key_norms),
        windows=windows.windows_of_layers(traits.window, layers, parameters),
    )


def assemble(
    model_type: str,
    traits: Traits,
    shape: Shape,
    layers: tuple[Tensor, ...],
    *,
    feed_forward_live: Live,
    estimated: tuple[str, ...] = (),
    head: tuple[Tensor, ...] = (),
) -> Inventory:
    """The whole model around the tensors of its layers; `feed_forward_live` is what the block keeps beside the
    residual, in elements per token; `head` are tensors beside the head's own matrix."""
    embedding = Tensor(
        "model.embed_tokens.weight", (shape.vocabulary, shape.hidden), TensorRole.EMBEDDING, Sharding.SPLIT
    )
    matrix = Tensor("lm_head.weight", (shape.vocabulary, shape.hidden), TensorRole.HEAD, Sharding.SPLIT)
    heads = (*((matrix,) if not shape.tied else ()), *head) if shape.has_head else ()
    return decoder_inventory(
        model_type,
        shape,
        (embedding, *layers, *_final_norm(traits, shape), *heads),
        feed_forward_live=feed_forward_live,
        residuals=1,
        estimated=estimated,
        attention=windows.groups(
            shape.windows or (None,) * shape.layers,
            shape.heads,
            shape.key_value_heads,
            shape.head_dimension,
            shape.head_dimension,
        ),
    )


def projection(
    shape: Shape,
    name: str,
    size: tuple[int, int],
    role: TensorRole,
    sharding: Sharding,
    *,
    bias: bool,
    divided_input: bool = False,
) -> tuple[Tensor, ...]:
    """A projection of every layer. The bias of a projection whose input is divided is whole on every rank."""
    name = f"model.layers.*.{name}"
    weight = Tensor(f"{name}.weight", size, role, sharding, shape.layers, quantizable=True)
    bias_sharding = Sharding.REPLICATED if divided_input else sharding
    return (weight, *((Tensor(f"{name}.bias", size[:1], role, bias_sharding, shape.layers),) if bias else ()))


def attention(shape: Shape, traits: Traits) -> tuple[Tensor, ...]:
    """Queries, keys, values and output of every layer."""
    role, hidden = TensorRole.ATTENTION, shape.hidden
    query = shape.heads * shape.head_dimension
    key = shape.key_value_heads * shape.head_dimension
    bias = shape.input_bias
    output = projection(
        shape,
        f"self_attn.{traits.output}",
        (hidden, query),
        role,
        Sharding.SPLIT,
        bias=shape.output_bias,
        divided_input=True,
    )
    if traits.fused:
        return (*_fused_inputs(shape), *output)
    return (
        *projection(shape, "self_attn.q_proj", (query, hidden), role, Sharding.SPLIT, bias=bias),
        *projection(shape, "self_attn.k_proj", (key, hidden), role, Sharding.KEY_VALUE, bias=bias),
        *projection(shape, "self_attn.v_proj", (key, hidden), role, Sharding.KEY_VALUE, bias=bias),
        *output,
    )


def _fused_inputs(shape: Shape) -> tuple[Tensor, ...]:
    """One stored matrix, listed by its rows: queries divide evenly, keys and values only up to their heads."""
    role, hidden, name = TensorRole.ATTENTION, shape.hidden, "model.layers.*.self_attn.qkv_proj.weight"
    query = shape.heads * shape.head_dimension
    key = shape.key_value_heads * shape.head_dimension
    return (
        Tensor(f"{name}[queries]", (query, hidden), role, Sharding.SPLIT, shape.layers, quantizable=True),
        Tensor(f"{name}[keys, values]", (2 * key, hidden), role, Sharding.KEY_VALUE, shape.layers, quantizable=True),
    )


def feed_forward(shape: Shape, traits: Traits) -> tuple[Tensor, ...]:
    """The projections of every layer's feed-forward block; the last one maps back to the hidden size."""
    role, hidden, inner, bias = TensorRole.FEED_FORWARD, shape.hidden, shape.intermediate, shape.feed_forward_bias
    *widening, last = traits.matrices
    rows = dict.fromkeys(widening, inner)
    if traits.fused_gate:
        rows = {"gate_up_proj": 2 * inner}
    scalars = (f"model.layers.*.mlp.act_fn.{name}" for name in traits.activation)
    return (
        *(Tensor(name, (1,), role, Sharding.REPLICATED, shape.layers) for name in scalars),
        *(
            tensor
            for name, size in rows.items()
            for tensor in projection(shape, f"mlp.{name}", (size, hidden), role, Sharding.SPLIT, bias=bias)
        ),
        *projection(shape, f"mlp.{last}", (hidden, inner), role, Sharding.SPLIT, bias=bias, divided_input=True),
    )


def norms(shape: Shape, traits: Traits) -> tuple[Tensor, ...]:
    """The norms of every layer."""
    parts = ("weight", "bias") if traits.norm_bias else ("weight",)
    names = [f"model.layers.*.{name}.{part}" for name in traits.norms for part in parts]
    role, whole, layers = TensorRole.NORM, Sharding.REPLICATED, shape.layers
    tensors = tuple(Tensor(name, (shape.hidden,), role, whole, layers) for name in names)
    if not shape.query_key_norms:
        return tensors
    sides = zip(traits.query_key_names, (shape.heads, shape.key_value_heads), strict=True)
    return (*tensors, *(_query_key_norm(f"model.layers.*.self_attn.{name}", n, shape, traits) for name, n in sides))


def _query_key_norm(name: str, heads: int, shape: Shape, traits: Traits) -> Tensor:
    dimension, role, whole = shape.head_dimension, TensorRole.NORM, Sharding.REPLICATED
    if traits.query_key_width is Width.NORM_PER_HEAD:
        count = shape.layers * heads
        return Tensor(f"{name}.norms.*.weight", (dimension,), role, whole, count, per_layer=heads)
    sizes = {
        Width.HEAD: (dimension,),
        Width.ALL_HEADS: (heads * dimension,),
        Width.EACH_HEAD: (heads, dimension),
    }
    return Tensor(f"{name}.weight", sizes[traits.query_key_width], role, whole, shape.layers)


def _final_norm(traits: Traits, shape: Shape) -> tuple[Tensor, ...]:
    if not traits.final_norm:
        return ()
    parts = ("weight", "bias") if traits.norm_bias else ("weight",)
    return tuple(
        Tensor(f"{traits.final_norm}.{part}", (shape.hidden,), TensorRole.NORM, Sharding.REPLICATED) for part in parts
    )
