"""Decoders that see: a text model, a vision tower before it, and what leads from one to the other.

    tensors     = tower + way to the decoder + text model
    states, operations, layers, longest context = the text model's: an image is tokens among its others
    encoders    = the tower's operations and live values, per token that it hands on

The text part is read by its own module, as if its section were a config; the tower by `vision_tower_…`. A section says
only what differs from transformers' class for it, widths included (LLaVA-1.5-7B names neither layers nor hidden size),
so the class's values hold where it says nothing. `tie_word_embeddings` counts where the text section has it, as in
vLLM, and else at the top.

What sizing leaves out, unless it asks `encoders`: the live values of the tower while it works on images, and the tokens
handed on until the decoder has read them.
Names are those of the published checkpoints, which name the text model `language_model.model`, `model.language_model`,
`model.text_model` or `model`. Source: the modeling files of transformers 5.23.0; hf_to_vllm_mapper of vLLM 0.33.0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from types import ModuleType
from typing import Any

from ai_on_eks.descriptors.architectures import registry
from ai_on_eks.descriptors.architectures.hyperparameters import Hyperparameters
from ai_on_eks.descriptors.architectures.vision_tower import TEXT_CLASSES, VisionTower
from ai_on_eks.descriptors.architectures.vision_tower_clip import (
    gemma3_tower,
    idefics3_tower,
    llava_next_tower,
    llava_tower,
    paligemma_tower,
)
from ai_on_eks.descriptors.architectures.vision_tower_gemma4 import gemma4_audio, gemma4_tower
from ai_on_eks.descriptors.architectures.vision_tower_intern import internvl_tower
from ai_on_eks.descriptors.architectures.vision_tower_llama4 import llama4_tower
from ai_on_eks.descriptors.architectures.vision_tower_pixtral import mistral3_tower
from ai_on_eks.descriptors.architectures.vision_tower_qwen import (
    QWEN2_VISION_DEFAULTS,
    QWEN3_VISION_DEFAULTS,
    qwen2_5_vision_tower,
    qwen2_vision_tower,
    qwen_vision_tower,
)
from ai_on_eks.descriptors.inventory import Activations, Inventory, Item, Operations, Tensor
from ai_on_eks.errors import InputError

FAMILY = "transformer"


@dataclass(frozen=True, slots=True)
class Traits:
    """What sets one model type apart.

    tower  reads the tower, given the config and the decoder's hidden size
    text   model type of the text part where its section names none
    body   what the checkpoints call the text model's `model`
    head   … and its `lm_head`
    flat   older configs have the text part's hyper-parameters at the top
    """

    tower: Callable[[Hyperparameters, int], VisionTower]
    text: str
    body: str = "language_model.model"
    head: str = "language_model.lm_head"
    flat: bool = False


def _qwen(read_tower: Callable[..., VisionTower], defaults: Mapping[str, Any]) -> Callable[..., VisionTower]:
    def tower(parameters: Hyperparameters, width: int) -> VisionTower:
        section = parameters.section("vision_config", defaults)
        found = read_tower(section)
        message = f"the tower hands on other widths than the decoder's {width}"
        deep = len(section.layer_numbers("deepstack_visual_indexes"))
        key = "hidden_size" if read_tower is qwen2_vision_tower else "out_hidden_size"
        section.relate((key,), not width or found.encoder.handed == width * (1 + deep), message)
        return found

    return tower


_INNER, _OUTER_HEAD = "model.language_model", "lm_head"

MODEL_TYPES: Mapping[str, Traits] = {
    "gemma3": Traits(gemma3_tower, "gemma3_text"),
    "gemma4": Traits(gemma4_tower, "gemma4_text", _INNER, _OUTER_HEAD),
    "idefics3": Traits(idefics3_tower, "llama", "model.text_model", _OUTER_HEAD),
    "internvl": Traits(internvl_tower, "qwen2"),
    "llama4": Traits(llama4_tower, "llama4_text"),
    "llava": Traits(llava_tower, "llama"),
    "llava_next": Traits(llava_next_tower, "llama"),
    "mistral3": Traits(mistral3_tower, "mistral"),
    "paligemma": Traits(paligemma_tower, "gemma"),
    "qwen2_5_vl": Traits(_qwen(qwen2_5_vision_tower, QWEN2_VISION_DEFAULTS), "qwen2", "model", _OUTER_HEAD, flat=True),
    "qwen2_vl": Traits(_qwen(qwen2_vision_tower, QWEN2_VISION_DEFAULTS), "qwen2", "model", _OUTER_HEAD, flat=True),
    "qwen3_vl": Traits(_qwen(qwen_vision_tower, QWEN3_VISION_DEFAULTS), "qwen3", _INNER, _OUTER_HEAD),
    "qwen3_vl_moe": Traits(_qwen(qwen_vision_tower, QWEN3_VISION_DEFAULTS), "qwen3_moe", _INNER, _OUTER_HEAD),
    "smolvlm": Traits(idefics3_tower, "llama", "model.text_model", _OUTER_HEAD),
}

DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "gemma3": {"mm_tokens_per_image": 256},
    "gemma4": {},
    "idefics3": {"scale_factor": 2},
    "internvl": {"downsample_ratio": 0.5},
    "llama4": {},
    "llava": {"multimodal_projector_bias": True},
    "llava_next": {"multimodal_projector_bias": True},
    "mistral3": {"multimodal_projector_bias": False, "spatial_merge_size": 2},
    "paligemma": {},
    "qwen2_5_vl": {"tie_word_embeddings": False, "num_key_value_heads": 8},
    "qwen2_vl": {"tie_word_embeddings": False, "num_key_value_heads": 8},
    "qwen3_vl": {},
    "qwen3_vl_moe": {},
    "smolvlm": {"scale_factor": 2},
}
"""What transformers documents for a hyper-parameter that a published config may leave out."""

_READ_AS: Mapping[str, str] = {
    "qwen2_5_vl_text": "qwen2",
    "qwen2_vl_text": "qwen2",
    "qwen3_vl_moe_text": "qwen3_moe",
    "qwen3_vl_text": "qwen3",
}
"""Text parts with a name of their own that are built like a known model."""

_LLAMA = {"hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32, "vocab_size": 32_000}
TEXT_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
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
    "llama": {**_LLAMA, "intermediate_size": 11_008, "max_position_embeddings": 2048},
    "mistral": {**_LLAMA, "intermediate_size": 14_336, "max_position_embeddings": 131_072},
    "qwen2": {**_LLAMA, "intermediate_size": 22_016, "vocab_size": 151_936, "max_position_embeddings": 32_768},
    "qwen3": {**_LLAMA, "intermediate_size": 22_016, "vocab_size": 151_936, "max_position_embeddings": 32_768},
    "qwen3_moe": {"num_key_value_heads": 16},
}
"""Text parts as transformers' classes build them, where a section says nothing."""


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


def read(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The inventory of a vision-language model, or an InputError with every missing hyper-parameter."""
    traits = MODEL_TYPES[model_type]
    text_class = TEXT_CLASSES.get(parameters.ending("architectures", tuple(TEXT_CLASSES)) or "", "ForCausalLM")
    text = _text(traits, parameters, text_class)
    towers = [traits.tower(parameters, text.hidden_size)]
    if model_type == "gemma4" and parameters.has("audio_config"):
        towers.append(gemma4_audio(parameters, text.hidden_size))
    parameters.finish()
    inventory = replace(text, tensors=tuple(_renamed(tensor, traits) for tensor in text.tensors))
    for tower in towers:
        inventory = tower.before(inventory, model_type)
    return inventory


def _text(traits: Traits, parameters: Hyperparameters, text_class: str) -> Inventory:
    """The text part, or nothing where it has problems, which `parameters` remembers."""
    if traits.flat and not parameters.has("text_config"):
        return _read(traits.text, parameters.without("model_type").as_class(text_class))
    section = parameters.section("text_config", {"model_type": traits.text})
    if not parameters.has("text_config"):
        return _NOTHING
    named = section.text("model_type", longest=64)
    kind = _READ_AS.get(named, named)
    module = _module(kind)
    section.support("model_type", module is not None, f"no text model '{named}' is known")
    defaults = {**getattr(module, "DEFAULTS", {}).get(kind, {}), **TEXT_DEFAULTS.get(kind, {})}
    if parameters.has("tie_word_embeddings") and kind != "llama4_text":  # a whole model inside, which ties by itself
        defaults["tie_word_embeddings"] = parameters.flag("tie_word_embeddings")
    section = parameters.section("text_config", {**defaults, "model_type": traits.text})
    section.text("model_type", longest=64)
    return _read(kind, section.as_class(text_class))


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
        if model_type in model_types and name != __name__.rpartition(".")[2]:
            return import_module(f"{__package__}.{name}")
    return None


def _renamed(tensor: Tensor, traits: Traits) -> Tensor:
    name = tensor.name
    if name.startswith("model."):
        return replace(tensor, name=f"{traits.body}{name.removeprefix('model')}")
    if name.startswith("lm_head"):
        return replace(tensor, name=f"{traits.head}{name.removeprefix('lm_head')}")
    return tensor
