"""What is fitted: each constant with its scope, what is known of it beforehand, and how firmly.

prior    the value that stands where measurements say nothing: of the datasheets' users (aiconfigurator 2026: memory
         bandwidth 0.8, 3 µs per operation) or of counting the kernels of a layer
hold     weight of (ln value − ln prior)² against the rows: larger is firmer. It keeps models that are left out from
         being predicted by a compromise that only the others' rows demanded
scope    `shared`, or one value per generation, or per engine
"""

from __future__ import annotations

from collections.abc import Mapping
from math import log

from msgspec import Struct

from ai_on_eks.performance.calibration import SHARES, Constants
from benchmarks.latency.records import Measured

SHARED, GENERATION, ENGINE = "shared", "generations", "engines"
GENERATIONS = ("hopper", "blackwell")
ENGINES = ("vllm", "sglang", "tensorrt-llm")
NEURON = "neuroncore-v2"
REFERENCE_ENGINE = "vllm"
"""The engine whose factors are 1."""

MOST_SHARE = 0.95


class Parameter(Struct, frozen=True):
    name: str
    scope: str
    prior: float
    hold: float = 0.3


PARAMETERS = (
    Parameter("bandwidth", GENERATION, 0.8, 2.0),
    Parameter("expert_bandwidth", GENERATION, 0.8, 1.0),
    Parameter("cache_bandwidth", GENERATION, 0.7, 1.0),
    Parameter("compute_fp8", GENERATION, 0.6, 10.0),
    Parameter("compute_fp4", GENERATION, 0.5, 10.0),
    Parameter("compute_half", SHARED, 0.7, 1.0),
    Parameter("expert_compute", GENERATION, 0.4, 0.5),
    Parameter("attention_compute", GENERATION, 0.5, 1.0),
    Parameter("latent_compute", SHARED, 0.5, 1.0),
    Parameter("recurrent_prompt", SHARED, 0.5, 0.3),
    Parameter("recurrent_bandwidth", SHARED, 0.6, 2.0),
    Parameter("link", SHARED, 0.7, 2.0),
    Parameter("exchange_s", GENERATION, 8e-6, 0.5),
    Parameter("all_to_all_s", SHARED, 30e-6, 0.5),
    Parameter("layer_s", GENERATION, 30e-6, 0.3),
    Parameter("expert_kernels", SHARED, 0.4, 0.5),
    Parameter("latent_kernels", SHARED, 1.0, 0.5),
    Parameter("indexer_kernels", SHARED, 0.8, 0.5),
    Parameter("recurrent_kernels", SHARED, 1.0, 0.5),
    Parameter("skew", SHARED, 0.7, 0.5),
    Parameter("popularity", SHARED, 0.3, 0.5),
    Parameter("interference", SHARED, 1.0, 1.0),
    Parameter("launch", ENGINE, 1.0, 0.5),
    Parameter("step_s", ENGINE, 5e-4, 0.3),
    Parameter("sequence_s", ENGINE, 15e-6, 0.5),
    Parameter("first_token_s", SHARED, 2e-2, 0.3),
    Parameter("prompt", ENGINE, 1.0, 4.0),
    Parameter("prompt_layer_s", ENGINE, 4e-4, 1.0),
    Parameter("prompt_expert_kernels", SHARED, 1.0, 1.0),
    Parameter("prompt_latent_kernels", SHARED, 1.0, 1.0),
    Parameter("prompt_recurrent_kernels", SHARED, 1.0, 1.0),
)

NEURON_PARAMETERS = (
    Parameter("bandwidth", GENERATION, 0.7, 1.0),
    Parameter("cache_bandwidth", GENERATION, 0.4, 0.3),
    Parameter("compute_half", GENERATION, 0.4, 0.3),
    Parameter("attention_compute", GENERATION, 0.2, 0.3),
    Parameter("layer_s", GENERATION, 1e-4, 0.1),
    Parameter("exchange_s", GENERATION, 3e-5, 0.1),
    Parameter("step_s", GENERATION, 1e-3, 0.3),
    Parameter("sequence_s", GENERATION, 5e-5, 0.3),
    Parameter("first_token_s", GENERATION, 5e-3, 0.1),
    Parameter("prompt_layer_s", GENERATION, 1e-4, 0.1),
    Parameter("encoder_compute", GENERATION, 0.32, 0.3),
    Parameter("convolution_compute", GENERATION, 0.2, 0.3),
    Parameter("diffusion_compute", GENERATION, 0.25, 0.3),
)
"""The same of NeuronCore-v2, fitted apart: its compiler and runtime share nothing with CUDA's. Priors: the Neuron
documentation's own figures divided by peaks (2026-11-23)."""

EAGER = {"vllm": 0.0, "sglang": 1.0, "tensorrt-llm": 1.0}
"""vLLM compiles a model with torch.compile, prompts too; SGLang and TensorRT-LLM's PyTorch backend launch prompts
eagerly by default and record graphs of decoding alone (documentation of all three, 2026)."""

BURST = 0.1
"""Each of n clients sends ten requests, one after the other, and all send their first at once; the recorded time to
first token is the mean of all (InferenceX: benchmarks/*.sh, `--num-prompts $((CONC * 10)) --max-concurrency $CONC`, and
utils/bench_serving/benchmark_serving.py, 2026-03)."""

NEURON_FIXED = {"whole_context": 1.0, "prompts_in_turn": 1.0, "launch": 1.0, "prompt": 1.0, "interference": 0.0}
"""How programs that are compiled for fixed shapes run: attention reads the whole compiled length, and a batch's prompts
are one program's input (NxD Inference documentation, 2026-10)."""

UNMEASURED = {
    "encoder_compute": 0.32,
    "convolution_compute": 0.2,
    "diffusion_compute": 0.25,
    "whole_context": 0.0,
    "prompts_in_turn": 0.0,
    "compute_fp4": 0.5,
    "launch": 1.0,
    "eager": 0.0,
    "burst": BURST,
}
"""Shared constants that no row of NVIDIA's devices determines: published ranges (Neuron benchmarks, aiconfigurator,
2026-11-23), and what is known of the load."""


class Unknown(Struct, frozen=True):
    """One fitted number: a parameter at one place."""

    parameter: Parameter
    place: str

    @property
    def key(self) -> str:
        return f"{self.place}/{self.parameter.name}"

    @property
    def most(self) -> float:
        return log(MOST_SHARE) if self.parameter.name in SHARES else float("inf")

    def concerns(self, row: Measured) -> bool:
        return self.place in (SHARED, row.machine.generation, row.engine)


def unknowns() -> tuple[Unknown, ...]:
    """What the rows of NVIDIA's devices determine."""
    places = {SHARED: (SHARED,), GENERATION: GENERATIONS, ENGINE: ENGINES}
    return tuple(
        Unknown(parameter, place)
        for parameter in PARAMETERS
        for place in places[parameter.scope]
        if not (parameter.name == "launch" and place == REFERENCE_ENGINE)
        and not (parameter.name == "compute_fp4" and place == "hopper")
    )


def neuron_unknowns() -> tuple[Unknown, ...]:
    return tuple(Unknown(parameter, NEURON) for parameter in NEURON_PARAMETERS)


def priors() -> dict[str, float]:
    """Every constant before any measurement: what a device has that nobody measured."""
    return {**UNMEASURED, **{parameter.name: parameter.prior for parameter in PARAMETERS}}


def constants_of(values: Mapping[str, float], row: Measured) -> Constants:
    """Everything that one row needs, of what was fitted and what was not."""
    found = {**priors(), "eager": EAGER[row.engine]}
    for place in (SHARED, row.engine, row.machine.generation):
        prefix = f"{place}/"
        found.update({key[len(prefix) :]: value for key, value in values.items() if key.startswith(prefix)})
    return Constants(**found)


def neuron_constants(values: Mapping[str, float], row: Measured) -> Constants:
    found = {**priors(), **NEURON_FIXED}
    prefix = f"{NEURON}/"
    found.update({key[len(prefix) :]: value for key, value in values.items() if key.startswith(prefix)})
    return Constants(**found)
