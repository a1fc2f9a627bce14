"""The cores of the traced server: what waits for one, and the process that each has."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from ai_on_eks.programs.traced_inputs import Images, Item, RefusedError, Texts

WORKER = "ai_on_eks.programs.traced_worker"
STOP_SECONDS = 2.0
"""That a process is given to end, once its requests were answered or their time was up."""


class Waiting:
    """Inputs that no core has taken yet, oldest first."""

    def __init__(self, most: int) -> None:
        self.most, self._items = most, deque[Item]()
        self._changed, self._is_closed = threading.Condition(), False

    def __len__(self) -> int:
        return len(self._items)

    def put(self, items: Sequence[Item]) -> None:
        with self._changed:
            if self._is_closed or len(self._items) + len(items) > self.most:
                raise RefusedError(503, "too many inputs wait", "overloaded")
            self._items.extend(items)
            self._changed.notify(len(items))

    def take(self, most: int) -> list[Item]:
        """What makes one batch; empty when there will be none any more."""
        with self._changed:
            while not self._items and not self._is_closed:
                self._changed.wait()
            if not self._items:
                return []
            program, taken, left = self._items[0].program, list[Item](), list[Item]()
            while self._items and len(taken) < most:
                item = self._items.popleft()
                (taken if item.program <= program else left).append(item)
            self._items.extendleft(reversed(left))
            return taken

    def close(self) -> None:
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()


class Core:
    """A process that has the programs on its NeuronCore."""

    def __init__(self, programs: Iterable[Path], shapes: Sequence[Sequence[int]]) -> None:
        self.shapes, self.busy = shapes, 0
        ours, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-m", WORKER, "serve", f"--socket={theirs.fileno()}", *worker_shapes(shapes)]
            self.process = subprocess.Popen(  # noqa: S603 - our own program
                [*command, "--programs", *map(str, programs)],
                pass_fds=[theirs.fileno()],
                # One core each, whichever is free: the runtime deals them out.
                env={**os.environ, "NEURON_RT_NUM_CORES": "1"},
            )
        self._link = Connection(ours.detach())

    def wait(self) -> int:
        """Until every program has run once; the width of a row of its answers."""
        return int(json.loads(self._link.recv_bytes())["width"])

    def work(self, waiting: Waiting, inputs: Texts | Images) -> None:
        """Until nothing will wait any more; ends the process."""
        while items := waiting.take(self.shapes[0][0]):
            self.busy = len(items)
            try:
                self._answer(items, inputs)
            except Exception as error:  # whatever it is, nobody may wait for an answer that will not come
                for item in items:
                    item.row.set_exception(RefusedError(500, f"a core failed: {error}", "core_failed"))
                self.process.kill()
                return
            finally:
                self.busy = 0
        self._link.close()

    def end(self) -> None:
        """The process gone, by itself where it can."""
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _answer(self, items: Sequence[Item], inputs: Texts | Images) -> None:
        program = max(item.program for item in items)
        rows = inputs.packed(items, self.shapes[program])
        self._link.send_bytes(bytes([program]))
        self._link.send_bytes(memoryview(rows).cast("B"))
        answer = self._link.recv_bytes()
        if answer[:1] != b"0":
            raise OSError(answer[1:].decode(errors="replace"))
        answers = np.frombuffer(answer, "<f4", offset=1).reshape(self.shapes[program][0], -1)
        for item, row in zip(items, answers, strict=False):
            item.row.set_result(row)


def worker_shapes(shapes: Iterable[Sequence[int]]) -> list[str]:
    """Arguments of the worker."""
    return ["--shapes", *("x".join(map(str, shape)) for shape in shapes)]
