"""What the traced server uses of PyTorch, on NumPy: tests lay it down as `torch` for the processes they start."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

float32, float16, bfloat16, int64 = "float32", "float16", "bfloat16", "int64"


class Tensor:
    """An array with the few methods that are called."""

    def __init__(self, values: Any) -> None:
        self.values = np.asarray(values)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.values.shape

    def float(self) -> Tensor:
        return Tensor(self.values.astype("f4"))

    def to(self, kind: str) -> Tensor:
        return Tensor(self.values.astype("f4" if kind == bfloat16 else kind))

    def unsqueeze(self, axis: int) -> Tensor:
        return Tensor(np.expand_dims(self.values, axis))

    def sum(self, axis: int) -> Tensor:
        return Tensor(self.values.sum(axis))

    def clamp(self, *, min: Any) -> Tensor:  # noqa: A002 - PyTorch's name
        return Tensor(np.maximum(self.values, min))

    def numpy(self) -> Any:
        return self.values

    def __getitem__(self, key: Any) -> Tensor:
        return Tensor(self.values[key])

    def __mul__(self, other: Tensor) -> Tensor:
        return Tensor(self.values * other.values)

    def __truediv__(self, other: Tensor) -> Tensor:
        return Tensor(self.values / other.values)


class Module:
    """Remembers what it was made of, so that a traced one can be made again in another process."""

    made_of: list[Any]

    def __init_subclass__(cls) -> None:
        made = cls.__init__

        def remembering(self: Module, *given: Any) -> None:
            made(self, *given)
            self.made_of = list(given)

        cls.__init__ = remembering  # type: ignore[method-assign,assignment]

    def eval(self) -> None:
        self.is_training = False

    def __call__(self, *given: Any, **named: Any) -> Any:
        return self.forward(*given, **named)  # type: ignore[attr-defined]


class Traced:
    """Takes inputs of its own shapes alone, as a traced program does, and as long as the test says."""

    def __init__(self, network: Any, shapes: list[list[int]]) -> None:
        self.network, self.shapes = network, shapes

    def __call__(self, *given: Tensor) -> Tensor:
        if [list(one.shape) for one in given] != self.shapes:
            raise RuntimeError(f"traced for {self.shapes}")
        time.sleep(float(os.environ.get("STAND_IN_SECONDS", "0")))
        if os.environ.get("STAND_IN_FAILS_AT") == str(int(given[0].values.max())):
            raise RuntimeError("the device is gone")
        found: Tensor = self.network(*given)
        return found


def _save(traced: Traced, path: str) -> None:
    model, *rest = traced.network.made_of
    kind = type(traced.network).__name__
    text = json.dumps({"kind": kind, "model": [type(model).__name__, model.folder], "rest": rest, "of": traced.shapes})
    Path(path).write_text(text, encoding="utf-8")


def _load(path: str) -> Traced:
    import transformers  # noqa: PLC0415 - the stand-in beside this one

    made = json.loads(Path(path).read_text(encoding="utf-8"))
    name, folder = made["model"]
    network = getattr(sys.modules["__main__"], made["kind"])(getattr(transformers, name)(folder), *made["rest"])
    return Traced(network, made["of"])


def _normalize(vectors: Tensor, *, dim: int) -> Tensor:
    return Tensor(vectors.values / np.linalg.norm(vectors.values, axis=dim, keepdims=True))


def zeros(shape: tuple[int, ...], *, dtype: str) -> Tensor:
    return Tensor(np.zeros(shape, dtype))


def ones(shape: tuple[int, ...], *, dtype: str) -> Tensor:
    return Tensor(np.ones(shape, dtype))


def from_numpy(values: Any) -> Tensor:
    return Tensor(values)


@contextlib.contextmanager
def no_grad() -> Iterator[None]:
    yield


nn = SimpleNamespace(Module=Module, functional=SimpleNamespace(normalize=_normalize))
jit = SimpleNamespace(save=_save, load=_load)
