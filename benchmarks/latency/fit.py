"""Fits the constants of speed to the measured latencies and writes them down.

    python -m benchmarks.latency.fit [--truth FOLDER]

Writes `constructs/ai_on_eks/performance/data/calibration.json`, which the package ships, and `folds.json` beside this
file: the constants that the same fit finds without one model, one family of models, one system. `make accuracy` asks
those, so that a model is never scored by constants that saw it.
"""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ai_on_eks.performance.calibration import DATA
from benchmarks.accuracy.models import Models
from benchmarks.accuracy.truth import Truth
from benchmarks.latency.fitting import ROUNDS, Problem, Values
from benchmarks.latency.neuron_records import neuron_records
from benchmarks.latency.parameters import (
    EAGER,
    ENGINES,
    GENERATIONS,
    NEURON,
    NEURON_FIXED,
    SHARED,
    constants_of,
    neuron_constants,
    neuron_unknowns,
    priors,
    unknowns,
)
from benchmarks.latency.records import Measured, nvidia_records
from benchmarks.latency.scoring import Question, questions

FOLDS = Path(__file__).with_name("folds.json")
DATE = "2026-11-28"
SOURCE = (
    "public latency measurements of H100, H200, B200, B300 and GB200 (aiconfigurator's silicon records, 2026-03 to "
    "2026-04) and AWS Neuron's published benchmarks of Inferentia2 and Trainium1 (SDK 2.17 to 2.28)"
)
ABOUT = (
    "Constants of performance.calibration.Constants. shared, then the engine's, then the generation's; * = not "
    "measured: published ranges. Fitted by python -m benchmarks.latency.fit: Cauchy's loss on ln(estimated / measured) "
    "of time to first token and time per output token, and a prior. bands: measured / estimated of eight in ten rows, "
    "by constants that did not see the row's model."
)

GROUPS: Mapping[str, Callable[[Measured], str]] = {
    "model": lambda row: row.model,
    "family": lambda row: row.family,
    "system": lambda row: row.system,
}

NVIDIA = Problem(unknowns(), constants_of)
NEURON_PROBLEM = Problem(neuron_unknowns(), neuron_constants)

TENTH = 0.1


def main() -> int:
    parser = ArgumentParser(prog="python -m benchmarks.latency.fit", description=__doc__)
    parser.add_argument("--truth", type=Path, default=Path(__file__).resolve().parents[3] / "shared" / "truth")
    folder = parser.parse_args().truth
    models = Models(Truth(folder))
    nvidia = questions(nvidia_records(folder, models)[0])
    neuron = questions(neuron_records(folder, models)[0])
    folds: dict[str, Any] = {}
    fitted: dict[str, Values] = {}
    for name, problem, asked in (("nvidia", NVIDIA, nvidia), ("neuron", NEURON_PROBLEM, neuron)):
        sys.stderr.write(f"fitting {len(asked)} rows of {name}\n")
        fitted[name] = problem.solve(asked, None, ROUNDS)
        folds[name] = _folds(problem, asked, fitted[name])
    document = _document(fitted, folds, nvidia, neuron)
    DATA.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    FOLDS.write_text(json.dumps(_rounded(folds)) + "\n", encoding="utf-8")
    return 0


def _folds(problem: Problem, asked: Sequence[Question], fitted: Values) -> dict[str, dict[str, Values]]:
    known: dict[frozenset[str], Values] = {}
    found: dict[str, dict[str, Values]] = {}
    for group, of in GROUPS.items():
        sys.stderr.write(f"  leaving out each {group}\n")
        values = problem.without(asked, fitted, of, known)
        found[group] = dict(values)
        for name, those in values.items():
            rows = frozenset(one.measured.name for one in asked if of(one.measured) == name)
            known[rows] = those
    return found


def _document(
    fitted: Mapping[str, Values],
    folds: Mapping[str, Any],
    nvidia: Sequence[Question],
    neuron: Sequence[Question],
) -> dict[str, Any]:
    values = fitted["nvidia"]
    assumed = priors()
    by_place = {place: _of(values, place) for place in (SHARED, *ENGINES, *GENERATIONS)}
    engine_names = {name for place in ENGINES for name in by_place[place]} | {"launch", "eager"}
    generation_names = {name for place in GENERATIONS for name in by_place[place]}
    shared = {name: by_place[SHARED].get(name, value) for name, value in assumed.items()}
    own = engine_names | generation_names
    generations: dict[str, Any] = {
        "*": {"constants": {name: assumed[name] for name in sorted(generation_names)}},
    }
    for place in GENERATIONS:
        rows = [question for question in nvidia if question.measured.machine.generation == place]
        generations[place] = {
            "constants": {**generations["*"]["constants"], **by_place[place]},
            "engines": sorted({question.measured.engine for question in rows}),
            "rows": len(rows),
            "bands": _bands(rows, NVIDIA, folds["nvidia"]["model"]),
        }
    generations[NEURON] = {
        "constants": {**generations["*"]["constants"], **NEURON_FIXED, **_of(fitted["neuron"], NEURON)},
        "casts": {"fp32": "bf16"},
        "casts_source": "neuronx-cc --auto-cast=matmult: FP32 products run in BF16 (Neuron compiler guide, 2026)",
        "engines": ["neuron", "nxd-inference", "transformers-neuronx"],
        "rows": len(neuron),
        "bands": _bands(neuron, NEURON_PROBLEM, folds["neuron"]["model"]),
    }
    engines = {
        place: {"constants": {"launch": 1.0, "eager": EAGER[place], **by_place[place]}, "rows": _count(nvidia, place)}
        for place in ENGINES
    }
    document: dict[str, Any] = _rounded(
        {
            "about": ABOUT,
            "source": SOURCE,
            "date": DATE,
            "shared": {name: value for name, value in shared.items() if name not in own},
            "engines": {"*": {"constants": engines["vllm"]["constants"]}, **engines},
            "generations": generations,
        }
    )
    return document


def _of(values: Values, place: str) -> dict[str, float]:
    prefix = f"{place}/"
    return {key[len(prefix) :]: value for key, value in values.items() if key.startswith(prefix)}


def _count(asked: Iterable[Question], engine: str) -> int:
    return sum(question.measured.engine == engine for question in asked)


def _bands(asked: Sequence[Question], problem: Problem, folds: Mapping[str, Values]) -> dict[str, Any]:
    """measured ÷ estimated of the middle eight in ten, by kind of model and figure."""
    found: dict[str, dict[str, list[float]]] = {}
    for question in asked:
        row = question.measured
        ratios = question.ratios(problem.constants(folds[row.model], row))
        for figure, ratio in ratios.items():
            found.setdefault(row.kind, {}).setdefault(figure, []).append(1 / ratio)
    return {
        kind: {figure: _middle(ratios) for figure, ratios in sorted(by.items())} for kind, by in sorted(found.items())
    }


def _middle(ratios: list[float]) -> list[float]:
    ordered = sorted(ratios)
    last = len(ordered) - 1
    return [min(1.0, ordered[round(TENTH * last)]), max(1.0, ordered[round((1 - TENTH) * last)])]


def _rounded(value: Any) -> Any:
    """Four digits: more would claim what no measurement says."""
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in value.items()}
    return [_rounded(each) for each in value] if isinstance(value, list) else value


if __name__ == "__main__":
    sys.exit(main())
