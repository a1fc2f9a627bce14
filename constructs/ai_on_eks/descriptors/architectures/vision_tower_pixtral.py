"""Pixtral's vision tower, and Mistral Small 3's way from it to the decoder.

With patch side P, C channels, hidden size H, heads × head dimension = H, intermediate size I, the decoder's hidden size
T and s × s patches merged (`spatial_merge_size`):

    embeddings  H × C × P²  +  H
    per layer   4 × H × H  +  3 × H × I  +  2H       gated, no biases; positions are rotary
    projector   H  +  H × s²H  +  T × H  +  T × T    norm, merging layer, two matrices

Images of up to `image_size` pixels a side are taken as they are; larger ones are scaled down.
vLLM divides all but the merging layer over the ranks. Source: modeling_pixtral.py and modeling_mistral3.py of
transformers 5.23.0; pixtral.py and mistral3.py of vLLM 0.33.0, read 2026-11-24.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ai_on_eks.descriptors.architectures.hyperparameters import Hyperparameters
from ai_on_eks.descriptors.architectures.vision_tower import VisionTower, affine, encoder, flops, matrix, whole
from ai_on_eks.descriptors.inventory import Tensor

PIXTRAL_DEFAULTS: Mapping[str, Any] = {
    "model_type": "pixtral",
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "num_channels": 3,
    "image_size": 1024,
    "patch_size": 16,
}
"""What transformers documents for this tower; a section of a config says only what differs, widths included."""

MERGED_DEFAULTS: Mapping[str, Any] = {**PIXTRAL_DEFAULTS, "image_size": 1540, "patch_size": 14}
"""… for the tower of Mistral Small 3."""


def mistral3_tower(parameters: Hyperparameters, width: int) -> VisionTower:
    """The tower of Mistral Small 3.1 and its successors, `width` being the decoder's."""
    section = parameters.section("vision_config", MERGED_DEFAULTS)
    tower, hidden, layers, block_live = pixtral_parts(section, "vision_tower")
    merge, biased = parameters.integer("spatial_merge_size"), parameters.flag("multimodal_projector_bias")
    chosen = parameters.value("vision_feature_layer")
    features = max(1, len(chosen)) if isinstance(chosen, list) else 1
    side, patch = section.integer("image_size"), section.integer("patch_size")
    projector = (
        whole("multi_modal_projector.norm.weight", features * hidden),
        matrix(
            "multi_modal_projector.patch_merger.merging_layer",
            features * hidden,
            features * hidden * merge**2,
            divided=False,
        ),
        *affine("multi_modal_projector.linear_1", width, features * hidden, biased=biased),
        *affine("multi_modal_projector.linear_2", width, width, divided_input=True, biased=biased),
    )
    return VisionTower(
        tensors=(*tower, *projector),
        encoder=encoder(
            patch_flops=flops(tower),
            token_flops=flops(projector),
            layers=layers,
            hidden=hidden,
            block_live=block_live,
            patches_per_token=merge**2,
            token_live=(merge**2 + 1) * features * hidden + 2 * width,
            handed=width,
            tokens=(side // patch // merge) ** 2 or None,
        ),
    )


def pixtral_parts(section: Hyperparameters, prefix: str) -> tuple[tuple[Tensor, ...], int, int, int]:
    """The tower alone: its tensors, hidden size, layers, and elements alive in its feed-forward block per patch."""
    hidden, inner = section.integer("hidden_size"), section.integer("intermediate_size")
    layers, channels = section.integer("num_hidden_layers"), section.integer("num_channels")
    patch, heads = section.integer("patch_size"), section.integer("num_attention_heads")
    message = f"{heads} heads do not divide hidden_size {hidden}"
    section.relate(("hidden_size", "num_attention_heads"), hidden % heads == 0, message)
    block = f"{prefix}.transformer.layers.*"
    tensors = (
        whole(f"{prefix}.patch_conv.weight", hidden, channels, patch, patch),
        whole(f"{prefix}.ln_pre.weight", hidden),
        *(matrix(f"{block}.attention.{name}_proj", hidden, hidden, layers) for name in "qkvo"),
        matrix(f"{block}.feed_forward.gate_proj", inner, hidden, layers),
        matrix(f"{block}.feed_forward.up_proj", inner, hidden, layers),
        matrix(f"{block}.feed_forward.down_proj", hidden, inner, layers),
        whole(f"{block}.attention_norm.weight", hidden, count=layers),
        whole(f"{block}.ffn_norm.weight", hidden, count=layers),
    )
    return tensors, hidden, layers, 3 * inner
