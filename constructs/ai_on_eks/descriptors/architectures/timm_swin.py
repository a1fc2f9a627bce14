"""timm's Swin transformers: four stages of attention within windows, each with a quarter of the tokens before.

With C channels and n tokens in a stage, A heads and windows of w × w tokens:

    patches      C × 3 × 4² + C, and a norm
    per layer    12 × C × C + 9C  +  4C  +  (2w − 1)² × A      attention, feed-forward, norms, biases by distance
    between      a norm of 8C, 4C × 2C                         four neighbours become one token of twice the channels
    on top       a norm, a classifier

    operations per layer   n × (2 × 12 × C × C  +  4 × w² × C)
    activations            n × 9C of the first stage, the largest

Names are those of timm's checkpoints. Source: arXiv:2103.14030, §3.1 and §3.3; swin_transformer.py of timm 1.0.31.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from ai_on_eks.descriptors.architectures.encoder_parts import layer_norm, whole
from ai_on_eks.descriptors.architectures.hyperparameters import Hyperparameters
from ai_on_eks.descriptors.architectures.operations import matrix_flops
from ai_on_eks.descriptors.architectures.timm_config import defaults, read_config
from ai_on_eks.descriptors.architectures.timm_vit import EXPANSION, encoder_layers
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
    """Channels and heads of the first stage; both double from stage to stage."""

    channels: int
    heads: int
    depths: tuple[int, ...] = (2, 2, 18, 2)
    window: int = 7
    side: int = 224


MODEL_TYPES: Mapping[str, Variant] = {
    "timm/swin_base_patch4_window12_384": Variant(128, 4, window=12, side=384),
    "timm/swin_base_patch4_window7_224": Variant(128, 4),
    "timm/swin_large_patch4_window12_384": Variant(192, 6, window=12, side=384),
    "timm/swin_large_patch4_window7_224": Variant(192, 6),
    "timm/swin_small_patch4_window7_224": Variant(96, 3),
    "timm/swin_tiny_patch4_window7_224": Variant(96, 3, depths=(2, 2, 6, 2)),
}
DEFAULTS = defaults(MODEL_TYPES)

PATCH = 4


def read(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The inventory of a Swin transformer, or an InputError."""
    variant = MODEL_TYPES[model_type]
    config = read_config(model_type, parameters, variant.side)
    message = f"images of {config.side} pixels; windows and biases were made for {variant.side}"
    parameters.support("pretrained_cfg", config.side == variant.side, message)
    parameters.finish()
    everywhere, first = Sharding.REPLICATED, variant.channels
    patch_shape = (first, config.channels, PATCH, PATCH)
    projection = Tensor("patch_embed.proj.weight", patch_shape, TensorRole.CONVOLUTION, everywhere)
    tokens = (config.side // PATCH) ** 2
    tensors = [
        projection,
        Tensor("patch_embed.proj.bias", (first,), TensorRole.CONVOLUTION, everywhere),
        *layer_norm("patch_embed.norm", first),
    ]
    flops = 2 * tokens * projection.parameters
    live = tokens * (1 + 2 * EXPANSION) * first
    channels = first
    for stage, depth in enumerate(variant.depths):
        if stage:
            reduction = Tensor(
                f"layers.{stage}.downsample.reduction.weight",
                (2 * channels, 4 * channels),
                TensorRole.FEED_FORWARD,
                everywhere,
                quantizable=True,
            )
            tensors += [*layer_norm(f"layers.{stage}.downsample.norm", 4 * channels), reduction]
            channels, tokens = 2 * channels, tokens // 4
            flops += 2 * tokens * reduction.parameters
        name = f"layers.{stage}.blocks.*"
        body = encoder_layers(name, channels, depth)
        distances = ((2 * variant.window - 1) ** 2, variant.heads * 2**stage)
        bias = Tensor(f"{name}.attn.relative_position_bias_table", distances, TensorRole.EMBEDDING, everywhere, depth)
        tensors += [*body, bias]
        flops += tokens * (matrix_flops(body) + depth * 4 * variant.window**2 * channels)
    head = whole("head.fc", config.labels, channels, TensorRole.HEAD) if config.labels else ()
    return Inventory(
        architecture=model_type,
        item=Item.IMAGE,
        tensors=(*tensors, *layer_norm("norm", channels), *head),
        states=(),
        operations=Operations(per_item=flops + 2 * config.labels * channels),
        activations=Activations(per_item=live),
        layers=sum(variant.depths),
        hidden_size=channels,
        # The first stage has the fewest heads: more ranks than these cannot divide it.
        attention_heads=variant.heads,
        key_value_heads=variant.heads,
        estimated=config.assumed,
    )
