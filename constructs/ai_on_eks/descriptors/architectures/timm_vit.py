"""timm's ViT and DeiT: encoders whose tokens are the patches of an image.

With image side S, patch side P, hidden size H, L layers and the inner size 4H:

    tokens       n = (S ÷ P)² + 1                      one per patch, and the class token
    embeddings   H × 3 × P² + H  +  n × H  +  H        patches, learned positions, class token
    per layer    3 × (H × H + H)  +  H × H + H  +  2 × 4 × H × H + 5H  +  4H
    on top       a norm, 2H; a classifier

    operations per image   2 × (n − 1) × patches' matrix + n × 2 × layers' matrices + 4 × L × n² × H + 2 × classifier
    activations per image  n × 9H                      the residual, and the inner layer before and after its function

Names are those of timm's checkpoints. Source: arXiv:2010.11929, table 1; arXiv:2012.12877, table 1;
vision_transformer.py and deit.py of timm 1.0.31.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from ai_on_eks.descriptors.architectures.encoder_parts import layer_norm, linear, whole
from ai_on_eks.descriptors.architectures.hyperparameters import Hyperparameters
from ai_on_eks.descriptors.architectures.operations import matrix_flops
from ai_on_eks.descriptors.architectures.timm_config import defaults, read_config
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


class Variant(Struct, frozen=True):
    """Hidden size, layers and heads of a size, its patches and the images it was made for."""

    hidden: int
    layers: int
    heads: int
    patch: int = 16
    side: int = 224


_SIZES: Mapping[str, tuple[int, int, int]] = {
    "tiny": (192, 12, 3), "small": (384, 12, 6), "base": (768, 12, 12), "large": (1024, 24, 16),
    "huge": (1280, 32, 16),
}  # fmt: skip
_NAMES = (
    *(("deit", size, 16, 224) for size in ("tiny", "small", "base")),
    ("deit", "base", 16, 384),
    *(("vit", size, 16, side) for size in ("tiny", "small", "base", "large") for side in (224, 384)),
    *(("vit", size, 32, side) for size in ("small", "base") for side in (224, 384)),
    ("vit", "large", 32, 384), ("vit", "base", 8, 224), ("vit", "huge", 14, 224),
)  # fmt: skip
MODEL_TYPES: Mapping[str, Variant] = {
    f"timm/{kind}_{size}_patch{patch}_{side}": Variant(*_SIZES[size], patch, side) for kind, size, patch, side in _NAMES
}
DEFAULTS = defaults(MODEL_TYPES)

EXPANSION = 4
"""Inner size of a feed-forward block over the hidden size (arXiv:2010.11929, table 1)."""


def read(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The inventory of a vision transformer, or an InputError."""
    variant = MODEL_TYPES[model_type]
    config = read_config(model_type, parameters, variant.side)
    fits = config.side % variant.patch == 0
    message = f"{config.side} pixels are no whole number of patches of {variant.patch}"
    parameters.support("pretrained_cfg", fits, message)
    parameters.finish()
    hidden, embedding, everywhere = variant.hidden, TensorRole.EMBEDDING, Sharding.REPLICATED
    patches = (config.side // variant.patch) ** 2
    tokens = patches + 1
    patch_shape = (hidden, config.channels, variant.patch, variant.patch)
    projection = Tensor("patch_embed.proj.weight", patch_shape, TensorRole.CONVOLUTION, everywhere)
    body = encoder_layers("blocks.*", hidden, variant.layers)
    head = whole("head", config.labels, hidden, TensorRole.HEAD) if config.labels else ()
    return Inventory(
        architecture=model_type,
        item=Item.IMAGE,
        tensors=(
            Tensor("cls_token", (1, 1, hidden), embedding, everywhere),
            Tensor("pos_embed", (1, tokens, hidden), embedding, everywhere),
            projection,
            Tensor("patch_embed.proj.bias", (hidden,), TensorRole.CONVOLUTION, everywhere),
            *body,
            *layer_norm("norm", hidden),
            *head,
        ),
        states=(),
        operations=Operations(
            per_item=2 * patches * projection.parameters
            + tokens * matrix_flops(body)
            + 4 * variant.layers * tokens**2 * hidden
            + 2 * config.labels * hidden
        ),
        activations=Activations(per_item=tokens * (hidden + 2 * EXPANSION * hidden)),
        layers=variant.layers,
        hidden_size=hidden,
        attention_heads=variant.heads,
        key_value_heads=variant.heads,
        estimated=config.assumed,
    )


def encoder_layers(name: str, hidden: int, layers: int) -> tuple[Tensor, ...]:
    """The tensors of `layers` layers, queries, keys and values in one matrix."""
    attention, feed_forward, inner = TensorRole.ATTENTION, TensorRole.FEED_FORWARD, EXPANSION * hidden
    return (
        *layer_norm(f"{name}.norm1", hidden, layers),
        *linear(f"{name}.attn.qkv", 3 * hidden, hidden, attention, layers),
        *linear(f"{name}.attn.proj", hidden, hidden, attention, layers, divided_input=True),
        *layer_norm(f"{name}.norm2", hidden, layers),
        *linear(f"{name}.mlp.fc1", inner, hidden, feed_forward, layers),
        *linear(f"{name}.mlp.fc2", hidden, inner, feed_forward, layers, divided_input=True),
    )
