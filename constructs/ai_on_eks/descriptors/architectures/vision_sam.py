"""SAM: a vision transformer, an encoder of points and masks, and a small decoder that makes masks of both.

With the image encoder's width H, feed-forward I, L layers, A heads, g = S ÷ P places a side and n = g², windows of w,
and the decoder's width D, feed-forward M, l layers, attention of D ÷ r, m masks:

    image     P² C H + H,  n H positions,  per layer 4 (H² + H) + 2 H I + I + H + 4H, and 2 × (2 side − 1) × H ÷ A of
              relative positions, side w or, in the layers that attend to the whole image, g;  neck H D + 9 D² + 4D
    prompts   (p + 2) D, three small convolutions of a mask
    decoder   per layer one attention 4 (D² + D), two of 4 D² ÷ r + 3 D ÷ r + D, 2 D M + M + D, 8D; one more at the end;
              two transposed convolutions, m perceptrons and one of the masks' quality

    operations per image  encoder at n tokens, at whole windows' where it attends within them; one prompt's decoder
    live per image        n × (H + max(2I, 4H))  +  A × n²: relative positions become a bias of every pair

Names are those of the published checkpoints. Source: modeling_sam.py of transformers 5.23.0, read 2026-11-29.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from ai_on_eks.descriptors.architectures.encoder_parts import layer_norm, linear, whole
from ai_on_eks.descriptors.architectures.hyperparameters import MAX_LAYERS, Hyperparameters
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
from ai_on_eks.units import ceil_div

FAMILY = "transformer"
MODEL_TYPES: Mapping[str, None] = {"sam": None}
DEFAULTS: Mapping[str, Mapping[str, Any]] = {"sam": {}}

_IMAGE: Mapping[str, Any] = {
    "hidden_size": 768,
    "output_channels": 256,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "num_channels": 3,
    "image_size": 1024,
    "patch_size": 16,
    "qkv_bias": True,
    "mlp_ratio": 4.0,
    "use_abs_pos": True,
    "use_rel_pos": True,
    "window_size": 14,
    "global_attn_indexes": [2, 5, 8, 11],
    "num_pos_feats": 128,
}
_PROMPT: Mapping[str, Any] = {"hidden_size": 256, "mask_input_channels": 16, "num_point_embeddings": 4}
_MASK: Mapping[str, Any] = {
    "hidden_size": 256,
    "mlp_dim": 2048,
    "num_hidden_layers": 2,
    "num_attention_heads": 8,
    "attention_downsample_rate": 2,
    "num_multimask_outputs": 3,
    "iou_head_depth": 3,
    "iou_head_hidden_dim": 256,
}
"""Of the sections: published ones leave out what their classes document, widths and depths included."""

MAX_SIDE = 16_384
_WHOLE, _KERNEL, _EMBEDDING = Sharding.REPLICATED, TensorRole.CONVOLUTION, TensorRole.EMBEDDING
_ATTENTION, _FEED_FORWARD = TensorRole.ATTENTION, TensorRole.FEED_FORWARD


class _Image(Struct, frozen=True):
    hidden: int
    inner: int
    layers: int
    heads: int
    channels: int
    patch: int
    grid: int
    window: int
    everywhere: tuple[int, ...]
    output: int
    features: int
    biased: bool
    has_positions: bool
    is_relative: bool


class _Decoder(Struct, frozen=True):
    width: int
    inner: int
    layers: int
    attending: int
    masks: int
    quality_depth: int
    quality: int


def read(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The inventory of a segmenter, or an InputError with every missing hyper-parameter."""
    parameters.ending("architectures", ("Model",))
    image = _image_of(parameters.section("vision_config", _IMAGE))
    prompts = parameters.section("prompt_encoder_config", _PROMPT)
    width, channels = prompts.integer("hidden_size"), prompts.integer("mask_input_channels")
    points = prompts.integer("num_point_embeddings", most=MAX_LAYERS)
    prompts.support("mask_input_channels", channels % 4 == 0, f"{channels} channels, no multiple of 4")
    decoder = _decoder_of(parameters.section("mask_decoder_config", _MASK))
    message = f"{image.output} channels of the image, {width} of the prompts and {decoder.width} of the decoder"
    prompts.relate(("hidden_size",), image.output == width == decoder.width, message)
    parameters.finish()

    encoder = _encoder(image)
    small, at_places = _decoder(decoder)
    places = image.grid**2
    padded = (ceil_div(image.grid, image.window) * image.window) ** 2 if image.window else places
    windowed, attending = image.layers - len(image.everywhere), len(image.everywhere)
    per_layer = matrix_flops(encoder) // image.layers
    kernels = sum(2 * tensor.parameters for tensor in encoder if len(tensor.shape) == 4)
    flops = (
        places * (kernels + attending * per_layer)
        + padded * windowed * per_layer
        + 4 * image.hidden * (attending * places**2 + windowed * padded * image.window**2)
        + places * sum(2 * tensor.parameters for tensor in at_places if len(tensor.shape) > 1)
        + matrix_flops(small) * (decoder.masks + 2)
    )
    tokens = places * (image.hidden + max(2 * image.inner, 4 * image.hidden))
    return Inventory(
        architecture=model_type,
        item=Item.IMAGE,
        tensors=(*encoder, *_prompts(width, channels, points), *small, *at_places),
        states=(),
        operations=Operations(per_item=flops),
        activations=Activations(per_item=tokens + (image.heads * places**2 if image.is_relative and attending else 0)),
        layers=image.layers + decoder.layers,
        hidden_size=image.hidden,
        attention_heads=image.heads,
        key_value_heads=image.heads,
    )


def _image_of(section: Hyperparameters) -> _Image:
    hidden, heads, layers = (
        section.integer(key) for key in ("hidden_size", "num_attention_heads", "num_hidden_layers")
    )
    section.relate(("num_hidden_layers",), layers <= MAX_LAYERS, f"{layers} layers; at most {MAX_LAYERS}")
    message = f"{heads} heads do not divide hidden_size {hidden}"
    section.relate(("hidden_size", "num_attention_heads"), hidden % heads == 0, message)
    side, patch = section.integer("image_size"), section.integer("patch_size")
    section.relate(("image_size",), side <= MAX_SIDE, f"{side} pixels; at most {MAX_SIDE}")
    message = f"a patch of {patch} pixels is larger than the image of {side}"
    section.relate(("image_size", "patch_size"), patch <= side, message)
    named = set(section.layer_numbers("global_attn_indexes"))
    everywhere = tuple(sorted(layer for layer in named if layer < layers))
    inner = int(hidden * section.number("mlp_ratio"))
    return _Image(
        hidden=hidden,
        inner=section.integer_or("mlp_dim", inner),
        layers=layers,
        heads=heads,
        channels=section.integer("num_channels"),
        patch=patch,
        grid=side // patch,
        window=section.integer("window_size", least=0),
        everywhere=everywhere,
        output=section.integer("output_channels"),
        features=section.integer("num_pos_feats"),
        biased=section.flag("qkv_bias"),
        has_positions=section.flag("use_abs_pos"),
        is_relative=section.flag("use_rel_pos"),
    )


def _decoder_of(section: Hyperparameters) -> _Decoder:
    width, rate = section.integer("hidden_size"), section.integer("attention_downsample_rate")
    heads, layers = section.integer("num_attention_heads"), section.integer("num_hidden_layers")
    message = f"hidden_size {width} is no multiple of 8, of {rate} and of {heads} heads"
    fits = width % 8 == 0 and width % (rate * heads) == 0
    section.relate(("attention_downsample_rate", "num_attention_heads", "hidden_size"), fits, message)
    section.relate(("num_hidden_layers",), layers <= MAX_LAYERS, f"{layers} layers; at most {MAX_LAYERS}")
    depth, masks = section.integer("iou_head_depth", least=2), section.integer("num_multimask_outputs")
    section.relate(("iou_head_depth",), depth <= MAX_LAYERS, f"{depth} layers; at most {MAX_LAYERS}")
    section.relate(("num_multimask_outputs",), masks <= MAX_LAYERS, f"{masks} masks; at most {MAX_LAYERS}")
    return _Decoder(
        width=width,
        inner=section.integer("mlp_dim"),
        layers=layers,
        attending=width // rate,
        masks=min(masks, MAX_LAYERS) + 1,
        quality_depth=min(depth, MAX_LAYERS),
        quality=section.integer("iou_head_hidden_dim"),
    )


def _encoder(image: _Image) -> tuple[Tensor, ...]:
    hidden, layers, name = image.hidden, image.layers, "vision_encoder"
    block = f"{name}.layers.*"
    within = tuple(layer for layer in range(layers) if layer not in image.everywhere)
    tables = (
        Tensor(f"{block}.attn.rel_pos_{axis}", (2 * side - 1, hidden // image.heads), _EMBEDDING, _WHOLE, len(where),
               layers=where)
        for where, side in ((within, image.window or image.grid), (image.everywhere, image.grid))
        for axis in "hw"
        if where
    )  # fmt: skip
    inputs = linear(f"{block}.attn.qkv", 3 * hidden, hidden, _ATTENTION, layers)
    positions = Tensor(f"{name}.pos_embed", (1, image.grid, image.grid, hidden), _EMBEDDING, _WHOLE)
    kernel = (hidden, image.channels, image.patch, image.patch)
    return (
        Tensor("shared_image_embedding.positional_embedding", (2, image.features), _EMBEDDING, _WHOLE),
        *((positions,) if image.has_positions else ()),
        Tensor(f"{name}.patch_embed.projection.weight", kernel, _KERNEL, _WHOLE),
        Tensor(f"{name}.patch_embed.projection.bias", (hidden,), _KERNEL, _WHOLE),
        *layer_norm(f"{block}.layer_norm1", hidden, layers),
        *(tables if image.is_relative else ()),
        *(inputs if image.biased else inputs[:1]),
        *linear(f"{block}.attn.proj", hidden, hidden, _ATTENTION, layers, divided_input=True),
        *layer_norm(f"{block}.layer_norm2", hidden, layers),
        *linear(f"{block}.mlp.lin1", image.inner, hidden, _FEED_FORWARD, layers),
        *linear(f"{block}.mlp.lin2", hidden, image.inner, _FEED_FORWARD, layers, divided_input=True),
        Tensor(f"{name}.neck.conv1.weight", (image.output, hidden, 1, 1), _KERNEL, _WHOLE),
        *layer_norm(f"{name}.neck.layer_norm1", image.output),
        Tensor(f"{name}.neck.conv2.weight", (image.output, image.output, 3, 3), _KERNEL, _WHOLE),
        *layer_norm(f"{name}.neck.layer_norm2", image.output),
    )


def _prompts(width: int, channels: int, points: int) -> tuple[Tensor, ...]:
    name, mask = "prompt_encoder", "prompt_encoder.mask_embed"
    shapes = {"conv1": (channels // 4, 1, 2, 2), "conv2": (channels, channels // 4, 2, 2),
              "conv3": (width, channels, 1, 1)}  # fmt: skip
    return (
        *(
            tensor
            for part, shape in shapes.items()
            for tensor in (
                Tensor(f"{mask}.{part}.weight", shape, _KERNEL, _WHOLE),
                Tensor(f"{mask}.{part}.bias", shape[:1], _KERNEL, _WHOLE),
            )
        ),
        *layer_norm(f"{mask}.layer_norm1", channels // 4),
        *layer_norm(f"{mask}.layer_norm2", channels),
        Tensor(f"{name}.no_mask_embed.weight", (1, width), _EMBEDDING, _WHOLE),
        Tensor(f"{name}.point_embed.*.weight", (1, width), _EMBEDDING, _WHOLE, points),
        Tensor(f"{name}.not_a_point_embed.weight", (1, width), _EMBEDDING, _WHOLE),
    )


def _decoder(shape: _Decoder) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """What the few tokens of prompts and masks pass, and what every place of the image does."""
    width, layers, name, head = shape.width, shape.layers, "mask_decoder", TensorRole.HEAD
    block, last = f"{name}.transformer.layers.*", f"{name}.transformer.final_attn_token_to_image"
    small, large = _cross(f"{block}.cross_attn_token_to_image", shape, layers)
    of_places, of_tokens = _cross(f"{block}.cross_attn_image_to_token", shape, layers)
    final, final_places = _cross(last, shape, 1)
    tokens = (
        Tensor(f"{name}.iou_token.weight", (1, width), _EMBEDDING, _WHOLE),
        Tensor(f"{name}.mask_tokens.weight", (shape.masks, width), _EMBEDDING, _WHOLE),
        *(
            tensor
            for part in ("q_proj", "k_proj", "v_proj", "out_proj")
            for tensor in linear(f"{block}.self_attn.{part}", width, width, _ATTENTION, layers)
        ),
        *(one for number in range(1, 5) for one in layer_norm(f"{block}.layer_norm{number}", width, layers)),
        *linear(f"{block}.mlp.lin1", shape.inner, width, _FEED_FORWARD, layers),
        *linear(f"{block}.mlp.lin2", width, shape.inner, _FEED_FORWARD, layers),
        *small,
        *of_tokens,
        *final,
        *layer_norm(f"{name}.transformer.layer_norm_final_attn", width),
        *(
            tensor
            for mask in range(shape.masks)
            for tensor in _perceptron(f"{name}.output_hypernetworks_mlps.{mask}", (width, width, width // 8), depth=3)
        ),
        *_perceptron(f"{name}.iou_prediction_head", (width, shape.quality, shape.masks), depth=shape.quality_depth),
    )
    enlarging = {"upscale_conv1": (width, width // 4), "upscale_conv2": (width // 4, width // 8)}
    places = (
        *large,
        *of_places,
        *final_places,
        *(
            tensor
            for part, (inputs, outputs) in enlarging.items()
            for tensor in (
                Tensor(f"{name}.{part}.weight", (inputs, outputs, 2, 2), head, _WHOLE),
                Tensor(f"{name}.{part}.bias", (outputs,), head, _WHOLE),
            )
        ),
        *layer_norm(f"{name}.upscale_layer_norm", width // 4),
    )
    return tokens, places


def _cross(name: str, shape: _Decoder, layers: int) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """One attention: what its queries pass and what its keys and values do."""
    width, inner = shape.width, shape.attending
    outer = (
        *linear(f"{name}.q_proj", inner, width, _ATTENTION, layers),
        *linear(f"{name}.out_proj", width, inner, _ATTENTION, layers),
    )
    keys = (
        *linear(f"{name}.k_proj", inner, width, _ATTENTION, layers),
        *linear(f"{name}.v_proj", inner, width, _ATTENTION, layers),
    )
    return outer, keys


def _perceptron(name: str, widths: tuple[int, int, int], *, depth: int) -> tuple[Tensor, ...]:
    inputs, inner, outputs = widths
    return (
        *whole(f"{name}.proj_in", inner, inputs, TensorRole.HEAD),
        *whole(f"{name}.proj_out", outputs, inner, TensorRole.HEAD),
        *(
            tensor
            for layer in range(depth - 2)
            for tensor in whole(f"{name}.layers.{layer}", inner, inner, TensorRole.HEAD)
        ),
    )
