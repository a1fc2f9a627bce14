"""PyTorch's `.pt`, `.pth` and `.bin`: what the zip directory tells, and nothing more.

    storages       entries `data/N` (and `constants/N` of TorchScript), uncompressed: the bytes of all tensors, each
                   storage once however many tensors share it
    names, shapes  are in `data.pkl`, a program for a virtual machine that can run anything. It is never read
    older files    a bare pickle: nothing can be known of them without running it

So there are no tensors in the answer; `storage_bytes` and `storages` in the metadata are exact.
"""

from __future__ import annotations

import re

from ai_on_eks.descriptors.document import refuse
from ai_on_eks.descriptors.places import Place, Source
from ai_on_eks.descriptors.readers.limits import LIMITS, Limits, malformed
from ai_on_eks.descriptors.readers.source import open_source
from ai_on_eks.descriptors.readers.types import MetadataValue, WeightHeader
from ai_on_eks.descriptors.readers.zip_directory import STORED, Entry, read_entries

STATE_DICT, TORCHSCRIPT = "state-dict", "torchscript"

_STORAGE = re.compile(r"(data|constants)/[0-9]+", re.ASCII)
_PICKLE = b"\x80"
"""First byte of a pickle of protocol 2 and later, which is what torch wrote before version 1.6."""

_TAR = b"ustar"
_TAR_OFFSET = 257
"""Where a tar archive, which is what torch wrote before version 0.2, has its mark."""

_FIX = "convert the weights to safetensors on a machine that may run the publisher's code"


def read_header(path: Place, limits: Limits = LIMITS) -> WeightHeader:
    """Sizes of the storages of a file written by torch.save (1.6 and later) or torch.jit.save."""
    with open_source(path) as source:
        _refuse_pickle(source)
        entries = read_entries(source, limits)
        return WeightHeader("pytorch", (), _facts(source.name, entries), (path.name,))


def _facts(file: str, entries: list[Entry]) -> dict[str, MetadataValue]:
    top = _top_folder(file, entries)
    methods = {entry.name[len(top) :]: entry for entry in entries}
    if "archive_format" in methods:
        message = "is a program of torch.export or AOTInductor, which is not read"
        raise refuse("source-not-supported", message, file, fix="describe the checkpoint that it was made from")
    if "data.pkl" not in methods:
        raise malformed(file, 0, "the archive holds no data.pkl: it is none of PyTorch's")
    scripted = "constants.pkl" in methods or any(name.startswith("code/") for name in methods)
    sizes: list[int] = []
    for name, entry in methods.items():
        if _STORAGE.fullmatch(name) is None:
            continue
        if entry.method != STORED:
            raise malformed(file, entry.offset, "a storage is compressed")
        sizes.append(entry.size_bytes)
    return {
        "kind": TORCHSCRIPT if scripted else STATE_DICT,
        "storage_bytes": sum(sizes),
        "storages": len(sizes),
    }


def _top_folder(file: str, entries: list[Entry]) -> str:
    """`archive/`: everything lies below one folder, whose name is the writer's choice."""
    tops = {entry.name.partition("/")[0] for entry in entries}
    if len(tops) != 1 or any("/" not in entry.name for entry in entries):
        raise malformed(file, 0, "the archive's entries do not lie below one folder")
    return f"{tops.pop()}/"


def _refuse_pickle(source: Source) -> None:
    head = source.read_at(0, min(source.size_bytes, _TAR_OFFSET + len(_TAR)))
    if head.startswith(_PICKLE) or head[_TAR_OFFSET:] == _TAR:
        message = "is a pickle without an archive; its sizes cannot be told without running it, which is not done"
        raise refuse("source-not-supported", message, source.name, fix=_FIX)
