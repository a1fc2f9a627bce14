"""Tensors of Kimi-Linear's and Kimi-K3's layers beside those of `latent_parts`.

With hidden size H; linear attention (Kimi delta attention) of n heads of d dimensions and a convolution over k tokens;
E experts of I′, which may work in a smaller space of H′:

    linear attention  3 × n·d × H  +  3 × n·d × k          queries, keys, values and their convolutions
                      d × H + n·d × d + n·d + n            how much of the state is forgotten, per dimension
                      n × H                                how much of a token is written
                      d × H + n·d × d   or   n·d × H       output gate of rank d, or whole
                      d (norm)  +  H × n·d                 output
    latent attention  as `latent_parts`, with an output gate of N·V × H where the config says so
    experts           E × H (router)  +  E × 3 × H′ × I′  +  2 × H × H′ and H′ (norm) where there is a smaller space
    block residuals   2H + 2H per layer, 2H after the last: norms, and rows that weigh earlier blocks' outputs

Tensor parallelism divides by heads, experts across their width; what makes the low ranks is whole on every rank, and so
are the router and the way into and out of the experts' space. Those are not quantized: a checkpoint whose experts are
MXFP4 has every other matrix in 16 bit.
Source: vLLM 0.33.0, models/kimi_k3/nvidia (model.py, kda.py, mla.py), kimi_gdn_linear_attn.py and Mxfp4Config, read
2026-11-24; modeling_kimi_linear.py of transformers 5.23.0.
"""

from __future__ import annotations

from msgspec import Struct

from ai_on_eks.descriptors.architectures import latent_parts
from ai_on_eks.descriptors.architectures.latent_parts import LAYER, Experts, LatentAttention, Layers, linear, norm
from ai_on_eks.descriptors.inventory import Sharding, Tensor, TensorRole

BLOCK = "block_sparse_moe"


class LinearAttention(Struct, frozen=True):
    """The dimensions of the linear attention."""

    heads: int
    dimension: int
    kernel: int
    whole_gate: bool

    @property
    def width(self) -> int:
        return self.heads * self.dimension

    @property
    def operations(self) -> int:
        """Per token: the state is read with the key, written, and read with the query; and three convolutions."""
        return 6 * self.width * self.dimension + 6 * self.width * self.kernel


class LatentExperts(Struct, frozen=True):
    """The experts, whose `hidden` is the space they work in, and the model's own hidden size."""

    hidden: int
    experts: Experts
    normed: bool

    @property
    def is_latent(self) -> bool:
        return self.experts.hidden != self.hidden


def _plain(name: str, shape: tuple[int, ...], role: TensorRole, layers: Layers, sharding: Sharding) -> Tensor:
    return Tensor(f"{LAYER}.{name}", shape, role, sharding, len(layers), layers=layers)


def linear_attention(shape: LinearAttention, hidden: int, layers: Layers) -> tuple[Tensor, ...]:
    """Every layer with linear attention."""
    if not layers:
        return ()
    role, split, whole, width = TensorRole.RECURRENT, Sharding.SPLIT, Sharding.REPLICATED, shape.width
    name = "self_attn"
    gate = (
        (linear(f"{name}.g_proj", (width, hidden), role, split, layers),)
        if shape.whole_gate
        else (
            linear(f"{name}.g_a_proj", (shape.dimension, hidden), role, whole, layers),
            linear(f"{name}.g_b_proj", (width, shape.dimension), role, split, layers),
        )
    )
    return (
        *(linear(f"{name}.{one}_proj", (width, hidden), role, split, layers) for one in "qkv"),
        *(
            _plain(f"{name}.{one}_conv1d.weight", (width, 1, shape.kernel), TensorRole.CONVOLUTION, layers, split)
            for one in "qkv"
        ),
        _plain(f"{name}.A_log", (shape.heads,), role, layers, split),
        _plain(f"{name}.dt_bias", (width,), role, layers, split),
        linear(f"{name}.f_a_proj", (shape.dimension, hidden), role, whole, layers),
        linear(f"{name}.f_b_proj", (width, shape.dimension), role, split, layers),
        linear(f"{name}.b_proj", (shape.heads, hidden), role, split, layers),
        *gate,
        norm(f"{name}.o_norm", shape.dimension, layers),
        linear(f"{name}.o_proj", (hidden, width), role, split, layers),
    )


def latent_attention(shape: LatentAttention, layers: Layers, *, gated: bool) -> tuple[Tensor, ...]:
    """Every layer with latent attention."""
    if not layers:
        return ()
    size, role = (shape.heads * shape.value, shape.hidden), TensorRole.ATTENTION
    gate = (linear("self_attn.g_proj", size, role, Sharding.SPLIT, layers),) if gated else ()
    return (*latent_parts.attention(shape, layers), *gate)


def sparse(shape: LatentExperts, layers: Layers) -> tuple[Tensor, ...]:
    """Router, experts, the way into and out of their space, and what is shared."""
    if not layers:
        return ()
    experts, hidden, whole = shape.experts, shape.hidden, Sharding.REPLICATED
    inner, space = experts.intermediate, experts.hidden
    sizes = {"w1": (inner, space), "w2": (space, inner), "w3": (inner, space)}
    between = (
        _plain(f"{BLOCK}.routed_expert_down_proj.weight", (space, hidden), TensorRole.FEED_FORWARD, layers, whole),
        _plain(f"{BLOCK}.routed_expert_up_proj.weight", (hidden, space), TensorRole.FEED_FORWARD, layers, whole),
        *((norm(f"{BLOCK}.routed_expert_norm", space, layers),) if shape.normed else ()),
    )
    shared = latent_parts.dense(hidden, experts.shared, layers, f"{BLOCK}.shared_experts") if experts.shared else ()
    return (
        _plain(f"{BLOCK}.gate.weight", (experts.number, hidden), TensorRole.ROUTER, layers, whole),
        *(
            latent_parts.expert_matrix(name, size, experts, layers, f"{BLOCK}.experts.*")
            for name, size in sizes.items()
        ),
        *(between if shape.is_latent else ()),
        *shared,
    )


def block_residuals(hidden: int, layers: Layers) -> tuple[Tensor, ...]:
    """What weighs the outputs of earlier blocks of layers, before attention, feed-forward and the head."""
    role, whole = TensorRole.FEED_FORWARD, Sharding.REPLICATED
    names = ("self_attention_res", "mlp_res")
    return (
        *(norm(f"{name}_norm", hidden, layers) for name in names),
        *(_plain(f"{name}_proj.weight", (1, hidden), role, layers, whole) for name in names),
        Tensor("model.output_attn_res_norm.weight", (hidden,), TensorRole.NORM, whole),
        Tensor("model.output_attn_res_proj.weight", (1, hidden), role, whole),
    )
