"""Attention and feed-forward layers of decoders whose layers are not all alike.

With hidden size H, A query and K key/value heads of D, E experts of width I of which a token passes k:

    attention     H × (A + 2K)·D + A·D × H       a gated output adds A·D × H to the queries (Qwen3-Next, Qwen3.5)
    feed-forward  3 × H × I, or 2 × H × I without a gate (Nemotron-H)
    experts       E × the same, of width W in place of H where a projection narrows it first (latent experts)
    router        E × H, whole on every rank, never quantized

    … and context token  4 × layers × A × D
    live per token       attention   (A + 2K)·D + A·D, and the gate A·D
                         feed-forward 3I, 2I without a gate
                         experts     H + E + k × (max(I, W) + max(g·I, W)) + shared's H; g = 2 with a gate, else 1
                                     (vLLM, TritonExperts.workspace_shapes; as in `mixture`)

Experts are listed one matrix at a time, also where a checkpoint stores those of a layer in one tensor.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from ai_on_eks.descriptors.architectures.hybrid_blocks import NOTHING, Block, Layers
from ai_on_eks.descriptors.architectures.hyperparameters import Hyperparameters
from ai_on_eks.descriptors.inventory import KeyValueState, Sharding, Tensor, TensorRole

GATED = ("gate_proj", "up_proj", "down_proj")
UNGATED = ("up_proj", "down_proj")
_SCORES = 4
"""Operations per head, dimension and token attended to: a multiply-add for the score and one for its product."""


class Attention(Struct, frozen=True):
    """The dimensions of grouped-query attention. `norms`: width of the norms of queries and keys by name."""

    hidden: int
    heads: int
    key_value_heads: int
    head_dimension: int
    input_bias: bool = False
    output_bias: bool = False
    is_gated: bool = False
    window_tokens: int | None = None
    name: str = "self_attn"
    output: str = "o_proj"
    norms: Mapping[str, int] = field(default_factory=dict)


def read_heads(parameters: Hyperparameters, hidden: int) -> tuple[int, int, int]:
    """Query heads, key/value heads and a head's dimension."""
    heads = parameters.integer("num_attention_heads")
    groups = parameters.integer_or("num_key_value_heads", heads)
    if not parameters.has("head_dim"):
        keys = ("hidden_size", "num_attention_heads")
        parameters.relate(keys, hidden % heads == 0, f"{heads} heads do not divide hidden_size {hidden}")
    message = f"{groups} key/value heads do not divide {heads} attention heads"
    parameters.relate(("num_attention_heads", "num_key_value_heads"), heads % groups == 0, message)
    return heads, groups, parameters.integer_or("head_dim", max(1, hidden // heads))


def attention(layers: Layers, shape: Attention) -> Block:
    """Attention layers."""
    if not len(layers):
        return NOTHING
    role, name, hidden = TensorRole.ATTENTION, shape.name, shape.hidden
    query, key = shape.heads * shape.head_dimension, shape.key_value_heads * shape.head_dimension
    queries = 2 * query if shape.is_gated else query
    bias = shape.input_bias
    tensors = (
        *layers.linear(f"{name}.q_proj", queries, hidden, role, bias=bias),
        *layers.linear(f"{name}.k_proj", key, hidden, role, Sharding.KEY_VALUE, bias=bias),
        *layers.linear(f"{name}.v_proj", key, hidden, role, Sharding.KEY_VALUE, bias=bias),
        *layers.linear(f"{name}.{shape.output}", hidden, query, role, bias=shape.output_bias, divided_input=True),
        *(layers.norm(f"{name}.{norm}", width) for norm, width in shape.norms.items()),
    )
    kept = KeyValueState(
        len(layers),
        shape.key_value_heads,
        shape.head_dimension,
        shape.head_dimension,
        window_tokens=shape.window_tokens,
    )
    each = _SCORES * len(layers) * query
    return Block(
        tensors,
        live=queries + 2 * key + query,
        states=(kept,),
        context_flops=each if shape.window_tokens is None else 0,
        windowed=() if shape.window_tokens is None else ((each, shape.window_tokens),),
    )


def feed_forward(
    layers: Layers, name: str, hidden: int, inner: int, *, bias: bool = False, names: tuple[str, ...] = GATED
) -> Block:
    """Dense layers; the last of `names` leads back, and three of them mean a gate."""
    if not len(layers):
        return NOTHING
    role, *into, out = TensorRole.FEED_FORWARD, *names
    tensors = (
        *(one for up in into for one in layers.linear(f"{name}.{up}", inner, hidden, role, bias=bias)),
        *layers.linear(f"{name}.{out}", hidden, inner, role, bias=bias, divided_input=True),
    )
    return Block(tensors, live=len(names) * inner)


class Experts(Struct, frozen=True):
    """The dimensions of the experts of a layer.

    shared   width of the expert that every token passes; 0 where there is none
    latent   width the tokens are narrowed to before the experts; None = the hidden size
    """

    hidden: int
    number: int
    chosen: int
    inner: int
    shared: int = 0
    latent: int | None = None


def read_experts(parameters: Hyperparameters, number_key: str, inner_key: str, hidden: int) -> Experts:
    """The experts every mixture has."""
    number, chosen = parameters.integer(number_key), parameters.integer("num_experts_per_tok")
    message = f"a token passes {chosen} of {number} experts"
    parameters.relate((number_key, "num_experts_per_tok"), chosen <= number, message)
    return Experts(hidden, number, min(chosen, number), parameters.integer(inner_key))


def experts(
    layers: Layers, name: str, shape: Experts, *, router: str = "gate", names: tuple[str, ...] = GATED
) -> Block:
    """Routed experts and their router."""
    if not len(layers):
        return NOTHING
    width = shape.latent or shape.hidden
    out = names[-1]

    def expert(matrix: str) -> Tensor:
        size = (width, shape.inner) if matrix == out else (shape.inner, width)
        return layers.tensor(
            f"{name}.experts.*.{matrix}.weight",
            size,
            TensorRole.EXPERT,
            quantizable=True,
            each=shape.number,
            active=shape.chosen,
        )

    tensors = (
        _whole(layers, f"{name}.{router}", shape.number, shape.hidden),
        *(expert(matrix) for matrix in names),
    )
    factors = len(names) - 1
    routed = shape.chosen * (max(shape.inner, width) + max(factors * shape.inner, width))
    shared_output = shape.hidden if shape.shared else 0
    return Block(tensors, live=shape.hidden + shape.number + routed + shared_output)


def shared_expert(
    layers: Layers, name: str, shape: Experts, *, gate: str | None = None, names: tuple[str, ...] = GATED
) -> Block:
    """The expert that every token passes, and the gate that weighs it, where there is one."""
    dense = feed_forward(layers, name, shape.hidden, shape.shared, names=names)
    gates = () if gate is None else (_whole(layers, gate, 1, shape.hidden),)
    return Block((*dense.tensors, *gates), live=shape.hidden + dense.live)


def _whole(layers: Layers, name: str, rows: int, columns: int) -> Tensor:
    return layers.matrix(name, rows, columns, TensorRole.ROUTER, Sharding.REPLICATED, quantizable=False)
