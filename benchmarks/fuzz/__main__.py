"""Coverage-guided fuzzing of one reader.

    python -m benchmarks.fuzz READER --runs 1000000 --corpus FOLDER

Property, for every input: an answer or an `AiOnEksError`; at most `SECONDS` of processor time, which is ten times the
promise because the code is instrumented; at most `MEMORY_MIB` more resident memory than before. The input that took
longest is kept as FOLDER/slowest and timed again without instrumentation by `--replay`.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.fuzz.targets import READERS, target

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 0.5
MEMORY_MIB = 64
REPORT_EVERY = 100_000
LONGEST_INPUT_BYTES = 4_096
REPLAYS = 5


class Watch:
    """Runs one input after the other and keeps what was seen."""

    def __init__(self, read: Callable[[bytes], object], refused: type[Exception], folder: Path) -> None:
        self._read = read
        self._refused = refused
        self._slowest = folder / "slowest"
        self._began = time.monotonic()
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
            f"inputs {self.inputs:,}, answered {self.answered:,}, {rate:,.0f}/s, worst {1000 * self.worst_s:.1f} ms "
            f"instrumented, one input took at most {self.most_mib:.1f} MiB more, process {_peak_mib():.0f} MiB"
        )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz", description="fuzz one reader")
    parser.add_argument("reader", choices=READERS)
    parser.add_argument("--runs", type=int, default=1_000_000)
    parser.add_argument("--corpus", type=Path, help="folder that keeps what was found; else a new one")
    parser.add_argument("--replay", type=Path, help="time this input without instrumentation, and nothing else")
    chosen = parser.parse_args()
    sys.path.insert(0, str(ROOT / "constructs"))
    if chosen.replay:
        replay(chosen.reader, chosen.replay.read_bytes())
    else:
        fuzz(chosen.reader, chosen.runs, chosen.corpus or Path(tempfile.mkdtemp()))


def replay(reader: str, data: bytes) -> None:
    """Prints what the input leads to, and the least of several times."""
    from ai_on_eks.errors import AiOnEksError

    read = target(reader)
    seconds = []
    answer = ""
    for _ in range(REPLAYS):
        began = time.process_time()
        try:
            answer = repr(read(data))
        except AiOnEksError as error:
            answer = str(error)
        seconds.append(time.process_time() - began)
    print(f"{1000 * min(seconds):.2f} ms for {len(data):,} bytes: {answer[:200]}")


def fuzz(reader: str, runs: int, folder: Path) -> None:
    """Does not return: libFuzzer ends the process."""
    import atheris

    with atheris.instrument_imports(include=["ai_on_eks"]):
        import ai_on_eks.descriptors.documents
        import ai_on_eks.descriptors.readers.gguf
        import ai_on_eks.descriptors.readers.onnx
        import ai_on_eks.descriptors.readers.pytorch
        import ai_on_eks.descriptors.readers.safetensors
        import ai_on_eks.descriptors.readers.tensorflow  # noqa: F401
        from ai_on_eks.errors import AiOnEksError
    from benchmarks.fuzz.seeds import READERS as SEEDS
    from benchmarks.fuzz.seeds import dictionary

    seeds, words = SEEDS[reader]
    kept = folder / "corpus"
    kept.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds()):
        (kept / f"seed-{number}").write_bytes(seed)
    (folder / "words").write_text(dictionary(words), encoding="ascii")
    watch = Watch(target(reader), AiOnEksError, folder)
    options = (
        f"-runs={runs}",
        f"-dict={folder / 'words'}",
        f"-artifact_prefix={folder}/",
        f"-max_len={LONGEST_INPUT_BYTES}",
        "-len_control=20",
        "-print_final_stats=1",
        "-seed=20261124",
    )
    atheris.Setup([sys.argv[0], *options, str(kept)], watch.one)
    atheris.Fuzz()


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
