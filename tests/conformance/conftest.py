"""Conformance is checked against published schemas kept beside the repository, too large to be part of it."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of published schemas; tests that need it are skipped where it is absent."""
    folder = Path(__file__).resolve().parents[3] / "shared"
    if not folder.is_dir():
        pytest.skip("../shared is absent: conformance not checked")
    return folder
