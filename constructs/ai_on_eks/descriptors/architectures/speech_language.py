"""Decoders that hear: a text model, an encoder of sound before it, and in some an encoder of images too.

    Qwen2-Audio, Voxtral        Whisper's encoder, Qwen2 or Llama
    Qwen2.5-Omni, Qwen3-Omni    the thinker: an encoder of sound, and Qwen2.5-VL or Qwen3-VL

They are put together as in `vision_language`. What answers in speech, the talker and its vocoder, is in the checkpoints
of Qwen-Omni as well; vLLM loads the thinker alone, and so does this count.
Names are those of the published checkpoints. Source: modeling_<model type>.py and configuration_<model type>.py of
transformers 5.23.0, read 2026-11-28; qwen2_5_omni_thinker.py and qwen3_omni_moe_thinker.py of vLLM.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from ai_on_eks.descriptors.architectures import vision_language
from ai_on_eks.descriptors.architectures.hyperparameters import Hyperparameters
from ai_on_eks.descriptors.architectures.sound_tower import (
    qwen2_5_omni_tower,
    qwen2_audio_tower,
    qwen3_omni_tower,
    voxtral_tower,
)
from ai_on_eks.descriptors.architectures.vision_language import Traits, qwen
from ai_on_eks.descriptors.architectures.vision_tower_qwen import (
    QWEN2_VISION_DEFAULTS,
    QWEN3_VISION_DEFAULTS,
    qwen2_5_vision_tower,
    qwen_vision_tower,
)
from ai_on_eks.descriptors.inventory import Inventory

FAMILY = "transformer"

_OMNI_IMAGE: Mapping[str, Any] = {
    **QWEN2_VISION_DEFAULTS,
    "depth": 32,
    "hidden_size": 3584,
    "intermediate_size": 3420,
    "out_hidden_size": 3584,
    "fullatt_block_indexes": [7, 15, 23, 31],
}
_OMNI3_IMAGE: Mapping[str, Any] = {
    **QWEN3_VISION_DEFAULTS,
    "depth": 27,
    "hidden_size": 1152,
    "intermediate_size": 4304,
    "out_hidden_size": 3584,
}
_VOXTRAL_TEXT: Mapping[str, Any] = {
    "vocab_size": 131_072,
    "hidden_size": 3072,
    "intermediate_size": 8192,
    "num_hidden_layers": 30,
    "num_key_value_heads": 8,
    "max_position_embeddings": 131_072,
    "head_dim": 128,
}
_BODY, _HEAD = "language_model.model", "language_model.lm_head"
_OMNI = Traits(
    qwen(qwen2_5_vision_tower, _OMNI_IMAGE),
    "qwen2_5_omni_text",
    _BODY,
    _HEAD,
    others=(qwen2_5_omni_tower,),
    tied_above=True,
)
_OMNI3 = Traits(
    qwen(qwen_vision_tower, _OMNI3_IMAGE),
    "qwen3_omni_moe_text",
    _BODY,
    _HEAD,
    others=(qwen3_omni_tower,),
    tied_above=True,
)

MODEL_TYPES: Mapping[str, Traits] = {
    "qwen2_5_omni": _OMNI,
    "qwen2_5_omni_thinker": _OMNI,
    "qwen2_audio": Traits(qwen2_audio_tower, "qwen2"),
    "qwen3_omni_moe": _OMNI3,
    "qwen3_omni_moe_thinker": _OMNI3,
    "voxtral": Traits(voxtral_tower, "llama", own=_VOXTRAL_TEXT),
}

_UNTIED: Mapping[str, Any] = {"tie_word_embeddings": False}

DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    model_type: _UNTIED if "omni" in model_type else {} for model_type in MODEL_TYPES
}
"""What transformers documents for a hyper-parameter that a published config may leave out; the rest is in sections."""

SILENT = "the talker and its vocoder, which answer in speech, are on disk and not loaded: vLLM serves the thinker"
_WITH_TALKER = ("qwen2_5_omni", "qwen3_omni_moe")
_WHOLE_CLASSES = ("ForConditionalGeneration", "Model")
"""Qwen2.5-Omni was published under the name Qwen2_5OmniModel, which has a head for words all the same."""


def read(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The inventory of a model that hears, or an InputError with every missing hyper-parameter."""
    traits = MODEL_TYPES[model_type]
    if model_type not in _WITH_TALKER:
        return vision_language.read_as(traits, model_type, parameters)
    parameters.ending("architectures", _WHOLE_CLASSES)
    thinker = parameters.section("thinker_config", _UNTIED)
    parameters.finish()
    found = vision_language.read_as(traits, model_type, thinker)
    named = tuple(replace(tensor, name=f"thinker.{tensor.name}") for tensor in found.tensors)
    return replace(found, tensors=named, estimated=(*found.estimated, SILENT))
