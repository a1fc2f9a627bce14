"""Vision transformers: ViT, an encoder whose tokens are the patches of an image.

With image side S, patch side P, channels C, hidden size H, intermediate size I:

    tokens        n = (S / P)² + 1                     one per patch, and the class token
    embeddings    H × C × P² + H  +  n × H  +  H       patches, learned positions, class token
    per layer     4 × (H × H + H)  +  2 × H × I + I + H  +  4H
    on top        a norm, 2H; a classifier, labels × H + labels, or the bare model's pooler, H × pooler width + width

    operations per image  2 × (n - 1) × H × C × P²  +  n × 2 × layers' matrices  +  4 × layers × n² × H  +  2 × top
    activations per image n × (H + max(2I, 4H))        as of any encoder; the scores are never stored

The whole image is one item: its number of tokens is fixed by the learned positions, so the context is no choice.
Names are those of the published checkpoints.
Source: modeling_vit.py and configuration_vit.py of transformers 5.23.0, read 2026-11-24.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ai_on_eks.descriptors.architectures.encoder_parts import layer_norm, linear, whole
from ai_on_eks.descriptors.architectures.hyperparameters import Hyperparameters
from ai_on_eks.descriptors.architectures.operations import matrix_flops
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
MODEL_TYPES: Mapping[str, None] = {"vit": None}

DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "vit": {"num_labels": 2, "num_channels": 3, "qkv_bias": True},
}
"""What transformers documents for a hyper-parameter that a published config may leave out."""


def read(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The inventory of a vision transformer, or an InputError with every missing hyper-parameter."""
    hidden, inner = parameters.integer("hidden_size"), parameters.integer("intermediate_size")
    layers, heads = parameters.integer("num_hidden_layers"), parameters.integer("num_attention_heads")
    message = f"{heads} heads do not divide hidden_size {hidden}"
    parameters.relate(("hidden_size", "num_attention_heads"), hidden % heads == 0, message)
    side, patch = parameters.integer("image_size"), parameters.integer("patch_size")
    channels, biased = parameters.integer("num_channels"), parameters.flag("qkv_bias")
    parameters.relate(("image_size",), side <= 16_384, f"{side} pixels; at most 16384")
    message = f"a patch of {patch} pixels is larger than the image of {side}"
    parameters.relate(("image_size", "patch_size"), patch <= side, message)
    head = _head(hidden, parameters)
    parameters.finish()

    patches = (side // patch) ** 2
    tokens = patches + 1
    patch_shape = (hidden, channels, patch, patch)
    body = layers_of("vit", hidden, inner, layers, biased=biased)
    embedding, whole_everywhere = TensorRole.EMBEDDING, Sharding.REPLICATED
    name = "vit.embeddings"
    projection = Tensor(
        f"{name}.patch_embeddings.projection.weight", patch_shape, TensorRole.CONVOLUTION, whole_everywhere
    )
    embeddings = (
        Tensor(f"{name}.cls_token", (1, 1, hidden), embedding, whole_everywhere),
        Tensor(f"{name}.position_embeddings", (1, tokens, hidden), embedding, whole_everywhere),
        projection,
        Tensor(f"{name}.patch_embeddings.projection.bias", (hidden,), TensorRole.CONVOLUTION, whole_everywhere),
    )
    top = sum(2 * tensor.parameters for tensor in head if len(tensor.shape) == 2)
    return Inventory(
        architecture=model_type,
        item=Item.IMAGE,
        tensors=(*embeddings, *body, *layer_norm("vit.layernorm", hidden), *head),
        states=(),
        operations=Operations(
            per_item=2 * patches * projection.parameters
            + tokens * matrix_flops(body)
            + 4 * layers * tokens**2 * hidden
            + top
        ),
        activations=Activations(per_item=tokens * (hidden + max(2 * inner, 4 * hidden))),
        layers=layers,
        hidden_size=hidden,
        attention_heads=heads,
        key_value_heads=heads,
    )


def layers_of(name: str, hidden: int, inner: int, layers: int, *, biased: bool) -> tuple[Tensor, ...]:
    """All layers of ViT, and of models that are built on it."""
    prefix, attention, feed_forward = f"{name}.encoder.layer.*", TensorRole.ATTENTION, TensorRole.FEED_FORWARD
    inputs = tuple(
        tensor
        for name in ("query", "key", "value")
        for tensor in linear(f"{prefix}.attention.attention.{name}", hidden, hidden, attention, layers)
    )
    return (
        *(tensor for tensor in inputs if biased or len(tensor.shape) == 2),
        *linear(f"{prefix}.attention.output.dense", hidden, hidden, attention, layers, divided_input=True),
        *linear(f"{prefix}.intermediate.dense", inner, hidden, feed_forward, layers),
        *linear(f"{prefix}.output.dense", hidden, inner, feed_forward, layers, divided_input=True),
        *layer_norm(f"{prefix}.layernorm_before", hidden, layers),
        *layer_norm(f"{prefix}.layernorm_after", hidden, layers),
    )


def _head(hidden: int, parameters: Hyperparameters) -> tuple[Tensor, ...]:
    """The classifier, or the bare model's pooler."""
    if parameters.ending("architectures", ("ForImageClassification", "Model")) == "ForImageClassification":
        return whole("classifier", parameters.labels(), hidden, TensorRole.HEAD)
    return whole("vit.pooler.dense", parameters.integer_or("pooler_output_size", hidden), hidden, TensorRole.POOLER)
