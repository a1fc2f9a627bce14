"""Llama 4's vision tower.

With image side S, patch side P, C channels, hidden size H, intermediate size I, adapter widths A and B
(`projector_input_dim`, `projector_output_dim`), output width O and the decoder's hidden size T:

    embeddings  H  +  ((S / P)² + 1) × H  +  H × C × P²  +  4H      class token, positions, patches, two norms
    per layer   4 × (H × H + H)  +  2 × H × I + I + H  +  4H
    adapter     A × I  +  B × B                                     patches shuffled together, I = H / ratio²; A = B
    projector   T × O

    tokens per tile = (S / P)² × ratio²;   a picture is cut into up to 16 tiles and one overview

vLLM divides all of it over the ranks, but for embeddings and norms. Source: modeling_llama4.py of transformers 5.23.0;
mllama4.py of vLLM 0.33.0, read 2026-11-24.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ai_on_eks.descriptors.architectures.hyperparameters import Hyperparameters
from ai_on_eks.descriptors.architectures.vision_tower import VisionTower, affine, encoder, flops, matrix, norm, whole
from ai_on_eks.descriptors.inventory import Tensor

DEFAULTS: Mapping[str, Any] = {
    "hidden_size": 768,
    "intermediate_size": 5632,
    "num_hidden_layers": 34,
    "num_attention_heads": 16,
    "num_channels": 3,
    "image_size": 448,
    "patch_size": 14,
    "pixel_shuffle_ratio": 0.5,
    "projector_input_dim": 4096,
    "projector_output_dim": 4096,
    "vision_output_dim": 7680,
}
"""What transformers documents for this tower; a section of a config says only what differs, widths included."""


def llama4_tower(parameters: Hyperparameters, width: int) -> VisionTower:
    """The tower of Llama 4, `width` being the decoder's; `tokens` are those of one of a picture's tiles."""
    section = parameters.section("vision_config", DEFAULTS)
    hidden, inner = section.integer("hidden_size"), section.integer("intermediate_size")
    layers, channels = section.integer("num_hidden_layers"), section.integer("num_channels")
    side, patch = section.integer("image_size"), section.integer("patch_size")
    message = f"a patch of {patch} pixels is larger than the image of {side}"
    section.relate(("image_size", "patch_size"), patch <= side, message)
    adapted, projected = section.integer("projector_input_dim"), section.integer("projector_output_dim")
    output, merge = section.integer("vision_output_dim"), max(1, round(1 / section.number("pixel_shuffle_ratio")))
    patches = (side // patch) ** 2
    name = "vision_model"
    embedded = whole(f"{name}.patch_embedding.linear.weight", hidden, channels * patch**2)
    blocks = _blocks(f"{name}.model.layers.*", hidden, inner, layers)
    mapping = (
        matrix(f"{name}.vision_adapter.mlp.fc1", adapted, inner),
        matrix(f"{name}.vision_adapter.mlp.fc2", projected, projected),
        matrix("multi_modal_projector.linear_1", width, output),
    )
    return VisionTower(
        tensors=(
            whole(f"{name}.class_embedding", hidden),
            whole(f"{name}.positional_embedding_vlm", patches + 1, hidden),
            embedded,
            *norm(f"{name}.layernorm_pre", hidden),
            *norm(f"{name}.layernorm_post", hidden),
            *blocks,
            *mapping,
        ),
        encoder=encoder(
            patch_flops=flops((embedded, *blocks)),
            token_flops=flops(mapping),
            layers=layers,
            hidden=hidden,
            block_live=2 * inner,
            patches_per_token=merge**2,
            token_live=inner + adapted + projected,
            handed=width,
            tokens=max(1, patches // merge**2),
        ),
    )


def _blocks(prefix: str, hidden: int, inner: int, layers: int) -> tuple[Tensor, ...]:
    return (
        *affine(f"{prefix}.self_attn.q_proj", hidden, hidden, layers),
        *affine(f"{prefix}.self_attn.k_proj", hidden, hidden, layers),
        *affine(f"{prefix}.self_attn.v_proj", hidden, hidden, layers),
        *affine(f"{prefix}.self_attn.o_proj", hidden, hidden, layers, divided_input=True),
        *affine(f"{prefix}.mlp.fc1", inner, hidden, layers),
        *affine(f"{prefix}.mlp.fc2", hidden, inner, layers, divided_input=True),
        *norm(f"{prefix}.input_layernorm", hidden, layers),
        *norm(f"{prefix}.post_attention_layernorm", hidden, layers),
    )
