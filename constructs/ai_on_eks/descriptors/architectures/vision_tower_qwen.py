"""The vision towers of Qwen2-VL, Qwen2.5-VL, Qwen3-VL and Qwen3.5.

With patches of P × P pixels and T frames in C channels, hidden size H, intermediate size I, m × m patches merged into a
token of output width O, and D layers whose output is handed on as well (deepstack):

    embeddings  H × C × T × P²      Qwen3: + H, and positions × H
    per layer   3H × H + 3H  +  H × H + H  +  2 × H × I + I + H  +  4H
                Qwen2.5: 3 × H × I + 2I + H in the gated feed-forward block, norms 2H
    merger      2H  +  m²H × m²H + m²H  +  O × m²H + O         Qwen2.5: H in the norm
    deepstack   D × the same, its norm over the merged m²H

    handed on   O × (1 + D) elements per token

In Qwen2.5-VL all layers but those of `fullatt_block_indexes` attend within windows of `window_size` pixels only.
Any image size is taken; how many pixels at most is the image processor's business and not in the config.
Names are those of the published checkpoints below their prefix. Source: modeling_qwen2_vl.py, modeling_qwen2_5_vl.py,
modeling_qwen3_vl.py and modeling_qwen3_5.py of transformers 5.23.0; the same models of vLLM 0.33.0, all of whose
matrices are column and row parallel layers, read 2026-11-24.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

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
QWEN3_VISION_DEFAULTS: Mapping[str, Any] = {**QWEN_VISION_DEFAULTS, "deepstack_visual_indexes": [8, 16, 24]}
QWEN2_VISION_DEFAULTS: Mapping[str, Any] = {
    "in_channels": 3,
    "patch_size": 14,
    "temporal_patch_size": 2,
    "spatial_merge_size": 2,
    "mlp_ratio": 4,
    "window_size": 112,
}
"""What transformers documents for a hyper-parameter that a published `vision_config` may leave out."""


def qwen_vision_tower(section: Hyperparameters, prefix: str = "model.visual") -> VisionTower:
    """The tower of Qwen3-VL and Qwen3.5 that `section`, a config's `vision_config`, describes.

    The caller calls `finish`.
    """
    hidden, inner = section.integer("hidden_size"), section.integer("intermediate_size")
    layers, merge = section.integer("depth"), section.integer("spatial_merge_size")
    positions, output = section.integer("num_position_embeddings"), section.integer("out_hidden_size")
    deep = section.layer_numbers("deepstack_visual_indexes")
    merged = merge**2 * hidden

    embedded = _patches(section, prefix, hidden)
    blocks = _blocks(f"{prefix}.blocks.*", hidden, inner, layers, names=("linear_fc1", "linear_fc2"))
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
            block_live=2 * inner,
            patches_per_token=merge**2,
            token_live=2 * merged + handed,
            handed=handed,
        ),
    )


def qwen2_vision_tower(section: Hyperparameters, prefix: str = "visual") -> VisionTower:
    """The tower of Qwen2-VL; `hidden_size` is the width it hands on."""
    hidden, output = section.integer("embed_dim"), section.integer("hidden_size")
    layers, merge = section.integer("depth"), section.integer("spatial_merge_size")
    inner = hidden * section.integer("mlp_ratio")
    embedded = _patches(section, prefix, hidden)
    blocks = _blocks(f"{prefix}.blocks.*", hidden, inner, layers, names=("fc1", "fc2"))
    merger = _sequential_merger(f"{prefix}.merger", hidden, merge**2 * hidden, output)
    return VisionTower(
        tensors=(embedded, *blocks, *merger),
        encoder=encoder(
            patch_flops=flops((embedded, *blocks)),
            token_flops=flops(merger),
            layers=layers,
            hidden=hidden,
            block_live=2 * inner,
            patches_per_token=merge**2,
            token_live=2 * merge**2 * hidden + output,
            handed=output,
        ),
    )


def qwen2_5_vision_tower(section: Hyperparameters, prefix: str = "visual") -> VisionTower:
    """The tower of Qwen2.5-VL."""
    hidden, inner = section.integer("hidden_size"), section.integer("intermediate_size")
    layers, merge = section.integer("depth"), section.integer("spatial_merge_size")
    output, patch = section.integer("out_hidden_size"), section.integer("patch_size")
    everywhere = [layer for layer in section.layer_numbers("fullatt_block_indexes") if layer < layers]
    window_patches = (section.integer("window_size") // patch) ** 2
    embedded = _patches(section, prefix, hidden)
    blocks = _gated_blocks(f"{prefix}.blocks.*", hidden, inner, layers)
    merger = tuple(
        tensor
        for tensor in _sequential_merger(f"{prefix}.merger", hidden, merge**2 * hidden, output)
        if tensor.name != f"{prefix}.merger.ln_q.bias"
    )
    windowed = 4 * (layers - len(everywhere)) * hidden * window_patches
    return VisionTower(
        tensors=(embedded, *blocks, *merger),
        encoder=encoder(
            patch_flops=flops((embedded, *blocks)) + windowed,
            token_flops=flops(merger),
            layers=len(everywhere),
            hidden=hidden,
            block_live=3 * inner,
            patches_per_token=merge**2,
            token_live=2 * merge**2 * hidden + output,
            handed=output,
        ),
    )


def _patches(section: Hyperparameters, prefix: str, hidden: int) -> Tensor:
    patch, frames = section.integer("patch_size"), section.integer("temporal_patch_size")
    return whole(f"{prefix}.patch_embed.proj.weight", hidden, section.integer("in_channels"), frames, patch, patch)


def _attention(prefix: str, hidden: int, layers: int) -> tuple[Tensor, ...]:
    return (
        *affine(f"{prefix}.attn.qkv", 3 * hidden, hidden, layers),
        *affine(f"{prefix}.attn.proj", hidden, hidden, layers, divided_input=True),
    )


def _blocks(prefix: str, hidden: int, inner: int, layers: int, *, names: tuple[str, str]) -> tuple[Tensor, ...]:
    up, down = names
    return (
        *norm(f"{prefix}.norm1", hidden, layers),
        *norm(f"{prefix}.norm2", hidden, layers),
        *_attention(prefix, hidden, layers),
        *affine(f"{prefix}.mlp.{up}", inner, hidden, layers),
        *affine(f"{prefix}.mlp.{down}", hidden, inner, layers, divided_input=True),
    )


def _gated_blocks(prefix: str, hidden: int, inner: int, layers: int) -> tuple[Tensor, ...]:
    return (
        whole(f"{prefix}.norm1.weight", hidden, count=layers),
        whole(f"{prefix}.norm2.weight", hidden, count=layers),
        *_attention(prefix, hidden, layers),
        *affine(f"{prefix}.mlp.gate_proj", inner, hidden, layers),
        *affine(f"{prefix}.mlp.up_proj", inner, hidden, layers),
        *affine(f"{prefix}.mlp.down_proj", hidden, inner, layers, divided_input=True),
    )


def _merger(prefix: str, normed: int, merged: int, output: int, count: int) -> tuple[Tensor, ...]:
    return (
        *norm(f"{prefix}.norm", normed, count),
        *affine(f"{prefix}.linear_fc1", merged, merged, count),
        *affine(f"{prefix}.linear_fc2", output, merged, count, divided_input=True),
    )


def _sequential_merger(prefix: str, normed: int, merged: int, output: int) -> tuple[Tensor, ...]:
    """The same, its matrices numbered in the checkpoint: 0, an activation, 2."""
    renamed = {f"{prefix}.norm": f"{prefix}.ln_q"}
    renamed |= {f"{prefix}.linear_fc1": f"{prefix}.mlp.0", f"{prefix}.linear_fc2": f"{prefix}.mlp.2"}
    tensors = []
    for tensor in _merger(prefix, normed, merged, output, 1):
        module, _, part = tensor.name.rpartition(".")
        tensors.append(replace(tensor, name=f"{renamed[module]}.{part}"))
    return tuple(tensors)
