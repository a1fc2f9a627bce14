"""How long `ai-on-eks size` and `ai-on-eks plan` take in a new process, and how much memory.

    python benchmarks/cold_start.py [runs]

    size    one model on a named accelerator          wanted: 0.3 s
    plan    one model                                 wanted: 0.35 s, 90 MB
    fleet   all models of this repository, packed together

Beside it in the same run, alternating: a bare interpreter, and an interpreter that only imports the two libraries that
the command needs. Machines differ; the ratio to these two travels, seconds do not. Each figure is the operating
system's account of a finished process (wait4), so start-up and exit are in it.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DEFAULT_RUNS = 9

MODEL = str(ROOT / "models" / "llama-3-1-8b-instruct.yaml")

COMMANDS = {
    "size": ["-m", "ai_on_eks", "size", MODEL, "--accelerator", "l40s", "--json"],
    "plan": ["-m", "ai_on_eks", "plan", MODEL, "--json"],
    "fleet": ["-m", "ai_on_eks", "plan", *sorted(str(path) for path in (ROOT / "models").glob("*.yaml")), "--json"],
    "imports": ["-c", "import pydantic.main, yaml"],
    "bare": ["-c", "pass"],
}


def measure(arguments: list[str]) -> tuple[float, float]:
    """Wall seconds and peak resident MiB of one process."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "constructs")}
    start = time.perf_counter()
    process = subprocess.Popen(  # noqa: S603 - our own commands
        [sys.executable, *arguments], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{arguments} exited with {process.returncode}")
    return seconds, usage.ru_maxrss / 1024


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_RUNS
    for arguments in COMMANDS.values():
        measure(arguments)  # warm-up: the files are in the page cache afterwards
    samples: dict[str, list[tuple[float, float]]] = {name: [] for name in COMMANDS}
    for _ in range(runs):
        for name, arguments in COMMANDS.items():
            samples[name].append(measure(arguments))
    bare = statistics.median(seconds for seconds, _ in samples["bare"])
    print(f"{runs} runs each, alternating; Python {sys.version.split()[0]}, {os.cpu_count()} processors")
    print(f"{'':8} {'wall min':>9} {'median':>8} {'max':>8} {'÷ bare':>7} {'peak MiB':>9}")
    for name, values in samples.items():
        seconds = sorted(value for value, _ in values)
        median = statistics.median(seconds)
        peak = max(value for _, value in values)
        print(f"{name:8} {seconds[0]:9.3f} {median:8.3f} {seconds[-1]:8.3f} {median / bare:7.1f} {peak:9.1f}")


if __name__ == "__main__":
    main()
