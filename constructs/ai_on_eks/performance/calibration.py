"""Constants that measurements gave: few, global, by generation of the device and by engine; none by model.

They lie in `data/calibration.json`, which `python -m benchmarks.latency.fit` writes. What no measurement reached has
the published ranges of aiconfigurator and the Neuron documentation instead, and the evidence says `roofline`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import fields

DATA = Path(__file__).resolve().parent / "data" / "calibration.json"

ANY = "*"
"""The entry of generations and engines that were not measured."""

DECODER, ENCODER, CONVOLUTION, DIFFUSION = "decoder", "encoder", "convolution", "diffusion"
"""Kinds of models that are calibrated apart, since their kernels differ."""

Band = tuple[float, float]
"""measured ÷ estimated, of eight in ten held-out measurements: not below the first, not above the second."""


class Constants(Struct, frozen=True):
    """Shares of peaks (at most 1), times in seconds, and factors without unit.

    bandwidth              share of the memory bandwidth that products of few tokens reach
    expert_bandwidth       the same of experts, whose weights are read in pieces
    cache_bandwidth        the same of keys, values and latents
    recurrent_bandwidth    the same of recurrent states, read and written
    compute_half           share of the dense peak that products of many tokens reach, in 16 bit and wider
    compute_fp8            the same in FP8
    compute_fp4            the same in FP4
    expert_compute         of that share, what experts reach: their products are small and padded
    attention_compute      share of the peak that attention of a prompt reaches
    latent_compute         share of the peak that attention to absorbed latents reaches while decoding
    recurrent_prompt       passes over a recurrent state that a token of a prompt costs
    encoder_compute        share of the peak that a batch of an encoder reaches
    convolution_compute    share of the peak that a batch of a CNN reaches
    diffusion_compute      share of the peak that a denoising step reaches
    link                   share of a link's bandwidth that collectives reach
    exchange_s             of an all-reduce that carries nothing
    all_to_all_s           of sending tokens to experts of other groups, and back
    layer_s                of a layer beside its bytes, operations and exchange: launches and synchronization
    expert_kernels         what choosing and permuting experts adds to that, of a layer's own
    latent_kernels         what latent attention adds
    indexer_kernels        what an indexer before it adds
    recurrent_kernels      what a recurrent layer adds to one with attention
    skew                   spread of tokens over ranks that hold whole experts, in standard deviations of a fair draw
    popularity             further tokens of the fullest such rank, because some experts are preferred
    prompt_layer_s         of a layer in a prompt, whose launches are not recorded in a graph
    eager                  1 = the engine launches a prompt's kernels one by one; 0 = it compiles them into few
    prompt_expert_kernels  what experts then add beyond what they add to a step: routing is launched piece by piece
    prompt_latent_kernels  what latent attention then adds
    prompt_recurrent_kernels
                           what a recurrent layer then adds: its prompts are scanned in pieces
    interference           time that a prompt takes from running sequences, of what it takes alone
    launch                 factor of the engine on the time of layers and exchanges
    step_s                 of a step: scheduling, sampling, output
    sequence_s             the same per running sequence
    first_token_s          of a request before and after the model: HTTP, tokenizer, scheduling, streaming
    prompt                 factor of the engine on a prompt's operations
    burst                  share of requests that come together, when the load starts: known, not fitted
    whole_context          1 = attention reads the whole compiled length, whatever is filled
    prompts_in_turn        1 = a batch's prompts are computed in one pass before any is answered
    """

    bandwidth: float
    expert_bandwidth: float
    cache_bandwidth: float
    recurrent_bandwidth: float
    compute_half: float
    compute_fp8: float
    compute_fp4: float
    expert_compute: float
    attention_compute: float
    latent_compute: float
    recurrent_prompt: float
    encoder_compute: float
    convolution_compute: float
    diffusion_compute: float
    link: float
    exchange_s: float
    all_to_all_s: float
    layer_s: float
    expert_kernels: float
    latent_kernels: float
    indexer_kernels: float
    recurrent_kernels: float
    skew: float
    popularity: float
    prompt_layer_s: float
    eager: float
    prompt_expert_kernels: float
    prompt_latent_kernels: float
    prompt_recurrent_kernels: float
    interference: float
    launch: float
    step_s: float
    sequence_s: float
    first_token_s: float
    prompt: float
    burst: float
    whole_context: float
    prompts_in_turn: float

    def compute(self, data_type: str) -> float:
        """Share of the peak of a data type that products reach."""
        if data_type == "fp8":
            return self.compute_fp8
        return self.compute_fp4 if data_type == "fp4" else self.compute_half


SHARES = tuple(
    field.name
    for field in fields(Constants)
    if field.name.endswith(("bandwidth", "compute")) or field.name.startswith("compute_") or field.name == "link"
)
"""Constants that are shares of what the hardware can do at most."""


@lru_cache(maxsize=64)
def constants(generation: str, engine: str) -> Constants:
    """Shared constants, then the engine's, then the generation's: each may replace what came before."""
    document = _document()
    values: dict[str, float] = dict(document["shared"])
    for part, name in (("engines", engine), ("generations", generation)):
        entries = document[part]
        values.update(entries.get(name, entries[ANY])["constants"])
    return Constants(**values)


def widened(generation: str, compute_type: str) -> str:
    """The data type that products run in where a compiler casts them."""
    casts: Mapping[str, str] = _document()["generations"].get(generation, {}).get("casts", {})
    return casts.get(compute_type, compute_type)


def band(generation: str, engine: str, kind: str, figure: str) -> Band | None:
    """Held-out errors of a figure (`ttft`, `tpot`, `items`) where the generation was measured with this engine and kind
    of model; None where it was not, and the estimate is a roofline."""
    entry = _document()["generations"].get(generation, {})
    if kind == DECODER and engine not in entry.get("engines", ()):
        return None
    found = entry.get("bands", {}).get(kind, {}).get(figure)
    return (found[0], found[1]) if found is not None else None


@cache
def _document() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(DATA.read_bytes())
    return document
