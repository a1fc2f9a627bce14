"""Further decoders that see, put together as in `vision_language`.

    Aya Vision, Command A Vision    Cohere's decoders with SigLIP, patches shuffled together
    Gemma 3n                        a decoder of its own, encoders of images and sound
    GLM-4.1V, 4.5V, 4.6V            GLM-4 or GLM-4.5 with a tower of their own
    LFM2-VL                         a hybrid decoder with SigLIP 2
    LLaVA-OneVision, -NeXT-Video    LLaVA-NeXT with SigLIP and Qwen2; with videos, which need no weights
    ViP-LLaVA                       LLaVA on the outputs of five layers, normalized

Names are those of the published checkpoints. Source: modeling_<model type>.py and configuration_<model type>.py of
transformers 5.23.0, read 2026-11-28.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ai_on_eks.descriptors.architectures import vision_language
from ai_on_eks.descriptors.architectures.hyperparameters import Hyperparameters
from ai_on_eks.descriptors.architectures.vision_language import Traits
from ai_on_eks.descriptors.architectures.vision_tower_clip import (
    llava_next_tower,
    llava_onevision_tower,
    vip_llava_tower,
)
from ai_on_eks.descriptors.architectures.vision_tower_gemma3n import gemma3n_audio, gemma3n_tower
from ai_on_eks.descriptors.architectures.vision_tower_glm import glm_tower
from ai_on_eks.descriptors.architectures.vision_tower_shuffled import aya_tower, command_tower, lfm2_tower
from ai_on_eks.descriptors.inventory import Inventory

_INNER, _OUTER_HEAD = "model.language_model", "lm_head"

MODEL_TYPES: Mapping[str, Traits] = {
    "aya_vision": Traits(aya_tower, "cohere2"),
    "cohere2_vision": Traits(command_tower, "cohere2", _INNER, _OUTER_HEAD),
    "gemma3n": Traits(gemma3n_tower, "gemma3n_text", _INNER, _OUTER_HEAD, others=(gemma3n_audio,)),
    "glm46v": Traits(glm_tower, "glm4v_text", _INNER, _OUTER_HEAD),
    "glm4v": Traits(glm_tower, "glm4v_text", _INNER, _OUTER_HEAD),
    "glm4v_moe": Traits(glm_tower, "glm4v_moe_text", _INNER, _OUTER_HEAD),
    "lfm2_vl": Traits(lfm2_tower, "lfm2", _INNER, _OUTER_HEAD),
    "llava_next_video": Traits(llava_next_tower, "llama"),
    "llava_onevision": Traits(llava_onevision_tower, "qwen2"),
    "vipllava": Traits(vip_llava_tower, "llama"),
}

FAMILY: Mapping[str, str] = {
    model_type: "hybrid" if model_type == "lfm2_vl" else "transformer" for model_type in MODEL_TYPES
}

DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "aya_vision": {"downsample_factor": 2, "tie_word_embeddings": True},
    "cohere2_vision": {
        "downsample_factor": 2,
        "alignment_intermediate_size": 36_864,
        "tie_word_embeddings": True,
    },
    "gemma3n": {},
    "glm46v": {},
    "glm4v": {},
    "glm4v_moe": {},
    "lfm2_vl": {
        "downsample_factor": 2,
        "projector_hidden_size": 2560,
        "projector_bias": True,
        "projector_use_layernorm": True,
    },
    "llava_next_video": {"multimodal_projector_bias": True},
    "llava_onevision": {"multimodal_projector_bias": True},
    "vipllava": {},
}
"""What transformers documents for a hyper-parameter that a published config may leave out."""


def read(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The inventory of a vision-language model, or an InputError with every missing hyper-parameter."""
    return vision_language.read_as(MODEL_TYPES[model_type], model_type, parameters)
