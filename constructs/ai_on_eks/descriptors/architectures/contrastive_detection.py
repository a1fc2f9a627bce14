"""Detectors of what words name: OWL-ViT and OWLv2, CLIP's two towers with heads on every patch.

With the image tower's width H, the text tower's T, a common width W and n patches:

    towers    as CLIP's (contrastive_parts.py), W × H and W × T on top, one scale
    heads     a norm 2H; classes T × H + T and twice H + 1; boxes 2 × (H² + H) + 4H + 4;
              OWLv2: how much of an object, 2 × (H² + H) + H + 1

    operations per image  both towers, the words' for one query, and  2 × n × the heads

Names are those of the published checkpoints.
Source: modeling_owlvit.py and modeling_owlv2.py of transformers 5.23.0, read 2026-11-29.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ai_on_eks.descriptors.architectures import contrastive_parts as parts
from ai_on_eks.descriptors.architectures.encoder_parts import layer_norm, whole
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
SECOND, FIRST = "owlv2", "owlvit"
MODEL_TYPES = (SECOND, FIRST)
DEFAULTS: Mapping[str, Mapping[str, Any]] = {SECOND: {"projection_dim": 512}, FIRST: {"projection_dim": 512}}
"""What transformers documents for a hyper-parameter that a published config may leave out."""

_TEXT: Mapping[str, Any] = {**parts.CLIP_TEXT, "max_position_embeddings": 16}
_IMAGES: Mapping[str, Mapping[str, Any]] = {
    SECOND: {**parts.CLIP_IMAGE, "image_size": 768, "patch_size": 16},
    FIRST: {**parts.CLIP_IMAGE, "image_size": 768, "patch_size": 32},
}
"""Of the sections, which say only what differs from their classes."""
HEAD = TensorRole.HEAD


def read(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The inventory of a detector, or an InputError with every missing hyper-parameter."""
    text = parts.read_text(parameters.section("text_config", _TEXT))
    image = parts.read_image(parameters.section("vision_config", _IMAGES[model_type]))
    width = parameters.integer("projection_dim")
    detects = parameters.ending("architectures", ("ForObjectDetection", "Model")) != "Model"
    parameters.finish()

    prefix, tokens = f"{model_type}." if detects else "", image.patches + 1
    everywhere = Sharding.REPLICATED
    projections = (
        Tensor(f"{prefix}visual_projection.weight", (width, image.hidden), HEAD, everywhere),
        Tensor(f"{prefix}text_projection.weight", (width, text.hidden), HEAD, everywhere),
    )
    heads = _heads(image.hidden, text.hidden, is_second=model_type == SECOND) if detects else ()
    return Inventory(
        architecture=model_type,
        item=Item.IMAGE,
        tensors=(
            Tensor(f"{prefix}logit_scale", (), HEAD, everywhere),
            *parts.text_tensors(f"{prefix}text_model", text),
            *parts.clip_image_tensors(f"{prefix}vision_model", image),
            *projections,
            *heads,
        ),
        states=(),
        operations=Operations(
            per_item=parts.image_flops(image, tokens)
            + parts.pass_flops(text, text.context)
            + matrix_flops(projections)
            + image.patches * matrix_flops(heads)
        ),
        activations=Activations(per_item=max(tokens * image.live, text.context * text.live)),
        layers=text.layers + image.layers,
        hidden_size=image.hidden,
        attention_heads=image.heads,
        key_value_heads=image.heads,
    )


def _heads(width: int, text: int, *, is_second: bool) -> tuple[Tensor, ...]:
    return (
        *layer_norm("layer_norm", width),
        *whole("class_head.dense0", text, width, HEAD),
        *whole("class_head.logit_shift", 1, width, HEAD),
        *whole("class_head.logit_scale", 1, width, HEAD),
        *_perceptron("box_head", width, 4),
        *(_perceptron("objectness_head", width, 1) if is_second else ()),
    )


def _perceptron(name: str, width: int, outputs: int) -> tuple[Tensor, ...]:
    return (
        *whole(f"{name}.dense0", width, width, HEAD),
        *whole(f"{name}.dense1", width, width, HEAD),
        *whole(f"{name}.dense2", outputs, width, HEAD),
    )
