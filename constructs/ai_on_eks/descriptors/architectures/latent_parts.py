"""Tensors of a decoder with multi-head latent attention (MLA), one layer kind at a time.

With hidden size H, N heads, queries of rank Q, a latent of rank L, per head P dimensions without and R with position
and V of the value:

    queries    Q × H,  Q (norm),  N·(P + R) × Q      or  N·(P + R) × H  where the queries have no low rank
    latent     (L + R) × H,  L (norm),  N·(P + V) × L
    output     H × N·V

    norms      2H                                     every layer
    dense      3 × H × I                              feed-forward of the first layers
    router     E × H                                  feed-forward of the others, with E experts of I′, k of them active
    experts    E × 3 × H × I′
    shared     3 × H × (S × I′)                       S experts in one that every token passes

Tensor parallelism: what makes the queries and the latent small is whole on every rank, as is the router; what leaves
the low ranks is divided by heads, every expert across its width. Source: vLLM 0.33.0, DeepseekV2MLAAttention and
DeepseekV2MoE in model_executor/models/deepseek_v2.py (ReplicatedLinear, MergedColumnParallelLinear with disable_tp,
ColumnParallelLinear, RowParallelLinear), read 2026-11-24.

Layers are named by their numbers, so that what a checkpoint says about one layer can be matched. Names and shapes are
those of the published checkpoints; the router's correction bias, E values a layer, is a buffer and no parameter.
Source: modeling_deepseek_v2.py, _v3.py, _v32.py and modeling_glm_moe_dsa.py of transformers 5.23.0.
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from ai_on_eks.descriptors.inventory import Live, Sharding, Tensor, TensorRole

LAYER = "model.layers.*"

Layers = tuple[int, ...]


class LatentAttention(Struct, frozen=True):
    """The dimensions of the attention. `query_rank` is None where the queries have no low rank."""

    hidden: int
    heads: int
    query_rank: int | None
    latent: int
    without_position: int
    with_position: int
    value: int

    @property
    def query(self) -> int:
        """Dimensions of one head's query and key."""
        return self.without_position + self.with_position

    @property
    def entry(self) -> int:
        """Elements that a token leaves in the cache."""
        return self.latent + self.with_position

    @property
    def whole_operations(self) -> int:
        """Per token and token attended to, keys and values made from the latent again: scores and their product."""
        return 2 * self.heads * (self.query + self.value)

    @property
    def absorbed_operations(self) -> int:
        """The same on the latents themselves, the matrices that would expand them moved to query and output."""
        return 2 * self.heads * (self.entry + self.latent)

    @property
    def live(self) -> int:
        """Elements per token: both low ranks, queries, expanded keys and values, assembled keys, and the output."""
        expanded = self.without_position + self.value
        return (self.query_rank or 0) + self.entry + self.heads * (2 * self.query + expanded + self.value)


class Experts(Struct, frozen=True):
    """The dimensions of a sparse layer. `shared` is the width of what every token passes, 0 where nothing is shared."""

    hidden: int
    number: int
    chosen: int
    intermediate: int
    shared: int

    @property
    def live(self) -> int:
        """Elements per token beside the residual, as `mixture` counts them."""
        inner, hidden = self.intermediate, self.hidden
        routed = self.chosen * (max(inner, hidden) + max(2 * inner, hidden))
        return hidden + max(self.number + routed + (hidden if self.shared else 0), 3 * self.shared)

    def beside(self, values: int) -> Live:
        """What the wider of these experts and another block of so many values keeps."""
        return Live(max(values, self.live), replace(self, intermediate=0).live)


def linear(name: str, size: tuple[int, int], role: TensorRole, sharding: Sharding, layers: Layers) -> Tensor:
    """A matrix of every one of `layers` that quantization touches."""
    return Tensor(f"{LAYER}.{name}.weight", size, role, sharding, len(layers), quantizable=True, layers=layers)


def norm(name: str, width: int, layers: Layers) -> Tensor:
    """A norm's scale in every one of `layers`."""
    return Tensor(f"{LAYER}.{name}.weight", (width,), TensorRole.NORM, Sharding.REPLICATED, len(layers), layers=layers)


def attention(shape: LatentAttention, layers: Layers) -> tuple[Tensor, ...]:
    """Queries, latent and output."""
    role, split, whole = TensorRole.ATTENTION, Sharding.SPLIT, Sharding.REPLICATED
    queries, hidden = shape.heads * shape.query, shape.hidden
    expanded = shape.heads * (shape.without_position + shape.value)
    if shape.query_rank is None:
        query: tuple[Tensor, ...] = (linear("self_attn.q_proj", (queries, hidden), role, split, layers),)
    else:
        query = (
            linear("self_attn.q_a_proj", (shape.query_rank, hidden), role, whole, layers),
            norm("self_attn.q_a_layernorm", shape.query_rank, layers),
            linear("self_attn.q_b_proj", (queries, shape.query_rank), role, split, layers),
        )
    return (
        *query,
        linear("self_attn.kv_a_proj_with_mqa", (shape.entry, hidden), role, whole, layers),
        norm("self_attn.kv_a_layernorm", shape.latent, layers),
        linear("self_attn.kv_b_proj", (expanded, shape.latent), role, split, layers),
        linear("self_attn.o_proj", (hidden, shape.heads * shape.value), role, split, layers),
    )


def layer_norms(hidden: int, layers: Layers) -> tuple[Tensor, ...]:
    """The norms before attention and feed-forward."""
    return (norm("input_layernorm", hidden, layers), norm("post_attention_layernorm", hidden, layers))


def dense(hidden: int, intermediate: int, layers: Layers, block: str = "mlp") -> tuple[Tensor, ...]:
    """A gated feed-forward block; none where no layer is dense."""
    if not layers:
        return ()
    role, split = TensorRole.FEED_FORWARD, Sharding.SPLIT
    return (
        linear(f"{block}.gate_proj", (intermediate, hidden), role, split, layers),
        linear(f"{block}.up_proj", (intermediate, hidden), role, split, layers),
        linear(f"{block}.down_proj", (hidden, intermediate), role, split, layers),
    )


def sparse(experts: Experts, layers: Layers) -> tuple[Tensor, ...]:
    """Router, experts and what is shared; none where no layer is sparse."""
    if not layers:
        return ()
    whole, role = Sharding.REPLICATED, TensorRole.ROUTER
    name, size = f"{LAYER}.mlp.gate.weight", (experts.number, experts.hidden)
    router = Tensor(name, size, role, whole, len(layers), layers=layers)
    shared = dense(experts.hidden, experts.shared, layers, "mlp.shared_experts") if experts.shared else ()
    inner, hidden = experts.intermediate, experts.hidden
    sizes = {"gate_proj": (inner, hidden), "up_proj": (inner, hidden), "down_proj": (hidden, inner)}
    return (router, *(expert_matrix(name, size, experts, layers) for name, size in sizes.items()), *shared)


def expert_matrix(
    name: str, size: tuple[int, int], experts: Experts, layers: Layers, block: str = "mlp.experts.*"
) -> Tensor:
    """One matrix of every expert."""
    return Tensor(
        f"{LAYER}.{block}.{name}.weight",
        size,
        TensorRole.EXPERT,
        Sharding.SPLIT,
        count=len(layers) * experts.number,
        quantizable=True,
        active_count=len(layers) * experts.chosen,
        per_layer=experts.number,
        layers=layers,
    )


def predicting(hidden: int, vocabulary: int, layers: Layers, *, repeats_ends: bool) -> tuple[Tensor, ...]:
    """What layers for multi-token prediction have beside a layer's own: a projection of the last hidden state and the
    next token's embedding, their norms, and embedding and head once more."""

    def tensor(name: str, size: tuple[int, int], role: TensorRole, sharding: Sharding) -> Tensor:
        return Tensor(f"{LAYER}.{name}.weight", size, role, sharding, len(layers), layers=layers)

    ends = {"embed_tokens": TensorRole.EMBEDDING, "shared_head.head": TensorRole.HEAD} if repeats_ends else {}
    return (
        *(norm(name, hidden, layers) for name in ("enorm", "hnorm", "shared_head.norm")),
        tensor("eh_proj", (hidden, 2 * hidden), TensorRole.FEED_FORWARD, Sharding.REPLICATED),
        *(tensor(name, (vocabulary, hidden), role, Sharding.SPLIT) for name, role in ends.items()),
    )
