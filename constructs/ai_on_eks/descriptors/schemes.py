"""Quantization methods by the name a descriptor's `scheme` has, and the data types each stores.

GGUF's schemes are not here: `quantization.gguf` has their block types and mixtures.
"""

from __future__ import annotations

from collections.abc import Mapping

from ai_on_eks.descriptors.schema import WeightPrecision

_INTEGERS = (WeightPrecision.INT4, WeightPrecision.INT8)
UNQUANTIZED = (WeightPrecision.FP32, WeightPrecision.FP16, WeightPrecision.BF16)

SCHEMES: Mapping[str, tuple[WeightPrecision, ...]] = {
    "auto-round": _INTEGERS,
    "awq": (WeightPrecision.INT4,),
    "bitsandbytes": _INTEGERS,
    "compressed-tensors": tuple(one for one in WeightPrecision if one not in UNQUANTIZED),
    "fbgemm_fp8": (WeightPrecision.FP8,),
    "fp8": (WeightPrecision.FP8, WeightPrecision.MXFP4, WeightPrecision.NVFP4),
    "gptq": _INTEGERS,
    "modelopt": (WeightPrecision.FP8, WeightPrecision.NVFP4),
    "mxfp4": (WeightPrecision.MXFP4,),
}
"""FP8 checkpoints of DeepSeek-V4 hold most weights, the experts', in 4 bits."""
