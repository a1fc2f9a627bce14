"""What lies in a model's folder: its config, and files whose names tell the format. No weight is opened."""

from __future__ import annotations

import os
import re
from pathlib import Path

from msgspec import Struct

from ai_on_eks.descriptors.document import refuse
from ai_on_eks.descriptors.places import Place
from ai_on_eks.descriptors.readers.source import NotAFileError, size_beside
from ai_on_eks.descriptors.schema import Format

MAX_ENTRIES = 20_000
"""Files in a folder. The most divided checkpoints have a few hundred."""

_SUFFIXES = (
    (Format.SAFETENSORS, (".safetensors", ".safetensors.index.json")),
    (Format.ONNX, (".onnx",)),
    (Format.GGUF, (".gguf",)),
    (Format.TENSORFLOW, ("saved_model.pb",)),
    (Format.PYTORCH, (".bin", ".pt", ".pth", ".ckpt")),
)
"""In order of preference: what engines load safely and directly comes first."""

_NAMED_FILE = (Format.ONNX, Format.GGUF)
_NOT_WEIGHTS = ("training_args.bin", "optimizer.bin", "scheduler.bin")

QUANTIZATION_FILES = ("hf_quant_config.json", "quantize_config.json", "quant_config.json")
"""Beside a config, with what it does not say; the first that is there counts (`quantization.files_beside`)."""

_ONE_FILE = "model.safetensors"
_PART = re.compile(r"model(?:\.safetensors)?-([0-9]{5})-of-([0-9]{5})\.safetensors")


class Weights(Struct, frozen=True):
    """The format found, and the file where the format needs one named. None: no weights in the folder."""

    format: Format | None
    file: str | None


def find_weights(folder: Place) -> Weights:
    """The best format among the names in `folder` and its `onnx` subfolder."""
    names = [name for name in file_names(folder) if name not in _NOT_WEIGHTS]
    if (folder / "onnx").is_dir():
        names += [f"onnx/{name}" for name in file_names(folder / "onnx")]
    for stored, suffixes in _SUFFIXES:
        found = sorted((name for name in names if name.endswith(suffixes)), key=lambda name: (len(name), name))
        if found:
            return Weights(stored, found[0] if stored in _NAMED_FILE else None)
    return Weights(None, None)


def stored_bytes(folder: Place) -> int | None:
    """Bytes of the safetensors files that are the model by transformers' names for them; None where some are missing,
    or empty."""
    names = file_names(folder)
    parts = [match for match in map(_PART.fullmatch, names) if match is not None]
    expected = [(number, len(parts)) for number in range(1, len(parts) + 1)]
    if _ONE_FILE in names:
        chosen = [_ONE_FILE]
    elif [(int(part[1]), int(part[2])) for part in parts] == expected:
        chosen = [part[0] for part in parts]
    else:
        return None
    total = 0
    for name in chosen:
        try:
            total += size_beside(folder / name, name) or 0
        except NotAFileError:
            return None
    return total or None


def file_names(folder: Place) -> list[str]:
    """Names in `folder`, sorted; at most MAX_ENTRIES."""
    if not isinstance(folder, Path):
        return folder.names()
    names: list[str] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if len(names) >= MAX_ENTRIES:
                    message = f"holds more than {MAX_ENTRIES:,} files"
                    raise refuse("too-many-files", message, str(folder), fix="name the model's own folder")
                names.append(entry.name)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise refuse("file-not-readable", f"cannot be listed: {reason}", str(folder), fix="check the path") from None
    return sorted(names)
