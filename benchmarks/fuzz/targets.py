"""What is fuzzed: one function per reader, from bytes to an answer or a typed error.

The bytes are written to a file in memory and read by the same function that the product calls, so that opening, sizes
and lookups beside the file belong to what is tested.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

MEMORY = Path("/dev/shm")  # noqa: S108 - a file system in memory, where there is one

FILES = {
    "safetensors": ("safetensors", "model.safetensors"),
    "safetensors-index": ("safetensors", "model.safetensors.index.json"),
    "gguf": ("gguf", "model.gguf"),
    "onnx": ("onnx", "model.onnx"),
    "pytorch": ("pytorch", "model.pt"),
    "tensorflow": ("tensorflow", "saved_model.pb"),
    "tensorflow-graph": ("tensorflow", "graph.pb"),
    "tensorflow-variables": ("tensorflow", "variables/variables.index"),
}
"""Name of a reader -> module in descriptors.readers, file that the input becomes."""

DOCUMENTS = {"json": ("read_json", "config.json"), "yaml": ("read_yaml", "model.yaml")}

READERS = (*FILES, *DOCUMENTS)

SMALLEST_SAVED_MODEL = bytes.fromhex("0801 1202 1200")
"""Schema version 1; one MetaGraphDef whose GraphDef is empty."""


def target(reader: str, folder: Path | None = None) -> Callable[[bytes], object]:
    """A function that reads its bytes as a file of that kind; errors pass through."""
    parent = MEMORY if folder is None and MEMORY.is_dir() else folder
    place = Path(tempfile.mkdtemp(dir=parent))
    if reader in DOCUMENTS:
        function, name = DOCUMENTS[reader]
        read = getattr(import_module("ai_on_eks.descriptors.documents"), function)
    else:
        module, name = FILES[reader]
        read = import_module(f"ai_on_eks.descriptors.readers.{module}").read_header
    path = place / name
    path.parent.mkdir(exist_ok=True)
    opened = path
    if reader == "tensorflow-variables":
        opened = place / "saved_model.pb"
        opened.write_bytes(SMALLEST_SAVED_MODEL)
    handle = os.open(path, os.O_RDWR | os.O_CREAT)

    def read_bytes(data: bytes) -> object:
        os.ftruncate(handle, len(data))
        os.pwrite(handle, data, 0)
        return read(opened)

    return read_bytes
