"""Everything that `make accuracy` says about speed: scores, bars and the references beside them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ai_on_eks.performance.calibration import CONVOLUTION, DECODER, DIFFUSION, ENCODER, Constants, constants
from benchmarks.accuracy.models import Models
from benchmarks.accuracy.scoring import Bar
from benchmarks.accuracy.truth import Truth
from benchmarks.latency.fit import FOLDS, GROUPS, NEURON_PROBLEM, NVIDIA
from benchmarks.latency.fitting import Problem
from benchmarks.latency.neuron_records import neuron_records
from benchmarks.latency.parameters import priors
from benchmarks.latency.records import Measured, nvidia_records
from benchmarks.latency.scoring import ITEMS, TPOT, TTFT, Score, median_error, questions, scores

NVIDIA_TPOT, NVIDIA_TTFT, NEURON_ITEMS = 0.20, 0.25, 0.30
"""Bars: median absolute relative errors of models that the constants did not see."""

PLAIN = Constants(
    **{
        **priors(),
        "bandwidth": 0.78,
        "expert_bandwidth": 1.0,
        "cache_bandwidth": 0.78,
        "recurrent_bandwidth": 0.78,
        "compute_half": 0.5,
        "compute_fp8": 0.5,
        "compute_fp4": 0.5,
        "expert_compute": 1.0,
        "attention_compute": 0.5,
        "latent_compute": 0.5,
        "link": 1.0,
        "exchange_s": 1e-5,
        "layer_s": 2.4e-5,
        "expert_kernels": 0.0,
        "latent_kernels": 0.0,
        "indexer_kernels": 0.0,
        "recurrent_kernels": 0.0,
        "skew": 0.0,
        "popularity": 0.0,
        "interference": 1.0,
        "burst": 0.0,
        "launch": 1.0,
        "step_s": 0.0,
        "sequence_s": 0.0,
        "first_token_s": 0.0,
        "prompt": 1.0,
        "prompt_layer_s": 2.4e-5,
    }
)
"""The plain roofline: 78 % of the bandwidth, half of the peak, 10 µs for an all-reduce, eight operations of 3 µs for a
layer (aiconfigurator and published measurements, 2026-11-23), and nothing that was fitted."""


class Speed(Struct, frozen=True):
    """Scores of both vendors' rows, and the rows that could not be asked, with the reason."""

    nvidia: tuple[Score, ...]
    neuron: tuple[Score, ...]
    left: tuple[tuple[str, str], ...]


def evaluate(folder: Path) -> Speed:
    models = Models(Truth(folder))
    folds = json.loads(FOLDS.read_bytes())
    nvidia, nvidia_left = nvidia_records(folder, models)
    neuron, neuron_left = neuron_records(folder, models)
    return Speed(
        nvidia=_scores(nvidia, NVIDIA, folds["nvidia"]),
        neuron=_scores(neuron, NEURON_PROBLEM, folds["neuron"]),
        left=nvidia_left + neuron_left,
    )


def speed_bars(speed: Speed) -> tuple[Bar, ...]:
    """What the formulae have to reach on models that their constants did not see."""
    return (
        _bar("time per output token, NVIDIA", speed.nvidia, TPOT, NVIDIA_TPOT),
        _bar("time to first token, NVIDIA", speed.nvidia, TTFT, NVIDIA_TTFT),
        _bar("encoders per second, Neuron", _of_kind(speed.neuron, ENCODER), ITEMS, NEURON_ITEMS),
        _bar("CNN images per second, Neuron", _of_kind(speed.neuron, CONVOLUTION), ITEMS, NEURON_ITEMS),
        _bar("images made per second, Neuron", _of_kind(speed.neuron, DIFFUSION), ITEMS, NEURON_ITEMS),
        _bar("time per output token, Neuron", _of_kind(speed.neuron, DECODER), TPOT, None),
        _bar("time to first token, Neuron", _of_kind(speed.neuron, DECODER), TTFT, None),
    )


def _scores(rows: Sequence[Measured], problem: Problem, folds: Mapping[str, Any]) -> tuple[Score, ...]:
    def fitted(row: Measured) -> Constants:
        return constants(row.machine.generation, row.engine)

    def without(group: str, of: Callable[[Measured], str]) -> Callable[[Measured], Constants]:
        # What no fold leaves out (rows of another folder than the fit's) was not seen by the fit of all either.
        known = folds[group]
        return lambda row: problem.constants(known[of(row)], row) if of(row) in known else fitted(row)

    def plain(row: Measured) -> Constants:
        return PLAIN if row.machine.generation != "neuroncore-v2" else replace(PLAIN, whole_context=1.0)

    return scores(questions(rows), fitted, {group: without(group, of) for group, of in GROUPS.items()}, plain)


def _of_kind(found: Sequence[Score], kind: str) -> tuple[Score, ...]:
    return tuple(score for score in found if score.measured.kind == kind)


def _bar(measure: str, found: Sequence[Score], figure: str, most: float | None) -> Bar:
    errors = [score.held_out for score in found if score.figure == figure]
    reached = median_error(errors)
    text = f"median {reached:.1%}, bias {median(errors):+.1%}, of {len(errors)}"
    wanted = "reported" if most is None else f"median ≤ {most:.0%}"
    return Bar(measure, wanted, text, None if most is None else reached <= most)
