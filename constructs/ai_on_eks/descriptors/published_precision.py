"""The data type a published config, or the name of an exported file, says the weights have.

Exports (ONNX, GGUF) are often quantized after the config was written: their file's name counts, not the config.

`dtype` (`torch_dtype` before transformers 4.56) is what the weights were saved in; `quantization_config` overrides it.
Source: transformers 5.23.0, utils/quantization_config.py.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ai_on_eks.descriptors.schema import Format, Precision, WeightPrecision
from ai_on_eks.errors import InputError, Problem

_DATA_TYPES = {
    "float32": WeightPrecision.FP32,
    "float16": WeightPrecision.FP16,
    "bfloat16": WeightPrecision.BF16,
    "float8_e4m3fn": WeightPrecision.FP8,
    "float8_e5m2": WeightPrecision.FP8,
}
_BITS = {4: WeightPrecision.INT4, 8: WeightPrecision.INT8}
_ALGORITHMS = {"fp8": WeightPrecision.FP8, "nvfp4": WeightPrecision.NVFP4, "mxfp4": WeightPrecision.MXFP4}
_METHODS = ("awq", "bitsandbytes", "compressed-tensors", "fp8", "gptq", "modelopt", "mxfp4")


def published_precision(config: Mapping[str, Any], file: str) -> Precision | None:
    """What the config says; None where it says nothing."""
    quantization = config.get("quantization_config")
    if isinstance(quantization, Mapping):
        return _quantized(quantization, file)
    name = config.get("dtype") or config.get("torch_dtype")
    if name is None:
        return None
    weights = _DATA_TYPES.get(str(name).removeprefix("torch."))
    if weights is None:
        raise InputError(
            Problem(
                "unknown-data-type",
                f"'{str(name)[:40]}' is not a known data type",
                file=file,
                path="dtype",
                value=str(name)[:40],
                allowed=tuple(_DATA_TYPES),
                fix="write the descriptor by hand, with the data type under 'precision'",
            )
        )
    return Precision(weights=weights)


def exported_precision(stored: Format, file: str) -> Precision | None:
    """What the name of an ONNX or GGUF file says; None where it says nothing.

    `model_fp16.onnx`, `model_int8.onnx`, `model.onnx` (fp32, optimum's naming); `llama-3-8b.Q4_K_M.gguf` (llama.cpp's).
    A GGUF block type of 2 to 4 bits is listed under int4, of 5 to 8 bits under int8; the scheme names it exactly.
    """
    name = file.rpartition("/")[2].lower()
    if stored is Format.ONNX:
        ending = re.search(r"[_-](fp16|float16|int8|uint8|quantized)\.onnx$", name)
        if ending is None:
            return (
                None if re.search(r"[_-](q\d\w*|bnb4|int4)\.onnx$", name) else Precision(weights=WeightPrecision.FP32)
            )
        half = ending[1] in ("fp16", "float16")
        return Precision(weights=WeightPrecision.FP16 if half else WeightPrecision.INT8)
    found = re.search(r"[._-]((?:i?q([2-8])(?:_[a-z0-9]+)*)|f16|bf16|f32)(?:-\d+-of-\d+)?\.gguf$", name)
    if found is None:
        return None
    plain = {"f16": WeightPrecision.FP16, "bf16": WeightPrecision.BF16, "f32": WeightPrecision.FP32}
    bits = found[2]
    weights = plain[found[1]] if bits is None else WeightPrecision.INT4 if int(bits) <= 4 else WeightPrecision.INT8
    return Precision(weights=weights, scheme=f"gguf:{found[1]}")


def _quantized(quantization: Mapping[str, Any], file: str) -> Precision:
    producer = quantization.get("producer")  # modelopt's early files name only the tool that wrote them
    named = quantization.get("quant_method") or (producer.get("name") if isinstance(producer, Mapping) else None)
    method = str(named or "")[:32].lower()
    weights = _weights(method, quantization)
    if weights is None:
        raise InputError(
            Problem(
                "unknown-quantization",
                f"quantization '{method}' with these settings is not known",
                file=file,
                path="quantization_config",
                value=method,
                allowed=_METHODS,
                fix="write the descriptor by hand, with 'weights' and 'scheme' under 'precision'",
            )
        )
    return Precision(weights=weights, scheme=method)


def _weights(method: str, quantization: Mapping[str, Any]) -> WeightPrecision | None:
    if method in ("modelopt", "fp8") and quantization.get("quant_algo") is not None:
        return _ALGORITHMS.get(str(quantization["quant_algo"]).lower())  # "MIXED_PRECISION" is not one data type
    if method in ("awq", "gptq"):
        bits = quantization.get("bits", quantization.get("w_bit"))
        return _BITS.get(bits) if isinstance(bits, int) else None
    if method == "bitsandbytes":
        eight = quantization.get("load_in_8bit") is True
        return WeightPrecision.INT8 if eight else WeightPrecision.INT4 if quantization.get("load_in_4bit") else None
    if method == "compressed-tensors":
        return _compressed(quantization.get("config_groups"))
    return _ALGORITHMS.get(method)


def _compressed(groups: Any) -> WeightPrecision | None:
    """The data type of the first group that says how its weights are stored."""
    for group in groups.values() if isinstance(groups, Mapping) else ():
        stored = group.get("weights") if isinstance(group, Mapping) else None
        if isinstance(stored, Mapping):
            bits, kind = stored.get("num_bits"), stored.get("type")
            if kind == "float":
                return {8: WeightPrecision.FP8, 4: WeightPrecision.NVFP4}.get(bits) if isinstance(bits, int) else None
            return _BITS.get(bits) if isinstance(bits, int) else None
    return None
