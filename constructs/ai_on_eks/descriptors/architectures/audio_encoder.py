"""Encoders of raw sound: wav2vec 2.0 and HuBERT.

A frame is what the convolutions make of ∏ strides samples: 320 at 16 kHz, 20 ms. It is the item, as a token is of text.
With convolutions of c channels and kernel k, hidden size H, intermediate size I, a convolution for positions of kernel
p in g groups, and V characters:

    front      per convolution  c × c before × k  (+ c bias)   norms 2c: after the first one ("group"), or after all
    projection 2c + H × c + H
    positions  H × H/g × p + p + H                             its length and direction are separate (weight norm)
    per layer  4 × (H × H + H)  +  2 × H × I + I + H  +  4H    (+ 2H + 2 × A × H + A + H with language adapters)
    on top     2H, H for masked frames; …ForCTC: V × H + V

    operations per frame  front: 2 × weights × places per frame; the rest: 2 × weights; 4 × layers × H per frame of
                          context
    live per frame        the largest input and output of a convolution, or H + max(2I, 4H)

An adapter behind the encoder (`add_adapter`) and batch norm before positions are refused.
Names are those of the published checkpoints.
Source: modeling_wav2vec2.py and modeling_hubert.py of transformers 5.23.0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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
MODEL_TYPES: Mapping[str, None] = {"hubert": None, "wav2vec2": None}

_COMMON: Mapping[str, Any] = {
    "vocab_size": 32,
    "conv_dim": [512] * 7,
    "conv_kernel": [10, 3, 3, 3, 3, 2, 2],
    "conv_stride": [5, 2, 2, 2, 2, 2, 2],
    "conv_bias": False,
    "feat_extract_norm": "group",
    "num_conv_pos_embeddings": 128,
    "num_conv_pos_embedding_groups": 16,
    "do_stable_layer_norm": False,
    "use_weighted_layer_sum": False,
    "classifier_proj_size": 256,
    "num_labels": 2,
}
DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "hubert": {**_COMMON, "feat_proj_layer_norm": True, "conv_pos_batch_norm": False},
    "wav2vec2": {**_COMMON, "add_adapter": False},
}
"""What transformers documents for a hyper-parameter that a published config may leave out."""

_HEADS = ("ForCTC", "ForSequenceClassification", "ForAudioFrameClassification", "Model")


@dataclass(frozen=True, slots=True)
class _Front:
    """The convolutions' tensors, their operations per frame, and the most elements of one's input and output."""

    tensors: tuple[Tensor, ...]
    flops: int
    live: int
    width: int


def read(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The inventory of an encoder of sound, or an InputError with every missing hyper-parameter."""
    hidden, heads = parameters.integer("hidden_size"), parameters.integer("num_attention_heads")
    message = f"{heads} heads do not divide hidden_size {hidden}"
    parameters.relate(("hidden_size", "num_attention_heads"), hidden % heads == 0, message)
    layers, inner = parameters.integer("num_hidden_layers"), parameters.integer("intermediate_size")
    front = _front(model_type, parameters)
    has_norm = model_type != "hubert" or parameters.flag("feat_proj_layer_norm")
    projection = (
        *(layer_norm(f"{model_type}.feature_projection.layer_norm", front.width) if has_norm else ()),
        *whole(f"{model_type}.feature_projection.projection", hidden, front.width, TensorRole.EMBEDDING),
    )
    positions = _positions(model_type, hidden, parameters)
    body = (*_layers(model_type, hidden, inner, layers), *_adapters(model_type, hidden, layers, parameters))
    masked = any(_is_masked(parameters, key) for key in ("mask_time_prob", "mask_feature_prob"))
    head = _head(hidden, layers, parameters)
    parameters.finish()

    mask = Tensor(f"{model_type}.masked_spec_embed", (hidden,), TensorRole.EMBEDDING, Sharding.REPLICATED)
    dense = sum(2 * tensor.parameters for tensor in (projection[-2], positions[1], *head) if len(tensor.shape) > 1)
    return Inventory(
        architecture=model_type,
        item=Item.TOKEN,
        tensors=(
            *((mask,) if masked else ()),
            *front.tensors,
            *projection,
            *positions,
            *body,
            *layer_norm(f"{model_type}.encoder.layer_norm", hidden),
            *head,
        ),
        states=(),
        operations=Operations(
            per_item=front.flops + dense + matrix_flops(body), per_item_and_context_token=4 * layers * hidden
        ),
        activations=Activations(per_item=max(front.live, hidden + max(2 * inner, 4 * hidden))),
        layers=layers,
        hidden_size=hidden,
        attention_heads=heads,
        key_value_heads=heads,
    )


def _front(model_type: str, parameters: Hyperparameters) -> _Front:
    channels, kernels = parameters.integers("conv_dim"), parameters.integers("conv_kernel")
    strides, biased = parameters.integers("conv_stride"), parameters.flag("conv_bias")
    keys = ("conv_dim", "conv_kernel", "conv_stride")
    alike = len(channels) == len(kernels) == len(strides)
    parameters.relate(keys, alike, f"{len(channels)} channels, {len(kernels)} kernels, {len(strides)} strides")
    parameters.relate(("conv_stride",), max(strides, default=1) <= 100, "strides above 100 samples")
    normed_throughout = parameters.choice("feat_extract_norm", ("group", "layer")) == "layer"
    tensors: list[Tensor] = []
    flops, live, before = 0, 0, 1
    places = 1  # of a convolution's input, per frame
    for stride in strides:
        places *= stride
    for number, (width, kernel, stride) in enumerate(zip(channels, kernels, strides, strict=False)):
        name = f"{model_type}.feature_extractor.conv_layers.{number}"
        weight = Tensor(f"{name}.conv.weight", (width, before, kernel), TensorRole.CONVOLUTION, Sharding.REPLICATED)
        tensors.append(weight)
        if biased:
            tensors.append(Tensor(f"{name}.conv.bias", (width,), TensorRole.CONVOLUTION, Sharding.REPLICATED))
        if normed_throughout or number == 0:
            tensors += layer_norm(f"{name}.layer_norm", width)
        outputs = places // stride
        flops += 2 * outputs * weight.parameters
        live = max(live, places * before + outputs * width, 2 * outputs * width)
        places, before = outputs, width
    return _Front(tuple(tensors), flops, live, before)


def _positions(model_type: str, hidden: int, parameters: Hyperparameters) -> tuple[Tensor, Tensor, Tensor]:
    kernel, groups = parameters.integer("num_conv_pos_embeddings"), parameters.integer("num_conv_pos_embedding_groups")
    message = f"{groups} groups do not divide hidden_size {hidden}"
    parameters.relate(("hidden_size", "num_conv_pos_embedding_groups"), hidden % groups == 0, message)
    if model_type == "hubert":
        message = "batch norm before the positions"
        parameters.support("conv_pos_batch_norm", not parameters.flag("conv_pos_batch_norm"), message)
    name, role = f"{model_type}.encoder.pos_conv_embed.conv", TensorRole.CONVOLUTION
    return (
        Tensor(f"{name}.weight_g", (1, 1, kernel), role, Sharding.REPLICATED),
        Tensor(f"{name}.weight_v", (hidden, hidden // groups, kernel), role, Sharding.REPLICATED),
        Tensor(f"{name}.bias", (hidden,), role, Sharding.REPLICATED),
    )


def _layers(model_type: str, hidden: int, inner: int, layers: int) -> tuple[Tensor, ...]:
    prefix, attention, feed_forward = f"{model_type}.encoder.layers.*", TensorRole.ATTENTION, TensorRole.FEED_FORWARD
    return (
        *linear(f"{prefix}.attention.q_proj", hidden, hidden, attention, layers),
        *linear(f"{prefix}.attention.k_proj", hidden, hidden, attention, layers),
        *linear(f"{prefix}.attention.v_proj", hidden, hidden, attention, layers),
        *linear(f"{prefix}.attention.out_proj", hidden, hidden, attention, layers, divided_input=True),
        *layer_norm(f"{prefix}.layer_norm", hidden, layers),
        *linear(f"{prefix}.feed_forward.intermediate_dense", inner, hidden, feed_forward, layers),
        *linear(f"{prefix}.feed_forward.output_dense", hidden, inner, feed_forward, layers, divided_input=True),
        *layer_norm(f"{prefix}.final_layer_norm", hidden, layers),
    )


def _adapters(model_type: str, hidden: int, layers: int, parameters: Hyperparameters) -> tuple[Tensor, ...]:
    """A small network per layer for one of many languages (MMS); only where norms come first."""
    if model_type == "wav2vec2":
        message = "an adapter behind the encoder"
        parameters.support("add_adapter", not parameters.flag("add_adapter"), message)
    if not parameters.has("adapter_attn_dim") or not parameters.flag("do_stable_layer_norm"):
        return ()
    width, prefix = parameters.integer("adapter_attn_dim"), f"{model_type}.encoder.layers.*.adapter_layer"
    return (
        *layer_norm(f"{prefix}.norm", hidden, layers),
        *linear(f"{prefix}.linear_1", width, hidden, TensorRole.FEED_FORWARD, layers),
        *linear(f"{prefix}.linear_2", hidden, width, TensorRole.FEED_FORWARD, layers, divided_input=True),
    )


def _head(hidden: int, layers: int, parameters: Hyperparameters) -> tuple[Tensor, ...]:
    kind = parameters.ending("architectures", _HEADS) or "Model"
    if kind == "Model":
        return ()
    if kind == "ForCTC":
        return whole("lm_head", parameters.integer("vocab_size"), hidden, TensorRole.HEAD)
    summed: tuple[Tensor, ...] = ()
    if parameters.flag("use_weighted_layer_sum"):
        summed = (Tensor("layer_weights", (layers + 1,), TensorRole.HEAD, Sharding.REPLICATED),)
    labels = parameters.labels()
    if kind == "ForAudioFrameClassification":
        return (*summed, *whole("classifier", labels, hidden, TensorRole.HEAD))
    width = parameters.integer("classifier_proj_size")
    projector = whole("projector", width, hidden, TensorRole.POOLER)
    return (*summed, *projector, *whole("classifier", labels, width, TensorRole.HEAD))


def _is_masked(parameters: Hyperparameters, key: str) -> bool:
    """Whether frames are masked in training, for which the model keeps a vector. Zero is a value here; where the config
    is silent, `mask_time_prob` is 0.05 and `mask_feature_prob` 0."""
    value = parameters.value(key)
    return value > 0 if isinstance(value, int | float) else key == "mask_time_prob"
