"""Vision towers of SigLIP whose patches are shuffled together: Aya Vision, Command A Vision, LFM2-VL.

With the tower's hidden size H (`contrastive_parts`), f × f patches in a token (`downsample_factor`), the decoder's
hidden size T and M between two matrices:

    Aya, Command A   M × f²H + M  +  T × M/2 + T       a gate halves M; Aya: + 2 × f²H, a norm before
    LFM2-VL          M × f²H + M  +  T × M + T         + 2 × f²H where projector_use_layernorm says so

Aya Vision and Command A Vision cut a picture into tiles and an overview, each as large as one image; LFM2-VL takes any
aspect of at most `num_patches` patches a tile.
Source: modeling_aya_vision.py, modeling_cohere2_vision.py and modeling_lfm2_vl.py of transformers 5.23.0, read
2026-11-28; the same of vLLM for what tensor parallelism divides: Command A's projector, and the towers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from ai_on_eks.descriptors.architectures import contrastive_parts as parts
from ai_on_eks.descriptors.architectures.hyperparameters import Hyperparameters
from ai_on_eks.descriptors.architectures.vision_tower import VisionTower, affine, as_tower, encoder, flops, norm
from ai_on_eks.descriptors.inventory import Tensor

_SIGLIP = "siglip_vision_model"
_AYA: Mapping[str, Any] = {
    **parts.SIGLIP_IMAGE,
    "model_type": _SIGLIP,
    "hidden_size": 1152,
    "intermediate_size": 4304,
    "num_hidden_layers": 26,
    "num_attention_heads": 14,
    "image_size": 384,
    "patch_size": 14,
    "vision_use_head": False,
}
_COMMAND: Mapping[str, Any] = {
    **parts.SIGLIP_IMAGE,
    "model_type": _SIGLIP,
    "hidden_size": 1152,
    "num_hidden_layers": 27,
    "image_size": 512,
}
_ANY_ASPECT: Mapping[str, Any] = {**parts.SIGLIP_IMAGE, "model_type": "siglip2_vision_model", "num_patches": 256}
"""Towers as the classes of the whole build them, where the config names no other."""


def aya_tower(parameters: Hyperparameters, width: int) -> VisionTower:
    """Aya Vision, `width` being the decoder's; `tokens` are those of one of a picture's tiles."""
    middle = parameters.integer_or("alignment_intermediate_size", max(1, width))
    return _gated(parameters, width, _AYA, middle, normed=True, divided=False)


def command_tower(parameters: Hyperparameters, width: int) -> VisionTower:
    """Command A Vision; `tokens` are those of one of a picture's tiles."""
    middle = parameters.integer("alignment_intermediate_size")
    return _gated(parameters, width, _COMMAND, middle, normed=False, divided=True)


def lfm2_tower(parameters: Hyperparameters, width: int) -> VisionTower:
    """LFM2-VL; `tokens` are those of the largest of a picture's tiles."""
    section = parameters.section("vision_config", _ANY_ASPECT)
    section.choice("model_type", ("siglip2_vision_model",))
    patches, patch = section.integer("num_patches"), section.integer("patch_size")
    one = parts.read_encoder(section)
    image = parts.ImageEncoder(
        one.layers, one.hidden, one.intermediate, one.heads, 0, patch, section.integer("num_channels")
    )
    factor, middle = parameters.integer("downsample_factor"), parameters.integer("projector_hidden_size")
    biased, normed = parameters.flag("projector_bias"), parameters.flag("projector_use_layernorm")
    name, wide = "multi_modal_projector", factor**2 * image.hidden
    mapping = (
        *affine(f"{name}.linear_1", middle, wide, divided=False, biased=biased),
        *affine(f"{name}.linear_2", width, middle, divided=False, biased=biased),
    )
    tower = _flat_patches(image, patches, has_head=section.flag("vision_use_head"))
    before = norm(f"{name}.layer_norm", wide) if normed else ()
    return _tower(tower, before, mapping, image, patches=patches, factor=factor)


def _gated(
    parameters: Hyperparameters, width: int, defaults: Mapping[str, Any], middle: int, *, normed: bool, divided: bool
) -> VisionTower:
    section = parameters.section("vision_config", defaults)
    section.choice("model_type", (_SIGLIP,))
    image, factor = parts.read_image(section), parameters.integer("downsample_factor")
    parameters.relate(("alignment_intermediate_size",), middle % 2 == 0, f"a gate cannot halve {middle}")
    name, wide = "multi_modal_projector", factor**2 * image.hidden
    mapping = (
        *affine(f"{name}.linear_1", middle, wide, divided=divided),
        *affine(f"{name}.linear_2", width, middle // 2, divided=divided, divided_input=divided),
    )
    has_head = section.flag("vision_use_head")
    tower = as_tower(parts.siglip_image_tensors("vision_tower.vision_model", image, has_head=has_head))
    before = norm(f"{name}.layernorm", wide) if normed else ()
    return _tower(tower, before, mapping, image, patches=image.patches, factor=factor)


def _flat_patches(image: parts.ImageEncoder, patches: int, *, has_head: bool) -> tuple[Tensor, ...]:
    """The tower of SigLIP 2 for any aspect: a matrix embeds at most so many patches."""
    shapes = {
        "patch_embedding.weight": (image.hidden, image.channels * image.patch**2),
        "position_embedding.weight": (patches, image.hidden),
    }
    tensors = as_tower(parts.siglip_image_tensors("vision_tower.vision_model", image, has_head=has_head))
    return tuple(
        replace(one, shape=next((shape for end, shape in shapes.items() if one.name.endswith(end)), one.shape))
        for one in tensors
    )


def _tower(
    tower: tuple[Tensor, ...],
    before: tuple[Tensor, ...],
    mapping: tuple[Tensor, ...],
    image: parts.ImageEncoder,
    *,
    patches: int,
    factor: int,
) -> VisionTower:
    first, *_, last = (one for one in mapping if len(one.shape) > 1)
    middle, width = first.shape[0], last.shape[0]
    looked_up = ("position_embedding.weight",)
    working = (one for one in tower if not one.name.endswith(looked_up) and ".head." not in one.name)
    return VisionTower(
        tensors=(*tower, *before, *mapping),
        encoder=encoder(
            patch_flops=flops(working),
            token_flops=flops(mapping),
            layers=image.layers,
            hidden=image.hidden,
            block_live=2 * image.intermediate,
            patches_per_token=factor**2,
            token_live=factor**2 * image.hidden + middle + width,
            handed=width,
            tokens=max(1, patches // factor**2),
        ),
    )
