"""The indexer of sparse attention: it chooses the tokens that a query attends to.

With hidden size H, queries of rank Q, n indexing heads of d dimensions and t tokens chosen, a layer that has one adds:

    n·d × Q  +  d × H  +  2d (norm of the keys, with bias)  +  n × H (weights of the heads)

    kept per token     d bytes (FP8) + 4 bytes of scale for every 128 of them
    operations         2 × n × d per token of context; attention itself then sees at most t tokens

All of it is whole on every rank. The weights of the heads stay in 16 bit in the published FP8 checkpoints
(modules_to_not_convert of GLM-5.1-FP8; vLLM loads them unquantized). Layers without an indexer of their own attend to
what the layer before them chose.
Source: vLLM 0.33.0, Indexer in model_executor/models/deepseek_v2.py (ReplicatedLinear; "store value in fp8 and scale in
fp32 per quant_block_size"), read 2026-11-24; modeling_deepseek_v32.py and modeling_glm_moe_dsa.py of transformers
5.23.0.
"""

from __future__ import annotations

from msgspec import Struct

from ai_on_eks.descriptors.architectures.hyperparameters import Hyperparameters
from ai_on_eks.descriptors.architectures.latent_parts import LAYER, Layers, linear, norm
from ai_on_eks.descriptors.inventory import KeyValueState, Sharding, Tensor, TensorRole
from ai_on_eks.units import ceil_div

SCALED_ELEMENTS = 128
"""Elements of a key that share a scale (Indexer.quant_block_size, vLLM 0.33.0)."""
SCALE_BYTES = 4
"""A float32 scale."""
KEY_BITS = 8

KINDS = ("full", "shared")


class Indexer(Struct, frozen=True):
    """Its dimensions, and which layers have one."""

    heads: int
    dimension: int
    chosen: int
    layers: Layers

    @property
    def operations(self) -> int:
        """Per token and token of context, of all layers: the scores of every indexing head."""
        return 2 * len(self.layers) * self.heads * self.dimension


def read_indexer(parameters: Hyperparameters, layers: Layers) -> Indexer:
    """The indexer of the config; `layers` are those that have one."""
    return Indexer(
        heads=parameters.integer("index_n_heads"),
        dimension=parameters.integer("index_head_dim"),
        chosen=parameters.integer("index_topk"),
        layers=layers,
    )


def indexed_layers(parameters: Hyperparameters, layers: int) -> Layers:
    """The layers with an indexer of their own, by the kinds the config lists, or by its pattern of F and S, or by the
    rule that from `index_skip_topk_offset` on every `index_topk_freq`th has one."""
    kinds: tuple[str, ...] = parameters.layer_kinds("indexer_types", KINDS)
    if not kinds and parameters.has("index_topk_pattern"):
        pattern = parameters.text("index_topk_pattern")
        parameters.support("index_topk_pattern", set(pattern) <= {"F", "S"}, "only 'F' and 'S' are known")
        kinds = tuple("full" if letter == "F" else "shared" for letter in pattern)
    if kinds:
        key = "indexer_types" if parameters.has("indexer_types") else "index_topk_pattern"
        parameters.relate(("num_hidden_layers", key), len(kinds) == layers, f"{len(kinds)} kinds for {layers} layers")
        return tuple(layer for layer, kind in enumerate(kinds) if kind == "full")
    every, offset = parameters.integer("index_topk_freq"), parameters.integer("index_skip_topk_offset", least=0)
    return tuple(layer for layer in range(layers) if max(layer - offset + 1, 0) % every == 0)


def tensors(indexer: Indexer, hidden: int, query_rank: int, layers: Layers) -> tuple[Tensor, ...]:
    """What an indexer adds to every one of `layers`; none where no layer has one."""
    if not layers:
        return ()
    role, whole, name = TensorRole.ATTENTION, Sharding.REPLICATED, "self_attn.indexer"
    count = len(layers)
    return (
        linear(f"{name}.wq_b", (indexer.heads * indexer.dimension, query_rank), role, whole, layers),
        linear(f"{name}.wk", (indexer.dimension, hidden), role, whole, layers),
        norm(f"{name}.k_norm", indexer.dimension, layers),
        Tensor(f"{LAYER}.{name}.k_norm.bias", (indexer.dimension,), TensorRole.NORM, whole, count, layers=layers),
        Tensor(f"{LAYER}.{name}.weights_proj.weight", (indexer.heads, hidden), role, whole, count, layers=layers),
    )


def key_bytes(dimension: int) -> int:
    """Bytes of one key with its scales."""
    return dimension + SCALE_BYTES * ceil_div(dimension, SCALED_ELEMENTS)


def state(indexer: Indexer) -> KeyValueState:
    """The keys kept: bytes, in which the scales are counted with the elements."""
    return KeyValueState(
        len(indexer.layers),
        1,
        key_bytes(indexer.dimension),
        0,
        is_replicated=True,
        bits=KEY_BITS,
        name="indexer keys",
    )
