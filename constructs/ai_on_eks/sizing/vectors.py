"""Bytes of a vector database: from documents and dimensions to memory and disk of each of its pods.

    vector   = dimensions × 4                      stored as FP32
    index    = max(vector × 0.5, links × bytes)    HNSW graph, versions of points, segments while they are rewritten
    payload  = bytes of a document × 1.5           its own index and rewriting
    memory   = (vector + index) × documents × copies ÷ pods + process
    disk     = (vector + index + payload) × documents × copies ÷ pods ÷ share that is filled

The factors are those of Qdrant's guide to capacity planning (vectors × dimensions × 4 B × 1.5; payload × 1.5; read
2026-11-29). Its half for the index does not hold for short vectors, whose links outweigh it: a point has up to 2 M
links on the lowest level of its graph (Malkov and Yashunin 2016, HNSW), with Qdrant's default of M = 16. All vectors
are counted in memory, where search is fastest; payload stays on disk.
"""

from __future__ import annotations

from msgspec import Struct

from ai_on_eks.units import GIB, MIB, ceil_div

VECTOR_ELEMENT_BYTES = 4

INDEX_NUMERATOR, INDEX_DENOMINATOR = 1, 2
"""Index for each byte of vector, from the guide's factor of 1.5."""

PAYLOAD_NUMERATOR, PAYLOAD_DENOMINATOR = 3, 2
"""Disk for each byte of payload (the same guide)."""

LINKS_PER_POINT = 2 * 16
LINK_BYTES = 8
"""Assumption: 4 B of a neighbour's number, and as much for lists, higher levels and the numbers of points."""

PROCESS_BYTES = 512 * MIB
"""Assumption: the process, its log of writes (32 MB for each shard by default) and requests."""

FILLED_NUMERATOR, FILLED_DENOMINATOR = 4, 5
"""Assumption: a fifth of the disk stays free, as a database that cannot write stops."""


class VectorDemand(Struct, frozen=True):
    """What each pod needs. `vector_bytes` and `index_bytes` are those of one copy of all documents."""

    vector_bytes: int
    index_bytes: int
    payload_bytes: int
    memory_bytes: int
    disk_gib: int


def vector_demand(*, documents: int, dimensions: int, document_bytes: int, copies: int, pods: int) -> VectorDemand:
    """Memory and disk of each pod; documents are spread evenly over them, and each lies on `copies` of them."""
    vector = dimensions * VECTOR_ELEMENT_BYTES
    index = max(ceil_div(vector * INDEX_NUMERATOR, INDEX_DENOMINATOR), LINKS_PER_POINT * LINK_BYTES)
    payload = ceil_div(document_bytes * PAYLOAD_NUMERATOR, PAYLOAD_DENOMINATOR)
    held = documents * copies
    stored = ceil_div((vector + index + payload) * held, pods)
    memory = ceil_div((vector + index) * held, pods) + PROCESS_BYTES
    return VectorDemand(
        vector_bytes=vector * documents,
        index_bytes=index * documents,
        payload_bytes=payload * documents,
        memory_bytes=ceil_div(memory, MIB) * MIB,
        disk_gib=max(1, ceil_div(stored * FILLED_DENOMINATOR, FILLED_NUMERATOR * GIB)),
    )
