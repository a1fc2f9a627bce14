"""Which of an accelerator's peaks a model computes at.

Quantized weights reach a higher peak only where the device multiplies in that data type; elsewhere they are widened
first and save memory alone. INT8 and INT4 are published mostly as weights only, so they count as widened everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping

from ai_on_eks.descriptors.schema import Precision, WeightPrecision

_WIDENED = ("bf16", "fp16")

_DATA_TYPES: Mapping[WeightPrecision, tuple[str, ...]] = {
    WeightPrecision.FP32: ("fp32",),
    WeightPrecision.FP16: ("fp16",),
    WeightPrecision.BF16: ("bf16",),
    WeightPrecision.FP8: ("fp8", *_WIDENED),
    WeightPrecision.INT8: _WIDENED,
    WeightPrecision.INT4: _WIDENED,
    WeightPrecision.MXFP4: ("fp4", *_WIDENED),
    WeightPrecision.NVFP4: ("fp4", *_WIDENED),
}


def peak_flops(dense_flops: Mapping[str, float], precision: Precision) -> float:
    """Dense peak in operations per second at the data type the products run in; 0.0 where the device has none."""
    data_types = _DATA_TYPES[precision.weights]
    return next((dense_flops[name] for name in data_types if name in dense_flops), 0.0)
