"""safetensors files written by the format's description, right or wrong as a test needs them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def framed(header: bytes, data: int = 0, *, length: int | None = None) -> bytes:
    """A file with any bytes as its header."""
    return (len(header) if length is None else length).to_bytes(8, "little") + header + bytes(data)


def file(tensors: Mapping[str, Any], data: int = 0, metadata: Any = None) -> bytes:
    head = {} if metadata is None else {"__metadata__": metadata}
    return framed(json.dumps({**head, **tensors}).encode(), data)


def entry(data_type: str = "F32", shape: Any = (2,), place: Any = (0, 8)) -> dict[str, Any]:
    return {"dtype": data_type, "shape": shape, "data_offsets": place}


def model(folder: Path, shards: Mapping[str, Mapping[str, int]], index: Any = None) -> Path:
    """Shards of one-byte tensors (name -> bytes), and an index: the right one, or the one given."""
    for shard, tensors in shards.items():
        entries, end = {}, 0
        for name, size in tensors.items():
            entries[name] = entry("U8", [size], [end, end + size])
            end += size
        (folder / shard).write_bytes(file(entries, end, {"format": "pt"}))
    total = sum(sum(tensors.values()) for tensors in shards.values())
    places = {name: shard for shard, tensors in shards.items() for name in tensors}
    path = folder / "model.safetensors.index.json"
    right = {"metadata": {"total_size": total}, "weight_map": places}
    chosen = right if index is None else index(right)
    path.write_bytes(chosen if isinstance(chosen, bytes) else json.dumps(chosen).encode())
    return path
