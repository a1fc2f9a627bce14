"""Latents of multi-head latent attention, as an engine that does not keep them as they are caches them.

    padded      ⌈elements × bytes ÷ alignment⌉ × alignment      vLLM 0.7: 576 elements in 16 bit become 640
    expanded    heads × (width + width) of keys and values      vLLM 0.6: every head's, padded to a width of 256

Sources: vllm 0.7.3 worker/cache_engine.py (get_cache_block_size), no longer in 0.8.0; vllm 0.6.6 config.py
(get_head_size) and model_executor/models/deepseek_v3.py, read 2026-11-28.
"""

from __future__ import annotations

from msgspec.structs import replace

from ai_on_eks.catalog.types import EngineMemory
from ai_on_eks.descriptors.inventory import Inventory, KeyValueState, State
from ai_on_eks.descriptors.schema import Precision
from ai_on_eks.sizing.precision import compute_format
from ai_on_eks.units import ceil_div


def as_cached(inventory: Inventory, precision: Precision, engine: EngineMemory) -> Inventory:
    """The model with its latents as this engine caches them; unchanged where it caches them as they are."""
    if engine.latent_head_width:
        return replace(inventory, states=tuple(_expanded(state, inventory, engine) for state in inventory.states))
    if engine.latent_alignment_bytes > 1:
        # the element that is aligned is the model's own, also where the cache has fewer bits
        multiple = max(1, engine.latent_alignment_bytes // compute_format(precision).bytes_for(1))
        return replace(inventory, states=tuple(_padded(state, multiple) for state in inventory.states))
    return inventory


def _expanded(state: State, inventory: Inventory, engine: EngineMemory) -> State:
    if not isinstance(state, KeyValueState) or not _is_latent(state):
        return state
    heads, width = max(1, inventory.attention_heads), engine.latent_head_width
    return replace(state, key_value_heads=heads, key_dimension=width, value_dimension=width, is_replicated=False)


def _padded(state: State, multiple: int) -> State:
    if not isinstance(state, KeyValueState) or not _is_latent(state):
        return state
    elements = ceil_div(state.key_dimension + state.value_dimension, multiple) * multiple
    return replace(state, key_dimension=elements, value_dimension=0)


def _is_latent(state: KeyValueState) -> bool:
    return state.is_replicated and state.bits is None
