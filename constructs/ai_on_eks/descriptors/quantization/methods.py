"""One reader for each quantization method that a config can name.

Scales and zero points: AWQ and GPTQ as published have a 16-bit scale and a zero point of the weights' own width for
each group (GPTQ stores zero points also where it is symmetric, AWQ leaves them out then). GPTQ's group numbers, one for
each input, are below 0.3 % and left out: vLLM 0.33 refuses the checkpoints that need them. bitsandbytes has one FP32
maximum for 64 elements in 4 bits and one for each row in 8 bits. Sources: vLLM 0.33.0, model_executor/layers/
quantization (fp8.py, fbgemm_fp8.py, auto_awq.py, auto_gptq.py, inc, mxfp4.py) and transformers 5.23.0, utils/
quantization_config.py, read in November 2026.

Head: AWQ, GPTQ and AutoRound quantize it only where `lm_head` says so, compressed-tensors and ModelOpt unless it is
excluded, the others never.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import groupby
from typing import Any

from msgspec.structs import replace

from ai_on_eks.descriptors.inventory import TensorRole
from ai_on_eks.descriptors.quantization.formats import (
    FP8_BLOCK,
    FP8_CHANNEL,
    FP8_TENSOR,
    INT8_CHANNEL,
    MXFP4,
    NF4,
    NF4_DOUBLE,
    NVFP4,
    MatrixFormat,
    grouped,
)
from ai_on_eks.descriptors.quantization.groups import block_size, compressed_tensors, modelopt
from ai_on_eks.descriptors.quantization.names import Match
from ai_on_eks.descriptors.quantization.scheme import Quantization, Rule
from ai_on_eks.descriptors.quantization.settings import KEY, Settings, unknown
from ai_on_eks.descriptors.schema import WeightPrecision

_SECTIONS = ("text_config", "language_config", "llm_config", "thinker_config")
"""Parts of a config that may hold the quantization of the language model."""
FULL_BITS = 16
"""From so many bits on AutoRound means that a module is not quantized."""
_EXPRESSION_SIGNS = frozenset("*+?^$()[]{}|\\")


def find_section(config: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What a model's config says about its quantization; None where it says nothing."""
    parts = (config, *(config.get(name) for name in _SECTIONS))
    for part in parts:
        found = part.get(KEY) if isinstance(part, Mapping) else None
        if isinstance(found, Mapping) and found:
            return found
    return None


def relevant_section(config: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a model's config that its quantization follows from."""
    section = find_section(config)
    if section is None:
        return {}
    parts = {key: config[key] for key in ("expert_dtype",) if config.get(key) is not None}
    return {KEY: dict(section)} | parts


def read_quantization(config: Mapping[str, Any]) -> Quantization | None:
    """The rules of a model's config; None where it is not quantized, an `InputError` where they are not known."""
    section = find_section(config)
    if section is None:
        return None
    method = method_of(section)
    reader = _READERS.get(method)
    if reader is None:
        raise unknown(method, allowed=tuple(sorted(_READERS)))
    quantization = reader(Settings(section, method))
    if config.get("expert_dtype") == "fp4" and quantization.experts is None and method == "fp8":
        # DeepSeek-V4: the experts of an FP8 checkpoint in MXFP4 (vLLM 0.33, models/deepseek_v4/quant_config.py)
        return _two(quantization, MXFP4, WeightPrecision.MXFP4)
    return quantization


def method_of(section: Mapping[str, Any]) -> str:
    """The name of the method. ModelOpt's early files name only the tool that wrote them."""
    producer = section.get("producer")
    named = section.get("quant_method") or (producer.get("name") if isinstance(producer, Mapping) else None)
    method = str(named or "")[:32].lower()
    return _SYNONYMS.get(method, method)


def _fp8(settings: Settings) -> Quantization:
    names = settings.names("ignored_layers", "modules_to_not_convert")
    blocks = settings.values.get("weight_block_size") is not None
    stored = replace(FP8_BLOCK, block=block_size(settings, "weight_block_size")) if blocks else FP8_TENSOR
    quantization = Quantization(
        settings.method, stored, WeightPrecision.FP8, settings.rules(names, Match.PART, None),
        precisions=((stored, WeightPrecision.FP8),),
    )  # fmt: skip
    if settings.text("moe_quant_algo") == "nvfp4":
        return _two(quantization, NVFP4, WeightPrecision.NVFP4)
    if settings.text("store_dtype") == "mxfp4":
        return _two(quantization, MXFP4, WeightPrecision.MXFP4)
    return quantization


def _two(quantization: Quantization, experts: MatrixFormat, precision: WeightPrecision) -> Quantization:
    """Experts in a format of their own."""
    precisions = (*quantization.precisions, (experts, precision))
    return replace(quantization, weights=None, experts=experts, precisions=precisions)


def _fbgemm_fp8(settings: Settings) -> Quantization:
    rules = settings.rules(settings.names("modules_to_not_convert"), Match.PART, None)
    return Quantization(settings.method, FP8_CHANNEL, WeightPrecision.FP8, rules)


def _mxfp4(settings: Settings) -> Quantization:
    """Only experts (vLLM: Mxfp4Config; transformers: integrations/mxfp4.py)."""
    names = settings.names("modules_to_not_convert")
    rules = settings.rules((*names, *(f"{name}.*" for name in names)), Match.GLOB, None)
    return Quantization(settings.method, MXFP4, WeightPrecision.MXFP4, rules, roles=frozenset({TensorRole.EXPERT}))


def _awq(settings: Settings) -> Quantization:
    bits = settings.bits("bits", "w_bit", allowed=(4, 8))
    zero_point = bits if settings.flag("zero_point", default=True) else 0
    stored = grouped(bits, settings.integer("group_size", "q_group_size", default=128), 16 + zero_point)
    rules = settings.rules(settings.names("modules_to_not_convert"), Match.SUBSTRING, None)
    head = settings.flag("lm_head", default=False)
    return Quantization(settings.method, stored, _integer(bits), rules, head=head)


def _gptq(settings: Settings) -> Quantization:
    base = _gptq_format(settings, settings)
    named = [
        (
            name.removeprefix("-:").removeprefix("+:"),
            None if name.startswith("-:") else _gptq_format(overrides, settings),
        )
        for name, overrides in settings.sections("dynamic")
    ]
    rules = _in_order(settings, [(Match.REGEX, name, stored) for name, stored in named])
    rules += settings.rules(settings.names("modules_to_not_convert"), Match.PART, None)
    only = settings.names("modules_in_block_to_quantize")
    rules += settings.rules(only, Match.PART, base)
    precision = _integer(base.bits)
    head = settings.flag("lm_head", default=False)
    return Quantization(settings.method, None if only else base, precision, tuple(rules), head=head)


def _gptq_format(settings: Settings, otherwise: Settings) -> MatrixFormat:
    """A rule of `dynamic` overrides some values only."""
    given = Settings({**otherwise.values, **settings.values}, settings.method)
    bits = given.bits("bits", allowed=(4, 8))
    size = given.integer("group_size", default=128)
    return grouped(bits, size, 16 + bits)


def _auto_round(settings: Settings) -> Quantization:
    base = _auto_round_format(settings, settings)
    named: list[tuple[Match, str, MatrixFormat | None]] = []
    for name, overrides in settings.sections("extra_config"):
        is_full = overrides.integer("bits", default=base.bits) >= FULL_BITS
        stored = None if is_full else _auto_round_format(overrides, settings)
        is_expression = bool(_EXPRESSION_SIGNS & set(name))
        named.append((Match.REGEX, f".*{name}", stored) if is_expression else (Match.PART, name, stored))
    rules = _in_order(settings, named)
    blocks = settings.names("block_name_to_quantize", "to_quant_block_names")
    rules += settings.rules(blocks, Match.PART, base)
    precision = WeightPrecision.FP8 if settings.text("data_type").startswith("fp") else _integer(base.bits)
    head = settings.flag("lm_head", default=False)
    return Quantization(settings.method, None if blocks else base, precision, tuple(rules), head=head)


def _auto_round_format(settings: Settings, otherwise: Settings) -> MatrixFormat:
    given = Settings({**otherwise.values, **settings.values}, settings.method)
    kind = given.text("data_type") or "int"
    if kind != "int":
        settings.reject(f"weights of type '{kind}'")
    bits = given.bits("bits", allowed=(4, 8))
    return grouped(bits, given.integer("group_size", default=128), 16 + bits)


def _in_order(settings: Settings, named: list[tuple[Match, str, MatrixFormat | None]]) -> list[Rule]:
    """Names one after the other; those that mean the same format are read together."""
    return [
        rule
        for (match, stored), entries in groupby(named, key=lambda one: (one[0], one[2]))
        for rule in settings.rules([name for _, name, _ in entries], match, stored)
    ]


def _bitsandbytes(settings: Settings) -> Quantization:
    rules = settings.rules(settings.names("llm_int8_skip_modules"), Match.PART, None)
    if settings.flag("load_in_8bit", default=False) or settings.flag("_load_in_8bit", default=False):
        return Quantization(settings.method, INT8_CHANNEL, WeightPrecision.INT8, rules)
    if not (settings.flag("load_in_4bit", default=False) or settings.flag("_load_in_4bit", default=False)):
        settings.reject("neither load_in_4bit nor load_in_8bit")
    stored = NF4_DOUBLE if settings.flag("bnb_4bit_use_double_quant", default=False) else NF4
    return Quantization(settings.method, stored, WeightPrecision.INT4, rules)


def _integer(bits: int) -> WeightPrecision:
    return WeightPrecision.INT4 if bits == 4 else WeightPrecision.INT8


_SYNONYMS: Mapping[str, str] = {
    "auto_awq": "awq",
    "auto_gptq": "gptq",
    "gptqmodel": "gptq",
    "auto_round": "auto-round",
    "intel/auto-round": "auto-round",
    "compressed_tensors": "compressed-tensors",
    "modelopt_fp4": "modelopt",
    "modelopt_mixed": "modelopt",
    "gpt_oss_mxfp4": "mxfp4",
}
_READERS: Mapping[str, Callable[[Settings], Quantization]] = {
    "auto-round": _auto_round,
    "awq": _awq,
    "bitsandbytes": _bitsandbytes,
    "compressed-tensors": compressed_tensors,
    "fbgemm_fp8": _fbgemm_fp8,
    "fp8": _fp8,
    "gptq": _gptq,
    "modelopt": modelopt,
    "mxfp4": _mxfp4,
}
