"""The data type a published config, or the name of an exported file, says the weights have.

Exports (ONNX, GGUF) are often quantized after the config was written: their file's name counts, not the config.

`dtype` (`torch_dtype` before transformers 4.56) is what the weights were saved in; `quantization_config` overrides it
(descriptors.quantization reads it).
Source: transformers 5.23.0, utils/quantization_config.py.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from ai_on_eks.descriptors.schema import Format, Precision, WeightPrecision
from ai_on_eks.errors import InputError, Problem

_DATA_TYPES = {
    "float32": WeightPrecision.FP32,
    "float16": WeightPrecision.FP16,
    "bfloat16": WeightPrecision.BF16,
    "float8_e4m3fn": WeightPrecision.FP8,
    "float8_e5m2": WeightPrecision.FP8,
}


def published_precision(config: Mapping[str, Any], file: str) -> Precision | None:
    """What the config says; None where it says nothing."""
    quantized = _quantized(config, file)
    if quantized is not None:
        return quantized
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
    A GGUF block type of 1 to 4 bits is listed under int4, of 5 to 8 bits under int8; the scheme names it exactly.
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
    found = re.search(
        r"[._-]((?:[it]?q([1-8])(?:_[a-z0-9]+)*)|f16|bf16|f32|mxfp4(?:_moe)?)(?:-\d+-of-\d+)?\.gguf$", name
    )
    if found is None:
        return None
    plain = {"f16": WeightPrecision.FP16, "bf16": WeightPrecision.BF16, "f32": WeightPrecision.FP32}
    bits = found[2]
    weights = (
        plain.get(found[1], WeightPrecision.MXFP4)
        if bits is None
        else WeightPrecision.INT4
        if int(bits) <= 4
        else WeightPrecision.INT8
    )
    return Precision(weights=weights, scheme=f"gguf:{found[1]}")


def _quantized(config: Mapping[str, Any], file: str) -> Precision | None:
    """What the checkpoint's quantization amounts to; its problems are told as the config's own."""
    from ai_on_eks.descriptors.architectures import relevant_hyperparameters  # noqa: PLC0415 - only for these
    from ai_on_eks.descriptors.quantization.stored import own_precision  # noqa: PLC0415

    try:
        return own_precision(dict(config), lambda: relevant_hyperparameters(config)[0], Format.SAFETENSORS)
    except InputError as error:
        prefix = "architecture.config."
        raise InputError(
            [replace(one, file=file, path=(one.path or "").removeprefix(prefix)) for one in error.problems]
        ) from None
