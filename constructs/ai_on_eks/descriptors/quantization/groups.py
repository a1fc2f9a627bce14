"""compressed-tensors and ModelOpt: configs with groups of modules, or with one format for each module.

Sources: vLLM 0.33.0, model_executor/layers/quantization/compressed_tensors and modelopt.py, read in November 2026.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from ai_on_eks.descriptors.quantization.formats import (
    FP8_BLOCK,
    FP8_CHANNEL,
    FP8_TENSOR,
    FP32_BITS,
    MXFP8,
    NVFP4,
    MatrixFormat,
    grouped,
)
from ai_on_eks.descriptors.quantization.names import Match
from ai_on_eks.descriptors.quantization.scheme import Quantization, Rule
from ai_on_eks.descriptors.quantization.settings import Settings
from ai_on_eks.descriptors.schema import CachePrecision, WeightPrecision

_ALGORITHMS: Mapping[str, tuple[MatrixFormat, WeightPrecision]] = {
    "fp8": (FP8_TENSOR, WeightPrecision.FP8),
    "fp8_per_channel_per_token": (FP8_CHANNEL, WeightPrecision.FP8),
    "fp8_pb_wo": (FP8_BLOCK, WeightPrecision.FP8),
    "fp8_block_scales": (FP8_BLOCK, WeightPrecision.FP8),
    "mxfp8": (MXFP8, WeightPrecision.FP8),
    "nvfp4": (NVFP4, WeightPrecision.NVFP4),
    "w4a16_nvfp4": (NVFP4, WeightPrecision.NVFP4),
}
"""ModelOpt's `quant_algo` -> format. Source: LINEAR_ALGOS of modelopt.py."""

_CLASSES = ("Linear", "LinearBase", "ParallelLMHead", "FusedMoEGrouped", "FusedMoE", "RoutedExperts")
"""Targets that name a kind of module, not a module."""
_VISION = ("vision_tower", "vision_model", "vit_large_projector")
"""Never quantized by ModelOpt. Source: get_quant_method of modelopt.py."""

_FP4_PRECISIONS = {16: WeightPrecision.NVFP4, 32: WeightPrecision.MXFP4}


def compressed_tensors(settings: Settings) -> Quantization:
    """`ignore` first; then groups that name modules; then the group of all linear modules, the head among them."""
    rules = list(settings.rules(settings.names("ignore"), Match.EXPRESSION, None))
    default: MatrixFormat | None = None
    precisions: dict[MatrixFormat, WeightPrecision] = {}
    for name, group in settings.sections("config_groups"):
        weights = group.section("weights")
        if weights is None:
            continue  # only activations are quantized
        stored, precision = _group_format(weights, group.text("format") or settings.text("format"))
        precisions[stored] = precision
        targets = group.names("targets") or ("Linear",)
        named = tuple(target for target in targets if target not in _CLASSES)
        rules += group.rules(named, Match.EXPRESSION, stored)
        if len(named) < len(targets):
            if default is not None and default != stored:
                settings.reject(f"'{name[:32]}' is a second group for all linear modules")
            default = stored
    if not precisions:
        settings.reject("no group says how weights are stored")
    return _assembled(settings, default, tuple(rules), precisions)


def modelopt(settings: Settings) -> Quantization:
    """One algorithm for all, or `quantized_layers` with one for each; modules excluded by name."""
    inner = settings.section("quantization") or settings
    algorithm = inner.text("quant_algo")
    excluded = (*inner.names("exclude_modules"), *inner.names("ignore"))
    rules = (
        *inner.rules(excluded, Match.GLOB, None),
        *inner.rules(_VISION, Match.SUBSTRING, None),
    )
    if algorithm == "mixed_precision":
        return _mixed(settings, inner, rules)
    if algorithm not in _ALGORITHMS:
        settings.reject(f"quant_algo '{algorithm}'")
    stored, precision = _sized(inner, algorithm)
    return _assembled(settings, stored, rules, {stored: precision})


def mixed_layers(settings: Settings) -> tuple[tuple[Rule, ...], dict[MatrixFormat, WeightPrecision]]:
    """What `quantized_layers` says of each module."""
    named: dict[MatrixFormat, list[str]] = {}
    precisions: dict[MatrixFormat, WeightPrecision] = {}
    for name, layer in settings.sections("quantized_layers"):
        algorithm = layer.text("quant_algo")
        if algorithm not in _ALGORITHMS:
            settings.reject(f"quant_algo '{algorithm}'")
        stored, precisions_of = _sized(layer, algorithm)
        named.setdefault(stored, []).append(name)
        precisions[stored] = precisions_of
    rules = tuple(rule for stored, names in named.items() for rule in settings.rules(names, Match.PART, stored))
    return rules, precisions


def _mixed(settings: Settings, inner: Settings, rules: tuple[Rule, ...]) -> Quantization:
    layers, precisions = mixed_layers(inner)
    if not precisions:
        settings.reject("MIXED_PRECISION without 'quantized_layers'")
    return _assembled(settings, None, (*rules, *layers), precisions)


def _assembled(
    settings: Settings,
    default: MatrixFormat | None,
    rules: tuple[Rule, ...],
    precisions: Mapping[MatrixFormat, WeightPrecision],
) -> Quantization:
    kinds = set(precisions.values())
    return Quantization(
        method=settings.method,
        default=default,
        weights=kinds.pop() if len(kinds) == 1 else None,
        rules=rules,
        head=True,
        kv_cache=_cache(settings),
        precisions=tuple(precisions.items()),
    )


def _sized(settings: Settings, algorithm: str) -> tuple[MatrixFormat, WeightPrecision]:
    stored, precision = _ALGORITHMS[algorithm]
    if precision is WeightPrecision.NVFP4:
        stored = replace(stored, block=(1, settings.integer("group_size", default=stored.block[1])))
    return stored, precision


def _group_format(weights: Settings, form: str) -> tuple[MatrixFormat, WeightPrecision]:
    kind, strategy = weights.text("type") or "int", weights.text("strategy")
    bits = weights.bits("num_bits", allowed=(4, 8))
    size = weights.integer("group_size", default=-1)
    if kind == "float" and bits == 4:
        if size not in _FP4_PRECISIONS:
            weights.reject(f"4-bit floats in groups of {size}")
        return grouped(4, size, 8), _FP4_PRECISIONS[size]
    if kind == "float":
        return _fp8(weights, strategy, size), WeightPrecision.FP8
    if kind != "int" or "24" in form:
        weights.reject(f"weights of type '{kind}' in format '{form}'")
    precision = WeightPrecision.INT4 if bits == 4 else WeightPrecision.INT8
    if strategy == "group" or (not strategy and size > 0):
        zero_point = 0 if weights.flag("symmetric", default=True) else bits
        return grouped(bits, size, 16 + zero_point), precision
    return (
        MatrixFormat(bits, scale_bits=FP32_BITS) if strategy == "tensor" else grouped(bits, 0, FP32_BITS)
    ), precision


def _fp8(weights: Settings, strategy: str, size: int) -> MatrixFormat:
    if strategy == "block":
        return replace(FP8_BLOCK, block=block_size(weights, "block_structure"))
    if strategy == "group":
        return grouped(8, size, 8)
    return FP8_CHANNEL if strategy == "channel" else FP8_TENSOR


def block_size(settings: Settings, key: str) -> tuple[int, int]:
    """Rows and columns that share a scale: two positive numbers."""
    value = settings.values.get(key)
    right = isinstance(value, list) and len(value) == 2 and all(type(one) is int and 0 < one <= 10**6 for one in value)
    if not right or not isinstance(value, list):
        settings.reject(f"'{key}' is not two sizes")
    return value[0], value[1]


def _cache(settings: Settings) -> CachePrecision:
    """FP8 where the checkpoint has scales for it; vLLM takes it then unless told otherwise (utils/torch_utils.py,
    resolve_kv_cache_dtype_string; attention/attention.py)."""
    for source in (settings.section("quantization"), settings):
        scheme = source.section("kv_cache_scheme") if source is not None else None
        if scheme is not None and scheme.text("type") == "float" and scheme.integer("num_bits", default=0) == 8:
            return CachePrecision.FP8
        if source is not None and "fp8" in (source.text("kv_cache_quant_algo"), source.text("kv_cache_scheme")):
            return CachePrecision.FP8
    return CachePrecision.AUTO
