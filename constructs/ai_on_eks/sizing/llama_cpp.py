"""What llama.cpp holds on a device beside the cache of its slots (`cache_layout.SlotLayout`).

    weights  = the tensors of the fullest device; the embedding stays on the host unless it is the head as well
    layers   = ⌈layers ÷ devices⌉     whole layers are dealt out to devices; no tensor is divided
    compute  = max(logits, forward)   one buffer, for a micro-batch of at most 512 tokens, in float32
    logits   = tokens × (vocabulary + hidden size) × 4 B
    forward  = tokens × (widest values per token + hidden size) × 4 B + tokens × context × 6 B of mask
               + tokens × context × heads × 4 B of scores where attention is not fused

The mask is there in float32 and, for fused attention, in half precision; it is gone when the logits are made. For
Llama 3 8B the buffer is 258.5 MiB (512 × (128,256 + 4,096) × 4 B), as llama.cpp itself logs it.

Keys and values are kept in half precision whatever the weights are; recurrent states are kept in float32.

Sources: llama.cpp src/llama-context.cpp, src/llama-kv-cache-iswa.cpp, src/llama-model.cpp, read 2026-11-24.
"""

from __future__ import annotations

from msgspec.structs import replace

from ai_on_eks.catalog.types import EngineMemory
from ai_on_eks.descriptors.inventory import Inventory, KeyValueState, RecurrentState, TensorRole
from ai_on_eks.descriptors.schema import CachePrecision, Precision
from ai_on_eks.sizing.types import Load, Target, Term
from ai_on_eks.sizing.weights import weights_bytes
from ai_on_eks.units import ceil_div, counted

SLOTS = "slots"
"""The cache layout that tells this engine."""

FLOAT32_BYTES = 4
FLOAT32_BITS = 32

MASK_BYTES = 4 + 2
"""Of one token and one it may attend to: float32, and the half precision that fused attention reads."""

EIGHT_BIT_CACHE_BITS = 9
"""An 8-bit cache is in q8_0, 34 B for 32 values (ggml-common.h): 8.5 bit, rounded up."""


def as_kept(inventory: Inventory, precision: Precision, target: Target) -> tuple[Inventory, Precision]:
    """Model and precision with the data types that this engine keeps states in; unchanged for any other engine."""
    if target.engine.cache_layout != SLOTS:
        return inventory, precision
    eight_bit = precision.kv_cache is CachePrecision.FP8
    states = tuple(
        replace(state, bits=FLOAT32_BITS)
        if isinstance(state, RecurrentState)
        else _eight_bit(state)
        if eight_bit
        else state
        for state in inventory.states
    )
    if precision.kv_cache is CachePrecision.AUTO:
        precision = precision.model_copy(update={"kv_cache": CachePrecision.FP16})
    return replace(inventory, states=states), precision


def on_device(inventory: Inventory, target: Target) -> Inventory:
    """The model without what stays on the host: an embedding that is not the head as well."""
    roles = {tensor.role for tensor in inventory.tensors}
    if target.engine.cache_layout != SLOTS or target.on_cpu or TensorRole.HEAD not in roles:
        return inventory
    tensors = tuple(tensor for tensor in inventory.tensors if tensor.role is not TensorRole.EMBEDDING)
    return replace(inventory, tensors=tensors)


def compute_term(inventory: Inventory, engine: EngineMemory, load: Load, max_batched_tokens: int) -> Term:
    """The compute buffer of one device."""
    tokens = min(max_batched_tokens, load.context_tokens)
    context = ceil_div(load.context_tokens, engine.block_tokens) * engine.block_tokens
    hidden, vocabulary = inventory.hidden_size, inventory.activations.vocabulary
    logits = tokens * (vocabulary + hidden) * FLOAT32_BYTES
    values = inventory.activations.per_item + hidden
    forward = tokens * values * FLOAT32_BYTES + tokens * context * MASK_BYTES
    scored_heads = int(engine.attention_score_copies * inventory.attention_heads)
    forward += tokens * context * scored_heads * FLOAT32_BYTES
    source = engine.sources.get("activation", "")
    if logits >= forward:
        formula = f"{counted(tokens, 'token')} × ({vocabulary:,} words + {hidden:,}) × {FLOAT32_BYTES} B"
        return Term("compute buffer (logits)", logits, formula, source)
    formula = (
        f"{counted(tokens, 'token')} × ({values:,} values × {FLOAT32_BYTES} B + {counted(context, 'token')} × "
        f"{MASK_BYTES} B of mask)"
    )
    if scored_heads:
        formula += f" + {tokens:,} × {context:,} × {counted(scored_heads, 'head')} × {FLOAT32_BYTES} B of scores"
    return Term("compute buffer (forward pass)", forward, formula, source)


def offload_hint(
    inventory: Inventory, precision: Precision, target: Target, *, cache_bytes: int, free_bytes: int
) -> tuple[str, ...]:
    """How many layers the device holds where it does not hold all: the rest can be computed on the host.

    `free_bytes` is what is left beside compute buffer and overhead, `cache_bytes` that of one slot in all layers.
    """
    if target.engine.cache_layout != SLOTS or target.on_cpu:
        return ()
    layers = ceil_div(inventory.layers, target.pipeline_parallel)
    held = on_device(inventory, target)
    weights = weights_bytes(held, precision, 1, target.pipeline_parallel)
    repeated = tuple(tensor for tensor in held.tensors if "*" in tensor.name or tensor.count > 1)
    in_layers = weights_bytes(replace(held, tensors=repeated), precision, 1, target.pipeline_parallel)
    each = ceil_div(in_layers + cache_bytes, max(1, layers))
    fitting = max(0, min(layers, (free_bytes - (weights - in_layers)) // max(1, each)))
    if not 0 < fitting < layers:
        return ()
    return (f"{fitting} of {layers} layers fit (--n-gpu-layers {fitting}); the others would be computed on the host",)


def _eight_bit(state: KeyValueState) -> KeyValueState:
    return replace(state, bits=EIGHT_BIT_CACHE_BITS)
