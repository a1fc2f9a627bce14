"""Vision towers that are CLIP's or SigLIP's, and what maps them to a decoder: LLaVA, Gemma 3, PaliGemma, Idefics3.

With the tower's hidden size H (`contrastive_parts`) and the decoder's hidden size T:

    LLaVA      T × nH + T  +  T × T + T      n features, as many as layers in `vision_feature_layer`; one token a patch
               LLaVA-NeXT, -OneVision: + T, the end of a line of patches; several tiles a picture, each as large as
               one image;   ViP-LLaVA: + 2nH, a norm before
    Gemma 3    H × T  +  H                   patches are averaged to `mm_tokens_per_image` tokens
    PaliGemma  T × H + T                     one token a patch
    Idefics3   T × s²H                       s × s patches (`scale_factor`) make a token; several tiles a picture

vLLM divides the towers and LLaVA's projector over the ranks; the projectors of the others are plain or replicated
layers. It leaves out layers above the one whose output is used (LLaVA takes the last but one), which transformers keeps
and which are counted here: 0.2 % of LLaVA-1.5-7B.
Source: modeling_llava.py, modeling_gemma3.py, modeling_paligemma.py and modeling_idefics3.py of transformers 5.23.0;
clip.py, siglip.py, idefics2_vision_model.py and the models of vLLM 0.33.0, read 2026-11-24.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ai_on_eks.descriptors.architectures import contrastive_parts as parts
from ai_on_eks.descriptors.architectures.hyperparameters import Hyperparameters
from ai_on_eks.descriptors.architectures.vision_tower import (
    VisionTower,
    affine,
    as_tower,
    encoder,
    flops,
    norm,
    whole,
)
from ai_on_eks.descriptors.architectures.vision_tower_pixtral import PIXTRAL_DEFAULTS, pixtral_parts
from ai_on_eks.descriptors.inventory import Tensor

_LLAVA_TOWERS = ("clip_vision_model", "pixtral", "siglip_vision_model")
_LLAVA_IMAGE = {
    "model_type": "clip_vision_model",
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "num_channels": 3,
    "image_size": 336,
    "patch_size": 14,
}
"""LLaVA's own tower, where the config names no other."""
_ONEVISION_IMAGE = {
    **parts.SIGLIP_IMAGE,
    "model_type": "siglip_vision_model",
    "hidden_size": 1152,
    "intermediate_size": 4304,
    "num_hidden_layers": 26,
    "num_attention_heads": 16,
    "image_size": 384,
    "patch_size": 14,
    "vision_use_head": False,
}
"""LLaVA-OneVision's. A section that names its model type has the values of that class instead."""
_VIP_FEATURES = 5
"""Layers whose outputs ViP-LLaVA takes where its config does not list them."""


def llava_tower(parameters: Hyperparameters, width: int, usual: Mapping[str, Any] = _LLAVA_IMAGE) -> VisionTower:
    """LLaVA and LLaVA-NeXT, `width` being the decoder's; `usual` is the tower where the config names no other."""
    return _llava(parameters, width, usual, _features(parameters), biased=parameters.flag("multimodal_projector_bias"))


def _llava(
    parameters: Hyperparameters, width: int, usual: Mapping[str, Any], features: int, *, biased: bool
) -> VisionTower:
    kind = parameters.section("vision_config", usual).choice("model_type", _LLAVA_TOWERS)
    prefix = "vision_tower.vision_model"
    tokens: int | None
    if kind == "pixtral":
        section = parameters.section("vision_config", PIXTRAL_DEFAULTS)
        tower, hidden, layers, block_live = pixtral_parts(section, "vision_tower")
        tokens = None
    else:
        is_clip = kind == "clip_vision_model"
        defaults = _LLAVA_IMAGE if is_clip else {**parts.SIGLIP_IMAGE, "model_type": kind}
        section = parameters.section("vision_config", {**defaults, **(usual if kind == usual["model_type"] else {})})
        image = parts.read_image(section)
        has_head = not is_clip and section.flag("vision_use_head")
        tower = as_tower(
            parts.clip_image_tensors(prefix, image)
            if is_clip
            else parts.siglip_image_tensors(prefix, image, has_head=has_head)
        )
        hidden, layers, block_live, tokens = image.hidden, image.layers, 2 * image.intermediate, image.patches
    section.choice("model_type", _LLAVA_TOWERS)
    projector = (
        *affine("multi_modal_projector.linear_1", width, features * hidden, biased=biased),
        *affine("multi_modal_projector.linear_2", width, width, divided_input=True, biased=biased),
    )
    return VisionTower(
        tensors=(*tower, *projector),
        encoder=encoder(
            patch_flops=_per_patch(tower),
            token_flops=flops(projector),
            layers=layers,
            hidden=hidden,
            block_live=block_live,
            patches_per_token=1,
            token_live=features * hidden + 2 * width,
            handed=width,
            tokens=tokens,
        ),
    )


def llava_next_tower(parameters: Hyperparameters, width: int) -> VisionTower:
    """The same, with a token for the end of each line; `tokens` are those of one of a picture's tiles."""
    tower = llava_tower(parameters, width)
    return VisionTower((*tower.tensors, whole("image_newline", width)), tower.encoder)


def llava_onevision_tower(parameters: Hyperparameters, width: int) -> VisionTower:
    """LLaVA-OneVision: LLaVA-NeXT with another tower."""
    tower = llava_tower(parameters, width, _ONEVISION_IMAGE)
    return VisionTower((*tower.tensors, whole("image_newline", width)), tower.encoder)


def vip_llava_tower(parameters: Hyperparameters, width: int) -> VisionTower:
    """ViP-LLaVA: the outputs of several layers, normalized together."""
    given = parameters.has("vision_feature_layer")
    features = _features(parameters) if given else _VIP_FEATURES
    tower = _llava(parameters, width, _LLAVA_IMAGE, features, biased=True)
    hidden = next(one.shape[1] for one in tower.tensors if one.name == "multi_modal_projector.linear_1.weight")
    return VisionTower((*tower.tensors, *norm("multi_modal_projector.projector_layernorm", hidden)), tower.encoder)


def gemma3_tower(parameters: Hyperparameters, width: int) -> VisionTower:
    """Gemma 3."""
    section = parameters.section("vision_config", parts.SIGLIP_IMAGE)
    image, tokens = parts.read_image(section), parameters.integer("mm_tokens_per_image")
    message = f"{image.patches} patches cannot make {tokens} tokens"
    parameters.relate(("mm_tokens_per_image",), tokens <= image.patches, message)
    has_head = section.flag("vision_use_head")
    tower = as_tower(parts.siglip_image_tensors("vision_tower.vision_model", image, has_head=has_head))
    projector = (
        whole("multi_modal_projector.mm_input_projection_weight", image.hidden, width),
        whole("multi_modal_projector.mm_soft_emb_norm.weight", image.hidden),
    )
    return _siglip_tower(tower, projector, image, width, patches_per_token=image.patches // tokens, tokens=tokens)


def paligemma_tower(parameters: Hyperparameters, width: int) -> VisionTower:
    """PaliGemma."""
    section = parameters.section("vision_config", {**parts.SIGLIP_IMAGE, "projection_dim": 2048})
    image, projected = parts.read_image(section), section.integer("projection_dim")
    message = f"images become {projected} wide, the decoder is {width}"
    section.relate(("projection_dim",), not width or projected == width, message)
    has_head = section.flag("vision_use_head")
    tower = as_tower(parts.siglip_image_tensors("vision_tower.vision_model", image, has_head=has_head))
    projector = affine("multi_modal_projector.linear", projected, image.hidden, divided=False)
    return _siglip_tower(tower, projector, image, width, patches_per_token=1, tokens=image.patches)


def idefics3_tower(parameters: Hyperparameters, width: int) -> VisionTower:
    """Idefics3 and SmolVLM; `tokens` are those of one of a picture's tiles."""
    defaults = {**parts.SIGLIP_IMAGE, "hidden_size": 1152, "num_attention_heads": 16, "patch_size": 32}
    image = parts.read_image(parameters.section("vision_config", defaults))
    scale = parameters.integer("scale_factor")
    message = f"{scale} × {scale} patches of {image.patches} make no token"
    parameters.relate(("scale_factor",), scale**2 <= image.patches, message)
    tower = as_tower(parts.siglip_image_tensors("model.vision_model", image, has_head=False))
    name = "model.connector.modality_projection.proj"
    projector = affine(name, width, image.hidden * scale**2, divided=False, biased=False)
    return _siglip_tower(tower, projector, image, width, patches_per_token=scale**2, tokens=image.patches // scale**2)


def _siglip_tower(
    tower: tuple[Tensor, ...],
    projector: tuple[Tensor, ...],
    image: parts.ImageEncoder,
    width: int,
    *,
    patches_per_token: int,
    tokens: int,
) -> VisionTower:
    return VisionTower(
        tensors=(*tower, *projector),
        encoder=encoder(
            patch_flops=_per_patch(tower),
            token_flops=flops(projector),
            layers=image.layers,
            hidden=image.hidden,
            block_live=2 * image.intermediate,
            patches_per_token=patches_per_token,
            token_live=patches_per_token * image.hidden + width,
            handed=width,
            tokens=tokens,
        ),
    )


def _features(parameters: Hyperparameters) -> int:
    """How many layers' outputs are handed on side by side: one, or the length of the list."""
    chosen = parameters.value("vision_feature_layer")
    return max(1, len(chosen)) if isinstance(chosen, list) else 1


def _per_patch(tower: tuple[Tensor, ...]) -> int:
    """Every matrix and the patch embedding; positions are looked up, and the pooling head is not used."""
    left_out = ("position_embedding.weight", "class_embedding")
    return flops(tensor for tensor in tower if not tensor.name.endswith(left_out) and ".head." not in tensor.name)
