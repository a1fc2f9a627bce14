"""The text part of a model that sees or hears: read by the module of its own model type, as if it were a config.

A section says only what differs from transformers' class for it, widths included (LLaVA-1.5-7B names neither layers nor
hidden size), so the class's values hold where it says nothing. `tie_word_embeddings` counts where the text section has
it, as in vLLM, and else at the top.
Source: configuration_<model type>.py of transformers 5.23.0, read in November 2026.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import ModuleType
from typing import Any

from ai_on_eks.descriptors.architectures import registry
from ai_on_eks.descriptors.architectures.hyperparameters import Hyperparameters
from ai_on_eks.descriptors.inventory import Activations, Inventory, Item, Operations
from ai_on_eks.errors import InputError

TIE = "tie_word_embeddings"
_WHOLES = ("cross_attention_language", "speech_language", "vision_language", "vision_language_more")
"""Modules of models that have a text part, and can be none."""

_READ_AS: Mapping[str, str] = {
    "glm4v_moe_text": "glm4_moe",
    "glm4v_text": "glm4",
    "qwen2_5_omni_text": "qwen2",
    "qwen2_5_vl_text": "qwen2",
    "qwen2_vl_text": "qwen2",
    "qwen3_omni_moe_text": "qwen3_moe",
    "qwen3_vl_moe_text": "qwen3_moe",
    "qwen3_vl_text": "qwen3",
}
"""Text parts with a name of their own that are built like a known model."""

_LLAMA = {"hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32, "vocab_size": 32_000}
TEXT_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "cohere2": {
        "hidden_size": 8192,
        "intermediate_size": 22_528,
        "num_hidden_layers": 40,
        "num_attention_heads": 64,
        "vocab_size": 256_000,
        "max_position_embeddings": 8192,
    },
    "gemma": {
        "hidden_size": 3072,
        "intermediate_size": 24_576,
        "num_hidden_layers": 28,
        "num_attention_heads": 16,
        "num_key_value_heads": 16,
        "head_dim": 256,
        "vocab_size": 256_000,
        "max_position_embeddings": 8192,
    },
    "gemma2": {
        "hidden_size": 2304,
        "intermediate_size": 9216,
        "num_hidden_layers": 26,
        "num_attention_heads": 8,
        "vocab_size": 256_000,
        "max_position_embeddings": 8192,
    },
    "gemma3_text": {
        "hidden_size": 2304,
        "intermediate_size": 9216,
        "num_hidden_layers": 26,
        "num_attention_heads": 8,
        "num_key_value_heads": 4,
        "head_dim": 256,
        "vocab_size": 262_208,
        "max_position_embeddings": 131_072,
    },
    "gemma3n_text": {"hidden_size": 2048, "intermediate_size": 16_384, "num_hidden_layers": 35},
    "glm4v_moe_text": {
        "hidden_size": 4096,
        "intermediate_size": 10_944,
        "num_hidden_layers": 46,
        "num_attention_heads": 96,
        "vocab_size": 151_424,
        "max_position_embeddings": 65_536,
        "attention_bias": True,
        "moe_intermediate_size": 1408,
        "num_experts_per_tok": 8,
        "n_routed_experts": 128,
    },
    "glm4v_text": {
        "hidden_size": 4096,
        "intermediate_size": 13_696,
        "num_hidden_layers": 40,
        "num_attention_heads": 32,
        "head_dim": None,
        "vocab_size": 151_552,
        "max_position_embeddings": 32_768,
    },
    "lfm2": {
        "hidden_size": 2560,
        "intermediate_size": 12_288,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "vocab_size": 65_536,
        "max_position_embeddings": 128_000,
    },
    "llama": {**_LLAMA, "intermediate_size": 11_008, "max_position_embeddings": 2048},
    "mistral": {**_LLAMA, "intermediate_size": 14_336, "max_position_embeddings": 131_072},
    "qwen2": {**_LLAMA, "intermediate_size": 22_016, "vocab_size": 151_936, "max_position_embeddings": 32_768},
    "qwen2_5_omni_text": {
        "hidden_size": 3584,
        "intermediate_size": 18_944,
        "num_hidden_layers": 28,
        "num_attention_heads": 28,
        "num_key_value_heads": 4,
        "vocab_size": 152_064,
        "max_position_embeddings": 32_768,
    },
    "qwen3": {**_LLAMA, "intermediate_size": 22_016, "vocab_size": 151_936, "max_position_embeddings": 32_768},
    "qwen3_moe": {"num_key_value_heads": 16},
    "qwen3_omni_moe_text": {
        "hidden_size": 2048,
        "num_hidden_layers": 28,
        "num_attention_heads": 28,
        "num_key_value_heads": 4,
        "vocab_size": 3584,
        "max_position_embeddings": 32_768,
        "intermediate_size": 18_944,
        "moe_intermediate_size": 768,
        "num_experts": 128,
        "num_experts_per_tok": 8,
    },
}
"""Text parts as transformers' classes build them, where a section says nothing: by the name of their own, where they
have one. None: the class has no value of its own where the known model's has."""

_NOTHING = Inventory(
    architecture="",
    item=Item.TOKEN,
    tensors=(),
    states=(),
    operations=Operations(per_item=0),
    activations=Activations(per_item=0),
    layers=0,
    hidden_size=0,
)
"""Stands in for a text part with problems until they are raised, together with the tower's."""


def text_part(
    kind: str,
    parameters: Hyperparameters,
    text_class: str,
    *,
    flat: bool = False,
    own: Mapping[str, Any] | None = None,
    tied_above: bool = False,
) -> Inventory:
    """The text part, or nothing where it has problems, which `parameters` remembers.

    kind   its model type where its section names none
    flat   older configs have its hyper-parameters at the top
    own    what the whole documents for a text part of that model type
    tied_above    whether the head is tied is for the whole to say, whatever the section says
    """
    if flat and not parameters.has("text_config"):
        return _read(kind, parameters.without("model_type").as_class(text_class))
    section = parameters.section("text_config", {"model_type": kind})
    if not parameters.has("text_config"):
        return _NOTHING
    named = section.text("model_type", longest=64)
    read_as = _READ_AS.get(named, named)
    module = _module(read_as)
    section.support("model_type", module is not None, f"no text model '{named}' is known")
    documented = {**getattr(module, "DEFAULTS", {}).get(read_as, {}), **_class_values(named, read_as)}
    defaults = {key: value for key, value in documented.items() if value is not None}
    if named == kind and own is not None:
        defaults |= own
    if tied_above or (parameters.has(TIE) and named != "llama4_text"):  # a whole model inside, which ties by itself
        defaults[TIE] = parameters.flag(TIE)
    section = parameters.section("text_config", {**defaults, "model_type": kind})
    if tied_above:
        section = section.without(TIE)
    section.text("model_type", longest=64)
    return _read(read_as, section.as_class(text_class))


def _class_values(named: str, read_as: str) -> Mapping[str, Any]:
    return TEXT_DEFAULTS.get(named, TEXT_DEFAULTS.get(read_as, {}))


def _read(kind: str, section: Hyperparameters) -> Inventory:
    module = _module(kind)
    if module is None:
        return _NOTHING
    try:
        inventory: Inventory = module.read(kind, section)
    except InputError:
        return _NOTHING
    return inventory


def _module(model_type: str) -> ModuleType | None:
    """The module that reads a text model; None where none does."""
    for name, model_types in registry.MODULES.items():
        if model_type in model_types and name not in _WHOLES:
            return import_module(f"{__package__}.{name}")
    return None
