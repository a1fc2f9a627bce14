"""Decoders that see: a text model, a vision tower before it, and what leads from one to the other.

    tensors     = tower + way to the decoder + text model
    states, operations, layers, longest context = the text model's: an image is tokens among its others
    encoders    = the tower's operations and live values, per token that it hands on

The text part is read by its own module (`vision_language_text`), the tower by `vision_tower_…`. Further model types are
in `vision_language_more`, those that hear in `speech_language`.

What sizing leaves out, unless it asks `encoders`: the live values of the tower while it works on images, and the tokens
handed on until the decoder has read them.
Names are those of the published checkpoints, which name the text model `language_model.model`, `model.language_model`,
`model.text_model` or `model`. Source: the modeling files of transformers 5.23.0; hf_to_vllm_mapper of vLLM 0.33.0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ai_on_eks.descriptors.architectures.hyperparameters import Hyperparameters
from ai_on_eks.descriptors.architectures.vision_language_text import text_part
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
from ai_on_eks.descriptors.inventory import Inventory, Tensor

FAMILY = "transformer"


class Traits(Struct, frozen=True):
    """What sets one model type apart.

    tower  reads the tower, given the config and the decoder's hidden size
    others reads further encoders, of sound
    text   model type of the text part where its section names none
    own    what the whole documents for its text part, where that is no value of the text model's class
    tied_above  only the whole says whether the head is tied
    body   what the checkpoints call the text model's `model`
    head   … and its `lm_head`
    flat   older configs have the text part's hyper-parameters at the top
    """

    tower: Callable[[Hyperparameters, int], VisionTower]
    text: str
    body: str = "language_model.model"
    head: str = "language_model.lm_head"
    flat: bool = False
    others: tuple[Callable[[Hyperparameters, int], VisionTower], ...] = ()
    own: Mapping[str, Any] | None = None
    tied_above: bool = False


def qwen(read_tower: Callable[..., VisionTower], defaults: Mapping[str, Any]) -> Callable[..., VisionTower]:
    """A tower whose output width the config names by itself."""

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
    "qwen2_5_vl": Traits(qwen(qwen2_5_vision_tower, QWEN2_VISION_DEFAULTS), "qwen2", "model", _OUTER_HEAD, flat=True),
    "qwen2_vl": Traits(qwen(qwen2_vision_tower, QWEN2_VISION_DEFAULTS), "qwen2", "model", _OUTER_HEAD, flat=True),
    "qwen3_vl": Traits(qwen(qwen_vision_tower, QWEN3_VISION_DEFAULTS), "qwen3", _INNER, _OUTER_HEAD),
    "qwen3_vl_moe": Traits(qwen(qwen_vision_tower, QWEN3_VISION_DEFAULTS), "qwen3_moe", _INNER, _OUTER_HEAD),
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


def read(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The inventory of a vision-language model, or an InputError with every missing hyper-parameter."""
    return read_as(MODEL_TYPES[model_type], model_type, parameters)


def read_as(traits: Traits, model_type: str, parameters: Hyperparameters) -> Inventory:
    """The inventory of a model with these traits."""
    named = parameters.ending("architectures", tuple(TEXT_CLASSES)) or ""
    text_class = TEXT_CLASSES.get(named, "ForCausalLM")
    text = text_part(
        traits.text, parameters, text_class, flat=traits.flat, own=traits.own, tied_above=traits.tied_above
    )
    towers = [traits.tower(parameters, text.hidden_size), *(one(parameters, text.hidden_size) for one in traits.others)]
    if model_type == "gemma4" and parameters.has("audio_config"):
        towers.append(gemma4_audio(parameters, text.hidden_size))
    parameters.finish()
    inventory = replace(text, tensors=tuple(_renamed(tensor, traits) for tensor in text.tensors))
    for tower in towers:
        inventory = tower.before(inventory, model_type)
    return inventory


def _renamed(tensor: Tensor, traits: Traits) -> Tensor:
    name = tensor.name
    if name.startswith("model."):
        return replace(tensor, name=f"{traits.body}{name.removeprefix('model')}")
    if name.startswith("lm_head"):
        return replace(tensor, name=f"{traits.head}{name.removeprefix('lm_head')}")
    return tensor
