"""ViT on other inputs: spectrograms (AST), videos (VideoMAE), and images as I-JEPA and ViT-MSN were trained.

As in `vision`, with n tokens, hidden size H, intermediate size I:

    AST       tokens ((mel bins − P) ÷ s_f + 1) × ((frames − P) ÷ s_t + 1) + 2: patches overlap where the strides are
              shorter; a class and a distillation token; a norm before the classifier
    VideoMAE  patches of several frames; fixed positions; keys without bias; a norm of the mean, or of all tokens
    I-JEPA    no class token
    ViT-MSN   no pooler

Names are those of the published checkpoints. Source: modeling_audio_spectrogram_transformer.py, modeling_videomae.py,
modeling_ijepa.py and modeling_vit_msn.py of transformers 5.23.0, read 2026-11-29.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from ai_on_eks.descriptors.architectures.encoder_parts import layer_norm, whole
from ai_on_eks.descriptors.architectures.hyperparameters import Hyperparameters
from ai_on_eks.descriptors.architectures.operations import matrix_flops
from ai_on_eks.descriptors.architectures.vision import layers_of
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
AST, IJEPA, VIDEO, MSN = "audio-spectrogram-transformer", "ijepa", "videomae", "vit_msn"
MODEL_TYPES = (AST, IJEPA, VIDEO, MSN)

_IMAGE: Mapping[str, Any] = {"num_labels": 2, "num_channels": 3, "qkv_bias": True}
DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    AST: {
        "num_labels": 2,
        "qkv_bias": True,
        "patch_size": 16,
        "frequency_stride": 10,
        "time_stride": 10,
        "max_length": 1024,
        "num_mel_bins": 128,
    },
    IJEPA: _IMAGE,
    VIDEO: {
        "num_labels": 2,
        "num_channels": 3,
        "qv_bias": True,
        "use_mean_pooling": True,
        "num_frames": 16,
        "tubelet_size": 2,
    },
    MSN: _IMAGE,
}
"""What transformers documents for a hyper-parameter that a published config may leave out."""

PREFIXES: Mapping[str, str] = {AST: "audio_spectrogram_transformer", IJEPA: "ijepa", VIDEO: "videomae", MSN: "vit"}
CLASSIFIERS: Mapping[str, str] = {
    AST: "ForAudioClassification",
    IJEPA: "ForImageClassification",
    VIDEO: "ForVideoClassification",
    MSN: "ForImageClassification",
}
MAX_SIDE, MAX_FRAMES = 16_384, 100_000
_WHOLE = Sharding.REPLICATED


class _Input(Struct, frozen=True):
    """The kernel that makes tokens, how many, and those that are learned beside them."""

    kernel: tuple[int, ...]
    patches: int
    learned: tuple[str, ...] = ()
    has_positions: bool = True


def read(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The inventory of such a model, or an InputError with every missing hyper-parameter."""
    hidden, inner = parameters.integer("hidden_size"), parameters.integer("intermediate_size")
    layers, heads = parameters.integer("num_hidden_layers"), parameters.integer("num_attention_heads")
    message = f"{heads} heads do not divide hidden_size {hidden}"
    parameters.relate(("hidden_size", "num_attention_heads"), hidden % heads == 0, message)
    readers = {AST: _spectrogram, VIDEO: _video}
    given = readers.get(model_type, _image)(model_type, parameters)
    biased = parameters.flag("qv_bias" if model_type == VIDEO else "qkv_bias")
    classifies = parameters.ending("architectures", (CLASSIFIERS[model_type], "Model")) == CLASSIFIERS[model_type]
    top = _top(model_type, hidden, parameters, classifies=classifies)
    parameters.finish()

    prefix, tokens = PREFIXES[model_type], given.patches + len(given.learned)
    embedding, name = TensorRole.EMBEDDING, f"{prefix}.embeddings"
    projection = Tensor(
        f"{name}.patch_embeddings.projection.weight", (hidden, *given.kernel), TensorRole.CONVOLUTION, _WHOLE
    )
    positions = Tensor(f"{name}.position_embeddings", (1, tokens, hidden), embedding, _WHOLE)
    no_keys = f"{prefix}.encoder.layer.*.attention.attention.key.bias"
    body = tuple(
        tensor
        for tensor in layers_of(prefix, hidden, inner, layers, biased=biased)
        if model_type != VIDEO or tensor.name != no_keys
    )
    return Inventory(
        architecture=model_type,
        item=Item.IMAGE,
        tensors=(
            *(Tensor(f"{name}.{one}", (1, 1, hidden), embedding, _WHOLE) for one in given.learned),
            *((positions,) if given.has_positions else ()),
            projection,
            Tensor(f"{name}.patch_embeddings.projection.bias", (hidden,), TensorRole.CONVOLUTION, _WHOLE),
            *body,
            *top,
        ),
        states=(),
        operations=Operations(
            per_item=2 * given.patches * projection.parameters
            + tokens * matrix_flops(body)
            + 4 * layers * tokens**2 * hidden
            + matrix_flops(top)
        ),
        activations=Activations(per_item=tokens * (hidden + max(2 * inner, 4 * hidden))),
        layers=layers,
        hidden_size=hidden,
        attention_heads=heads,
        key_value_heads=heads,
    )


def _image(model_type: str, parameters: Hyperparameters) -> _Input:
    side, patch = _sides(parameters)
    channels = parameters.integer("num_channels")
    learned = ("cls_token",) if model_type == MSN else ()
    return _Input((channels, patch, patch), (side // patch) ** 2, learned)


def _spectrogram(_: str, parameters: Hyperparameters) -> _Input:
    patch, bins, frames = (parameters.integer(key) for key in ("patch_size", "num_mel_bins", "max_length"))
    parameters.relate(("max_length",), frames <= MAX_FRAMES, f"{frames} frames; at most {MAX_FRAMES}")
    message = f"a patch of {patch} is larger than {bins} mel bins × {frames} frames"
    parameters.relate(("num_mel_bins", "max_length", "patch_size"), patch <= min(bins, frames), message)
    across = (bins - patch) // parameters.integer("frequency_stride") + 1
    along = (frames - patch) // parameters.integer("time_stride") + 1
    return _Input((1, patch, patch), across * along, ("cls_token", "distillation_token"))


def _video(_: str, parameters: Hyperparameters) -> _Input:
    side, patch = _sides(parameters)
    channels, frames, tube = (parameters.integer(key) for key in ("num_channels", "num_frames", "tubelet_size"))
    parameters.relate(("num_frames",), frames <= MAX_FRAMES, f"{frames} frames; at most {MAX_FRAMES}")
    message = f"{tube} frames of a patch are more than {frames} of the video"
    parameters.relate(("num_frames", "tubelet_size"), tube <= frames, message)
    patches = (side // patch) ** 2 * (frames // tube)
    return _Input((channels, tube, patch, patch), patches, has_positions=False)


def _sides(parameters: Hyperparameters) -> tuple[int, int]:
    side, patch = parameters.integer("image_size"), parameters.integer("patch_size")
    parameters.relate(("image_size",), side <= MAX_SIDE, f"{side} pixels; at most {MAX_SIDE}")
    message = f"a patch of {patch} pixels is larger than the image of {side}"
    parameters.relate(("image_size", "patch_size"), patch <= side, message)
    return side, patch


def _top(model_type: str, hidden: int, parameters: Hyperparameters, *, classifies: bool) -> tuple[Tensor, ...]:
    """Norms after the layers, and the classifier."""
    last: tuple[Tensor, ...] = layer_norm(f"{PREFIXES[model_type]}.layernorm", hidden)
    if model_type == VIDEO and parameters.flag("use_mean_pooling"):
        last = layer_norm("fc_norm", hidden) if classifies else ()
    if not classifies:
        return last
    if model_type != AST:
        return (*last, *whole("classifier", parameters.labels(), hidden, TensorRole.HEAD))
    head = whole("classifier.dense", parameters.labels(), hidden, TensorRole.HEAD)
    return (*last, *layer_norm("classifier.layernorm", hidden), *head)
