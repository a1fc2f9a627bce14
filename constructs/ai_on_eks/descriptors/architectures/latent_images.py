"""Kimi-K2.5 and later: a vision tower before a decoder with multi-head latent attention.

The decoder is the one that `text_config` describes (`latent`). The tower, with hidden size H, intermediate size I,
patches of P × P pixels, positions for h × w patches, and a × b patches merged into a token:

    embeddings  H × 3 × P² + H  +  h × w × H
    per layer   3H × H + 3H  +  H × H + H  +  2 × H × I + I + H  +  4H
    after       2H
    projector   2H  +  abH × abH + abH  +  T × abH + T          T = hidden size of the decoder

The tower's matrices are divided over the ranks, the projector is whole on each (vLLM 0.33.0, kimi_k25_vit.py, read
2026-11-24). Names are those of the published checkpoints; shapes: modeling_kimi_k25.py of transformers 5.23.0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ai_on_eks.descriptors.architectures import latent
from ai_on_eks.descriptors.architectures.hyperparameters import Hyperparameters
from ai_on_eks.descriptors.architectures.vision_tower import VisionTower, affine, encoder, flops, norm, whole
from ai_on_eks.descriptors.inventory import Inventory, Tensor

FAMILY = "transformer"

MODEL_TYPES = ("kimi_k25",)

DEFAULTS: Mapping[str, Mapping[str, Any]] = {"kimi_k25": {}}

TEXT_TYPES = ("deepseek_v3", "kimi_k2")

VISION_DEFAULTS: Mapping[str, Any] = {
    "patch_size": 14,
    "init_pos_emb_height": 64,
    "init_pos_emb_width": 64,
    "merge_kernel_size": [2, 2],
}
"""What transformers documents for a hyper-parameter that a published `vision_config` may leave out."""

CHANNELS = 3
TWO_SIDES = 2


def read(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The decoder with its tower, or an InputError with every missing hyper-parameter."""
    text = parameters.section("text_config", {**latent.DEFAULTS["deepseek_v3"], "model_type": "deepseek_v3"})
    text_type = text.choice("model_type", TEXT_TYPES)
    shape = latent.read_shape(text_type, text)
    tower = _tower(parameters.section("vision_config", VISION_DEFAULTS), shape.hidden)
    parameters.finish()
    decoder = latent.assemble(text_type, shape)
    named = replace(decoder, tensors=_within(decoder.tensors), unserved_tensors=_within(decoder.unserved_tensors))
    return tower.before(named, model_type)


def _within(tensors: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return tuple(replace(tensor, name=f"language_model.{tensor.name}") for tensor in tensors)


def _tower(section: Hyperparameters, output: int) -> VisionTower:
    """Published configs say `vt_…`; those that transformers writes leave the prefix out."""

    def size(name: str) -> int:
        return section.integer(name if section.has(name) else f"vt_{name}")

    hidden, inner, layers = size("hidden_size"), size("intermediate_size"), size("num_hidden_layers")
    patch, merge = section.integer("patch_size"), section.integers("merge_kernel_size")
    section.support("merge_kernel_size", len(merge) == TWO_SIDES, "patches merge in height and width")
    height, width = section.integer("init_pos_emb_height"), section.integer("init_pos_emb_width")
    merging = merge[0] * merge[-1] if merge else 1
    merged = merging * hidden
    name = "vision_tower.encoder.blocks.*"
    patches = whole("vision_tower.patch_embed.proj.weight", hidden, CHANNELS, patch, patch)
    blocks = (
        *affine(f"{name}.wqkv", 3 * hidden, hidden, layers),
        *affine(f"{name}.wo", hidden, hidden, layers, divided_input=True),
        *affine(f"{name}.mlp.fc0", inner, hidden, layers),
        *affine(f"{name}.mlp.fc1", hidden, inner, layers, divided_input=True),
        *norm(f"{name}.norm0", hidden, layers),
        *norm(f"{name}.norm1", hidden, layers),
    )
    projector = (
        *norm("mm_projector.pre_norm", hidden),
        *affine("mm_projector.proj.0", merged, merged, divided=False),
        *affine("mm_projector.proj.2", output, merged, divided=False),
    )
    return VisionTower(
        tensors=(
            patches,
            whole("vision_tower.patch_embed.proj.bias", hidden),
            whole("vision_tower.patch_embed.pos_emb.weight", height, width, hidden),
            *blocks,
            *norm("vision_tower.encoder.final_layernorm", hidden),
            *projector,
        ),
        encoder=encoder(
            patch_flops=flops((patches, *(one for one in blocks if len(one.shape) > 1))),
            token_flops=flops(projector),
            layers=layers,
            hidden=hidden,
            block_live=2 * inner,
            patches_per_token=merging,
            token_live=2 * merged + output,
            handed=output,
        ),
    )
