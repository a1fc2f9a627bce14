"""Whisper and Speech2Text: an encoder of sound, a decoder of text.

    Whisper        convolutions   H × mel bins × 3 + H  +  H × H × 3 + H           the second halves the frames
                   positions      source positions × H  +  target positions × H
    Speech2Text    convolutions   channels × input × kernel + channels …           each halves the frames, and a gate
                                  2H × channels ÷ 2 × kernel + 2H                  halves the channels
                   positions      computed, not stored
    both           norms          2H after the last layer of each half
                   embedding      vocabulary × H, the decoder's and the head's

The layers are those of `encoder_decoder_layers`; Whisper's keys have no bias. Whisper pads every piece of sound to 30
seconds, 1,500 source positions, so that the cache of the source is constant. Speech2Text takes up to
`max_source_positions` frames; that greatest length is counted.
Names are those of the published checkpoints.
Source: modeling_whisper.py and modeling_speech_to_text.py of transformers 5.23.0; arXiv:2212.04356, §2.2; read
2026-11-24.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ai_on_eks.descriptors.architectures.encoder_decoder_inventory import encoder_decoder_inventory
from ai_on_eks.descriptors.architectures.encoder_decoder_layers import Half, layers, read_halves
from ai_on_eks.descriptors.architectures.encoder_parts import layer_norm
from ai_on_eks.descriptors.architectures.hyperparameters import Hyperparameters
from ai_on_eks.descriptors.inventory import Inventory, Sharding, Tensor, TensorRole
from ai_on_eks.units import ceil_div

FAMILY = "transformer"
MODEL_TYPES: Mapping[str, None] = {"speech_to_text": None, "whisper": None}

DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "speech_to_text": {
        "tie_word_embeddings": True,
        "max_source_positions": 6000,
        "max_target_positions": 1024,
        "conv_kernel_sizes": [5, 5],
        "conv_channels": 1024,
        "input_feat_per_channel": 80,
        "input_channels": 1,
    },
    "whisper": {
        "tie_word_embeddings": True,
        "num_mel_bins": 80,
        "max_source_positions": 1500,
        "max_target_positions": 448,
    },
}
"""What transformers documents for a hyper-parameter that a published config may leave out."""

_CLASSES = ("ForConditionalGeneration", "Model")


def read(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The inventory of a model of speech, or an InputError with every missing hyper-parameter."""
    has_head = parameters.ending("architectures", _CLASSES) != "Model"
    encoder, decoder = read_halves(parameters)
    positions = parameters.integer("max_source_positions")
    context = parameters.integer("max_target_positions")
    tied = parameters.flag("tie_word_embeddings")
    words = parameters.integer("vocab_size")
    is_whisper = model_type == "whisper"
    convolutions = (_whisper if is_whisper else _speech_to_text)(encoder.hidden, parameters)
    parameters.finish()
    tokens = positions if is_whisper else _halved(positions, len(convolutions))
    return encoder_decoder_inventory(
        model_type,
        encoder.stack,
        decoder.stack,
        layers(encoder, decoder, key_bias=not is_whisper),
        around=(
            *(tensor for name, shape in convolutions for tensor in _convolution(name, shape)),
            *(_stored_positions(encoder, positions, context) if is_whisper else ()),
            *_outside(encoder, words, "proj_out" if is_whisper else "lm_head", own_head=has_head and not tied),
        ),
        vocabulary=words if has_head else 0,
        context=context,
        source_tokens=tokens,
        source_flops=sum(_flops(shape, frames) for shape, frames in _frames(convolutions)),
        source_live=_live(convolutions, is_whisper=is_whisper),
        source="sound",
    )


_Convolutions = list[tuple[str, tuple[int, int, int]]]
"""Name, and outputs × inputs × kernel, in order."""


def _whisper(hidden: int, parameters: Hyperparameters) -> _Convolutions:
    return [
        ("model.encoder.conv1", (hidden, parameters.integer("num_mel_bins"), 3)),
        ("model.encoder.conv2", (hidden, hidden, 3)),
    ]


def _speech_to_text(hidden: int, parameters: Hyperparameters) -> _Convolutions:
    kernels = parameters.integers("conv_kernel_sizes")
    channels = parameters.integer("conv_channels")
    parameters.relate(("conv_channels",), channels % 2 == 0, f"{channels} cannot be halved")
    inputs = parameters.integer("input_feat_per_channel") * parameters.integer("input_channels")
    found: _Convolutions = []
    for number, kernel in enumerate(kernels):
        outputs = channels if number < len(kernels) - 1 else 2 * hidden
        found.append((f"model.encoder.conv.conv_layers.{number}", (outputs, inputs, kernel)))
        inputs = max(1, outputs // 2)
    return found


def _frames(convolutions: _Convolutions) -> Iterable[tuple[tuple[int, int, int], int]]:
    """Each convolution's shape, and how many frames it makes for one token of the encoder: twice as many as the next
    one, except that Whisper's first keeps the frames and its second halves them."""
    last = len(convolutions) - 1
    for number, (_, shape) in enumerate(convolutions):
        yield shape, 2 ** (last - number)


def _flops(shape: tuple[int, int, int], frames: int) -> int:
    outputs, inputs, kernel = shape
    return 2 * outputs * inputs * kernel * frames


def _live(convolutions: _Convolutions, *, is_whisper: bool) -> int:
    """Largest input and output of a convolution, in elements per token of the encoder."""
    widest = 0
    for number, (shape, frames) in enumerate(_frames(convolutions)):
        taken = frames if is_whisper and number == 0 else 2 * frames
        widest = max(widest, shape[0] * frames + shape[1] * taken)
    return widest


def _halved(frames: int, times: int) -> int:
    for _ in range(times):
        frames = ceil_div(frames, 2)
    return frames


def _convolution(name: str, shape: tuple[int, int, int]) -> tuple[Tensor, ...]:
    return (
        Tensor(f"{name}.weight", shape, TensorRole.CONVOLUTION, Sharding.REPLICATED),
        Tensor(f"{name}.bias", shape[:1], TensorRole.CONVOLUTION, Sharding.REPLICATED),
    )


def _stored_positions(encoder: Half, source: int, target: int) -> tuple[Tensor, ...]:
    return tuple(
        Tensor(
            f"model.{half}.embed_positions.weight", (rows, encoder.hidden), TensorRole.EMBEDDING, Sharding.REPLICATED
        )
        for half, rows in (("encoder", source), ("decoder", target))
    )


def _outside(encoder: Half, words: int, head: str, *, own_head: bool) -> tuple[Tensor, ...]:
    size = (words, encoder.hidden)
    return (
        *layer_norm("model.encoder.layer_norm", encoder.hidden),
        Tensor("model.decoder.embed_tokens.weight", size, TensorRole.EMBEDDING, Sharding.SPLIT),
        *layer_norm("model.decoder.layer_norm", encoder.hidden),
        *((Tensor(f"{head}.weight", size, TensorRole.HEAD, Sharding.SPLIT),) if own_head else ()),
    )
