"""Peak of the intermediate values on one rank.

Models that keep a cache (an engine profiles its largest batch once and never exceeds it):

    sampler = copies × sequences × vocabulary × 4 B  +  hidden copies × batched tokens × hidden size × bytes
    forward = batched tokens × (widest values per token + 2 × hidden size) × bytes
    encoder = tokens handed on × (widest values per token + values handed on) × bytes
    peak    = max(max(sampler, forward) + tokens handed on × values handed on × bytes, encoder)

An encoder before the decoder (of images or sound) is profiled with as many inputs of the largest size as a batch holds,
and at least one; what it hands on is still there when the decoder runs.

Logits are sampled in float32 over the whole vocabulary on every rank, so neither term is divided by TP; dividing the
forward pass would be closer, and optimistic where it decides.

Encoders and CNNs (one batch at a time):

    peak = slack × batch × context × widest values per item × bytes  +  scores
    scores = copies × batch × heads × context² × bytes, where attention is not fused
"""

from __future__ import annotations

from math import ceil

from ai_on_eks.catalog.types import EngineMemory
from ai_on_eks.descriptors.inventory import InputEncoder, Inventory
from ai_on_eks.descriptors.schema import Precision
from ai_on_eks.sizing.precision import compute_data_type, compute_format
from ai_on_eks.sizing.types import Load, Term
from ai_on_eks.units import counted

SAMPLER_BYTES = 4
"""Sampling works in float32 whatever the model computes in (vLLM v1/sample/sampler.py, 2026-11-23)."""


HELD_HIDDEN_STATES = 2
"""Hidden states alive beside the widest set of a block: its input, which the layer that called it still holds, and its
output in the making. Llama-3.1-8B then takes 110,592 B per token; 2.01 GiB at 20,000 tokens and 2.93 GiB at 29,000 were
logged, 108,000 B (vllm-project/vllm#10517, 2026-11-23)."""


def cached_activation_term(
    inventory: Inventory, precision: Precision, engine: EngineMemory, *, max_batched_tokens: int, max_sequences: int
) -> Term:
    """Peak of a model that keeps a cache, at the engine's batch limits."""
    sampler = _sampler_term(inventory, precision, engine, max_batched_tokens, max_sequences)
    forward = _forward_term(inventory, precision, engine, max_batched_tokens)
    decoder = max(sampler, forward, key=lambda term: term.value_bytes)
    candidates = [decoder]
    for encoder in inventory.encoders if engine.largest_input_tokens else ():
        candidates += _encoder_terms(encoder, precision, engine, decoder, max_batched_tokens)
    return max(candidates, key=lambda term: term.value_bytes)


def batch_activation_term(
    inventory: Inventory, precision: Precision, engine: EngineMemory, load: Load, *, on_cpu: bool
) -> Term:
    """Peak of one batch of an encoder or CNN."""
    element_bytes = compute_format(precision).bytes_for(1)
    items = load.batch * load.context_tokens
    values = engine.activation_slack * items * inventory.activations.per_item * element_bytes
    fused = not on_cpu and compute_data_type(precision) in engine.fused_attention
    copies = 0.0 if fused else engine.attention_score_copies
    scores = copies * load.batch * inventory.attention_heads * load.context_tokens**2 * element_bytes
    formula = (
        f"{engine.activation_slack:g} × {_items(load)} × {inventory.activations.per_item:,} values × {element_bytes} B"
    )
    if scores:
        formula += (
            f" + {copies:g} × {load.batch} × {counted(inventory.attention_heads, 'head')} × {load.context_tokens:,}² × "
            f"{element_bytes} B of attention scores"
        )
    return Term("activations", ceil(values + scores), formula, engine.sources.get("activation", ""))


def _sampler_term(
    inventory: Inventory, precision: Precision, engine: EngineMemory, max_batched_tokens: int, max_sequences: int
) -> Term:
    element_bytes = compute_format(precision).bytes_for(1)
    vocabulary, hidden = inventory.activations.vocabulary, inventory.hidden_size
    logits = engine.sampler_copies * max_sequences * vocabulary * SAMPLER_BYTES
    states = engine.hidden_state_copies * max_batched_tokens * hidden * element_bytes
    return Term(
        name="activations (sampling)",
        value_bytes=ceil(logits + states),
        formula=(
            f"{engine.sampler_copies:g} × {counted(max_sequences, 'sequence')} × {vocabulary:,} words × "
            f"{SAMPLER_BYTES} B + {engine.hidden_state_copies:g} × {counted(max_batched_tokens, 'token')} × "
            f"{hidden:,} × {element_bytes} B"
        ),
        source=engine.sources.get("activation", ""),
    )


def _forward_term(inventory: Inventory, precision: Precision, engine: EngineMemory, max_batched_tokens: int) -> Term:
    element_bytes = compute_format(precision).bytes_for(1)
    per_item = inventory.activations.per_item + HELD_HIDDEN_STATES * inventory.hidden_size
    return Term(
        name="activations (forward pass)",
        value_bytes=ceil(engine.activation_slack * max_batched_tokens * per_item * element_bytes),
        formula=(
            f"{engine.activation_slack:g} × {counted(max_batched_tokens, 'token')} × {per_item:,} values × "
            f"{element_bytes} B"
        ),
        source=engine.sources.get("activation", ""),
    )


def _encoder_terms(
    encoder: InputEncoder, precision: Precision, engine: EngineMemory, decoder: Term, max_batched_tokens: int
) -> tuple[Term, Term]:
    """The peak of the encoder itself, and that of the decoder beside what the encoder handed on."""
    element_bytes = compute_format(precision).bytes_for(1)
    largest = encoder.tokens or engine.largest_input_tokens
    tokens = max(1, max_batched_tokens // largest) * largest
    values = encoder.per_item + encoder.handed
    source = engine.sources.get("encoders", "")
    own = Term(
        name=f"activations (encoding of {encoder.name})",
        value_bytes=ceil(engine.activation_slack * tokens * values * element_bytes),
        formula=f"{engine.activation_slack:g} × {counted(tokens, 'token')} × {values:,} values × {element_bytes} B",
        source=source,
    )
    beside = Term(
        name=decoder.name,
        value_bytes=decoder.value_bytes + tokens * encoder.handed * element_bytes,
        formula=(
            f"{decoder.formula} + {counted(tokens, 'token')} of {encoder.name} × {encoder.handed:,} × {element_bytes} B"
        ),
        source=f"{decoder.source}; {source}",
    )
    return own, beside


def _items(load: Load) -> str:
    return f"{load.batch} × {load.context_tokens:,} tokens" if load.context_tokens > 1 else counted(load.batch, "item")
