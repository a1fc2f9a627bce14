"""A vector database's bytes, term by term."""

from __future__ import annotations

import pytest

from ai_on_eks.sizing.vectors import PROCESS_BYTES, vector_demand
from ai_on_eks.units import GIB, MIB


def test_a_million_vectors_of_1024_are_the_guides_own_example() -> None:
    """GIVEN Qdrant's example WHEN it is sized THEN memory is its 1,000,000 × 1024 × 4 B × 1.5, and the process."""
    demand = vector_demand(documents=1_000_000, dimensions=1024, document_bytes=5_000, copies=1, pods=1)

    assert demand.vector_bytes + demand.index_bytes == 6_144_000_000
    assert 0 <= demand.memory_bytes - 6_144_000_000 - PROCESS_BYTES < MIB
    assert demand.payload_bytes == 7_500_000_000
    assert demand.disk_gib == -(-(6_144_000_000 + 7_500_000_000) * 5 // (4 * GIB))


def test_links_outweigh_short_vectors() -> None:
    short, long = (
        vector_demand(documents=1000, dimensions=dimensions, document_bytes=0, copies=1, pods=1)
        for dimensions in (64, 1024)
    )
    assert short.index_bytes == 1000 * 32 * 8
    assert long.index_bytes == 1000 * 1024 * 4 // 2


@pytest.mark.parametrize(("copies", "pods", "share"), [(1, 1, 1.0), (2, 3, 2 / 3), (3, 3, 1.0), (1, 4, 0.25)])
def test_copies_multiply_and_pods_divide(copies: int, pods: int, share: float) -> None:
    one = vector_demand(documents=4_000_000, dimensions=768, document_bytes=1000, copies=1, pods=1)
    each = vector_demand(documents=4_000_000, dimensions=768, document_bytes=1000, copies=copies, pods=pods)

    assert (each.memory_bytes - PROCESS_BYTES) / (one.memory_bytes - PROCESS_BYTES) == pytest.approx(share, rel=1e-3)
    assert each.disk_gib == pytest.approx(one.disk_gib * share, abs=1)


def test_more_documents_never_need_less() -> None:
    sizes = [
        vector_demand(documents=documents, dimensions=384, document_bytes=500, copies=2, pods=3)
        for documents in (1, 1000, 10**6, 10**9)
    ]
    assert [one.memory_bytes for one in sizes] == sorted(one.memory_bytes for one in sizes)
    assert [one.disk_gib for one in sizes] == sorted(one.disk_gib for one in sizes)
    assert sizes[0].disk_gib == 1
