"""What a compiled program takes of one logical NeuronCore: everything is allocated before the first request.

    weights      = as divided (sizing.weights)  +  heads padded and copied
    heads        = ⌈heads ÷ TP⌉                    query heads of a rank, padded where TP does not divide them
    KV heads     = heads of a rank                 of multi-head attention
                 = KV heads ÷ TP                   where TP divides them
                 = 1                               where they divide TP: each is copied to TP ÷ KV heads ranks
                 = heads of a rank                 elsewhere: attention becomes multi-head, keys and values with it
    cache        = batch × whole context × KV heads of a rank        contiguous, compiled in (cache_layout)
    scratch      = ⌈max(context encoding, token generation) ÷ page⌉ × page         shared by all programs of a core
    context encoding = prompts × context × (2 × hidden size + widest values ÷ TP) × bytes
    token generation = batch × vocabulary × 4 B
    descriptors  = share × weights                 lists of the transfers that bring weights to the compute engines
    micro-code   = a fixed part of every physical core

Where the widest values are those of experts they are not divided: experts may be placed whole on ranks, and then a rank
computes every token that is routed to them.

A logical core is a rank. On Trainium2 two physical cores work as one by default and share a bank of 24 GiB.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil, prod

from msgspec.structs import replace

from ai_on_eks.catalog.types import CompiledDevice, CompiledPrograms
from ai_on_eks.descriptors.inventory import Inventory, KeyValueState, Sharding, Tensor, TensorRole
from ai_on_eks.descriptors.schema import Precision
from ai_on_eks.sizing.cache import RankState, rank_states
from ai_on_eks.sizing.types import Load, Target, Term
from ai_on_eks.sizing.weights import tensor_format
from ai_on_eks.units import ceil_div, counted, format_gib

SAMPLED_VALUE_BYTES = 4
"""Logits are cast to float32 (transformers-neuronx config.py cast_logits_dtype, 2026-11-24)."""

HELD_HIDDEN_STATES = 2
"""Of a token: a block's input and its output in the making (as in sizing.activation)."""

DIVIDED_SOURCE = "tensor shapes of the model; a rank is a logical core, divided as NxD's parallel layers (Megatron-LM)"
PADDING_SOURCE = "NxD Inference modules/attention/gqa.py: heads padded, keys and values copied, 2026-11-24"


def heads_on_rank(heads: int, key_value_heads: int, tensor_parallel: int) -> int:
    """Heads of keys and values on a rank; see the module."""
    if key_value_heads and key_value_heads % tensor_parallel == 0:
        return key_value_heads // tensor_parallel
    if key_value_heads and key_value_heads != heads and tensor_parallel % key_value_heads == 0:
        return 1
    return max(1, ceil_div(max(heads, key_value_heads), tensor_parallel))


def compiled_states(states: tuple[RankState, ...], inventory: Inventory, tensor_parallel: int) -> tuple[RankState, ...]:
    """States of a rank with the heads that the engine adds."""
    return tuple(_compiled_state(state, inventory, tensor_parallel) for state in states)


def kv_bytes_per_token(inventory: Inventory, precision: Precision, tensor_parallel: int, pipeline_parallel: int) -> int:
    """Bytes of one further token in every layer of a rank."""
    states = rank_states(inventory, precision, tensor_parallel, pipeline_parallel)
    return sum(
        ceil_div(state.layers * state.entry_bytes, state.tokens_per_entry)
        for state in compiled_states(states, inventory, tensor_parallel)
        if state.grows
    )


def with_added_heads(divided: Term, inventory: Inventory, precision: Precision, target: Target) -> Term:
    """Weights of a rank as they are divided, with the heads that the engine adds."""
    tensor, pipeline = target.tensor_parallel, target.pipeline_parallel
    added = sum(
        ceil_div(one.count, pipeline) * _added_bytes(one, inventory, precision, tensor) for one in inventory.tensors
    )
    if not added:
        return replace(divided, source=DIVIDED_SOURCE)
    return replace(
        divided,
        value_bytes=divided.value_bytes + added,
        formula=f"{divided.formula} + {format_gib(added)} of heads padded and copied",
        source=f"{DIVIDED_SOURCE}; {PADDING_SOURCE}",
    )


def scratch_term(inventory: Inventory, load: Load, target: Target, *, batch: int) -> Term:
    """Scratch memory of a model that keeps a cache: the larger of its two programs."""
    programs, context = _programs(target), load.context_tokens
    prompts = batch if programs.prompts_at_once is None else min(batch, programs.prompts_at_once)
    values, widths = _values_per_token(inventory, target.tensor_parallel)
    encoding = prompts * context * values * programs.scratch_value_bytes
    generation = batch * inventory.activations.vocabulary * SAMPLED_VALUE_BYTES
    if generation > encoding:
        shape = f"{counted(batch, 'sequence')} × {inventory.activations.vocabulary:,} words × {SAMPLED_VALUE_BYTES} B"
        return _paged("scratch memory (token generation)", generation, shape, target)
    tokens = f"{prompts:,} × {context:,} tokens" if prompts > 1 else counted(context, "token")
    shape = f"{tokens} × ({widths}) × {programs.scratch_value_bytes} B"
    return _paged("scratch memory (context encoding)", encoding, shape, target)


def batch_scratch_term(activation: Term, target: Target) -> Term:
    """Scratch memory of a model compiled for one batch, from the peak of its values; other engines as they are."""
    if target.engine.programs is None:
        return activation
    return _paged("scratch memory", activation.value_bytes, activation.formula, target)


def program_terms(weights: Term, target: Target) -> tuple[Term, ...]:
    """What the runtime keeps of the programs, beside their instructions (`overhead_bytes`)."""
    programs, weights_bytes = target.engine.programs, weights.value_bytes
    if programs is None:
        return ()
    device = _device(target, programs)
    sources = target.engine.sources
    micro_code = Term(
        name="micro-code",
        value_bytes=device.micro_code_bytes,
        formula=format_gib(device.micro_code_bytes),
        source=sources.get("micro-code", ""),
    )
    descriptors = Term(
        name="transfer descriptors",
        value_bytes=ceil(device.descriptor_share * weights_bytes),
        formula=f"{device.descriptor_share:g} × {format_gib(weights_bytes)} of weights",
        source=sources.get("descriptors", ""),
    )
    return micro_code, descriptors


def compiled_batch(load: Load, max_sequences: int | None) -> int:
    """Sequences that the programs are compiled for."""
    return max(1, load.concurrency if max_sequences is None else max_sequences)


def _compiled_state(state: RankState, inventory: Inventory, tensor_parallel: int) -> RankState:
    kept = state.state
    if not isinstance(kept, KeyValueState) or kept.is_replicated:
        return state
    key_value_heads = max(1, kept.key_value_heads)
    divided = ceil_div(key_value_heads, min(tensor_parallel, key_value_heads))
    heads = heads_on_rank(inventory.attention_heads, key_value_heads, tensor_parallel)
    if heads == divided:
        return state
    added = f"{state.formula}, copied to {counted(heads, 'head')}"
    return replace(state, entry_bytes=ceil_div(state.entry_bytes * heads, divided), formula=added)


def _added_bytes(tensor: Tensor, inventory: Inventory, precision: Precision, tensor_parallel: int) -> int:
    heads, key_value_heads = inventory.attention_heads, inventory.key_value_heads
    if tensor.role is not TensorRole.ATTENTION or not heads or not key_value_heads:
        return 0
    elements, element = prod(tensor.shape), tensor_format(tensor, precision)
    if tensor.sharding is Sharding.SPLIT:
        divided = ceil_div(elements, tensor_parallel)
        needed = ceil_div(elements * ceil_div(heads, tensor_parallel), heads)
    elif tensor.sharding is Sharding.KEY_VALUE:
        divided = ceil_div(elements, min(tensor_parallel, key_value_heads))
        needed = ceil_div(elements * heads_on_rank(heads, key_value_heads, tensor_parallel), key_value_heads)
    else:
        return 0
    return max(0, element.bytes_for(needed) - element.bytes_for(divided))


def _values_per_token(inventory: Inventory, tensor_parallel: int) -> tuple[int, str]:
    hidden, widest = inventory.hidden_size, inventory.activations.per_item
    held = f"{HELD_HIDDEN_STATES} × {hidden:,}"
    if tensor_parallel == 1 or any(tensor.role is TensorRole.EXPERT for tensor in inventory.tensors):
        return HELD_HIDDEN_STATES * hidden + widest, f"{held} + {widest:,} values"
    divided = ceil_div(widest, tensor_parallel)
    return HELD_HIDDEN_STATES * hidden + divided, f"{held} + {widest:,} values ÷ {tensor_parallel}"


def _paged(name: str, value_bytes: int, shape: str, target: Target) -> Term:
    page = _programs(target).scratch_page_bytes
    return Term(
        name=name,
        value_bytes=max(1, ceil_div(value_bytes, page)) * page,
        formula=f"{shape}, in pages of {format_gib(page)}",
        source=target.engine.sources.get("activation", ""),
    )


def _programs(target: Target) -> CompiledPrograms:
    if target.engine.programs is None:
        raise AssertionError("only engines that compile ahead are sized here")
    return target.engine.programs


def _device(target: Target, programs: CompiledPrograms) -> CompiledDevice:
    """Of an accelerator that is not named the most demanding one."""
    named: Iterable[CompiledDevice] = (one for one in programs.devices if target.accelerator in one.accelerators)
    return next(iter(named), max(programs.devices, key=lambda one: one.descriptor_share))
