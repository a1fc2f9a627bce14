"""Encoders of sound before a decoder: Whisper's, with what makes tokens of its frames.

With mel bands B, hidden size H, intermediate size I, P positions, and T for the decoder's hidden size:

    front       H × 3B + H  +  H × 3H + H        the second convolution halves the frames: 20 ms each
    positions   P × H                            Qwen-Omni computes them
    per layer   4 × H × H + 3H  +  2 × H × I + I + H  +  4H     keys have no bias; in Qwen3-Omni they do
    last norm   2H

    Qwen2-Audio    T × H + T                     two frames averaged to a token: 750 in 30 s
    Qwen2.5-Omni   O × H + O  +  2 × O           two frames to a token; O = T, and marks of its beginning and end
    Voxtral        T × I + T × T                 I = 4H: four frames side by side, 375 tokens in 30 s
    Qwen3-Omni     C × 9 + C  +  2 × (C × 9C + C)  +  H × C·B/8  +  H × H + H  +  O × H + O
                   three convolutions over bands and frames, C channels, each halving both: 80 ms a token

Whisper's encoder pads sound to 30 s and every frame attends to all of it; Qwen2.5-Omni's frames attend within 2 s
(`n_window` × 2 frames of 10 ms), Qwen3-Omni's within `n_window_infer` of them.

vLLM takes Qwen2-Audio's and Qwen2.5-Omni's encoders from transformers and keeps them whole on every rank, and divides
Voxtral's. Qwen3-Omni's counts as whole, which is never too little.
Source: modeling_qwen2_audio.py, modeling_qwen2_5_omni.py, modeling_qwen3_omni_moe.py and modeling_voxtral.py of
transformers 5.23.0, read 2026-11-28.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ai_on_eks.descriptors.architectures.hyperparameters import Hyperparameters
from ai_on_eks.descriptors.architectures.vision_tower import VisionTower, affine, encoder, flops, norm, whole
from ai_on_eks.descriptors.inventory import Tensor
from ai_on_eks.units import ceil_div

_WHISPER: Mapping[str, Any] = {
    "num_mel_bins": 128,
    "d_model": 1280,
    "encoder_layers": 32,
    "encoder_attention_heads": 20,
    "encoder_ffn_dim": 5120,
    "max_source_positions": 1500,
}
_OMNI: Mapping[str, Any] = {**_WHISPER, "n_window": 100, "output_dim": 3584}
_OMNI3: Mapping[str, Any] = {**_WHISPER, "output_dim": 3584, "n_window_infer": 800, "downsample_hidden_size": 480}
_VOXTRAL: Mapping[str, Any] = {
    "num_mel_bins": 128,
    "hidden_size": 1280,
    "num_hidden_layers": 32,
    "num_attention_heads": 20,
    "intermediate_size": 5120,
    "max_source_positions": 1500,
}
"""What transformers documents for these encoders; a section of a config says only what differs, widths included."""

_SIDE_BY_SIDE = 4
"""Frames of Voxtral's in a token."""
_HALVINGS = 3
"""Convolutions of Qwen3-Omni's front, each of which halves bands and frames."""


class _Shape(Struct, frozen=True):
    """The dimensions of Whisper's encoder."""

    bands: int
    hidden: int
    layers: int
    inner: int
    positions: int


def qwen2_audio_tower(parameters: Hyperparameters, width: int) -> VisionTower:
    """The encoder of Qwen2-Audio, `width` being the decoder's."""
    shape = _read(parameters.section("audio_config", _WHISPER), "d_model", "encoder_layers", "encoder_attention_heads",
                  "encoder_ffn_dim")  # fmt: skip
    projection = affine("multi_modal_projector.linear", width, shape.hidden, divided=False)
    position = whole("audio_tower.embed_positions.weight", shape.positions, shape.hidden)
    tensors = (position, *norm("audio_tower.layer_norm", shape.hidden))
    return _whisper(shape, tensors, projection, frames=2, width=width, divided=False)


def voxtral_tower(parameters: Hyperparameters, width: int) -> VisionTower:
    """The encoder of Voxtral."""
    section = parameters.section("audio_config", _VOXTRAL)
    shape = _read(section, "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size")
    message = f"{_SIDE_BY_SIDE} frames of {shape.hidden} side by side are not {shape.inner}"
    section.relate(("hidden_size", "intermediate_size"), shape.inner == _SIDE_BY_SIDE * shape.hidden, message)
    projection = (
        *affine("multi_modal_projector.linear_1", width, shape.inner, biased=False),
        *affine("multi_modal_projector.linear_2", width, width, biased=False),
    )
    position = whole("audio_tower.embed_positions.weight", shape.positions, shape.hidden)
    tensors = (position, *norm("audio_tower.layer_norm", shape.hidden))
    return _whisper(shape, tensors, projection, frames=_SIDE_BY_SIDE, width=width, divided=True)


def qwen2_5_omni_tower(parameters: Hyperparameters, width: int) -> VisionTower:
    """The encoder of Qwen2.5-Omni."""
    section = parameters.section("audio_config", _OMNI)
    shape = _read(section, "d_model", "encoder_layers", "encoder_attention_heads", "encoder_ffn_dim")
    output = _output(section, width)
    tensors = (
        whole("audio_tower.audio_bos_eos_token.weight", 2, output),
        *norm("audio_tower.ln_post", shape.hidden),
    )
    projection = affine("audio_tower.proj", output, shape.hidden, divided=False)
    seen = section.integer("n_window")  # frames of 20 ms, as many as half of 2 × n_window frames of 10 ms
    return _whisper(shape, tensors, projection, frames=2, width=output, divided=False, seen=seen)


def qwen3_omni_tower(parameters: Hyperparameters, width: int) -> VisionTower:
    """The encoder of Qwen3-Omni: a token is what a place of the last convolution becomes."""
    section = parameters.section("audio_config", _OMNI3)
    shape = _read(section, "d_model", "encoder_layers", "encoder_attention_heads", "encoder_ffn_dim")
    output, channels = _output(section, width), section.integer("downsample_hidden_size")
    hidden, bands, name = shape.hidden, shape.bands, "audio_tower"
    places, front, front_flops, widest = 1, [], 0, 0
    for number in range(1, _HALVINGS + 1):
        before, bands = (1 if number == 1 else channels), ceil_div(bands, 2)
        weight = whole(f"{name}.conv2d{number}.weight", channels, before, 3, 3)
        places = bands * 2 ** (_HALVINGS - number)
        front += [weight, whole(f"{name}.conv2d{number}.bias", channels)]
        front_flops += places * flops((weight,))
        widest = max(widest, places * channels)
    layers = _layers(f"{name}.layers.*", shape, divided=False, key_bias=True)
    mapping = (
        *affine(f"{name}.conv_out", hidden, channels * bands, divided=False, biased=False),
        *affine(f"{name}.proj1", hidden, hidden, divided=False),
        *affine(f"{name}.proj2", output, hidden, divided=False),
    )
    seen = ceil_div(section.integer("n_window_infer"), 2**_HALVINGS)
    working = encoder(
        patch_flops=flops(layers) + front_flops + 4 * shape.layers * hidden * seen,
        token_flops=flops(mapping),
        layers=0,
        hidden=hidden,
        block_live=2 * shape.inner,
        patches_per_token=1,
        token_live=2 * widest,
        handed=output,
    )
    tensors = (*front, *layers, *norm(f"{name}.ln_post", hidden), *mapping)
    return VisionTower(tensors, replace(working, name="sound"))


def _read(section: Hyperparameters, hidden: str, layers: str, heads: str, inner: str) -> _Shape:
    width, number = section.integer(hidden), section.integer(heads)
    section.relate((hidden, heads), width % number == 0, f"{number} heads do not divide {hidden} {width}")
    return _Shape(
        bands=section.integer("num_mel_bins"),
        hidden=width,
        layers=section.integer(layers),
        inner=section.integer(inner),
        positions=section.integer("max_source_positions"),
    )


def _output(section: Hyperparameters, width: int) -> int:
    output = section.integer("output_dim")
    message = f"sound becomes {output} wide, the decoder is {width}"
    section.relate(("output_dim",), not width or output == width, message)
    return output


def _whisper(
    shape: _Shape,
    around: tuple[Tensor, ...],
    projection: tuple[Tensor, ...],
    *,
    frames: int,
    width: int,
    divided: bool,
    seen: int = 0,
) -> VisionTower:
    """`frames` make a token; each attends to `seen` others, or to all of a piece of 30 s where that is 0."""
    hidden, name = shape.hidden, "audio_tower"
    first = whole(f"{name}.conv1.weight", hidden, shape.bands, 3)
    second = whole(f"{name}.conv2.weight", hidden, hidden, 3)
    front = (first, whole(f"{name}.conv1.bias", hidden), second, whole(f"{name}.conv2.bias", hidden))
    layers = _layers(f"{name}.layers.*", shape, divided=divided, key_bias=False)
    # the first convolution keeps the frames of 10 ms, of which the second makes half as many
    per_frame = 2 * flops((first,)) + flops((second, *layers)) + 4 * shape.layers * hidden * seen
    working = encoder(
        patch_flops=per_frame,
        token_flops=flops(projection),
        layers=0 if seen else shape.layers,
        hidden=hidden,
        block_live=2 * shape.inner,
        patches_per_token=frames,
        token_live=frames * hidden + 2 * width,
        handed=width,
        tokens=None if seen else max(1, shape.positions // frames),
    )
    return VisionTower((*front, *layers, *around, *projection), replace(working, name="sound"))


def _layers(prefix: str, shape: _Shape, *, divided: bool, key_bias: bool) -> tuple[Tensor, ...]:
    hidden, inner, count = shape.hidden, shape.inner, shape.layers
    return (
        *affine(f"{prefix}.self_attn.q_proj", hidden, hidden, count, divided=divided),
        *affine(f"{prefix}.self_attn.k_proj", hidden, hidden, count, divided=divided, biased=key_bias),
        *affine(f"{prefix}.self_attn.v_proj", hidden, hidden, count, divided=divided),
        *affine(f"{prefix}.self_attn.out_proj", hidden, hidden, count, divided=divided, divided_input=True),
        *affine(f"{prefix}.fc1", inner, hidden, count, divided=divided),
        *affine(f"{prefix}.fc2", hidden, inner, count, divided=divided, divided_input=True),
        *norm(f"{prefix}.self_attn_layer_norm", hidden, count),
        *norm(f"{prefix}.final_layer_norm", hidden, count),
    )
