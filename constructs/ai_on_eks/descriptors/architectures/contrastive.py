"""Encoders of images and words into one space: CLIP, SigLIP, SigLIP 2; whole, or one tower alone.

    whole         both towers; CLIP: a projection of each, P × H, and a scale; SigLIP: a head H × H + H on the text, the
                  pooling probe on the image, a scale and a bias
    one tower     a text tower works on tokens, an image tower on images; …WithProjection adds its projection

The item of a whole model is an image with one text of full length: operations of both are added, of their live values
the larger counts, since the towers run one after the other.

SigLIP 2 in its own model type (NaFlex) takes any aspect: `num_patches` patches at most, embedded by a matrix. The fixed
sizes of SigLIP 2 are published as `siglip`. Towers of their own are in `contrastive_parts`.
Source: modeling_clip.py, modeling_siglip.py and modeling_siglip2.py of transformers 5.23.0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ai_on_eks.descriptors.architectures import contrastive_parts as parts
from ai_on_eks.descriptors.architectures.encoder_parts import linear
from ai_on_eks.descriptors.architectures.hyperparameters import Hyperparameters
from ai_on_eks.descriptors.architectures.operations import matrix_flops
from ai_on_eks.descriptors.inventory import (
    Activations,
    Inventory,
    Item,
    Operations,
    Sharding,
    Tensor,
    TensorRole,
)

FAMILY = "transformer"
MODEL_TYPES: Mapping[str, None] = dict.fromkeys(
    (
        "clip",
        "clip_text_model",
        "clip_vision_model",
        "siglip",
        "siglip2",
        "siglip_text_model",
        "siglip_vision_model",
    )
)

DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "clip": {"projection_dim": 512},
    "clip_text_model": {"projection_dim": 512},
    "clip_vision_model": {"projection_dim": 512, "num_channels": 3},
    "siglip": {},
    "siglip2": {},
    "siglip_text_model": {},
    "siglip_vision_model": {"num_channels": 3, "vision_use_head": True},
}
"""What transformers documents for a hyper-parameter that a published config may leave out."""

_NAFLEX: Mapping[str, Any] = {**parts.SIGLIP_IMAGE, "num_patches": 256}
_SINGLE_TOWERS = ("ModelWithProjection", "Model")


def read(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The inventory of an encoder of images, words or both, or an InputError with every missing hyper-parameter."""
    if model_type.endswith("_text_model"):
        return _text_alone(model_type, parameters)
    if model_type.endswith("_vision_model"):
        return _image_alone(model_type, parameters)
    parameters.ending("architectures", ("Model",))
    return _clip(parameters) if model_type == "clip" else _siglip(model_type, parameters)


def _clip(parameters: Hyperparameters) -> Inventory:
    text = parts.read_text(parameters.section("text_config", parts.CLIP_TEXT))
    image = parts.read_image(parameters.section("vision_config", parts.CLIP_IMAGE))
    width = parameters.integer("projection_dim")
    parameters.finish()
    projections = (
        _projection("visual_projection", width, image.hidden),
        _projection("text_projection", width, text.hidden),
    )
    return _pair(
        "clip",
        text,
        image,
        (
            Tensor("logit_scale", (), TensorRole.HEAD, Sharding.REPLICATED),
            *parts.text_tensors("text_model", text),
            *parts.clip_image_tensors("vision_model", image),
            *projections,
        ),
        patches=image.patches,
        class_tokens=1,
        top_flops=2 * sum(tensor.parameters for tensor in projections),
    )


def _siglip(model_type: str, parameters: Hyperparameters) -> Inventory:
    words, pictures = parameters.section("text_config", parts.SIGLIP_TEXT), "vision_config"
    text = parts.read_text(words)
    width = words.integer_or("projection_size", text.hidden)
    if model_type == "siglip":
        section = parameters.section(pictures, parts.SIGLIP_IMAGE)
        image = parts.read_image(section)
    else:
        section = parameters.section(pictures, _NAFLEX)
        image = _flexible(section)
    has_head = section.flag("vision_use_head")
    patches = section.integer("num_patches") if model_type == "siglip2" else image.patches
    message = f"{patches} patches; at most {parts.MAX_SIDE}"
    section.relate(("num_patches",), model_type == "siglip" or patches <= parts.MAX_SIDE, message)
    parameters.finish()
    head = linear("text_model.head", width, text.hidden, TensorRole.HEAD)
    tower = parts.siglip_image_tensors("vision_model", image, has_head=has_head)
    return _pair(
        model_type,
        text,
        image,
        (
            Tensor("logit_scale", (1,), TensorRole.HEAD, Sharding.REPLICATED),
            Tensor("logit_bias", (1,), TensorRole.HEAD, Sharding.REPLICATED),
            *parts.text_tensors("text_model", text),
            *head,
            *(tower if model_type == "siglip" else _matrix_embedded(tower, image, patches)),
        ),
        patches=patches,
        class_tokens=0,
        top_flops=2 * width * text.hidden + (parts.siglip_head_flops(image, patches) if has_head else 0),
    )


def _flexible(section: Hyperparameters) -> parts.ImageEncoder:
    """An image of exactly one patch stands for sizes the config does not fix."""
    one, patch = parts.read_encoder(section), section.integer("patch_size")
    channels = section.integer("num_channels")
    return parts.ImageEncoder(one.layers, one.hidden, one.intermediate, one.heads, patch, patch, channels)


def _matrix_embedded(tower: tuple[Tensor, ...], image: parts.ImageEncoder, patches: int) -> tuple[Tensor, ...]:
    """The same tower with its patches embedded by a matrix, and `patches` positions."""
    name = "vision_model.embeddings"
    matrix = (image.hidden, image.channels * image.patch**2)
    whole = Sharding.REPLICATED
    return (
        Tensor(f"{name}.patch_embedding.weight", matrix, TensorRole.CONVOLUTION, whole),
        Tensor(f"{name}.position_embedding.weight", (patches, image.hidden), TensorRole.EMBEDDING, whole),
        *(
            tensor
            for tensor in tower
            if tensor.name not in (f"{name}.patch_embedding.weight", f"{name}.position_embedding.weight")
        ),
    )


def _pair(
    model_type: str,
    text: parts.TextEncoder,
    image: parts.ImageEncoder,
    tensors: tuple[Tensor, ...],
    *,
    patches: int,
    class_tokens: int,
    top_flops: int,
) -> Inventory:
    image_tokens = patches + class_tokens
    embedding = 2 * patches * image.hidden * image.channels * image.patch**2
    return Inventory(
        architecture=model_type,
        item=Item.IMAGE,
        tensors=tensors,
        states=(),
        operations=Operations(
            per_item=embedding
            + parts.pass_flops(image, image_tokens)
            + parts.pass_flops(text, text.context)
            + top_flops
        ),
        activations=Activations(per_item=max(image_tokens * image.live, text.context * text.live)),
        layers=text.layers + image.layers,
        hidden_size=image.hidden,
        attention_heads=image.heads,
        key_value_heads=image.heads,
    )


def _text_alone(model_type: str, parameters: Hyperparameters) -> Inventory:
    text = parts.read_text(parameters)
    head: tuple[Tensor, ...] = ()
    if model_type == "siglip_text_model":
        parameters.ending("architectures", ("Model",))
        width = parameters.integer_or("projection_size", text.hidden)
        head = linear("text_model.head", width, text.hidden, TensorRole.HEAD)
    elif parameters.ending("architectures", _SINGLE_TOWERS) == "ModelWithProjection":
        head = (_projection("text_projection", parameters.integer("projection_dim"), text.hidden),)
    parameters.finish()
    tensors = parts.text_tensors("text_model", text)
    return Inventory(
        architecture=model_type,
        item=Item.TOKEN,
        tensors=(*tensors, *head),
        states=(),
        operations=Operations(per_item=matrix_flops(tensors), per_item_and_context_token=4 * text.layers * text.hidden),
        activations=Activations(per_item=text.live),
        layers=text.layers,
        hidden_size=text.hidden,
        attention_heads=text.heads,
        key_value_heads=text.heads,
        max_context_tokens=text.context,
    )


def _image_alone(model_type: str, parameters: Hyperparameters) -> Inventory:
    image = parts.read_image(parameters)
    tensors: tuple[Tensor, ...]
    if model_type == "siglip_vision_model":
        parameters.ending("architectures", ("Model",))
        tokens, has_head = image.patches, parameters.flag("vision_use_head")
        tensors = parts.siglip_image_tensors("vision_model", image, has_head=has_head)
        top_flops = parts.siglip_head_flops(image, tokens) if has_head else 0
    else:
        tokens, tensors, top_flops = image.patches + 1, parts.clip_image_tensors("vision_model", image), 0
        if parameters.ending("architectures", _SINGLE_TOWERS) == "ModelWithProjection":
            projection = _projection("visual_projection", parameters.integer("projection_dim"), image.hidden)
            tensors, top_flops = (*tensors, projection), 2 * projection.parameters
    parameters.finish()
    return Inventory(
        architecture=model_type,
        item=Item.IMAGE,
        tensors=tensors,
        states=(),
        operations=Operations(per_item=parts.image_flops(image, tokens) + top_flops),
        activations=Activations(per_item=tokens * image.live),
        layers=image.layers,
        hidden_size=image.hidden,
        attention_heads=image.heads,
        key_value_heads=image.heads,
    )


def _projection(name: str, width: int, hidden: int) -> Tensor:
    """Once per image or text; plain layers in vLLM, whole on every rank."""
    return Tensor(f"{name}.weight", (width, hidden), TensorRole.HEAD, Sharding.REPLICATED)
