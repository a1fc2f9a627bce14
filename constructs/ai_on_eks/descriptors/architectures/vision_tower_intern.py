"""InternVL's vision tower, in the form transformers publishes (`…-hf`).

With image side S, patch side P, C channels, hidden size H, intermediate size I, ratio r and the decoder's hidden size
T:

    embeddings  H  +  ((S / P)² + 1) × H  +  H × C × P² + H        (+ H for a mask token)
    per layer   4 × H × H + H  +  2 × H × I + I + H  +  2H  +  4H  (+ 3H biases, + 2H norms of queries and keys)
                the 2H scale the two branches; norms without shift are 2H
    projector   2 × H/r²  +  T × H/r² + T  +  T × T + T

    tokens per tile = (S / P)² × r²;   a picture is cut into tiles

vLLM divides the feed-forward blocks over the ranks and keeps the rest whole. Source: modeling_internvl.py of
transformers 5.23.0; interns1.py and interns1_vit.py of vLLM 0.33.0, read 2026-11-24.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ai_on_eks.descriptors.architectures.hyperparameters import Hyperparameters
from ai_on_eks.descriptors.architectures.vision_tower import VisionTower, affine, encoder, flops, norm, whole
from ai_on_eks.descriptors.inventory import Tensor

DEFAULTS: Mapping[str, Any] = {
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "num_channels": 3,
    "image_size": [448, 448],
    "patch_size": [14, 14],
    "attention_bias": False,
    "use_qk_norm": False,
    "use_mask_token": False,
    "use_absolute_position_embeddings": True,
    "use_mean_pooling": True,
    "norm_type": "layer_norm",
}
"""What transformers documents for this tower; a section of a config says only what differs, widths included."""


def internvl_tower(parameters: Hyperparameters, width: int) -> VisionTower:
    """The tower of InternVL, `width` being the decoder's; `tokens` are those of one of a picture's tiles."""
    section = parameters.section("vision_config", DEFAULTS)
    hidden, layers = section.integer("hidden_size"), section.integer("num_hidden_layers")
    inner, channels = section.integer("intermediate_size"), section.integer("num_channels")
    side, patch = _side(section, "image_size"), _side(section, "patch_size")
    message = f"a patch of {patch} pixels is larger than the image of {side}"
    section.relate(("image_size", "patch_size"), patch <= side, message)
    merge = max(1, round(1 / parameters.number("downsample_ratio")))
    patches, merged = (side // patch) ** 2, merge**2 * hidden
    has_positions, has_mask = section.flag("use_absolute_position_embeddings"), section.flag("use_mask_token")

    prefix = "vision_tower"
    embedded = whole(f"{prefix}.embeddings.patch_embeddings.projection.weight", hidden, channels, patch, patch)
    blocks = _blocks(section, f"{prefix}.encoder.layer.*", hidden, inner, layers)
    projector = (
        *norm("multi_modal_projector.layer_norm", merged),
        *affine("multi_modal_projector.linear_1", width, merged, divided=False),
        *affine("multi_modal_projector.linear_2", width, width, divided=False),
    )
    top = () if section.flag("use_mean_pooling") else norm(f"{prefix}.layernorm", hidden)
    return VisionTower(
        tensors=(
            whole(f"{prefix}.embeddings.cls_token", 1, 1, hidden),
            *((whole(f"{prefix}.embeddings.mask_token", 1, 1, hidden),) if has_mask else ()),
            *((whole(f"{prefix}.embeddings.position_embeddings", 1, patches + 1, hidden),) if has_positions else ()),
            embedded,
            whole(f"{prefix}.embeddings.patch_embeddings.projection.bias", hidden),
            *blocks,
            *top,
            *projector,
        ),
        encoder=encoder(
            patch_flops=flops((embedded, *blocks)),
            token_flops=flops(projector),
            layers=layers,
            hidden=hidden,
            block_live=2 * inner,
            patches_per_token=merge**2,
            token_live=merged + 2 * width,
            handed=width,
            tokens=max(1, patches // merge**2),
        ),
    )


def _blocks(section: Hyperparameters, prefix: str, hidden: int, inner: int, layers: int) -> tuple[Tensor, ...]:
    biased, normalized = section.flag("attention_bias"), section.flag("use_qk_norm")
    shifted = section.choice("norm_type", ("layer_norm", "rms_norm")) == "layer_norm"
    names = ("layernorm_before", "layernorm_after")
    norms = tuple(
        tensor
        for name in names
        for tensor in norm(f"{prefix}.{name}", hidden, layers)
        if shifted or tensor.name.endswith("weight")
    )
    inputs = tuple(
        tensor
        for name in "qkv"
        for tensor in affine(f"{prefix}.attention.{name}_proj", hidden, hidden, layers, divided=False, biased=biased)
    )
    scores = ("q_norm", "k_norm") if normalized else ()
    return (
        whole(f"{prefix}.lambda_1", hidden, count=layers),
        whole(f"{prefix}.lambda_2", hidden, count=layers),
        *inputs,
        *affine(f"{prefix}.attention.projection_layer", hidden, hidden, layers, divided=False),
        *(whole(f"{prefix}.attention.{name}.weight", hidden, count=layers) for name in scores),
        *affine(f"{prefix}.mlp.fc1", inner, hidden, layers),
        *affine(f"{prefix}.mlp.fc2", hidden, inner, layers, divided_input=True),
        *norms,
    )


def _side(section: Hyperparameters, key: str) -> int:
    """A side in pixels; published as one number, or as height and width, which must agree."""
    if section.has(key) and not isinstance(section.value(key), list):
        return section.integer(key)
    sides = section.integers(key)
    section.support(key, len(set(sides)) == 1, "images or patches that are not square")
    return sides[0] if sides else 1
