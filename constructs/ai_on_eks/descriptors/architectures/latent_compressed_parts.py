"""Tensors of DeepSeek-V4's layers.

With hidden size H, N heads of D dimensions in G groups, queries of rank Q, output of rank O per group, h streams of the
hidden state, and r tokens compressed into one entry:

    attention    Q × H,  Q,  N·D × Q        queries
                 D × H,  D                  one key that is its own value, for all heads
                 G·O × N·D/G,  H × G·O      output, group by group
                 N                          a learned score per head (sink)
    compressor   c·D × H twice (entries and their weights),  r × c·D (positions),  D (norm)
                 c = 2 where entries overlap (r = 4), else 1
    indexer      n·d × Q,  n × H,  and a compressor of its own with d for D       only where r = 4
    streams      (2 + h)·h × h·H,  (2 + h)·h,  3      before attention and before the feed-forward, in float32
    feed-forward router, experts and a shared expert, as of `latent_parts`, in every layer
    norms        2H

Tensor parallelism: N·D × Q, both output matrices and the experts are divided; queries' low rank, key, compressors,
indexer, streams and router are whole on every rank. Compressors, the heads' weights of the indexer and the router are
never quantized. Source: vLLM 0.33.0, models/deepseek_v4/attention.py, compressor.py and nvidia/model.py (`disable_tp`,
`ReplicatedLinear`, `quant_config=None`), read 2026-11-24.

Names are those of the published checkpoints (transformers 5.23.0, conversion_mapping.py, "deepseek_v4"); the router's
correction bias and the table that routes the first layers by token, in `gate.bias` and `gate.tid2eid`, are buffers and
no parameters. Shapes: modeling_deepseek_v4.py of transformers 5.23.0.
"""

from __future__ import annotations

from msgspec import Struct

from ai_on_eks.descriptors.architectures.latent_parts import Experts, Layers
from ai_on_eks.descriptors.element_format import ElementFormat
from ai_on_eks.descriptors.inventory import Sharding, Tensor, TensorRole

OVERLAPPING = 4
"""Tokens per entry of the layers whose entries overlap, and which have an indexer."""

FLOAT32 = ElementFormat(32)
MXFP4 = ElementFormat(4, group_elements=32, group_bits=8)
"""Experts of a checkpoint whose config says `expert_dtype: fp4` (DeepseekV4FP8Config of vLLM 0.33.0)."""


class Compressed(Struct, frozen=True):
    """The dimensions of the attention."""

    hidden: int
    heads: int
    dimension: int
    query_rank: int
    groups: int
    output_rank: int
    index_heads: int
    index_dimension: int
    streams: int


def tensor(
    name: str,
    shape: tuple[int, ...],
    role: TensorRole,
    layers: Layers,
    *,
    sharding: Sharding = Sharding.REPLICATED,
    quantizable: bool = False,
    stored: ElementFormat | None = None,
) -> Tensor:
    """One tensor of every one of `layers`; `name` begins below the layer's number."""
    return Tensor(
        f"layers.*.{name}",
        shape,
        role,
        sharding,
        len(layers),
        quantizable=quantizable,
        layers=layers,
        stored=stored,
    )


def attention(shape: Compressed, layers: Layers) -> tuple[Tensor, ...]:
    """Queries, the one key, and the grouped output."""
    role, split = TensorRole.ATTENTION, Sharding.SPLIT
    queries, reduced = shape.heads * shape.dimension, shape.groups * shape.output_rank
    matrices = {
        "wq_a": ((shape.query_rank, shape.hidden), Sharding.REPLICATED),
        "wq_b": ((queries, shape.query_rank), split),
        "wkv": ((shape.dimension, shape.hidden), Sharding.REPLICATED),
        "wo_a": ((reduced, queries // shape.groups), split),
        "wo_b": ((shape.hidden, reduced), split),
    }
    return (
        *(
            tensor(f"attn.{name}.weight", size, role, layers, sharding=sharding, quantizable=True)
            for name, (size, sharding) in matrices.items()
        ),
        tensor("attn.q_norm.weight", (shape.query_rank,), TensorRole.NORM, layers),
        tensor("attn.kv_norm.weight", (shape.dimension,), TensorRole.NORM, layers),
        tensor("attn.attn_sink", (shape.heads,), role, layers, sharding=split, stored=FLOAT32),
    )


def compressor(shape: Compressed, ratio: int, layers: Layers) -> tuple[Tensor, ...]:
    """What makes one entry of `ratio` tokens, and chooses entries where they overlap; nothing where none are made."""
    if not layers or ratio == 0:
        return ()
    own = _compressor("attn.compressor", shape.hidden, shape.dimension, ratio, layers)
    if ratio != OVERLAPPING:
        return own
    role, queries = TensorRole.ATTENTION, shape.index_heads * shape.index_dimension
    return (
        *own,
        tensor("attn.indexer.wq_b.weight", (queries, shape.query_rank), role, layers, quantizable=True),
        tensor("attn.indexer.weights_proj.weight", (shape.index_heads, shape.hidden), role, layers),
        *_compressor("attn.indexer.compressor", shape.hidden, shape.index_dimension, ratio, layers),
    )


def entry_parts(ratio: int) -> int:
    """How many entries a token takes part in."""
    return 2 if ratio == OVERLAPPING else 1


def _compressor(name: str, hidden: int, dimension: int, ratio: int, layers: Layers) -> tuple[Tensor, ...]:
    width = entry_parts(ratio) * dimension
    return (
        tensor(f"{name}.wkv.weight", (width, hidden), TensorRole.ATTENTION, layers),
        tensor(f"{name}.wgate.weight", (width, hidden), TensorRole.ATTENTION, layers),
        tensor(f"{name}.ape", (ratio, width), TensorRole.EMBEDDING, layers, stored=FLOAT32),
        tensor(f"{name}.norm.weight", (dimension,), TensorRole.NORM, layers),
    )


def streams(shape: Compressed, layers: Layers) -> tuple[Tensor, ...]:
    """What mixes the streams of the hidden state before either block of a layer."""
    mixed = (2 + shape.streams) * shape.streams
    return tuple(
        tensor(f"hc_{block}_{part}", size, TensorRole.FEED_FORWARD, layers, stored=FLOAT32)
        for block in ("attn", "ffn")
        for part, size in (("fn", (mixed, shape.streams * shape.hidden)), ("base", (mixed,)), ("scale", (3,)))
    )


def layer_norms(hidden: int, layers: Layers) -> tuple[Tensor, ...]:
    """The norms before attention and feed-forward."""
    names = ("attn_norm.weight", "ffn_norm.weight")
    return tuple(tensor(name, (hidden,), TensorRole.NORM, layers) for name in names)


def feed_forward(experts: Experts, layers: Layers, stored: ElementFormat | None) -> tuple[Tensor, ...]:
    """Router, experts, which may be stored in a format of their own, and what is shared."""
    hidden, split = experts.hidden, Sharding.SPLIT

    def sizes(inner: int) -> dict[str, tuple[int, int]]:
        return {"w1": (inner, hidden), "w2": (hidden, inner), "w3": (inner, hidden)}

    routed = (
        Tensor(
            f"layers.*.ffn.experts.*.{name}.weight",
            size,
            TensorRole.EXPERT,
            split,
            count=len(layers) * experts.number,
            quantizable=True,
            active_count=len(layers) * experts.chosen,
            per_layer=experts.number,
            layers=layers,
            stored=stored,
        )
        for name, size in sizes(experts.intermediate).items()
    )
    role = TensorRole.FEED_FORWARD
    shared = (
        tensor(f"ffn.shared_experts.{name}.weight", size, role, layers, sharding=split, quantizable=True)
        for name, size in sizes(experts.shared).items()
    )
    router = tensor("ffn.gate.weight", (experts.number, hidden), TensorRole.ROUTER, layers)
    return (router, *routed, *(shared if experts.shared else ()))
