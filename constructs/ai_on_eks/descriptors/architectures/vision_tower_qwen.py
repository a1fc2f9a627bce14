"""The vision tower of Qwen3-VL and Qwen3.5.

With patches of P × P pixels and T frames in C channels, hidden size H, intermediate size I, m × m patches merged into a
token of output width O, and D layers whose output is handed on as well (deepstack):

    embeddings  H × C × T × P² + H  +  positions × H
    per layer   3H × H + 3H  +  H × H + H  +  2 × H × I + I + H  +  4H
    merger      2H  +  m²H × m²H + m²H  +  O × m²H + O
    deepstack   D × the same, its norm over the merged m²H

    handed on   O × (1 + D) elements per token

Any image size is taken; how many pixels at most is the image processor's business and not in the config.
Names are those of the published checkpoints below their prefix. Source: modeling_qwen3_vl.py and modeling_qwen3_5.py of
transformers 5.23.0; qwen3_vl.py of vLLM 0.33.0 (column and row parallel layers), read 2026-11-24.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ai_on_eks.descriptors.architectures.hyperparameters import Hyperparameters
from ai_on_eks.descriptors.architectures.vision_tower import VisionTower, affine, encoder, flops, norm, whole
from ai_on_eks.descriptors.inventory import Tensor

QWEN_VISION_DEFAULTS: Mapping[str, Any] = {
    "in_channels": 3,
    "patch_size": 16,
    "temporal_patch_size": 2,
    "spatial_merge_size": 2,
    "num_position_embeddings": 2304,
}
"""What transformers documents for a hyper-parameter that a published `vision_config` may leave out."""


def qwen_vision_tower(section: Hyperparameters, prefix: str = "model.visual") -> VisionTower:
    """The tower that `section`, a config's `vision_config`, describes. The caller calls `finish`."""
    hidden, inner = section.integer("hidden_size"), section.integer("intermediate_size")
    layers, merge = section.integer("depth"), section.integer("spatial_merge_size")
    patch, frames = section.integer("patch_size"), section.integer("temporal_patch_size")
    channels, positions = section.integer("in_channels"), section.integer("num_position_embeddings")
    output = section.integer("out_hidden_size")
    deep = section.layer_numbers("deepstack_visual_indexes")
    merged = merge**2 * hidden

    embedded = whole(f"{prefix}.patch_embed.proj.weight", hidden, channels, frames, patch, patch)
    blocks = _blocks(f"{prefix}.blocks.*", hidden, inner, layers)
    mergers = _merger(f"{prefix}.merger", hidden, merged, output, 1)
    if deep:
        mergers += _merger(f"{prefix}.deepstack_merger_list.*", merged, merged, output, len(deep))
    handed = output * (1 + len(deep))
    return VisionTower(
        tensors=(
            embedded,
            whole(f"{prefix}.patch_embed.proj.bias", hidden),
            whole(f"{prefix}.pos_embed.weight", positions, hidden),
            *blocks,
            *mergers,
        ),
        encoder=encoder(
            patch_flops=flops((embedded, *blocks)),
            token_flops=flops(mergers),
            layers=layers,
            hidden=hidden,
            intermediate=inner,
            patches_per_token=merge**2,
            token_live=2 * merged + handed,
            handed=handed,
        ),
    )


def _blocks(prefix: str, hidden: int, inner: int, layers: int) -> tuple[Tensor, ...]:
    return (
        *norm(f"{prefix}.norm1", hidden, layers),
        *norm(f"{prefix}.norm2", hidden, layers),
        *affine(f"{prefix}.attn.qkv", 3 * hidden, hidden, layers),
        *affine(f"{prefix}.attn.proj", hidden, hidden, layers, divided_input=True),
        *affine(f"{prefix}.mlp.linear_fc1", inner, hidden, layers),
        *affine(f"{prefix}.mlp.linear_fc2", hidden, inner, layers, divided_input=True),
    )


def _merger(prefix: str, normed: int, merged: int, output: int, count: int) -> tuple[Tensor, ...]:
    return (
        *norm(f"{prefix}.norm", normed, count),
        *affine(f"{prefix}.linear_fc1", merged, merged, count),
        *affine(f"{prefix}.linear_fc2", output, merged, count, divided_input=True),
    )
