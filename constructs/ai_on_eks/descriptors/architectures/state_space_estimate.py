"""A state-space or hybrid model of which only the number of parameters P is known.

    state space  P = 6 × layers × H²   with  H = 64 × layers
    hybrid       P = 12 × layers × H²  with  H = 128 × layers, attention in every fourth layer

6·H² per layer is 4 H² into a mixer twice as wide and 2 H² out of it (arXiv:2312.00752, §3.4); the proportions are those
of Codestral Mamba and Falcon Mamba 7B (4096 / 64). A hybrid's are a transformer's, see `estimate`; one layer in four
with attention is Qwen3.5, others published have fewer, and every query head is given its own keys and values.

Every recurrent layer is given a Mamba-2 mixer with a state of 128 (arXiv:2405.21060, §9.2: 64 to 256) in float32, as
Nemotron-H's is kept: above what most published ones keep. Each assumption is named in `estimated`.
"""

from __future__ import annotations

from msgspec.structs import replace

from ai_on_eks.descriptors.architectures import estimate
from ai_on_eks.descriptors.architectures.hybrid_blocks import Block, Layers
from ai_on_eks.descriptors.architectures.state_space_mixers import Mamba2, mamba2
from ai_on_eks.descriptors.inventory import Activations, Inventory, Item, Operations
from ai_on_eks.descriptors.schema import Family

ASPECT = 64
SQUARES = 6
HEAD = 64
"""Channels of a head of the mixer (arXiv:2405.21060, §9.2)."""
STATE = 128
GROUPS = 8
KERNEL = 4
CHUNK_TOKENS = 256
STATE_BITS = 32
ATTENTION_EVERY = 4


def recurrent(parameters: int, family: Family) -> Inventory:
    """A model of `parameters` parameters whose layers keep states, all of them or most."""
    return _hybrid(parameters) if family is Family.HYBRID else _state_space(parameters)


def _state_space(parameters: int) -> Inventory:
    hidden, layers = estimate.proportions(parameters, ASPECT, estimate.DECODER_HEAD, SQUARES)
    mixers = _mixers(layers, hidden)
    return Inventory(
        architecture="state-space",
        item=Item.TOKEN,
        tensors=estimate.lump(parameters),
        states=mixers.states,
        operations=Operations(per_item=2 * parameters + mixers.flops),
        activations=Activations(per_item=hidden + mixers.live, vocabulary=estimate.VOCABULARY),
        layers=layers,
        hidden_size=hidden,
        estimated=(
            f"{layers} layers of {hidden}: {SQUARES} × layers × hidden² parameters, hidden = {ASPECT} × layers",
            _assumed(layers),
            f"a vocabulary of {estimate.VOCABULARY:,}",
            "the longest context is unknown",
        ),
    )


def _hybrid(parameters: int) -> Inventory:
    """A transformer of which three layers in four keep a state and no keys."""
    whole = estimate.decoder(parameters)
    attending = max(1, whole.layers // ATTENTION_EVERY)
    mixers = _mixers(whole.layers - attending, whole.hidden_size)
    kept = estimate.decoder_state(attending, whole.key_value_heads)
    return replace(
        whole,
        architecture="hybrid",
        states=(kept, *(state for state in mixers.states if state.layers)),
        operations=Operations(
            per_item=whole.operations.per_item + mixers.flops,
            per_item_and_context_token=4 * attending * whole.hidden_size,
        ),
        activations=replace(
            whole.activations, per_item=max(whole.activations.per_item, whole.hidden_size + mixers.live)
        ),
        estimated=(
            *whole.estimated,
            f"attention in {attending} of {whole.layers} layers, every {ATTENTION_EVERY}th",
            _assumed(whole.layers - attending),
        ),
    )


def _mixers(layers: int, hidden: int) -> Block:
    shape = Mamba2(
        hidden=hidden,
        heads=2 * hidden // HEAD,
        head_dimension=HEAD,
        groups=GROUPS,
        state=STATE,
        kernel=KERNEL,
        chunk=CHUNK_TOKENS,
        in_bias=False,
        out_bias=False,
        window_bias=True,
        state_bits=STATE_BITS,
    )
    return mamba2(Layers("*", tuple(range(layers))), shape)


def _assumed(layers: int) -> str:
    return f"{layers} layers with a state of 2 × hidden × {STATE} in float32 (above most published ones)"
