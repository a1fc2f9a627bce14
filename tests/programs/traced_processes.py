"""Starts the traced server as its pod does, with stand-ins for what its image has, and asks it."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file
from stand_in_libraries import LIBRARIES

from ai_on_eks.serving.engines.torch_neuronx import FILES, PACKAGE, PROGRAMS, SERVER

HERE = Path(__file__).parent
WAIT_SECONDS = 60
WORDS = ["[pad]", "the", "cat", "sat", "on", "a", "mat"]
WIDTH, CLASSES, SIDE = 4, 3, 2
EMBEDDING = np.random.default_rng(7).normal(size=(len(WORDS), WIDTH)).astype("f4")
HEAD = np.random.default_rng(8).normal(size=(3, CLASSES)).astype("f4")
TEXT_HEAD = np.random.default_rng(9).normal(size=(WIDTH, CLASSES)).astype("f4")
LABELS = {"0": "cat", "1": "dog", "10": "mat"}


def text_model(folder: Path, *, pooling: str = "mean_tokens", config: Mapping[str, Any] | None = None) -> Path:
    """A model whose vectors are those of its words."""
    (folder / "1_Pooling").mkdir(parents=True)
    write(folder / "config.json", {"model_type": "bert", "pad_token_id": 0, "id2label": LABELS, **(config or {})})
    write(folder / "tokenizer.json", WORDS)
    kinds = {"": "Transformer", "1_Pooling": "Pooling", "2_Normalize": "Normalize"}
    modules = [{"path": path, "type": f"sentence_transformers.models.{kind}"} for path, kind in kinds.items()]
    write(folder / "modules.json", modules)
    write(folder / "1_Pooling" / "config.json", {f"pooling_mode_{pooling}": True, "pooling_mode_max_tokens": False})
    save_file({"embedding": EMBEDDING, "head": TEXT_HEAD}, folder / "model.safetensors")
    return folder


def image_model(folder: Path) -> Path:
    """A classifier by the mean colour."""
    folder.mkdir(parents=True)
    write(folder / "config.json", {"model_type": "resnet", "id2label": LABELS})
    write(folder / "preprocessor_config.json", {"side": SIDE})
    save_file({"head": HEAD}, folder / "model.safetensors")
    return folder


def write(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content), encoding="utf-8")


def vector(text: str, pooling: str = "mean") -> Any:
    """What the text model should answer."""
    hidden = EMBEDDING[[WORDS.index(word) for word in text.split()]]
    found = hidden[0] if pooling == "cls" else hidden.mean(0)
    return found / np.linalg.norm(found)


class Running:
    """A started server."""

    def __init__(self, process: subprocess.Popen[str], port: int, cache: Path) -> None:
        self.process, self.port, self.cache = process, port, cache
        self._printed = ""

    def ask(self, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> tuple[int, Any]:
        """Status and JSON, or text where it is none; 0 where nobody listens."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, dict(headers or {}))
        try:
            with urllib.request.urlopen(request, timeout=WAIT_SECONDS) as answer:  # noqa: S310 - of this machine
                status, content = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            status, content = error.code, error.read()
        except (urllib.error.URLError, http.client.RemoteDisconnected, ConnectionResetError):
            return 0, None
        try:
            return status, json.loads(content)
        except ValueError:
            return status, content.decode()

    def embed(self, given: Any, **more: Any) -> tuple[int, Any]:
        return self.ask("/v1/embeddings", {"model": "m", "input": given, **more})

    def until(self, path: str, status: int) -> None:
        """Until a path answers so."""
        end = time.monotonic() + WAIT_SECONDS
        while self.ask(path)[0] != status:
            if self.process.poll() is not None or time.monotonic() > end:
                raise AssertionError(f"{path} never answered {status}: {self.end()}")
            time.sleep(0.05)

    def traced(self) -> list[dict[str, Any]]:
        """What the compiler was asked for, in order."""
        log = self.cache / "work" / "traced"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    def end(self) -> str:
        """Gone, whatever it does; what it printed."""
        if not self._printed:
            self.process.kill()
            self._printed = self.process.communicate()[0][-3000:] or "nothing"
        return self._printed


@contextmanager
def started(
    model: Path, task: str, *arguments: str, environment: Mapping[str, str] | None = None, cores: int = 2
) -> Iterator[Running]:
    """A server of the model called `m`, with programs for four inputs at once, in a folder beside the model's."""
    root = model.parent / "pod"
    lay_down(root)
    cache, port = root / "cache", free_port()
    command = [sys.executable, "-m", SERVER, f"--model={model}", "--name=m", f"--task={task}", f"--port={port}"]
    command += ["--data-type=float32", "--batch=4", f"--cores={cores}", f"--cache={cache}", *arguments]
    process = subprocess.Popen(
        command,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{root / 'server'}:{root / 'libraries'}",
            **(environment or {}),
        },
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    running = Running(process, port, cache)
    try:
        yield running
    finally:
        running.end()


def lay_down(root: Path) -> None:
    """The server's files as the ConfigMap mounts them, and stand-ins for the image's libraries."""
    server, libraries = root / "server" / PACKAGE, root / "libraries"
    if server.exists():
        return
    server.mkdir(parents=True)
    libraries.mkdir()
    for name in FILES:
        shutil.copy(PROGRAMS / name, server / name)
    shutil.copy(HERE / "stand_in_torch.py", libraries / "torch.py")
    for name, text in LIBRARIES.items():
        (libraries / f"{name}.py").write_text(text, encoding="utf-8")


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
