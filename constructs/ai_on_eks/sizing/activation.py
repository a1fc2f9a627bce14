"""Peak of the intermediate values on one rank.

Models that keep a cache (an engine profiles its largest batch once and never exceeds it):

    kept    = workspace of matrix libraries  +  kept copies × sequences × vocabulary × 4 B
    sampler = (copies × sequences + rows) × vocabulary × 4 B  +  (batched tokens + rows sampled) × hidden size × bytes
    forward = batched tokens × (widest values per token on a rank + 2 × hidden size) × bytes
    encoder = tokens handed on × (widest values per token + values handed on) × bytes
    peak    = kept + max(max(sampler, forward) + tokens handed on × values handed on × bytes, encoder)

An engine samples with as many sequences as it runs at once, at most one per token of the batch. How many copies of the
scores are alive then is the engine's: a sort of the whole vocabulary takes 9.5 of them, half a one in 16 bit among
them, a kernel that works in place 3.5. What an engine keeps of the words generated before, to penalize them, is there
during every pass. An encoder before the decoder (of images or sound) is profiled with as many inputs of the largest
size as a batch holds, and at least one; what it hands on is still there when the decoder runs.

Logits are sampled in float32 over the whole vocabulary on every rank. Of the forward pass TP divides what lies between
inputs and outputs of dense feed-forward layers, attention and experts; hidden states are whole on every rank, and so
are the inputs and outputs of the experts that a token passes.

Encoders and CNNs (one batch at a time):

    peak = slack × batch × context × widest values per item × bytes  +  scores
    scores = copies × batch × heads × context² × bytes, where attention is not fused
"""

from __future__ import annotations

from math import ceil

from msgspec.structs import replace

from ai_on_eks.catalog.types import EngineMemory
from ai_on_eks.descriptors.inventory import InputEncoder, Inventory
from ai_on_eks.descriptors.schema import Precision
from ai_on_eks.sizing.precision import compute_data_type, compute_format
from ai_on_eks.sizing.types import Load, Term
from ai_on_eks.units import counted, format_gib

SAMPLER_BYTES = 4
"""Sampling works in float32 whatever the model computes in (vLLM v1/sample/sampler.py, 2026-11-23)."""


HELD_HIDDEN_STATES = 2
"""Hidden states alive beside the widest set of a block: its input, which the layer that called it still holds, and its
output in the making. Llama-3.1-8B then takes 110,592 B per token; 2.01 GiB at 20,000 tokens and 2.93 GiB at 29,000 were
logged, 108,000 B (vllm-project/vllm#10517, 2026-11-23)."""


def cached_activation_term(
    inventory: Inventory,
    precision: Precision,
    engine: EngineMemory,
    tensor_parallel: int = 1,
    *,
    max_batched_tokens: int,
    max_sequences: int,
) -> Term:
    """Peak of a model that keeps a cache, at the engine's batch limits."""
    sequences = min(max_sequences, max_batched_tokens)
    sampler = _sampler_term(inventory, precision, engine, max_batched_tokens, sequences)
    forward = _forward_term(inventory, precision, engine, tensor_parallel, max_batched_tokens)
    decoder = max(sampler, forward, key=lambda term: term.value_bytes)
    candidates = [decoder]
    for encoder in inventory.encoders if engine.largest_input_tokens else ():
        candidates += _encoder_terms(encoder, precision, engine, decoder, max_batched_tokens)
    return _with_kept(max(candidates, key=lambda term: term.value_bytes), inventory, engine, max_sequences)


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
    inventory: Inventory, precision: Precision, engine: EngineMemory, max_batched_tokens: int, sequences: int
) -> Term:
    element_bytes = compute_format(precision).bytes_for(1)
    vocabulary, hidden = inventory.activations.vocabulary, inventory.hidden_size
    rows = min(engine.sampler_rows, sequences)
    scores = (engine.sampler_copies * sequences + rows) * vocabulary * SAMPLER_BYTES
    hidden_rows = engine.hidden_state_copies * max_batched_tokens + engine.sampled_row_copies * sequences
    copies = f"{engine.sampler_copies:g} × {counted(sequences, 'sequence')}"
    if rows:
        copies = f"({copies} + {counted(rows, 'row')})"
    formula = f"{copies} × {vocabulary:,} words × {SAMPLER_BYTES} B"
    if hidden_rows:
        formula += f" + {hidden_rows:,.0f} hidden states × {hidden:,} × {element_bytes} B"
    return Term(
        name="activations (sampling)",
        value_bytes=ceil(scores + hidden_rows * hidden * element_bytes),
        formula=formula,
        source=engine.sources.get("activation", ""),
    )


def _forward_term(
    inventory: Inventory, precision: Precision, engine: EngineMemory, tensor_parallel: int, max_batched_tokens: int
) -> Term:
    element_bytes = compute_format(precision).bytes_for(1)
    widest = inventory.activations.per_item_of_rank(tensor_parallel)
    per_item = widest + HELD_HIDDEN_STATES * inventory.hidden_size
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


def _with_kept(peak: Term, inventory: Inventory, engine: EngineMemory, max_sequences: int) -> Term:
    """The peak beside what is there during every pass."""
    vocabulary = inventory.activations.vocabulary
    states_bytes = ceil(engine.sampler_states * max_sequences * vocabulary * SAMPLER_BYTES)
    formula = peak.formula
    if states_bytes:
        copies = f"{engine.sampler_states:g} × {counted(max_sequences, 'sequence')}"
        formula += f" + {copies} × {vocabulary:,} words × {SAMPLER_BYTES} B of words generated"
    if engine.workspace_bytes:
        formula += f" + {format_gib(engine.workspace_bytes)} of workspace"
    return replace(peak, value_bytes=peak.value_bytes + states_bytes + engine.workspace_bytes, formula=formula)


def _items(load: Load) -> str:
    return f"{load.batch} × {load.context_tokens:,} tokens" if load.context_tokens > 1 else counted(load.batch, "item")
