"""Time of one forward pass through all layers, on the ranks of one pipeline stage after the other.

    products  = max(bytes ÷ shards ÷ (bandwidth × share), tokens × operations ÷ shards ÷ (peak × share))
    experts   = the same, of the experts that the tokens touch:  E × (1 − (1 − k ÷ E)ᵀ) of E, for T tokens of all groups
                × what the fullest rank has more than the mean, where ranks hold whole experts
    attention = max(cache read ÷ (bandwidth × share), operations ÷ (peak × share)) + states read and written
    exchange  = `exchange`

Weights in a pass of few tokens bound it by their bytes, in one of many by their operations. The head is computed for
sampled tokens alone. Ranks that hold whole experts wait for the fullest of them: of n balls in R boxes the fullest has
about μ + √(2 μ ln R), μ = n ÷ R (Raab and Steger 1998, for n » R).
"""

from __future__ import annotations

from math import log, sqrt
from typing import NamedTuple

from ai_on_eks.performance.calibration import Constants
from ai_on_eks.performance.divided import Divided, Mixture
from ai_on_eks.performance.exchange import exchange_launches_s, exchange_s
from ai_on_eks.performance.profile import Profile


class Pass(NamedTuple):
    """Seconds of one pass, by what they go to. `launches_s` is what no bandwidth and no peak shortens."""

    products_s: float
    experts_s: float
    attention_s: float
    exchange_s: float
    launches_s: float

    @property
    def computed_s(self) -> float:
        return self.products_s + self.experts_s + self.attention_s + self.exchange_s

    @property
    def total_s(self) -> float:
        return self.computed_s + self.launches_s


def step(of: Divided, constants: Constants, sequences: float, context_tokens: float) -> Pass:
    """A step of decoding: one token of each sequence of an attention group, which attends to so many."""
    read = sequences * sum([state.read_bytes(context_tokens) for state in of.cache])
    computed = sequences * _attending_flops(of, context_tokens)
    attention_s = max(
        read / (of.bandwidth * constants.cache_bandwidth), computed / (of.half_flops * constants.latent_compute)
    )
    attention_s += 2 * sequences * of.recurrent_bytes / (of.bandwidth * constants.recurrent_bandwidth)
    launches = constants.layer_s * _launched_layers(of.profile, constants)
    launches += exchange_launches_s(of, constants)
    return Pass(
        products_s=_products_s(of, constants, sequences, sampled=sequences),
        experts_s=_experts_s(of, constants, sequences),
        attention_s=attention_s,
        exchange_s=exchange_s(of, constants, sequences),
        launches_s=launches * constants.launch,
    )


def prompt(of: Divided, constants: Constants, tokens: float, together: float = 1.0) -> Pass:
    """A prompt of so many tokens in each attention group, one token of it sampled; its share of a pass that computes so
    many prompts `together`, which read the weights once."""
    attending = of.inventory.operations.attending(tokens / 2)
    attention_s = tokens * attending / (of.half_flops * constants.attention_compute)
    attention_s += tokens * of.recurrent_bytes * constants.recurrent_prompt / of.bandwidth
    factor = constants.prompt
    all_tokens = tokens * together
    shared = factor / together
    return Pass(
        products_s=shared * _products_s(of, constants, all_tokens, sampled=together),
        experts_s=shared * _experts_s(of, constants, all_tokens),
        attention_s=factor * attention_s,
        exchange_s=shared * (exchange_s(of, constants, all_tokens) + exchange_launches_s(of, constants)),
        launches_s=constants.prompt_layer_s * _prompt_layers(of.profile, constants) / together,
    )


def _launched_layers(model: Profile, constants: Constants) -> float:
    """Layers of a step, each counted by how many more kernels it has than one of plain attention and one feed-forward
    block."""
    return (
        model.layers
        + model.expert_layers * constants.expert_kernels
        + model.latent_layers * constants.latent_kernels
        + model.indexed_layers * constants.indexer_kernels
        + model.recurrent_layers * constants.recurrent_kernels
    )


def _prompt_layers(model: Profile, constants: Constants) -> float:
    """The same of a prompt, whose kernels are launched one by one where the engine does not compile them. An indexer
    works on all of it at once, in few kernels."""
    experts = constants.expert_kernels + constants.eager * constants.prompt_expert_kernels
    latents = constants.latent_kernels + constants.eager * constants.prompt_latent_kernels
    recurrent = constants.recurrent_kernels + constants.eager * constants.prompt_recurrent_kernels
    return (
        model.layers
        + model.expert_layers * experts
        + model.latent_layers * latents
        + model.recurrent_layers * recurrent
    )


def _products_s(of: Divided, constants: Constants, tokens: float, *, sampled: float) -> float:
    bandwidth = constants.bandwidth
    seconds = tokens * of.remaining_s / constants.compute_half
    for part in of.parts:
        seconds += max(part.read_s / bandwidth, tokens * part.computed_s / constants.compute(part.runs_in))
    head = of.head
    if head is not None:
        seconds += max(head.read_s / bandwidth, sampled * head.computed_s / constants.compute(head.runs_in))
    return seconds


def _experts_s(of: Divided, constants: Constants, tokens: float) -> float:
    """`tokens` of each attention group: experts are shared by all groups."""
    everyones = tokens * of.division.data_parallel
    bandwidth = constants.bandwidth * constants.expert_bandwidth
    seconds = 0.0
    for mixture in of.mixtures:
        touched = 1 - (1 - mixture.active / mixture.experts) ** everyones
        read_more, computed_more = _fullest(mixture, of.division.expert_parallel, touched, everyones, constants)
        share = constants.compute(mixture.runs_in) * constants.expert_compute
        seconds += max(
            mixture.read_s * touched * read_more / bandwidth,
            everyones * mixture.computed_s * computed_more / share,
        )
    return seconds


def _fullest(
    mixture: Mixture, expert_parallel: int, touched: float, tokens: float, constants: Constants
) -> tuple[float, float]:
    """What the fullest rank reads and computes, of what the mean one does. A rank never has more than all it holds.

    `touched` is a share of all experts.
    """
    if expert_parallel == 1:
        return 1.0, 1.0
    spread = sqrt(2 * log(expert_parallel))
    routed = tokens * mixture.active / expert_parallel
    held = touched * mixture.experts / expert_parallel
    read = min(1 + constants.skew * spread / sqrt(held), 1 / touched)
    computed = 1 + constants.popularity * spread + constants.skew * spread / sqrt(routed)
    return min(read, float(expert_parallel)), min(computed, float(expert_parallel))


def _attending_flops(of: Divided, context_tokens: float) -> float:
    model = of.profile
    if not model.latent_flops:
        return of.inventory.operations.attending(context_tokens)
    attended = sum([flops * min(context_tokens, most) for flops, most in model.latent_flops])
    return attended + model.indexed_flops * context_tokens
