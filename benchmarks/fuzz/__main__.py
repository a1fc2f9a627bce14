"""Coverage-guided fuzzing of one reader of untrusted bytes.

    python3 -m venv .venv/fuzz && .venv/fuzz/bin/pip install -r benchmarks/fuzz/requirements.txt -r requirements.txt
    .venv/fuzz/bin/python -m benchmarks.fuzz READER --runs 1000000 --corpus FOLDER
    .venv/fuzz/bin/python -m benchmarks.fuzz READER --replay FOLDER/corpus
    .venv/fuzz/bin/python -m benchmarks.fuzz.worst [READER ...]

Property, for every input: an answer or an `AiOnEksError`; at most `SECONDS` of processor time, which is ten times the
promise because the code is instrumented; at most `MEMORY_MIB` more resident memory than before. What breaks it is
written to FOLDER and ends the run. Inputs that reached new code are kept in FOLDER/corpus, the one that took longest as
FOLDER/slowest; `--replay` times them without instrumentation. `targets` lists the readers; docs/hostile-files.md has
the figures of the last full run.
"""

from __future__ import annotations

import argparse
import math
import resource
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from importlib import import_module
from itertools import accumulate
from pathlib import Path
from pkgutil import walk_packages

from benchmarks.fuzz.targets import READERS, target
from benchmarks.fuzz.values import mutator

SECONDS = 0.5
MEMORY_MIB = 64
REPORT_EVERY = 10_000
LONGEST_INPUT_BYTES = 4_096
REPLAYS = 5


class Watch:
    """Runs one input after the other and keeps what was seen."""

    def __init__(self, read: Callable[[bytes], object], refused: type[Exception], folder: Path) -> None:
        self._read = read
        self._refused = refused
        self._slowest = folder / "slowest"
        self._began = time.monotonic()
        self._by_millisecond = [0] * (int(1000 * SECONDS) + 1)
        self.inputs = self.answered = 0
        self.worst_s = self.most_mib = 0.0

    def one(self, data: bytes) -> None:
        before_mib = _peak_mib()
        began = time.process_time()
        try:
            self._read(data)
            self.answered += 1
        except self._refused:
            pass
        seconds = time.process_time() - began
        grown_mib = _peak_mib() - before_mib
        self.inputs += 1
        self._by_millisecond[min(int(1000 * seconds), len(self._by_millisecond) - 1)] += 1
        self.most_mib = max(self.most_mib, grown_mib)
        if seconds > self.worst_s:
            self.worst_s = seconds
            self._slowest.write_bytes(data)
        if seconds > SECONDS or grown_mib > MEMORY_MIB:
            raise RuntimeError(f"{seconds:.3f} s and {grown_mib:.0f} MiB for {len(data)} bytes")
        if self.inputs % REPORT_EVERY == 0:
            print(self.line(), file=sys.stderr, flush=True)

    def line(self) -> str:
        """What was seen so far."""
        rate = self.inputs / (time.monotonic() - self._began)
        return (
            f"inputs {self.inputs:,}, answered {self.answered:,}, {rate:,.0f}/s, instrumented: "
            f"99 of 100 below {self.below_ms(0.99)} ms, worst {1000 * self.worst_s:.1f} ms; "
            f"one input took at most {self.most_mib:.1f} MiB more, process {_peak_mib():.0f} MiB"
        )

    def below_ms(self, share: float) -> int:
        """Whole milliseconds below which so many inputs stayed."""
        sums = accumulate(self._by_millisecond)
        return next(ms + 1 for ms, count in enumerate(sums) if count >= share * self.inputs)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz", description="fuzz one reader")
    parser.add_argument("reader", choices=READERS)
    parser.add_argument("--runs", type=int, default=1_000_000)
    parser.add_argument("--corpus", type=Path, help="folder that keeps what was found; else a new one")
    parser.add_argument("--replay", type=Path, help="time this input, or a folder of them, without instrumentation")
    chosen = parser.parse_args()
    if chosen.replay:
        replay(chosen.reader, chosen.replay)
    else:
        fuzz(chosen.reader, chosen.runs, chosen.corpus or Path(tempfile.mkdtemp()))


def replay(reader: str, path: Path) -> None:
    """Times a file, or every file of a folder that fuzzing kept: processor time, the least of several, and memory."""
    from ai_on_eks.errors import AiOnEksError

    read = target(reader)

    def answer(data: bytes) -> str:
        try:
            return repr(read(data))
        except AiOnEksError as error:
            return str(error)

    files = sorted(one for one in path.iterdir() if one.is_file()) if path.is_dir() else [path]
    inputs = [one.read_bytes() for one in files]
    answer(inputs[0])
    milliseconds = sorted(1000 * min(_seconds(answer, data) for _ in range(REPLAYS)) for data in inputs)
    peak_mib = max(_allocated_mib(answer, data) for data in inputs)
    print(
        f"{len(inputs):,} inputs of {sum(map(len, inputs)):,} bytes: median {milliseconds[len(inputs) // 2]:.2f} ms, "
        f"99 of 100 below {milliseconds[math.ceil(0.99 * len(inputs)) - 1]:.2f} ms, worst {milliseconds[-1]:.2f} ms; "
        f"at most {peak_mib:.1f} MiB allocated at once"
    )
    if len(inputs) == 1:
        print(answer(inputs[0])[:200])


def _seconds(answer: Callable[[bytes], str], data: bytes) -> float:
    began = time.process_time()
    answer(data)
    return time.process_time() - began


def _allocated_mib(answer: Callable[[bytes], str], data: bytes) -> float:
    """The input itself is not counted."""
    tracemalloc.start()
    try:
        answer(data)
        return tracemalloc.get_traced_memory()[1] / 2**20
    finally:
        tracemalloc.stop()


def fuzz(reader: str, runs: int, folder: Path) -> None:
    """Does not return: libFuzzer ends the process."""
    import atheris

    with atheris.instrument_imports(include=["ai_on_eks"]):
        import ai_on_eks.serving.images  # noqa: F401
        from ai_on_eks import descriptors
        from ai_on_eks.errors import AiOnEksError

        for module in walk_packages(descriptors.__path__, f"{descriptors.__name__}."):  # some are imported when needed
            import_module(module.name)
    from benchmarks.fuzz.seeds import READERS as SEEDS
    from benchmarks.fuzz.seeds import dictionary

    seeds, words = SEEDS[reader]
    kept = folder / "corpus"
    kept.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds()):
        (kept / f"seed-{number}").write_bytes(seed)
    (folder / "words").write_text(dictionary(words), encoding="ascii")
    watch = Watch(target(reader), AiOnEksError, folder)
    by_value = mutator(seeds(), _damage) if READERS[reader].is_document else None
    options = (
        f"-runs={runs}",
        f"-dict={folder / 'words'}",
        f"-artifact_prefix={folder}/",
        f"-max_len={LONGEST_INPUT_BYTES}",
        "-len_control=20",
        "-print_final_stats=1",
        "-seed=20261124",
    )
    atheris.Setup([sys.argv[0], *options, str(kept)], watch.one, custom_mutator=by_value)
    atheris.Fuzz()


def _damage(data: bytes, most_bytes: int) -> bytes:
    """libFuzzer's own mutation, looked up when asked for: atheris puts it in place as fuzzing begins."""
    import atheris

    damaged: bytes = atheris.Mutate(data, most_bytes)
    return damaged


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
