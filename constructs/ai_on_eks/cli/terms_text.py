"""An account of memory for people: one line for each term of a formula."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ai_on_eks.cli.layout import Column, table
from ai_on_eks.cli.tables import size

COLUMNS = (Column("term"), Column("size", numeric=True), Column("formula and source"))


def terms_text(terms: Sequence[Mapping[str, Any]], width: int) -> str:
    """An account: each term, its bytes, its formula and where the formula comes from."""
    rows = [(term["name"], size(term["value_bytes"]), f"{term['formula']} [{term['source']}]") for term in terms]
    return table(COLUMNS, rows, width)
