"""The vision tower of GLM-4.1V, GLM-4.5V and GLM-4.6V.

With patches of P × P pixels and T frames in C channels, images of S pixels a side, hidden size H, m × m patches merged
into a token of output width O, and I for the merger:

    embeddings  H × C × T × P² + H  +  (S / P)² × H          positions are stretched to images of other sizes
    per layer   3H × H (+ 3H)  +  H × H  +  3 × H × O  +  2H   the gated block inside is as wide as the output
    downsample  O × H × m² + O  +  2H                        norms before and after
    merger      O × O  +  2O  +  3 × O × I

Any image size is taken. Source: modeling_glm4v.py and modeling_glm4v_moe.py of transformers 5.23.0, read 2026-11-28;
glm4_1v.py of vLLM, whose matrices are column and row parallel layers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ai_on_eks.descriptors.architectures.hyperparameters import Hyperparameters
from ai_on_eks.descriptors.architectures.vision_tower import VisionTower, affine, encoder, flops, matrix, norm, whole

_DEFAULTS: Mapping[str, Any] = {
    "depth": 24,
    "hidden_size": 1536,
    "attention_bias": False,
    "num_heads": 12,
    "in_channels": 3,
    "image_size": 336,
    "patch_size": 14,
    "spatial_merge_size": 2,
    "temporal_patch_size": 2,
    "out_hidden_size": 4096,
    "intermediate_size": 13_696,
}
"""What transformers documents for this tower; a section of a config says only what differs, widths included."""


def glm_tower(parameters: Hyperparameters, width: int) -> VisionTower:
    """The tower that the `vision_config` describes, `width` being the decoder's."""
    section = parameters.section("vision_config", _DEFAULTS)
    hidden, heads, layers = section.integer("hidden_size"), section.integer("num_heads"), section.integer("depth")
    section.relate(("hidden_size", "num_heads"), hidden % heads == 0, f"{heads} heads do not divide {hidden}")
    output, inner = section.integer("out_hidden_size"), section.integer("intermediate_size")
    message = f"images become {output} wide, the decoder is {width}"
    section.relate(("out_hidden_size",), not width or output == width, message)
    side, patch, frames = (
        section.integer("image_size"),
        section.integer("patch_size"),
        section.integer("temporal_patch_size"),
    )
    section.relate(("image_size", "patch_size"), patch <= side, f"a patch of {patch} pixels is larger than {side}")
    merge, biased, prefix = section.integer("spatial_merge_size"), section.flag("attention_bias"), "model.visual"
    shape = (hidden, section.integer("in_channels"), frames, patch, patch)
    embedded = whole(f"{prefix}.patch_embed.proj.weight", *shape)
    block = f"{prefix}.blocks.*"
    blocks = (
        *affine(f"{block}.attn.qkv", 3 * hidden, hidden, layers, biased=biased),
        matrix(f"{block}.attn.proj", hidden, hidden, layers),
        matrix(f"{block}.mlp.gate_proj", output, hidden, layers),
        matrix(f"{block}.mlp.up_proj", output, hidden, layers),
        matrix(f"{block}.mlp.down_proj", hidden, output, layers),
    )
    merged = (
        whole(f"{prefix}.downsample.weight", output, hidden, merge, merge),
        matrix(f"{prefix}.merger.proj", output, output),
        matrix(f"{prefix}.merger.gate_proj", inner, output),
        matrix(f"{prefix}.merger.up_proj", inner, output),
        matrix(f"{prefix}.merger.down_proj", output, inner),
    )
    return VisionTower(
        tensors=(
            whole(f"{prefix}.embeddings.position_embedding.weight", (side // patch) ** 2, hidden),
            embedded,
            whole(f"{prefix}.patch_embed.proj.bias", hidden),
            whole(f"{block}.norm1.weight", hidden, count=layers),
            whole(f"{block}.norm2.weight", hidden, count=layers),
            *blocks,
            whole(f"{prefix}.post_conv_layernorm.weight", hidden),
            whole(f"{prefix}.post_layernorm.weight", hidden),
            whole(f"{prefix}.downsample.bias", output),
            *norm(f"{prefix}.merger.post_projection_norm", output),
            *merged,
        ),
        encoder=encoder(
            patch_flops=flops((embedded, *blocks)),
            token_flops=flops(merged),
            layers=layers,
            hidden=hidden,
            block_live=3 * output,
            patches_per_token=merge**2,
            token_live=output + 3 * inner,
            handed=output,
        ),
    )
