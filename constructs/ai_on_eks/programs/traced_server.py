"""Serve one encoder or image classifier from programs that were traced for fixed shapes, a copy on every NeuronCore.

    programs   one for each length of texts, or one for images; fetched from the store where an earlier start has put
               them, else traced here and put there
    cores      a process for each (`traced_worker`), so that one's Python does not hold up the others' devices
    batches    one of the oldest input's shape and of shorter ones, as many as wait and fit; the rest of it is padding.
               None is waited for: while one is computed the next fills up

    GET  /v2/health/ready, /v2/health/live     200 once every core has answered a batch; while the process is well
    GET  /v2/models/NAME, /metrics
    POST /v1/embeddings                        OpenAI's, for feature-extraction and sentence-similarity
    POST /v2/models/NAME/infer                 Open Inference Protocol, for classification: `text` or `image` (base64)
                                               as BYTES, or `pixel_values` as FP32, also as binary data

After SIGTERM no connection is taken any more, and what has come in is answered.

Exit codes: 0 stopped; 1 worth another try; 3 no try will help (a model that cannot be served).
"""

from __future__ import annotations

import argparse
import hashlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from ai_on_eks.programs.traced_cores import WORKER, Core, Waiting, worker_shapes
from ai_on_eks.programs.traced_http import Api, Server
from ai_on_eks.programs.traced_inputs import FinalError, Images, Pooling, Texts, labels_of, pooling_of, read_json
from ai_on_eks.programs.traced_store import Store

EXIT_DONE, EXIT_AGAIN, EXIT_FINAL = 0, 1, 3

EMBEDDING_TASKS = ("feature-extraction", "sentence-similarity")
IMAGE_TASK = "image-classification"
TASKS = (*EMBEDDING_TASKS, IMAGE_TASK, "text-classification")

STORE_VARIABLE = "TRACED_PROGRAMS_URL"
"""Where programs are kept between starts, as s3://bucket/prefix; without it they are kept in the cache folder alone."""


class Service:
    """The model from its folder to cores that answer, in a thread of its own."""

    def __init__(self, given: argparse.Namespace) -> None:
        self._given = given
        self._tracing: subprocess.Popen[bytes] | None = None
        self._cores: list[Core] = []
        self._threads: list[threading.Thread] = []
        config = read_json(given.model / "config.json")
        self._pooling = pooling_of(given.model) if given.task in EMBEDDING_TASKS else None
        self.inputs: Texts | Images
        if given.task == IMAGE_TASK:
            self.inputs = Images(given.model)
        else:
            self.inputs = Texts(given.model, config, given.lengths)
        self.waiting = Waiting(given.most_waiting)
        labels = labels_of(config)
        self.api = Api(given.name, given.task, self.inputs, labels=labels, waiting=self.waiting, cores=self._cores)
        self.shapes = self.inputs.shapes(given.batch)

    def start(self) -> None:
        """Until every core has answered a batch."""
        programs = self._programs()
        self._cores.extend(Core(programs, self.shapes) for _core in range(self._given.cores))
        for core in self._cores:
            width = core.wait()
        self.api.open(width)
        for core in self._cores:
            thread = threading.Thread(target=core.work, args=(self.waiting, self.inputs), daemon=True)
            thread.start()
            self._threads.append(thread)

    def has_failed(self) -> bool:
        return any(core.process.poll() is not None for core in self._cores)

    def stop(self) -> None:
        """Once nothing is asked any more."""
        self.waiting.close()
        if self._tracing is not None and self._tracing.poll() is None:
            self._tracing.kill()
        if not self._threads:
            for core in self._cores:
                core.process.kill()
        for core in self._cores:
            core.end()

    def _programs(self) -> list[Path]:
        url = os.environ.get(STORE_VARIABLE)
        store = Store(url) if url else None
        self._given.cache.mkdir(parents=True, exist_ok=True)
        key = self._key()
        found = []
        for shape in self.shapes:
            path = self._given.cache / f"{key}-{'x'.join(map(str, shape))}.pt"
            if not path.exists() and not (store is not None and store.fetch(path)):
                self._trace(path, shape)
                if store is not None:
                    store.keep(path)
            found.append(path)
        return found

    def _trace(self, path: Path, shape: Sequence[int]) -> None:
        """In a process that ends, so that neither the model nor a core is held while the programs run."""
        given = self._given
        work = given.cache / "work"
        work.mkdir(exist_ok=True)
        command = [sys.executable, "-m", WORKER, "trace", f"--model={given.model}", f"--task={given.task}"]
        command += [f"--data-type={given.data_type}", f"--work={work}", *self._traced_by()]
        print(f"tracing {path.name}", flush=True)
        self._tracing = subprocess.Popen(  # noqa: S603 - our own program
            [*command, *worker_shapes([shape]), "--programs", str(path)], env={**os.environ, "NEURON_RT_NUM_CORES": "1"}
        )
        code = self._tracing.wait()
        if code != 0 or not path.exists():
            raise RuntimeError(f"tracing {path.name} ended with {code}")

    def _traced_by(self) -> list[str]:
        pooling = self._pooling or Pooling("mean", normalize=False)
        normalize = ["--normalize"] if pooling.normalize else []
        return [f"--pooling={pooling.mode}", *normalize, *(f"--compiler={one}" for one in self._given.compiler)]

    def _key(self) -> str:
        """What a program depends on beside its shape, as far as the image and the revision do not stand for it."""
        digest = hashlib.sha256()
        for text in (self._given.task, self._given.data_type, *self._traced_by()):
            digest.update(text.encode() + b"\0")
        digest.update(Path(__file__).with_name("traced_worker.py").read_bytes())
        digest.update((self._given.model / "config.json").read_bytes())
        for path in sorted(self._given.model.glob("*.safetensors")):
            digest.update(f"{path.name} {path.stat().st_size}\0".encode())
        return digest.hexdigest()[:16]


def run(given: argparse.Namespace) -> int:
    """Until it is told to stop, or something ends that should not."""
    stop, failure = threading.Event(), list[Exception]()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        service = Service(given)
    except FinalError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_FINAL

    def start() -> None:
        try:
            service.start()
            print("ready", flush=True)
        except Exception as error:
            failure.append(error)
            stop.set()

    server = Server(given.port, service.api, most_connections=given.most_waiting)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    threading.Thread(target=start, daemon=True).start()
    while not stop.wait(1.0):
        if service.has_failed():
            failure.append(RuntimeError("a core's process has ended"))
            break
    if not failure:
        server.drain(given.shutdown_seconds)
    server.server_close()
    service.stop()
    if failure:
        print(f"error: {failure[0]}", file=sys.stderr)
    return EXIT_AGAIN if failure else EXIT_DONE


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, type=Path, help="folder of the model's files")
    parser.add_argument("--name", required=True, help="that callers know the model by")
    parser.add_argument("--task", required=True, choices=TASKS)
    parser.add_argument("--port", required=True, type=int)
    parser.add_argument("--data-type", required=True, choices=("bfloat16", "float16", "float32"))
    parser.add_argument("--batch", required=True, type=int, help="inputs that a core computes at once")
    parser.add_argument("--lengths", type=_lengths, default=(), help="tokens of the programs, smallest first: 128,512")
    parser.add_argument("--cores", required=True, type=int)
    parser.add_argument("--cache", required=True, type=Path, help="folder for programs")
    parser.add_argument("--compiler", action="append", default=[], help="an argument of neuronx-cc")
    parser.add_argument("--most-waiting", type=int, default=512, help="inputs; more are refused")
    parser.add_argument("--shutdown-seconds", type=float, default=45.0, help="that running requests are given")
    given = parser.parse_args(arguments)
    if given.task != IMAGE_TASK and not given.lengths:
        parser.error("--lengths is needed for texts")
    return run(given)


def _lengths(text: str) -> tuple[int, ...]:
    return tuple(int(length) for length in text.split(","))


if __name__ == "__main__":
    sys.exit(main())
