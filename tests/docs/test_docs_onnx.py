"""The ONNX file that the manual describes is what its generator writes."""

from __future__ import annotations

from docs_onnx import two_layers
from docs_pages import DOCS


def test_given_the_generator_when_run_then_it_writes_the_file_that_the_manual_describes() -> None:
    assert (DOCS / "examples" / "how-to" / "two-layers.onnx").read_bytes() == two_layers()
