"""The format of elements that a descriptor's precision means.

Scales per output channel or per tensor, as FP8 and INT8 have, are below 0.1 % and left out.
"""

from __future__ import annotations

from collections.abc import Mapping

from ai_on_eks.descriptors.element_format import ElementFormat
from ai_on_eks.descriptors.schema import CachePrecision, Precision, WeightPrecision
from ai_on_eks.errors import InputError, Problem

_FULL = ElementFormat(32)
_HALF = ElementFormat(16)
_BYTE = ElementFormat(8)

_BY_PRECISION: Mapping[WeightPrecision, ElementFormat] = {
    WeightPrecision.FP32: _FULL,
    WeightPrecision.FP16: _HALF,
    WeightPrecision.BF16: _HALF,
    WeightPrecision.FP8: _BYTE,
    WeightPrecision.INT8: _BYTE,
    # AWQ and GPTQ as they are published: a 16-bit scale and a 4-bit zero point for every 128 weights.
    WeightPrecision.INT4: ElementFormat(4, 128, 16 + 4),
    # OCP Microscaling Formats 1.0 (2023-09): one E8M0 scale for 32 elements.
    WeightPrecision.MXFP4: ElementFormat(4, 32, 8),
    # NVIDIA NVFP4 (TensorRT Model Optimizer, 2025): one E4M3 scale for 16 elements, and one FP32 scale per tensor.
    WeightPrecision.NVFP4: ElementFormat(4, 16, 8),
}

_UNQUANTIZED = frozenset({WeightPrecision.FP32, WeightPrecision.FP16, WeightPrecision.BF16})

_SCHEMES: Mapping[str, frozenset[WeightPrecision]] = {
    "awq": frozenset({WeightPrecision.INT4}),
    "compressed-tensors": frozenset(WeightPrecision) - _UNQUANTIZED,
    "gptq": frozenset({WeightPrecision.INT4, WeightPrecision.INT8}),
    "modelopt": frozenset({WeightPrecision.FP8, WeightPrecision.NVFP4}),
}


def weight_format(precision: Precision) -> ElementFormat:
    """Format of the tensors that quantization touches."""
    if precision.scheme is not None and precision.weights not in _SCHEMES.get(precision.scheme, frozenset()):
        raise InputError(_scheme_problem(precision))
    return _BY_PRECISION[precision.weights]


def compute_format(precision: Precision) -> ElementFormat:
    """Format of activations, and of the tensors that quantization leaves alone."""
    return _FULL if precision.weights is WeightPrecision.FP32 else _HALF


def compute_data_type(precision: Precision) -> str:
    """Data type of activations: the weights' own, bf16 where they are quantized."""
    return precision.weights.value if precision.weights in _UNQUANTIZED else WeightPrecision.BF16.value


def cache_format(precision: Precision) -> ElementFormat:
    """Format of keys and values; `auto` is the data type that the weights compute in."""
    if precision.kv_cache is CachePrecision.AUTO:
        return compute_format(precision)
    return _BYTE if precision.kv_cache is CachePrecision.FP8 else _HALF


def _scheme_problem(precision: Precision) -> Problem:
    allowed = tuple(name for name, weights in sorted(_SCHEMES.items()) if precision.weights in weights)
    return Problem(
        code="unknown-quantization-scheme",
        message=f"no sizing for {precision.weights.value} weights in scheme {precision.scheme!r}",
        path="precision.scheme",
        value=precision.scheme,
        allowed=allowed,
        fix="name one of the allowed schemes" if allowed else f"leave scheme out: {precision.weights.value} needs none",
    )
