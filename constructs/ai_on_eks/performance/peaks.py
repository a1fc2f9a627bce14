"""Which of an accelerator's peaks a product reaches.

Quantized weights reach a higher peak only where the device multiplies in that data type; elsewhere they are widened
first and save memory alone. INT8 and INT4 are published mostly as weights only, so they count as widened everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping

_NATIVE = frozenset({"fp8", "fp4"})
_HALF = ("bf16", "fp16")


def peak_flops(dense_flops: Mapping[str, float], data_type: str, compute_type: str) -> tuple[float, str]:
    """Dense peak in operations per second of weights of a `data_type` when activations are of `compute_type`, and the
    data type that the product runs in; (0.0, …) where the device has none."""
    if data_type in _NATIVE and data_type in dense_flops:
        return dense_flops[data_type], data_type
    if compute_type in dense_flops:
        return dense_flops[compute_type], compute_type
    # Weights that are widened can be widened to either half precision; a model published in one of them cannot.
    widened = next((name for name in _HALF if name in dense_flops), None) if data_type != compute_type else None
    return (dense_flops[widened], widened) if widened is not None else (0.0, compute_type)
