"""Kimi-K2.5 and Kimi-K3: a vision tower before a decoder with latent attention.

The decoder is the one that `text_config` describes (`latent`, `latent_linear`). The tower, with hidden size H,
attention of width Q (H in Kimi-K2.5), intermediate size I, patches of P × P pixels, positions for h × w patches, and
a × b patches merged into a token:

    embeddings  H × 3 × P² + H  +  h × w × H
    per layer   3Q × H + 3Q  +  H × Q + H  +  2 × H × I + I + H  +  4H
    after       2H
    projector   2H  +  abH × abH + abH  +  T × abH + T          T = hidden size of the decoder

Kimi-K3's has no biases, norms of H instead of 2H, and the projector's norm is T, behind it.

The tower's matrices are divided over the ranks, the projector is whole on each (vLLM 0.33.0, kimi_k25_vit.py, read
2026-11-24). Names are those of the published checkpoints; shapes: modeling_kimi_k25.py of transformers 5.23.0, and for
Kimi-K3, which it does not know, the source above.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ai_on_eks.descriptors.architectures import latent, latent_linear
from ai_on_eks.descriptors.architectures.hyperparameters import Hyperparameters
from ai_on_eks.descriptors.architectures.vision_tower import (
    TEXT_CLASSES,
    VisionTower,
    affine,
    encoder,
    flops,
    matrix,
    norm,
    whole,
)
from ai_on_eks.descriptors.inventory import Inventory, Tensor

FAMILY: Mapping[str, str] = {"kimi_k25": "transformer", "kimi_k3": "hybrid"}

MODEL_TYPES = ("kimi_k25", "kimi_k3")

DEFAULTS: Mapping[str, Mapping[str, Any]] = {"kimi_k25": {}, "kimi_k3": {}}

TEXT_TYPES = ("deepseek_v3", "kimi_k2")

_POSITIONS: Mapping[str, Any] = {"patch_size": 14, "init_pos_emb_height": 64, "init_pos_emb_width": 64}
VISION_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "kimi_k25": {
        **_POSITIONS,
        "merge_kernel_size": [2, 2],
        "mm_projector_type": "patchmerger",
        "norm_type": "layernorm",
        "attn_bias": True,
        "linear_bias": True,
        "patch_embed_proj_bias": True,
    },
    "kimi_k3": {
        **_POSITIONS,
        "merge_kernel_size": [2, 2],
        "mm_projector_type": "patchmergerv2",
        "norm_type": "rmsnorm",
        "attn_bias": False,
        "linear_bias": False,
        "patch_embed_proj_bias": False,
    },
}
"""What transformers and, where it does not know them, vLLM 0.33.0 document for a hyper-parameter that a published
`vision_config` may leave out."""

CHANNELS = 3
TWO_SIDES = 2


class Tower(Struct, frozen=True):
    """The dimensions of a tower."""

    hidden: int
    attention: int
    intermediate: int
    layers: int
    patch: int
    positions: tuple[int, int]
    merging: int
    output: int
    projector: str
    shifted_norms: bool
    attention_bias: bool
    feed_forward_bias: bool
    patch_bias: bool


def read(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The decoder with its tower, or an InputError with every missing hyper-parameter."""
    named = parameters.ending("architectures", tuple(TEXT_CLASSES)) or "ForConditionalGeneration"
    text_class = TEXT_CLASSES[named]
    read_decoder = _linear_decoder if model_type == "kimi_k3" else _decoder
    decoder = read_decoder(parameters, text_class)
    section = parameters.section("vision_config", VISION_DEFAULTS[model_type])
    tower = _read_tower(section, decoder.hidden_size)
    parameters.finish()
    inner = replace(decoder, tensors=_within(decoder.tensors), unserved_tensors=_within(decoder.unserved_tensors))
    return _tower(tower).before(inner, model_type)


def _decoder(parameters: Hyperparameters, text_class: str) -> Inventory:
    text = parameters.section("text_config", {**latent.DEFAULTS["deepseek_v3"], "model_type": "deepseek_v3"})
    text_type = text.choice("model_type", TEXT_TYPES)
    return latent.assemble(text_type, latent.read_shape(text_type, text.as_class(text_class)))


def _linear_decoder(parameters: Hyperparameters, text_class: str) -> Inventory:
    text = parameters.section("text_config", latent_linear.DEFAULTS["kimi_linear"])
    text.choice("model_type", latent_linear.MODEL_TYPES)
    return latent_linear.assemble("kimi_linear", latent_linear.read_shape(text.as_class(text_class)))


def _within(tensors: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return tuple(replace(tensor, name=f"language_model.{tensor.name}") for tensor in tensors)


def _read_tower(section: Hyperparameters, output: int) -> Tower:
    """Published configs say `vt_…` and `init_…`; those that transformers writes leave the prefixes out."""

    def either(name: str, prefix: str) -> int:
        return section.integer(name if section.has(name) else f"{prefix}{name}")

    hidden, merge = either("hidden_size", "vt_"), section.integers("merge_kernel_size")
    section.support("merge_kernel_size", len(merge) == TWO_SIDES, "patches merge in height and width")
    return Tower(
        hidden=hidden,
        attention=section.integer_or("qkv_hidden_size", hidden),
        intermediate=either("intermediate_size", "vt_"),
        layers=either("num_hidden_layers", "vt_"),
        patch=section.integer("patch_size"),
        positions=(either("pos_emb_height", "init_"), either("pos_emb_width", "init_")),
        merging=merge[0] * merge[-1] if merge else 1,
        output=output,
        projector=section.choice("mm_projector_type", ("patchmerger", "patchmergerv2")),
        shifted_norms=section.choice("norm_type", ("layernorm", "rmsnorm")) == "layernorm",
        attention_bias=section.flag("attn_bias"),
        feed_forward_bias=section.flag("linear_bias"),
        patch_bias=section.flag("patch_embed_proj_bias"),
    )


def _tower(tower: Tower) -> VisionTower:
    hidden, name = tower.hidden, "vision_tower.encoder.blocks.*"
    merged = tower.merging * hidden
    patches = whole("vision_tower.patch_embed.proj.weight", hidden, CHANNELS, tower.patch, tower.patch)
    matrices = (
        ("wqkv", 3 * tower.attention, hidden, tower.attention_bias, False),
        ("wo", hidden, tower.attention, tower.attention_bias, True),
        ("mlp.fc0", tower.intermediate, hidden, tower.feed_forward_bias, False),
        ("mlp.fc1", hidden, tower.intermediate, tower.feed_forward_bias, True),
    )
    blocks = tuple(
        tensor
        for part, rows, columns, biased, divided_input in matrices
        for tensor in affine(f"{name}.{part}", rows, columns, tower.layers, divided_input=divided_input)[: 1 + biased]
    )
    projector = _projector(tower, merged)
    return VisionTower(
        tensors=(
            patches,
            *((whole("vision_tower.patch_embed.proj.bias", hidden),) if tower.patch_bias else ()),
            whole("vision_tower.patch_embed.pos_emb.weight", *tower.positions, hidden),
            *blocks,
            *(one for part in ("norm0", "norm1") for one in _norm(tower, f"{name}.{part}", tower.layers)),
            *_norm(tower, "vision_tower.encoder.final_layernorm", 1),
            *projector,
        ),
        encoder=encoder(
            patch_flops=flops((patches, *blocks)),
            token_flops=flops(projector),
            layers=tower.layers,
            hidden=tower.attention,
            block_live=2 * tower.intermediate,
            patches_per_token=tower.merging,
            token_live=2 * merged + tower.output,
            handed=tower.output,
        ),
    )


def _norm(tower: Tower, name: str, count: int) -> tuple[Tensor, ...]:
    return norm(name, tower.hidden, count)[: 1 + tower.shifted_norms]


def _projector(tower: Tower, merged: int) -> tuple[Tensor, ...]:
    name, output = "mm_projector", tower.output
    if tower.projector == "patchmergerv2":
        return (
            matrix(f"{name}.proj.0", merged, merged, divided=False),
            matrix(f"{name}.proj.2", output, merged, divided=False),
            whole(f"{name}.post_norm.weight", output),
        )
    return (
        *norm(f"{name}.pre_norm", tower.hidden),
        *affine(f"{name}.proj.0", merged, merged, divided=False),
        *affine(f"{name}.proj.2", output, merged, divided=False),
    )
