"""Detectors fast enough for videos: RT-DETR and RT-DETR v2.

With width E of the encoder, d of the decoder, feed-forwards F and D, q queries, L labels, l levels, p points, A heads:

    backbone  a ResNet with three 3 × 3 convolutions at its start and means before its strided shortcuts; its batch
              norms are frozen, and no parameters, unless the config says otherwise
    encoder   of the last map: 4 × (E² + E) + 2 E F + E + F + 4E per layer; all maps are brought to E, then down and up
              again through blocks of 1 × 1 and 3 × 3 convolutions, c = E × hidden_expansion wide
    decoder   per layer 4 × (d² + d), 3 × d A l p + 3 A l p of where it looks, 2 × (d² + d), 2 d D + D + d, 6d
    heads     L × d + L and 2 × (d² + d) + 4d + 4, of each layer and of the encoder

    operations per image  each convolution at the places of its map;  decoder q × 2 × its matrices + 4 q² d, and the
                          values of all maps' places once per layer
    live per image        as of the backbone

Names are those of the published checkpoints. Source: modeling_rt_detr.py, modeling_rt_detr_resnet.py and
modeling_rt_detr_v2.py of transformers 5.23.0, read 2026-11-29.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from msgspec import Struct

from ai_on_eks.descriptors.architectures.convolution_network import Network
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
FIRST, SECOND = "rt_detr", "rt_detr_v2"
MODEL_TYPES = (FIRST, SECOND)

_DEFAULTS: Mapping[str, Any] = {
    "num_labels": 2,
    "freeze_backbone_batch_norms": True,
    "encode_proj_layers": [2],
    "hidden_expansion": 1.0,
    "num_feature_levels": 3,
    "decoder_n_points": 4,
    "num_queries": 300,
    "num_denoising": 100,
    "learn_initial_query": False,
}
DEFAULTS: Mapping[str, Mapping[str, Any]] = {FIRST: _DEFAULTS, SECOND: {**_DEFAULTS, "decoder_n_levels": 3}}
"""What transformers documents for a hyper-parameter that a published config may leave out."""

_RESNET: Mapping[str, Any] = {
    "num_channels": 3,
    "embedding_size": 64,
    "hidden_sizes": [256, 512, 1024, 2048],
    "depths": [3, 4, 6, 3],
    "layer_type": "bottleneck",
    "downsample_in_first_stage": False,
    "downsample_in_bottleneck": False,
}
"""Of the backbone's section, which says only what differs from its class."""

SIDE = 640
"""Pixels: RTDetrImageProcessor of transformers 5.23.0."""
ASSUMED = f"images of {SIDE} × {SIDE} pixels, as the processor makes them"
BLOCKS, REDUCTION = 3, 4
"""Blocks of a merged map (both sources), and a bottleneck's output over its inner channels."""
KERNEL, NORM = TensorRole.CONVOLUTION, TensorRole.NORM


@dataclass(slots=True)
class _Maps:
    """Convolutions so far, and the operations that each takes at the places of its map."""

    tensors: list[Tensor]
    flops: int = 0

    def convolve(self, name: str, norm: str, outputs: int, inputs: int, kernel: int, *, side: int) -> None:
        shape = (outputs, inputs, kernel, kernel)
        self.tensors.append(Tensor(f"{name}.weight", shape, KERNEL, Sharding.REPLICATED, quantizable=True))
        self.tensors += layer_norm(norm, outputs)
        self.flops += 2 * outputs * inputs * kernel**2 * side**2

    def merged(self, name: str, width: int, inner: int, side: int) -> None:
        """Two maps beside each other, made one."""
        for part in ("conv1", "conv2"):
            self.convolve(f"{name}.{part}.conv", f"{name}.{part}.norm", inner, 2 * width, 1, side=side)
        for block in range(BLOCKS):
            for part, kernel in (("conv1", 3), ("conv2", 1)):
                unit = f"{name}.bottlenecks.{block}.{part}"
                self.convolve(f"{unit}.conv", f"{unit}.norm", inner, inner, kernel, side=side)
        if inner != width:
            self.convolve(f"{name}.conv3.conv", f"{name}.conv3.norm", width, inner, 1, side=side)


class _Decoder(Struct, frozen=True):
    width: int
    inner: int
    layers: int
    heads: int
    points: int
    queries: int
    inputs: tuple[int, ...]
    levels: int


def read(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The inventory of a detector, or an InputError with every missing hyper-parameter."""
    backbone, taken = _backbone(parameters)
    width, inner = parameters.integer("encoder_hidden_dim"), parameters.integer("encoder_ffn_dim")
    depth, attending = _layers(parameters, "encoder_layers"), parameters.integers("encode_proj_layers")
    expanded = int(width * parameters.number("hidden_expansion"))
    inputs = parameters.integers("encoder_in_channels")
    message = f"{len(inputs)} maps, but the backbone gives {len(taken)}"
    parameters.relate(("encoder_in_channels",), len(inputs) == len(taken), message)
    decoder = _decoder_of(model_type, parameters)
    has_heads = parameters.ending("architectures", ("ForObjectDetection", "Model")) != "Model"
    labels = parameters.labels()
    denoises, learns = parameters.integer("num_denoising", least=0) > 0, parameters.flag("learn_initial_query")
    parameters.finish()

    sides = [ceil_div(SIDE, 2 ** (number + 1)) for number, _ in taken]
    maps = _encoder_maps(width, expanded, sides, [channels for _, channels in taken])
    _decoder_inputs(maps, decoder, sides)
    encoder = tuple(
        tensor
        for number in range(len(attending))
        for tensor in _encoder(f"model.encoder.encoder.{number}", width, inner, depth)
    )
    layers, looking = _decoder(decoder)
    top = _top(decoder, labels, denoises=denoises, learns=learns)
    heads = _heads(decoder, labels) if has_heads else ()
    places, last = sum(side**2 for side in sides), sides[-1] ** 2
    flops = (
        backbone.flops
        + maps.flops
        + last * matrix_flops(encoder)
        + 4 * depth * len(attending) * width * last**2
        + decoder.queries * (matrix_flops(layers) + matrix_flops(heads))
        + places * (matrix_flops(looking) + matrix_flops(top))
        + 4 * decoder.layers * decoder.width * decoder.queries**2
    )
    return Inventory(
        architecture=model_type,
        item=Item.IMAGE,
        tensors=(*backbone.tensors, *maps.tensors, *encoder, *top, *layers, *looking, *heads),
        states=(),
        operations=Operations(per_item=flops),
        activations=Activations(per_item=max(backbone.live, places * 4 * width)),
        layers=depth + decoder.layers,
        hidden_size=decoder.width,
        attention_heads=decoder.heads,
        key_value_heads=decoder.heads,
        estimated=(ASSUMED,),
    )


def _layers(parameters: Hyperparameters, key: str) -> int:
    layers = parameters.integer(key)
    parameters.relate((key,), layers <= MAX_LAYERS, f"{layers} layers; at most {MAX_LAYERS}")
    return min(layers, MAX_LAYERS)


def _backbone(parameters: Hyperparameters) -> tuple[Network, tuple[tuple[int, int], ...]]:
    """The ResNet, and number and channels of each stage whose map the encoder takes, counted from 1."""
    section = parameters.section("backbone_config", _RESNET)
    section.choice("model_type", ("rt_detr_resnet",))
    depths, widths = section.integers("depths"), section.integers("hidden_sizes")
    section.relate(
        ("hidden_sizes", "depths"), len(depths) == len(widths), f"{len(depths)} depths, {len(widths)} widths"
    )
    section.relate(("depths",), sum(depths) <= MAX_LAYERS, f"more than {MAX_LAYERS} layers")
    kind = section.choice("layer_type", ("bottleneck", "basic"))
    channels, stem = section.integer("num_channels"), section.integer("embedding_size")
    first, early = section.flag("downsample_in_first_stage"), section.flag("downsample_in_bottleneck")
    section.support("downsample_in_first_stage", not first, "a stride in the first stage")
    named = {f"stage{number}": (number, width) for number, width in enumerate(widths, 1)}
    out = section.words("out_features")
    section.support("out_features", bool(out) and set(out) <= set(named), f"maps other than {', '.join(named)}")
    frozen = parameters.flag("freeze_backbone_batch_norms")

    network, name = Network(channels, SIDE), "model.backbone.model"
    for number, outputs in enumerate((stem // 2, stem // 2, stem)):
        _convolve(network, f"{name}.embedder.embedder.{number}", outputs, 3, stride=1 if number else 2)
    network.pool(2)
    for stage, (depth, outputs) in enumerate(zip(depths, widths, strict=False)):
        for layer in range(depth):
            stride = 2 if stage and layer == 0 else 1
            prefix = f"{name}.encoder.stages.{stage}.layers.{layer}"
            _residual(network, prefix, kind, outputs, stride=stride, early=early, is_first=layer == 0)
    if frozen:
        network.tensors = [tensor for tensor in network.tensors if tensor.role is not NORM]
    return network, tuple(named[one] for one in out if one in named)


def _residual(
    network: Network, name: str, kind: str, outputs: int, *, stride: int, early: bool, is_first: bool
) -> None:
    inputs, side = network.channels, network.side
    network.keep()
    if kind == "basic":
        _convolve(network, f"{name}.layer.0", outputs, 3, stride=stride)
        _convolve(network, f"{name}.layer.1", outputs, 3)
        needed, is_averaged = is_first, inputs != outputs
    else:
        inner = max(1, outputs // REDUCTION)
        _convolve(network, f"{name}.layer.0", inner, stride=stride if early else 1)
        _convolve(network, f"{name}.layer.1", inner, 3, stride=1 if early else stride)
        _convolve(network, f"{name}.layer.2", outputs)
        needed, is_averaged = inputs != outputs or stride != 1, stride == 2
    if needed:
        shortcut = f"{name}.shortcut.1" if is_averaged else f"{name}.shortcut"
        network.shortcut(
            f"{shortcut}.convolution",
            inputs,
            network.side if is_averaged else side,
            norm=f"{shortcut}.normalization",
            stride=1 if is_averaged else stride,
        )
    network.release()


def _convolve(network: Network, name: str, outputs: int, kernel: int = 1, *, stride: int = 1) -> None:
    network.convolve(f"{name}.convolution", outputs, kernel, stride=stride, norm=f"{name}.normalization")


def _encoder_maps(width: int, inner: int, sides: list[int], channels: list[int]) -> _Maps:
    maps = _Maps([])
    for number, (side, inputs) in enumerate(zip(sides, channels, strict=True)):
        name = f"model.encoder_input_proj.{number}"
        maps.convolve(f"{name}.0", f"{name}.1", width, inputs, 1, side=side)
    for number in range(len(sides) - 1):
        finer, coarser = sides[-2 - number], sides[-1 - number]
        name = f"model.encoder.lateral_convs.{number}"
        maps.convolve(f"{name}.conv", f"{name}.norm", width, width, 1, side=coarser)
        maps.merged(f"model.encoder.fpn_blocks.{number}", width, inner, finer)
        name, coarser = f"model.encoder.downsample_convs.{number}", sides[number + 1]
        maps.convolve(f"{name}.conv", f"{name}.norm", width, width, 3, side=coarser)
        maps.merged(f"model.encoder.pan_blocks.{number}", width, inner, coarser)
    return maps


def _decoder_inputs(maps: _Maps, decoder: _Decoder, sides: list[int]) -> None:
    for number, inputs in enumerate(decoder.inputs):
        name = f"model.decoder_input_proj.{number}"
        maps.convolve(f"{name}.0", f"{name}.1", decoder.width, inputs, 1, side=sides[min(number, len(sides) - 1)])


def _encoder(name: str, width: int, inner: int, depth: int) -> tuple[Tensor, ...]:
    prefix, attention, feed_forward = f"{name}.layers.*", TensorRole.ATTENTION, TensorRole.FEED_FORWARD
    return (
        *_attention(f"{prefix}.self_attn", width, depth, attention),
        *layer_norm(f"{prefix}.self_attn_layer_norm", width, depth),
        *linear(f"{prefix}.fc1", inner, width, feed_forward, depth),
        *linear(f"{prefix}.fc2", width, inner, feed_forward, depth, divided_input=True),
        *layer_norm(f"{prefix}.final_layer_norm", width, depth),
    )


def _attention(name: str, width: int, depth: int, role: TensorRole) -> tuple[Tensor, ...]:
    parts = ("q_proj", "k_proj", "v_proj", "out_proj")
    return tuple(
        tensor
        for part in parts
        for tensor in linear(f"{name}.{part}", width, width, role, depth, divided_input=part == "out_proj")
    )


def _decoder_of(model_type: str, parameters: Hyperparameters) -> _Decoder:
    width, heads = parameters.integer("d_model"), parameters.integer("decoder_attention_heads")
    message = f"{heads} heads do not divide d_model {width}"
    parameters.relate(("d_model", "decoder_attention_heads"), width % heads == 0, message)
    levels, inputs = parameters.integer("num_feature_levels"), parameters.integers("decoder_in_channels")
    message = f"{levels} levels, but {len(inputs)} maps"
    parameters.relate(("decoder_in_channels", "num_feature_levels"), levels == len(inputs), message)
    if model_type == SECOND:
        told = parameters.integer("decoder_n_levels")
        message = f"{told} levels of the decoder, but {levels}"
        parameters.relate(("num_feature_levels", "decoder_n_levels"), told == levels, message)
    return _Decoder(
        width=width,
        inner=parameters.integer("decoder_ffn_dim"),
        layers=_layers(parameters, "decoder_layers"),
        heads=heads,
        points=parameters.integer("decoder_n_points"),
        queries=parameters.integer("num_queries"),
        inputs=inputs,
        levels=levels,
    )


def _decoder(shape: _Decoder) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """What every query passes, and what every place of the maps does, once per layer."""
    width, depth, sampled = shape.width, shape.layers, shape.heads * shape.levels * shape.points
    name, attention, feed_forward = "model.decoder.layers.*", TensorRole.ATTENTION, TensorRole.FEED_FORWARD
    position = "model.decoder.query_pos_head.layers"
    return (
        *_attention(f"{name}.self_attn", width, depth, attention),
        *layer_norm(f"{name}.self_attn_layer_norm", width, depth),
        *linear(f"{name}.encoder_attn.sampling_offsets", 2 * sampled, width, attention, depth),
        *linear(f"{name}.encoder_attn.attention_weights", sampled, width, attention, depth),
        *linear(f"{name}.encoder_attn.output_proj", width, width, attention, depth, divided_input=True),
        *layer_norm(f"{name}.encoder_attn_layer_norm", width, depth),
        *linear(f"{name}.fc1", shape.inner, width, feed_forward, depth),
        *linear(f"{name}.fc2", width, shape.inner, feed_forward, depth, divided_input=True),
        *layer_norm(f"{name}.final_layer_norm", width, depth),
        *whole(f"{position}.0", 2 * width, 4, feed_forward),
        *whole(f"{position}.1", width, 2 * width, feed_forward),
    ), linear(f"{name}.encoder_attn.value_proj", width, width, attention, depth)


def _top(shape: _Decoder, labels: int, *, denoises: bool, learns: bool) -> tuple[Tensor, ...]:
    """What chooses the queries among the encoder's places, and what is learned beside."""
    width, embedding, everywhere = shape.width, TensorRole.EMBEDDING, Sharding.REPLICATED
    classes = Tensor("model.denoising_class_embed.weight", (labels + 1, width), embedding, everywhere)
    queries = Tensor("model.weight_embedding.weight", (shape.queries, width), embedding, everywhere)
    return (
        *((classes,) if denoises else ()),
        *((queries,) if learns else ()),
        *whole("model.enc_output.0", width, width, TensorRole.HEAD),
        *layer_norm("model.enc_output.1", width),
        *whole("model.enc_score_head", labels, width, TensorRole.HEAD),
        *_perceptron("model.enc_bbox_head", width),
    )


def _perceptron(name: str, width: int) -> tuple[Tensor, ...]:
    """Three layers, to a box."""
    return (
        *whole(f"{name}.layers.0", width, width, TensorRole.HEAD),
        *whole(f"{name}.layers.1", width, width, TensorRole.HEAD),
        *whole(f"{name}.layers.2", 4, width, TensorRole.HEAD),
    )


def _heads(shape: _Decoder, labels: int) -> tuple[Tensor, ...]:
    return tuple(
        tensor
        for layer in range(shape.layers)
        for tensor in (
            *whole(f"model.decoder.class_embed.{layer}", labels, shape.width, TensorRole.HEAD),
            *_perceptron(f"model.decoder.bbox_embed.{layer}", shape.width),
        )
    )
