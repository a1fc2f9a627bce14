"""The format of elements that a descriptor's precision means, where the checkpoint's own config says no more.

Scales per output channel or per tensor, as FP8 and INT8 have, are below 0.1 % and left out; a checkpoint whose config
is at hand has them counted tensor by tensor (descriptors.quantization).
"""

from __future__ import annotations

from collections.abc import Mapping

from ai_on_eks.descriptors.element_format import ElementFormat
from ai_on_eks.descriptors.schema import CachePrecision, Precision, WeightPrecision
from ai_on_eks.descriptors.schemes import SCHEMES, UNQUANTIZED
from ai_on_eks.errors import InputError, Problem

GGUF = "gguf:"
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


def weight_format(precision: Precision) -> ElementFormat:
    """Format of the tensors that quantization touches, where the checkpoint does not say it of each tensor."""
    scheme = precision.scheme
    if scheme is not None and scheme.startswith(GGUF):
        return _block_format(scheme)
    if scheme is not None and precision.weights not in SCHEMES.get(scheme, ()):
        raise InputError(_scheme_problem(precision))
    return _BY_PRECISION[precision.weights]


def compute_format(precision: Precision) -> ElementFormat:
    """Format of activations, and of the tensors that quantization leaves alone."""
    return _FULL if precision.weights is WeightPrecision.FP32 else _HALF


def compute_data_type(precision: Precision) -> str:
    """Data type of activations: the weights' own, bf16 where they are quantized."""
    return precision.weights.value if precision.weights in UNQUANTIZED else WeightPrecision.BF16.value


def cache_format(precision: Precision) -> ElementFormat:
    """Format of keys and values; `auto` is the data type that the weights compute in."""
    if precision.kv_cache is CachePrecision.AUTO:
        return compute_format(precision)
    return _BYTE if precision.kv_cache is CachePrecision.FP8 else _HALF


def _block_format(scheme: str) -> ElementFormat:
    """The block type that most tensors of a GGUF file have."""
    from ai_on_eks.descriptors.quantization.gguf import block_format, mixture_of  # noqa: PLC0415 - only for GGUF files

    return block_format(mixture_of(scheme).base)


def _scheme_problem(precision: Precision) -> Problem:
    allowed = tuple(name for name, weights in sorted(SCHEMES.items()) if precision.weights in weights)
    return Problem(
        code="unknown-quantization-scheme",
        message=f"no sizing for {precision.weights.value} weights in scheme {precision.scheme!r}",
        path="precision.scheme",
        value=precision.scheme,
        allowed=allowed,
        fix="name one of the allowed schemes" if allowed else f"leave scheme out: {precision.weights.value} needs none",
    )
