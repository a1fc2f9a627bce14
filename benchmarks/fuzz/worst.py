"""The worst files that the limits let through: one for each thing a reader counts, built to reach the bound.

    python -m benchmarks.fuzz.worst [READER ...]

Each file is read in a process of its own: the least processor time of several readings, and how far the peak of its
resident memory rose above that of the process that had imported the reader and read a small file.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path

from benchmarks.fuzz.targets import target

READINGS = 5
MIB = 2**20


def measure(reader: str, data: bytes) -> tuple[float, float, str]:
    """Milliseconds, MiB and the answer in a few words.

    The process is a new one: a fork would find room for everything in what building the file has left behind.
    """
    ours, theirs = multiprocessing.Pipe()
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        worker = multiprocessing.get_context("spawn").Process(target=_work, args=(theirs, reader, file.name))
        worker.start()
        theirs.close()  # so that a worker that dies is noticed
        found: tuple[float, float, str] = ours.recv()
        worker.join()
    return found


def _work(pipe: Connection, reader: str, name: str) -> None:
    from ai_on_eks.errors import AiOnEksError

    data = Path(name).read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        read = target(reader, Path(folder))
        seconds = []
        before_mib = after_mib = 0.0
        answer = ""
        for content in (b"", *[data] * READINGS):
            before_mib = before_mib or _reset_peak_mib()
            began = time.process_time()
            try:
                held = read(content)
                answer = f"{len(getattr(held, 'tensors', ()))} tensors"
                del held
            except AiOnEksError as error:
                answer = error.problems[0].message
            if content:
                seconds.append(time.process_time() - began)
                after_mib = after_mib or _peak_mib()
            else:
                before_mib = 0.0
        pipe.send((1000 * min(seconds), after_mib - before_mib, answer))


def _reset_peak_mib() -> float:
    """Resident memory now, from where its peak is counted anew."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return _peak_mib()


def _peak_mib() -> float:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    from benchmarks.fuzz.worst_files import FILES

    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz.worst", description="read the worst files")
    parser.add_argument("readers", nargs="*", choices=[[], *FILES])
    chosen = parser.parse_args().readers or list(FILES)
    print(f"{'reader':20} {'file':38} {'MiB':>6} {'ms':>7} {'MiB more':>8}  answer")
    for reader in chosen:
        for name, build in FILES[reader].items():
            data = build()
            milliseconds, mib, answer = measure(reader, data)
            print(
                f"{reader:20} {name:38} {len(data) / MIB:6.1f} {milliseconds:7.1f} {mib:8.1f}  {answer[:70]}",
                flush=True,
            )


if __name__ == "__main__":
    main()
