"""What a weight file's header says, whatever the format."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

from msgspec import Struct

Scalar = str | int | float | bool
MetadataValue = Scalar | tuple[Scalar, ...]


class StoredTensor(Struct, frozen=True):
    """One tensor as it lies in the file.

    data_type   the format's own name in lower case: `bf16`, `f32`, `q4_k`, `int8` …
    stored_bytes  bytes it occupies, scales and padding inside its blocks included; None where the header does not tell
    """

    name: str
    data_type: str
    shape: tuple[int, ...]
    stored_bytes: int | None

    @property
    def elements(self) -> int:
        return prod(self.shape)


class WeightHeader(Struct, frozen=True):
    """The header of one model, which may be split over several files.

    format     as in the descriptor: safetensors, pytorch, onnx, tensorflow, gguf
    tensors    sorted by name
    metadata   scalar facts of the header; long lists (vocabularies) are left out, their lengths kept as `<key>.length`
    files      names of the files read, sorted
    """

    format: str
    tensors: tuple[StoredTensor, ...]
    metadata: Mapping[str, MetadataValue]
    files: tuple[str, ...]

    @property
    def parameters(self) -> int:
        return sum(tensor.elements for tensor in self.tensors)

    @property
    def stored_bytes(self) -> int | None:
        """All tensors together; None when the size of any is unknown."""
        sizes = [tensor.stored_bytes for tensor in self.tensors]
        known = [size for size in sizes if size is not None]
        return sum(known) if len(known) == len(sizes) else None
