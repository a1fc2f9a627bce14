"""Encoders of raw sound: wav2vec 2.0, HuBERT and WavLM.

A frame is what the convolutions make of ∏ strides samples: 320 at 16 kHz, 20 ms. It is the item, as a token is of text.
With convolutions of c channels and kernel k, hidden size H, intermediate size I, a convolution for positions of kernel
p in g groups, and V characters:

    front      per convolution  c × c before × k  (+ c bias)   norms 2c: after the first one ("group"), or after all
    projection 2c + H × c + H
    positions  H × H/g × p + p + H                             its length and direction are separate (weight norm)
    per layer  4 × (H × H + H)  +  2 × H × I + I + H  +  4H    (+ 2H + 2 × A × H + A + H with language adapters)
    WavLM      buckets × A once, and per layer A + 8 × H/A + 8   relative positions, weighed by a gate
    on top     2H, H for masked frames; …ForCTC: V × H + V

    operations per frame  front: 2 × weights × places per frame; the rest: 2 × weights; 4 × layers × H per frame of
                          context
    live per frame        the largest input and output of a convolution, or H + max(2I, 4H)

An adapter behind the encoder (`add_adapter`) and batch norm before positions are refused.
Names are those of the published checkpoints.
Source: modeling_wav2vec2.py, modeling_hubert.py and modeling_wavlm.py of transformers 5.23.0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

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
MODEL_TYPES: Mapping[str, None] = {"hubert": None, "wav2vec2": None, "wavlm": None}

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
_SPEAKER: Mapping[str, Any] = {
    "tdnn_dim": [512, 512, 512, 512, 1500],
    "tdnn_kernel": [5, 3, 3, 1, 1],
    "xvector_output_dim": 512,
}
_CODES: Mapping[str, Any] = {
    "num_codevectors_per_group": 320,
    "num_codevector_groups": 2,
    "codevector_dim": 256,
    "proj_codevector_dim": 256,
}
DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "hubert": {**_COMMON, "feat_proj_layer_norm": True, "conv_pos_batch_norm": False},
    "wav2vec2": {**_COMMON, **_SPEAKER, **_CODES, "add_adapter": False},
    "wavlm": {**_COMMON, **_SPEAKER, "add_adapter": False, "num_buckets": 320},
}
"""What transformers documents for a hyper-parameter that a published config may leave out."""

_HEADS = ("ForCTC", "ForSequenceClassification", "ForAudioFrameClassification", "Model")
GATE_ROWS = 8
"""Of the matrix that weighs WavLM's relative positions, one for all heads (arXiv:2110.13900, §III)."""


class _Front(Struct, frozen=True):
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
    relative = _relative_positions(hidden, heads, layers, parameters) if model_type == "wavlm" else ()
    masked = any(_is_masked(parameters, key) for key in ("mask_time_prob", "mask_feature_prob"))
    head = _head(model_type, hidden, layers, front.width, parameters)
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
            *relative,
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
    if model_type != "hubert":
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


def _relative_positions(hidden: int, heads: int, layers: int, parameters: Hyperparameters) -> tuple[Tensor, ...]:
    """WavLM's: a table in the first layer, weighed in every one by what a gate makes of the queries."""
    prefix, role = "wavlm.encoder.layers", TensorRole.ATTENTION
    buckets, width = parameters.integer("num_buckets"), max(1, hidden // heads)
    gate = f"{prefix}.*.attention.gru_rel_pos"
    return (
        Tensor(f"{prefix}.0.attention.rel_attn_embed.weight", (buckets, heads), role, Sharding.REPLICATED),
        Tensor(f"{gate}_const", (1, heads, 1, 1), role, Sharding.REPLICATED, layers),
        Tensor(f"{gate}_linear.weight", (GATE_ROWS, width), role, Sharding.REPLICATED, layers),
        Tensor(f"{gate}_linear.bias", (GATE_ROWS,), role, Sharding.REPLICATED, layers),
    )


def _head(model_type: str, hidden: int, layers: int, features: int, parameters: Hyperparameters) -> tuple[Tensor, ...]:
    others = {"wav2vec2": ("ForXVector", "ForPreTraining"), "wavlm": ("ForXVector",)}
    kind = parameters.ending("architectures", (*_HEADS, *others.get(model_type, ()))) or "Model"
    if kind == "Model":
        return ()
    if kind == "ForPreTraining":
        return _codes(hidden, features, parameters)
    if kind == "ForCTC":
        return whole("lm_head", parameters.integer("vocab_size"), hidden, TensorRole.HEAD)
    summed: tuple[Tensor, ...] = ()
    if parameters.flag("use_weighted_layer_sum"):
        summed = (Tensor("layer_weights", (layers + 1,), TensorRole.HEAD, Sharding.REPLICATED),)
    labels = parameters.labels()
    if kind == "ForXVector":
        return (*summed, *_speaker(hidden, labels, parameters))
    if kind == "ForAudioFrameClassification":
        return (*summed, *whole("classifier", labels, hidden, TensorRole.HEAD))
    width = parameters.integer("classifier_proj_size")
    projector = whole("projector", width, hidden, TensorRole.POOLER)
    return (*summed, *projector, *whole("classifier", labels, width, TensorRole.HEAD))


def _speaker(hidden: int, labels: int, parameters: Hyperparameters) -> tuple[Tensor, ...]:
    """Layers over neighbouring frames, and what tells one speaker from another."""
    widths, kernels = parameters.integers("tdnn_dim"), parameters.integers("tdnn_kernel")
    message = f"{len(widths)} widths, {len(kernels)} kernels"
    parameters.relate(("tdnn_dim", "tdnn_kernel"), len(widths) == len(kernels), message)
    output, role = parameters.integer("xvector_output_dim"), TensorRole.HEAD
    first = widths[0] if widths else 1
    before = (first, *widths)
    return (
        *whole("projector", first, hidden, TensorRole.POOLER),
        *(
            tensor
            for number, (width, kernel) in enumerate(zip(widths, kernels, strict=False))
            for tensor in whole(f"tdnn.{number}.kernel", width, before[number] * kernel, role)
        ),
        *whole("feature_extractor", output, 2 * before[-1], role),
        *whole("classifier", output, output, role),
        Tensor("objective.weight", (output, labels), role, Sharding.REPLICATED),
    )


def _codes(hidden: int, features: int, parameters: Hyperparameters) -> tuple[Tensor, ...]:
    """What pre-training compares the encoder's output with: features in codes, as in arXiv:2006.11477, §2."""
    groups, number = parameters.integer("num_codevector_groups"), parameters.integer("num_codevectors_per_group")
    width, projected = parameters.integer("codevector_dim"), parameters.integer("proj_codevector_dim")
    keys = ("codevector_dim", "num_codevector_groups")
    parameters.relate(keys, width % groups == 0, f"{groups} groups do not divide {width}")
    role, codes = TensorRole.HEAD, groups * number
    return (
        Tensor("quantizer.codevectors", (1, codes, width // groups), role, Sharding.REPLICATED),
        *whole("quantizer.weight_proj", codes, features, role),
        *whole("project_hid", projected, hidden, role),
        *whole("project_q", projected, width, role),
    )


def _is_masked(parameters: Hyperparameters, key: str) -> bool:
    """Whether frames are masked in training, for which the model keeps a vector. Zero is a value here; where the config
    is silent, `mask_time_prob` is 0.05 and `mask_feature_prob` 0."""
    value = parameters.value(key)
    return value > 0 if isinstance(value, int | float) else key == "mask_time_prob"
