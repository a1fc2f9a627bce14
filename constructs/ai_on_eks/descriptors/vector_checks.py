"""What has to agree within the platform file's `vector_database`."""

from __future__ import annotations

from collections.abc import Iterator

from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.errors import Problem


def check_vectors(platform: Platform) -> Iterator[Problem]:
    """Copies without pods to hold them, and pods that outvote nobody."""
    wanted = platform.vector_database
    if wanted is None:
        return
    if wanted.copies > wanted.pods:
        yield Problem(
            "copies-without-pods",
            f"{wanted.copies} copies of each document need as many pods, and there are {wanted.pods}",
            path="vector_database.copies",
            value=wanted.copies,
            fix=f"set vector_database.pods to {max(3, wanted.copies)}",
        )
    if wanted.pods == 2:
        yield Problem(
            "pods-without-majority",
            "of two pods one is no majority, so both stop changing anything when either is lost",
            path="vector_database.pods",
            value=wanted.pods,
            allowed=("1", "3 or more"),
            fix="set vector_database.pods to 3",
        )
