"""The part of the traced server that touches the device: one process traces one program, or runs all of them on a core.

    trace   load the model from safetensors, trace it for one shape, save the program; the process ends
    serve   load every program onto this process's NeuronCore, run each once, then answer batches

A program is a TorchScript archive with the compiled network and its weights. It is loaded as this file has saved it in
this pod or another of the model's; nothing is signed, so whoever may write the model's part of the store is trusted.
Batches come over a socket pair, in two messages: the number of a program, and the rows that there are, as little-endian
numbers; what is missing of the program's batch is filled up here. Answers are b"0" and a row of float32 for each row of
the whole batch, or b"1" and what went wrong, after which it ends.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch_neuronx
import transformers

EXIT_DONE, EXIT_AGAIN = 0, 1

CLASSES = {
    "feature-extraction": "AutoModel",
    "sentence-similarity": "AutoModel",
    "text-classification": "AutoModelForSequenceClassification",
    "image-classification": "AutoModelForImageClassification",
}
"""Class of transformers by task."""

LEAST_TOKENS = 1e-9
"""Divisor of a mean over no tokens: rows that only fill up a batch."""


class Vectors(torch.nn.Module):  # type: ignore[misc]
    """One vector for each text: that of its first token, or the mean of all."""

    def __init__(self, model: Any, pooling: str, normalize: bool) -> None:
        super().__init__()
        self.model, self.pooling, self.normalize = model, pooling, normalize

    def forward(self, input_ids: Any, attention_mask: Any) -> Any:
        hidden = self.model(input_ids=input_ids, attention_mask=attention_mask)[0].float()
        if self.pooling == "cls":
            vectors = hidden[:, 0]
        else:
            shown = attention_mask.unsqueeze(-1).float()
            vectors = (hidden * shown).sum(1) / shown.sum(1).clamp(min=LEAST_TOKENS)
        return torch.nn.functional.normalize(vectors, dim=-1) if self.normalize else vectors


class TextScores(torch.nn.Module):  # type: ignore[misc]
    """A score of each class for each text."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: Any, attention_mask: Any) -> Any:
        return self.model(input_ids=input_ids, attention_mask=attention_mask)[0].float()


class ImageScores(torch.nn.Module):  # type: ignore[misc]
    """A score of each class for each image. Pixels come as float32, whatever the network computes in."""

    def __init__(self, model: Any, data_type: str) -> None:
        super().__init__()
        self.model, self.data_type = model, data_type

    def forward(self, pixel_values: Any) -> Any:
        return self.model(pixel_values=pixel_values.to(getattr(torch, self.data_type)))[0].float()


def network(folder: Path, task: str, data_type: str, pooling: str, normalize: bool) -> Any:
    """What is traced: the model with what turns its last layer into an answer. Never from a pickle, never by code that
    lies beside the weights, and with attention as plain products: fused kernels are those of other devices."""
    model = getattr(transformers, CLASSES[task]).from_pretrained(
        str(folder),
        local_files_only=True,
        use_safetensors=True,
        attn_implementation="eager",
        dtype=getattr(torch, data_type),
    )
    model.eval()
    if task == "image-classification":
        return ImageScores(model, data_type)
    return TextScores(model) if task == "text-classification" else Vectors(model, pooling, normalize)


def example(shape: Sequence[int]) -> tuple[Any, ...]:
    """Inputs of a program's shape: images, or tokens and which of them count."""
    if len(shape) > 2:
        return (torch.zeros(tuple(shape), dtype=torch.float32),)
    return (torch.zeros(tuple(shape), dtype=torch.int64), torch.ones(tuple(shape), dtype=torch.int64))


def trace(given: argparse.Namespace) -> int:
    """One program into one file, which appears under its name when it is whole."""
    with torch.no_grad():
        traced = torch_neuronx.trace(
            network(given.model, given.task, given.data_type, given.pooling, given.normalize),
            example(given.shapes[0]),
            compiler_workdir=str(given.work),
            compiler_args=given.compiler,
        )
    unfinished = given.programs[0].with_suffix(".part")
    torch.jit.save(traced, str(unfinished))
    unfinished.replace(given.programs[0])
    return EXIT_DONE


def inputs(raw: bytes, shape: Sequence[int]) -> tuple[Any, ...]:
    """The inputs of one batch from the bytes of its first rows; in the others no token counts, and no pixel is set."""
    batch, *rest = shape
    if len(shape) > 2:
        given = np.frombuffer(raw, "<f4").reshape(-1, *rest)
        pixels = np.zeros(tuple(shape), "<f4")
        pixels[: len(given)] = given
        return (torch.from_numpy(pixels),)
    given = np.frombuffer(raw, "<i8").reshape(-1, 2, *rest)
    tokens = np.zeros((2, batch, *rest), "<i8")
    tokens[:, : len(given)] = given.swapaxes(0, 1)
    return (torch.from_numpy(tokens[0]), torch.from_numpy(tokens[1]))


def serve(given: argparse.Namespace) -> int:
    """Until the other side closes."""
    link = Connection(given.socket)
    with torch.no_grad():
        programs = [torch.jit.load(str(path)) for path in given.programs]
        warm = [program(*example(shape)) for program, shape in zip(programs, given.shapes, strict=True)]
        link.send_bytes(json.dumps({"width": int(warm[0].shape[-1])}).encode())
        while True:
            try:
                number = link.recv_bytes()[0]
                raw = link.recv_bytes()
            except EOFError:
                return EXIT_DONE
            try:
                rows = programs[number](*inputs(raw, given.shapes[number]))
                link.send_bytes(b"0" + rows.numpy().astype("<f4").tobytes())
            except (RuntimeError, ValueError) as error:
                link.send_bytes(b"1" + str(error).encode())
                return EXIT_AGAIN


def _shape(text: str) -> tuple[int, ...]:
    return tuple(int(side) for side in text.split("x"))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=("trace", "serve"))
    parser.add_argument("--programs", required=True, nargs="+", type=Path)
    parser.add_argument("--shapes", required=True, nargs="+", type=_shape, help="of each program's inputs, as 4x128")
    parser.add_argument("--socket", type=int, help="file descriptor of this side")
    parser.add_argument("--model", type=Path)
    parser.add_argument("--task", choices=sorted(CLASSES))
    parser.add_argument("--data-type")
    parser.add_argument("--pooling", choices=("cls", "mean"), default="mean")
    parser.add_argument("--normalize", action="store_true")
    parser.add_argument("--compiler", action="append", default=[], help="an argument of neuronx-cc")
    parser.add_argument("--work", type=Path, help="folder that the compiler writes to")
    given = parser.parse_args(arguments)
    return trace(given) if given.action == "trace" else serve(given)


if __name__ == "__main__":
    sys.exit(main())
