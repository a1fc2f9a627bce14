"""llama.cpp's mixtures of block types, for files made without an importance matrix where one can be made without it.

With an importance matrix the first layers of Q4_0, Q5_0, IQ4_NL and IQ4_XS differ, by less than 1 % of the file.
IQ3_XXS and smaller ones cannot be made without one.

Source: llama.cpp, src/llama-quant.cpp, commit 007dbbf3: llama_ftype_get_default_type, llama_tensor_get_type_impl and
tensor_type_fallback, and tools/quantize/quantize.cpp for the names. Read in November 2026.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from ai_on_eks.descriptors.quantization.gguf_names import Category

GROUPED_QUERIES = 4
"""From so many queries per key the values are small enough to be given more bits."""
EIGHT_EXPERTS = 8
"""Mixtral's number, for which llama.cpp has rules of its own."""
_PLAIN = frozenset({"f32", "f16", "bf16"})


class Mixture(Struct, frozen=True):
    """`name` as llama.cpp writes it, `base` the type that most tensors have."""

    name: str
    base: str


class Model(Struct, frozen=True):
    """What of a model decides."""

    layers: int
    experts: int
    queries_per_key: int
    has_head: bool
    is_70b: bool
    is_falcon: bool


_BASES = {
    "f32": "f32", "f16": "f16", "bf16": "bf16",
    "q4_0": "q4_0", "q4_1": "q4_1", "q5_0": "q5_0", "q5_1": "q5_1", "q8_0": "q8_0",
    "q2_k": "q2_k", "q2_k_s": "q2_k", "q3_k_s": "q3_k", "q3_k_m": "q3_k", "q3_k_l": "q3_k",
    "q4_k_s": "q4_k", "q4_k_m": "q4_k", "q5_k_s": "q5_k", "q5_k_m": "q5_k", "q6_k": "q6_k",
    "iq1_s": "iq1_s", "iq1_m": "iq1_m", "iq2_xxs": "iq2_xxs", "iq2_xs": "iq2_xs", "iq2_s": "iq2_xs",
    "iq2_m": "iq2_s", "iq3_xxs": "iq3_xxs", "iq3_xs": "iq3_s", "iq3_s": "iq3_s", "iq3_m": "iq3_s",
    "iq4_xs": "iq4_xs", "iq4_nl": "iq4_nl", "tq1_0": "tq1_0", "tq2_0": "tq2_0", "q1_0": "q1_0", "q2_0": "q2_0",
    "mxfp4_moe": "mxfp4", "nvfp4": "nvfp4",
}  # fmt: skip
_ALIASES = {
    "q3_k": "q3_k_m",
    "q4_k": "q4_k_m",
    "q5_k": "q5_k_m",
    "mxfp4": "mxfp4_moe",
}
MIXTURES: Mapping[str, Mixture] = {name: Mixture(name, base) for name, base in _BASES.items()} | {
    alias: Mixture(name, _BASES[name]) for alias, name in _ALIASES.items()
}
"""What follows `gguf:` in a scheme -> the mixture."""

_TINY = frozenset({"iq2_xxs", "iq2_xs", "iq1_s", "iq1_m", "iq2_s", "iq2_m"})
_TWO_BITS_AND_MORE = frozenset({"iq2_s", "iq2_m"})
_EMBEDDINGS = {
    "iq2_xxs": "q2_k", "iq2_xs": "q2_k", "iq1_s": "q2_k", "iq1_m": "q2_k", "iq2_s": "iq3_s", "iq2_m": "iq3_s",
    "iq3_xxs": "iq3_s", "tq1_0": "q4_k", "tq2_0": "q4_k", "q2_0": "q4_k",
}  # fmt: skip
_OUTPUTS = {"q2_k": "q3_k", "iq3_xxs": "iq3_s", "q3_k_m": "q4_k", "q3_k_l": "q5_k", "iq3_m": "q4_k"}
_OUTPUTS_OF_EIGHT = frozenset(
    {"q2_k", "iq3_xs", "iq3_xxs", "q3_k_s", "q3_k_m", "iq4_nl", "q4_k_s", "q4_k_m", "iq3_s", "iq3_m", "iq4_xs"}
)
_QUERIES_AND_KEYS = {"iq3_xs": "iq3_xxs", "iq3_xxs": "iq2_s"}
_FALLBACKS = {
    **dict.fromkeys(("iq1_s", "iq1_m", "iq2_xxs", "iq2_xs", "iq2_s", "iq3_xxs", "iq3_s", "iq4_xs"), "iq4_nl"),
    **dict.fromkeys(("q2_0", "q2_k", "q3_k", "tq1_0", "tq2_0"), "q4_0"),
    "q4_k": "q5_0",
    "q5_k": "q5_1",
    "q6_k": "q8_0",
}


def chosen_type(mixture: Mixture, category: Category, model: Model, layer: int, layers: int, *, is_expert: bool) -> str:
    """The type of one layer's tensor; `layer` of `layers` is its place among those of its category."""
    if mixture.base in _PLAIN:
        return mixture.base
    if category is Category.HEAD or (category is Category.EMBEDDING and not model.has_head):
        return _head(mixture, model)
    if mixture.name == "mxfp4_moe":
        return "mxfp4" if is_expert else "q8_0"
    if category is Category.EMBEDDING:
        return _EMBEDDINGS.get(mixture.name, mixture.base)
    if mixture.name in _TINY:
        return _tiny(mixture, category, model, layer)
    return _in_layer(mixture, category, model, layer, layers)


def _in_layer(mixture: Mixture, category: Category, model: Model, layer: int, layers: int) -> str:
    name, base = mixture.name, mixture.base
    by_category = {
        Category.VALUE: lambda: _value(mixture, model, layer, layers),
        Category.FUSED: lambda: _value(mixture, model, layer, layers),
        Category.QUERY: lambda: _QUERIES_AND_KEYS.get(name, base),
        Category.KEY: lambda: "q8_0" if model.experts == EIGHT_EXPERTS else _QUERIES_AND_KEYS.get(name, base),
        Category.DOWN: lambda: _down(mixture, model, layer, layers),
        Category.OUTPUT: lambda: _output(mixture, model),
    }
    if category in by_category:
        return by_category[category]()
    is_middle = layers // 8 <= layer < 7 * layers // 8
    return "iq3_xxs" if name == "iq3_xs" and is_middle and category in (Category.GATE, Category.UP) else base


def fallback(name: str, columns: int, blocks: Mapping[str, tuple[int, int]]) -> str:
    """The type of a matrix whose rows are no whole number of blocks."""
    if columns % blocks[name][0] == 0:
        return name
    other = _FALLBACKS.get(name, "f16")
    return other if columns % blocks[other][0] == 0 else "f16"


def _more_bits(layer: int, layers: int) -> bool:
    """The first and the last eighth, and every third layer between them."""
    return layer < layers // 8 or layer >= 7 * layers // 8 or (layer - layers // 8) % 3 == 2


def _head(mixture: Mixture, model: Model) -> str:
    if mixture.name == "mxfp4_moe" or model.is_falcon:
        return "q8_0"
    if mixture.name in _TINY or mixture.name == "iq3_xxs":
        return "q5_k"
    return mixture.base if mixture.base == "q8_0" else "q6_k"


def _tiny(mixture: Mixture, category: Category, model: Model, layer: int) -> str:
    more = "iq3_s" if mixture.name in _TWO_BITS_AND_MORE else "q2_k"
    if category in (Category.VALUE, Category.FUSED):
        return "q4_k" if model.queries_per_key >= GROUPED_QUERIES or model.experts >= GROUPED_QUERIES else more
    if category is Category.KEY and model.experts == EIGHT_EXPERTS:
        return "q4_k"
    if category is Category.DOWN and layer < model.layers // 8:
        return more
    if category is Category.OUTPUT:
        if model.experts == EIGHT_EXPERTS:
            return "q5_k"
        by_name = {"iq1_s": "iq2_xxs", "iq1_m": "iq2_xxs", "iq2_s": "iq3_s", "iq2_m": "iq3_s"}
        return by_name.get(mixture.name, mixture.base)
    return mixture.base


def _value(mixture: Mixture, model: Model, layer: int, layers: int) -> str:
    name = mixture.name
    grouped = model.queries_per_key >= GROUPED_QUERIES
    chosen = {
        "q2_k": "q4_k" if grouped else "q3_k",
        "q2_k_s": "q4_k" if grouped else mixture.base,
        "iq3_xxs": "q4_k" if grouped else mixture.base,
        "iq3_xs": "q4_k" if grouped else mixture.base,
        "iq3_s": "q4_k" if grouped else mixture.base,
        "iq3_m": "q4_k",
        "q3_k_m": "q5_k" if layer < 2 else "q4_k",
        "q3_k_l": "q5_k",
        "iq4_nl": "q5_k" if grouped else mixture.base,
        "iq4_xs": "q5_k" if grouped else mixture.base,
        "q4_k_m": "q6_k" if _more_bits(layer, layers) else mixture.base,
        "q5_k_m": "q6_k" if _more_bits(layer, layers) else mixture.base,
        "q4_k_s": "q5_k" if layer < 4 else mixture.base,
    }.get(name, mixture.base)
    if model.is_70b and chosen in ("q3_k", "q4_k"):
        chosen = "q5_k"
    return "q8_0" if model.experts == EIGHT_EXPERTS else chosen


def _down(mixture: Mixture, model: Model, layer: int, layers: int) -> str:
    name, base, early = mixture.name, mixture.base, layer < layers // 8
    more = _more_bits(layer, layers)
    if model.is_falcon and name in ("q3_k_m", "q3_k_l", "q4_k_m", "q4_k_s"):
        first = layer < layers // 16
        return {
            "q3_k_m": "q5_k" if first else "q4_k" if more else base,
            "q3_k_l": "q4_k",
            "q4_k_m": "q6_k" if first else "q5_k" if more else base,
            "q4_k_s": base,
        }[name]
    return {
        "q2_k": "q3_k",
        "q2_k_s": "q4_k" if early else base,
        "q3_k_m": "q5_k" if layer < layers // 16 else "q4_k",
        "iq3_m": "q4_k" if early or (model.experts == EIGHT_EXPERTS and more) else base,
        "q3_k_l": "q5_k",
        "q4_k_m": "q6_k" if more else base,
        "q5_k_m": "q6_k" if more else base,
        "iq4_nl": "q5_k" if early else base,
        "iq4_xs": "q5_k" if early else base,
        "q4_k_s": "q5_k" if early else base,
    }.get(name, base)


def _output(mixture: Mixture, model: Model) -> str:
    if model.is_falcon:
        return "q4_k" if mixture.name == "q3_k_l" else mixture.base
    if model.experts == EIGHT_EXPERTS:
        return "q5_k" if mixture.name in _OUTPUTS_OF_EIGHT else mixture.base
    return _OUTPUTS.get(mixture.name, mixture.base)
