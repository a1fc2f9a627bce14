"""What a forward pass of a model reads and multiplies, summed once so that an estimate loops over no tensor.

    products  = by data type and sharding: bytes of the weights, operations per token
    experts   = the same of each mixture, with how many experts there are and how many a token passes
    head      = the same of what turns a token into words; only sampled tokens pass it
    cache     = bytes of a sequence that a step reads (`CacheReads`)

An embedding is looked up row by row and an encoder of images runs once per image, so neither is read in a step.
Latents are attended to as they are kept while decoding (matrices absorbed, arXiv:2405.04434, section 2.1.2):
2 × heads × (2 × latent + position) operations per token attended to, more than the unabsorbed form of a prompt.
"""

from __future__ import annotations

from functools import lru_cache
from math import inf

from msgspec import Struct

from ai_on_eks.descriptors.element_format import ElementFormat
from ai_on_eks.descriptors.inventory import Inventory, KeyValueState, RecurrentState, Sharding, Tensor, TensorRole
from ai_on_eks.descriptors.schema import Precision, WeightPrecision
from ai_on_eks.sizing.cache import rank_states
from ai_on_eks.sizing.precision import compute_data_type, compute_format
from ai_on_eks.sizing.weights import tensor_format
from ai_on_eks.units import ceil_div

REMEMBERED = 256

WIDENED = "widened"
"""Weights that are read in few bits and multiplied in the data type of the activations."""

_INTEGERS = frozenset({WeightPrecision.INT8, WeightPrecision.INT4})
_FOUR_BITS, _EIGHT_BITS = 6, 9


class Products(Struct, frozen=True):
    """Weights that are multiplied in one data type and divided alike.

    data_type    `fp4`, `fp8`, `widened`, or what activations are computed in
    """

    data_type: str
    sharding: Sharding
    value_bytes: int
    flops_per_token: int


class Experts(Struct, frozen=True):
    """All layers' experts of one shape. `flops_per_token` counts the active ones only."""

    data_type: str
    experts: int
    active: int
    value_bytes: int
    flops_per_token: int


class CacheReads(Struct, frozen=True):
    """What a rank reads of one sequence in a step: bytes of an entry of all layers, and how many entries there are."""

    entry_bytes: int
    most_tokens: float
    fixed_tokens: int | None
    tokens_per_entry: int

    def read_bytes(self, context_tokens: float) -> float:
        tokens = self.fixed_tokens if self.fixed_tokens is not None else min(context_tokens, self.most_tokens)
        return self.entry_bytes * tokens / self.tokens_per_entry


class Profile(Struct, frozen=True):
    """See the module. `remaining_flops` are operations per token beside the products: scans, convolutions, positions.

    latent_flops         (operations per token attended to, at most so many tokens) of absorbed latents; () = no latents
    indexed_flops        operations per token of the context of an indexer, which scores all of it; 0 = none
    recurrent_layers     layers with a state of constant size
    """

    products: tuple[Products, ...]
    experts: tuple[Experts, ...]
    head: Products | None
    remaining_flops: int
    compute_type: str
    value_bytes: int
    layers: int
    expert_layers: int
    latent_layers: int
    indexed_layers: int
    recurrent_layers: int
    hidden_size: int
    key_value_heads: int
    latent_flops: tuple[tuple[int, float], ...]
    indexed_flops: int
    weights_bytes: int


@lru_cache(maxsize=REMEMBERED)
def profile(inventory: Inventory, precision: Precision) -> Profile:
    """The sums for a model at a precision."""
    products: dict[tuple[str, Sharding], list[int]] = {}
    experts: dict[tuple[str, int, int], list[int]] = {}
    head: Products | None = None
    has_head = any(tensor.role is TensorRole.HEAD for tensor in inventory.tensors)
    counted = expert_layers = 0
    for tensor in inventory.tensors:
        if tensor.role is TensorRole.VISION and inventory.states:
            continue
        if tensor.role is TensorRole.EMBEDDING and (has_head or not inventory.activations.vocabulary):
            continue
        data_type, value_bytes, flops = _sums(tensor, precision)
        if tensor.role in (TensorRole.HEAD, TensorRole.EMBEDDING) and inventory.states:
            # A table of positions is an embedding too; the widest is the one of words.
            if head is None or flops > head.flops_per_token:
                head = Products(data_type, tensor.sharding, value_bytes, flops)
            continue
        counted += flops
        if tensor.active_count is None:
            group = products.setdefault((data_type, tensor.sharding), [0, 0])
        else:
            active = tensor.active_count * tensor.per_layer // tensor.count
            group = experts.setdefault((data_type, tensor.per_layer, max(1, active)), [0, 0])
            expert_layers = max(expert_layers, tensor.count // tensor.per_layer)
        group[0] += value_bytes
        group[1] += flops
    counted += head.flops_per_token if head is not None else 0
    latents = [state for state in inventory.states if isinstance(state, KeyValueState) and state.is_replicated]
    indexed = any(not state.value_dimension and state.bits is not None for state in latents)
    most = _selected_tokens(inventory) if indexed else inf
    return Profile(
        products=tuple(Products(*key, *group) for key, group in sorted(products.items())),
        experts=tuple(Experts(*key, *group) for key, group in sorted(experts.items())),
        head=head,
        remaining_flops=max(0, inventory.operations.per_item - counted),
        compute_type=compute_data_type(precision),
        value_bytes=compute_format(precision).bytes_for(1),
        layers=inventory.layers,
        expert_layers=expert_layers,
        latent_layers=max((state.layers for state in latents), default=0),
        indexed_layers=max((state.layers for state in latents), default=0) if indexed else 0,
        recurrent_layers=max(
            (state.layers for state in inventory.states if isinstance(state, RecurrentState)), default=0
        ),
        hidden_size=inventory.hidden_size,
        key_value_heads=max(1, inventory.key_value_heads),
        latent_flops=tuple(_absorbed(state, inventory.attention_heads, most) for state in latents if _is_latent(state)),
        indexed_flops=inventory.operations.per_item_and_context_token if indexed else 0,
        weights_bytes=sum(_sums(tensor, precision)[1] for tensor in inventory.tensors),
    )


@lru_cache(maxsize=REMEMBERED)
def cache_reads(inventory: Inventory, precision: Precision, tensor_parallel: int) -> tuple[tuple[CacheReads, ...], int]:
    """What grows or is windowed of a sequence's cache on a rank, and the bytes of its recurrent states."""
    states = rank_states(inventory, precision, tensor_parallel)
    indexed = any(state.is_latent and not _has_values(state.state) for state in states)
    selected = _selected_tokens(inventory) if indexed else inf
    reads = tuple(
        CacheReads(
            entry_bytes=state.layers * state.entry_bytes,
            most_tokens=min(
                inf if state.window_tokens is None else float(state.window_tokens),
                selected if state.is_latent and _has_values(state.state) else inf,
            ),
            fixed_tokens=state.fixed_tokens,
            tokens_per_entry=state.tokens_per_entry,
        )
        for state in states
        if not state.is_recurrent
    )
    return reads, sum(state.layers * state.entry_bytes for state in states if state.is_recurrent)


def _sums(tensor: Tensor, precision: Precision) -> tuple[str, int, int]:
    """Data type of the products, bytes of all, operations of one token."""
    stored = tensor_format(tensor, precision)
    value_bytes = tensor.count * stored.bytes_for(tensor.parameters // tensor.count)
    flops = 2 * tensor.active_parameters if len(tensor.shape) > 1 else 0
    return _data_type(stored, precision), value_bytes, flops


def _data_type(stored: ElementFormat, precision: Precision) -> str:
    compute = compute_format(precision)
    if stored.bits >= compute.bits:
        return compute_data_type(precision)
    if precision.weights in _INTEGERS or (precision.scheme or "").startswith("gguf"):
        return WIDENED
    if stored.bits <= _FOUR_BITS:
        return "fp4"
    return "fp8" if stored.bits <= _EIGHT_BITS else WIDENED


def _selected_tokens(inventory: Inventory) -> float:
    """Tokens that an indexer hands on to attention (sparse attention of DeepSeek-V3.2)."""
    return max((float(window) for _flops, window in inventory.operations.windowed), default=inf)


def _is_latent(state: KeyValueState) -> bool:
    return state.value_dimension > 0


def _has_values(state: object) -> bool:
    return isinstance(state, KeyValueState) and state.value_dimension > 0


def _absorbed(state: KeyValueState, heads: int, most_tokens: float) -> tuple[int, float]:
    flops = 2 * heads * (2 * state.key_dimension + state.value_dimension)
    return ceil_div(state.layers * flops, state.tokens_per_entry), most_tokens
