"""Parameters from a config against those of the class of transformers, diffusers or timm, for all that these have.

    python -m benchmarks.parameters [MODEL_TYPE …] [--variations 12] [--seed 0]

Prints a line for each model type and, below it, what was not exact; the exit code is 1 where a count was wrong. A
config that is refused is no wrong answer: the library also builds what nobody publishes, such as 31 heads on a width of
4096.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable

from ai_on_eks.descriptors.architectures import known_model_types
from benchmarks.parameters import diffusion, image_models, library
from benchmarks.parameters.compare import Comparison, Outcome, compare_type

SHOWN = 3
"""Examples of each class that is not exact."""
LONGEST = 240


def main() -> int:
    arguments = _arguments()
    total: Counter[Outcome] = Counter()
    for model_type in arguments.model_types or known_model_types():
        if library.has(model_type):
            found = list(compare_type(model_type, arguments.variations, arguments.seed))
        elif diffusion.has(model_type):
            found = list(diffusion.compare_class(model_type, arguments.variations, arguments.seed))
        elif image_models.has(model_type):
            found = list(image_models.compare_name(model_type))
        else:
            continue
        counts = Counter(one.outcome for one in found)
        total += counts
        print(f"{model_type}: {_counted(counts)}", flush=True)
        for line in _examples(one for one in found if one.outcome is not Outcome.EXACT):
            print(line)
    print(f"all: {_counted(total)}")
    return 1 if total[Outcome.OFF] else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.parameters", description=__doc__.splitlines()[0])
    parser.add_argument("model_types", nargs="*", help="all that are read, unless some are named")
    parser.add_argument("--variations", type=int, default=12, help="configs drawn for each model type")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def _counted(counts: Counter[Outcome]) -> str:
    return ", ".join(f"{counts[outcome]} {outcome.value}" for outcome in Outcome)


def _examples(found: Iterable[Comparison]) -> Iterable[str]:
    shown: dict[tuple[str, Outcome], set[str]] = {}
    for one in found:
        told = shown.setdefault((one.model_class, one.outcome), set())
        if one.told not in told and len(told) < SHOWN:
            told.add(one.told)
            changes = f" ({', '.join(one.changes)})" if one.changes else ""
            line = f"    {one.model_class}, {one.form}{changes}: {one.outcome.value}: {one.told}"
            yield line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"


if __name__ == "__main__":
    sys.exit(main())
