"""Scores the package on measured and published figures: sizes, and estimates of speed.

    python -m benchmarks.accuracy [--truth FOLDER] [--all] [--page FILE]

The folder holds `memory.yaml`, `parameters.yaml` and the configs they name, `latency_nvidia.csv` and
`latency_neuron.csv`; the default is ../shared/truth beside the
repository. The exit code is 1 where a bar is missed.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path

from benchmarks.accuracy.comparison import compare
from benchmarks.accuracy.page import page
from benchmarks.accuracy.report import bars_text, scores_text
from benchmarks.accuracy.scoring import bars, score
from benchmarks.accuracy.truth import Truth
from benchmarks.latency.evaluation import evaluate, speed_bars
from benchmarks.latency.page import speed_page

ROOT = Path(__file__).resolve().parents[2]
TRUTH = ROOT.parent / "shared" / "truth"


def main() -> int:
    parser = ArgumentParser(prog="python -m benchmarks.accuracy", description=__doc__)
    parser.add_argument("--truth", type=Path, default=TRUTH, help="folder with the measured figures")
    parser.add_argument("--all", action="store_true", help="every figure, not only the bars")
    parser.add_argument("--page", type=Path, help="write the page docs/accuracy.md there")
    arguments = parser.parse_args()
    if not (arguments.truth / "memory.yaml").exists():
        sys.stderr.write(f"{arguments.truth} holds no memory.yaml; name the folder with --truth\n")
        return 2
    scores = score(Truth(arguments.truth))
    reached = bars(scores)
    speed = evaluate(arguments.truth)
    fast = speed_bars(speed)
    if arguments.all:
        sys.stdout.write(scores_text(scores) + "\n\n")
    sys.stdout.write(bars_text((*reached, *fast)) + "\n")
    if arguments.page is not None:
        arguments.page.write_text(page(scores, reached, compare(scores)) + "\n" + speed_page(speed), encoding="utf-8")
    return 0 if all(bar.holds is not False for bar in (*reached, *fast)) else 1


if __name__ == "__main__":
    sys.exit(main())
