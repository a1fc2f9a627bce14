"""Step 3.7: the decoder of Step 3.5 behind a vision tower that shrinks its picture twice.

With image side S, patch side P, C channels, width W, inner layer I, the decoder's hidden size H:

    embeddings  W × C × P²  +  (S / P)² × W  +  2W
    per layer   4 × (W × W + W)  +  2 × W × I + I + W  +  4W  +  2W    the last scale the two branches
    shrinking   2W × W × 3² + 2W  and  4W × 2W × 3² + 4W,  each by two in height and width
    projector   H × 4W

    tokens per image = (S / P / 4)²

A config that names no tower is that of the published model without its vision section; the tower is then the one that
the library documents. Prediction layers are not counted.
Source: modeling_step3p7.py and configuration_step3p7.py of transformers 5.23.0; step3p7.py and step3_vl.py of vLLM
0.33.0, whose tower divides its linear layers over the ranks and keeps its convolutions whole; read 2026-11-24.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from ai_on_eks.descriptors.architectures import interleaved
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

FAMILY = "transformer"
MODEL_TYPES = ("step3p7",)

_TEXT: Mapping[str, Any] = interleaved.DEFAULTS["step3p5"]
DEFAULTS: Mapping[str, Mapping[str, Any]] = {"step3p7": {**_TEXT, "projector_bias": False}}
"""What transformers documents for a hyper-parameter that a published config may leave out."""

VISION_DEFAULTS: Mapping[str, Any] = {
    "width": 1536,
    "layers": 47,
    "mlp_ratio": 8960 / 1536,
    "num_channels": 3,
    "image_size": 728,
    "patch_size": 14,
}
"""What transformers documents for the tower, under the names of the published config."""

SHRUNK = 4
"""Height and width of a picture in patches, to those in tokens: two convolutions with a stride of two."""


def read(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The inventory of the whole model, or an InputError with every missing hyper-parameter."""
    named = parameters.has("vision_config")
    tower_part = parameters.section("vision_config", VISION_DEFAULTS) if named else Hyperparameters({}, VISION_DEFAULTS)
    nested = parameters.has("text_config")
    section = parameters.section("text_config", _TEXT) if nested else parameters
    named_class = parameters.ending("architectures", (*TEXT_CLASSES, "ForCausalLM")) or "ForConditionalGeneration"
    width = section.integer("hidden_size")
    tower = _tower(tower_part, width, biased=parameters.flag("projector_bias"))
    text = interleaved.read("step3p5", section.as_class(TEXT_CLASSES.get(named_class, named_class)))
    parameters.finish()
    tensors = tuple(_renamed(tensor) for tensor in text.tensors)
    inventory = tower.before(replace(text, tensors=tensors), model_type)
    if named:
        return inventory
    assumed = "the config names no vision tower; that of the published model is counted"
    return replace(inventory, estimated=(*inventory.estimated, assumed))


def _tower(section: Hyperparameters, width: int, *, biased: bool) -> VisionTower:
    hidden = section.integer("hidden_size" if section.has("hidden_size") else "width")
    layers = section.integer("num_hidden_layers" if section.has("num_hidden_layers") else "layers")
    inner = int(hidden * section.number("mlp_ratio"))
    side, patch = section.integer("image_size"), section.integer("patch_size")
    section.relate(("image_size", "patch_size"), side >= SHRUNK * patch, f"{side} pixels are less than a token")
    prefix, channels, edge = "vision_model", section.integer("num_channels"), side // patch
    embedded = whole(f"{prefix}.conv1.weight", hidden, channels, patch, patch)
    block = f"{prefix}.transformer.resblocks.*"
    blocks: tuple[Tensor, ...] = (
        *affine(f"{block}.attn.in_proj", 3 * hidden, hidden, layers),
        *affine(f"{block}.attn.out_proj", hidden, hidden, layers, divided_input=True),
        *affine(f"{block}.mlp.c_fc", inner, hidden, layers),
        *affine(f"{block}.mlp.c_proj", hidden, inner, layers, divided_input=True),
        *norm(f"{block}.ln_1", hidden, layers),
        *norm(f"{block}.ln_2", hidden, layers),
        whole(f"{block}.ls_1.gamma", hidden, count=layers),
        whole(f"{block}.ls_2.gamma", hidden, count=layers),
    )
    first = whole(f"{prefix}.vit_downsampler1.weight", 2 * hidden, hidden, 3, 3)
    second = whole(f"{prefix}.vit_downsampler2.weight", 4 * hidden, 2 * hidden, 3, 3)
    projector = matrix("vit_large_projector", width, 4 * hidden)
    return VisionTower(
        tensors=(
            embedded,
            whole(f"{prefix}.positional_embedding", edge**2, hidden),
            *norm(f"{prefix}.ln_pre", hidden),
            *blocks,
            first,
            whole(f"{prefix}.vit_downsampler1.bias", 2 * hidden),
            second,
            whole(f"{prefix}.vit_downsampler2.bias", 4 * hidden),
            projector,
            *((whole("vit_large_projector.bias", width),) if biased else ()),
        ),
        encoder=encoder(
            patch_flops=flops((embedded, *(tensor for tensor in blocks if len(tensor.shape) > 1))),
            token_flops=4 * flops((first,)) + flops((second, projector)),
            layers=layers,
            hidden=hidden,
            block_live=2 * inner,
            patches_per_token=SHRUNK**2,
            token_live=4 * hidden + width,
            handed=width,
            tokens=(edge // SHRUNK) ** 2,
        ),
    )


def _renamed(tensor: Tensor) -> Tensor:
    """The text model's tensors, as the published checkpoint has them; `lm_head` stands outside."""
    name = tensor.name
    return replace(tensor, name=f"model.language_model{name.removeprefix('model')}") if name[:6] == "model." else tensor
