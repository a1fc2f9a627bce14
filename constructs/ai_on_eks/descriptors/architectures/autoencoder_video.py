"""Autoencoders of videos that work on a few latent frames at once: HunyuanVideo's and CogVideoX's.

With widths w, k = 3 × 3 × 3, n residual blocks a level, one more in the decoder:

    residual block  norms 2C_in + 2C, convolutions k C_in C + C and k C² + C, a 1 × 1 × 1 where the widths differ
    HunyuanVideo    the middle's attention 4 (C² + C) + 2C is among all positions of the frames at once, by a mask of
                    every pair; the side grows at the first three levels, the frames at the second and third
    CogVideoX       every norm of the decoder takes scale and shift from the latents, 2 (z C + C); a convolution of each
                    frame where the side changes; the frames grow at the first two levels

    frames at once  HunyuanVideo 5 latent frames, overlapping by 2; CogVideoX 2, 3 where their number is odd
    values alive    channels × positions of the widest block × 3.9 and × 6.2; CogVideoX keeps two frames of every input
                    of a convolution in time besides (counted on the meta device)

Source: autoencoder_kl_hunyuan_video.py and autoencoder_kl_cogvideox.py of diffusers 0.42.1, read 2026-11-29.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil, prod
from typing import Any

from msgspec import Struct

from ai_on_eks.descriptors.architectures.diffusion_lone import Video, lone
from ai_on_eks.descriptors.architectures.diffusion_parts import linear, norm
from ai_on_eks.descriptors.architectures.hyperparameters import Hyperparameters
from ai_on_eks.descriptors.image_generation import Phase, Work
from ai_on_eks.descriptors.inventory import Inventory, Sharding, Tensor, TensorRole

FAMILY = "diffusion"
COG, HUNYUAN = "AutoencoderKLCogVideoX", "AutoencoderKLHunyuanVideo"
MODEL_TYPES: Mapping[str, None] = {COG: None, HUNYUAN: None}

_DEFAULTS: Mapping[str, Any] = {
    "in_channels": 3,
    "out_channels": 3,
    "latent_channels": 16,
    "temporal_compression_ratio": 4,
}
DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    COG: {**_DEFAULTS, "layers_per_block": 3, "use_quant_conv": False, "use_post_quant_conv": False},
    HUNYUAN: {
        **_DEFAULTS,
        "layers_per_block": 2,
        "spatial_compression_ratio": 8,
        "mid_block_add_attention": True,
    },
}
"""What diffusers documents for a hyper-parameter that a published config may leave out."""

VIDEOS: Mapping[str, Video] = {COG: Video(720, 480, 49, 8, 4), HUNYUAN: Video(1280, 720, 129, 8, 4)}
"""Made by CogVideoXPipeline and HunyuanVideoPipeline where nothing else is asked (diffusers 0.42.1)."""
BLOCKS: Mapping[str, tuple[str, str]] = {
    COG: ("CogVideoXDownBlock3D", "CogVideoXUpBlock3D"),
    HUNYUAN: ("HunyuanVideoDownBlock3D", "HunyuanVideoUpBlock3D"),
}
AT_ONCE: Mapping[str, int] = {COG: 3, HUNYUAN: 5}
WORKING_VALUES: Mapping[str, float] = {COG: 6.2, HUNYUAN: 3.9}
GROWS_IN_TIME: Mapping[str, tuple[int, ...]] = {COG: (0, 1), HUNYUAN: (1, 2)}
"""Levels of the decoder after which there are twice the frames."""
CACHED_FRAMES, TILE_PIXELS, LEVELS, MAX_BLOCKS = 2, 256, 4, 16


@dataclass(slots=True)
class _Build:
    """One half of the network so far, at maps of `side` × `side` and `frames` for one latent position."""

    is_cog: bool
    conditions: int = 0
    side: int = 1
    frames: int = 1
    tensors: list[Tensor] = field(default_factory=list)
    flops: int = 0
    cached: int = 0
    alive: int = 0

    @property
    def positions(self) -> int:
        return self.side**2 * self.frames

    def convolve(self, name: str, outputs: int, inputs: int, kernel: tuple[int, ...] = (3, 3, 3)) -> None:
        """In time as well, the convolution is wrapped: its tensors lie one level deeper."""
        name = name if len(kernel) < 3 or (self.is_cog and kernel == (1, 1, 1)) else f"{name}.conv"
        self.bare(name, outputs, inputs, kernel)
        if kernel == (3, 3, 3):
            self.cached += CACHED_FRAMES * inputs * self.side**2

    def bare(self, name: str, outputs: int, inputs: int, kernel: tuple[int, ...]) -> None:
        shape = (outputs, inputs, *kernel)
        self.tensors += [
            Tensor(f"{name}.weight", shape, TensorRole.CONVOLUTION, Sharding.REPLICATED),
            Tensor(f"{name}.bias", (outputs,), TensorRole.CONVOLUTION, Sharding.REPLICATED),
        ]
        self.flops += 2 * prod(shape) * self.positions

    def norm(self, name: str, width: int) -> None:
        """`conditions`: channels of the latents, from which scale and shift are made as well."""
        if not self.conditions:
            self.tensors += norm(name, width)
            return
        self.tensors += norm(f"{name}.norm_layer", width)
        for part in ("conv_y", "conv_b"):
            self.bare(f"{name}.{part}.conv", width, self.conditions, (1, 1, 1))

    def residual(self, name: str, inputs: int, outputs: int) -> None:
        self.norm(f"{name}.norm1", inputs)
        self.convolve(f"{name}.conv1", outputs, inputs)
        self.norm(f"{name}.norm2", outputs)
        self.convolve(f"{name}.conv2", outputs, outputs)
        if inputs != outputs:
            self.convolve(f"{name}.conv_shortcut", outputs, inputs, (1, 1, 1))
        self.alive = max(self.alive, max(inputs, outputs) * self.positions)

    def middle(self, name: str, width: int, *, attends: bool) -> None:
        self.residual(f"{name}.resnets.0", width, width)
        if attends:
            self.tensors += norm(f"{name}.attentions.0.group_norm", width)
            for part in ("to_q", "to_k", "to_v", "to_out.0"):
                prefix = f"{name}.attentions.0.{part}"
                self.tensors += linear(prefix, width, width, TensorRole.ATTENTION, quantizable=False)
            self.flops += 8 * width**2 * self.positions
        self.residual(f"{name}.resnets.1", width, width)


class _Shape(Struct, frozen=True):
    model_type: str
    channels: tuple[int, ...]
    layers: int
    latent: int
    pixels: tuple[int, int]
    attends: bool
    quantized: tuple[bool, bool]

    @property
    def is_cog(self) -> bool:
        return self.model_type == COG


def read(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The inventory of an autoencoder, or an InputError with everything that is missing or not known."""
    shape = _shape(model_type, parameters)
    parameters.finish()
    encoder, decoder, video = _encoder(shape), _decoder(shape), VIDEOS[model_type]
    latent = shape.latent
    if shape.quantized[0]:
        encoder.bare("quant_conv", 2 * latent, 2 * latent, (1, 1, 1))
    if shape.quantized[1]:
        decoder.bare("post_quant_conv", latent, latent, (1, 1, 1))
    at_once, width = AT_ONCE[model_type], shape.channels[-1]
    kept = decoder.cached // at_once if shape.is_cog else 0
    work = Work(
        video.positions,
        flops=decoder.flops * video.positions,
        attention_flops=4 * width * video.positions**2 if shape.attends else 0,
        elements=ceil(WORKING_VALUES[model_type] * decoder.alive + kept) * video.positions,
        pair_elements=video.positions**2 if shape.attends else 0,
        kept_elements=2 * shape.pixels[1] * decoder.positions * video.positions,
        frames_at_once=at_once,
        is_convolutional=True,
    )
    return lone(
        model_type,
        (*encoder.tensors, *decoder.tensors),
        Phase.DECODE,
        work,
        side=0,
        layers=len(shape.channels) * (2 * shape.layers + 1),
        width=width,
        tile_pixels=TILE_PIXELS,
        scale=video.scale,
        multiple=video.scale,
        video=video,
    )


def _shape(model_type: str, parameters: Hyperparameters) -> _Shape:
    channels = parameters.integers("block_out_channels")
    parameters.support("block_out_channels", len(channels) == LEVELS, f"{len(channels)} levels, not {LEVELS}")
    for key, kind in zip(("down_block_types", "up_block_types"), BLOCKS[model_type], strict=True):
        named = parameters.words(key)
        parameters.support(key, not named or named == (kind,) * len(channels), f"blocks other than {kind}")
    layers = parameters.integer("layers_per_block")
    parameters.relate(("layers_per_block",), layers <= MAX_BLOCKS, f"more than {MAX_BLOCKS} blocks a level")
    ratio = parameters.integer("temporal_compression_ratio")
    parameters.support("temporal_compression_ratio", ratio == 4, f"{ratio} frames a latent frame")
    attends, quantized = False, (True, True)
    if model_type == COG:
        quantized = False, False
        for key in ("use_quant_conv", "use_post_quant_conv"):
            parameters.support(key, not parameters.flag(key), f"'{key}' is not known")
    else:
        attends, side = parameters.flag("mid_block_add_attention"), parameters.integer("spatial_compression_ratio")
        parameters.support("spatial_compression_ratio", side == 8, f"{side} pixels a latent position")
    return _Shape(
        model_type=model_type,
        channels=channels,
        layers=layers,
        latent=parameters.integer("latent_channels"),
        pixels=(parameters.integer("in_channels"), parameters.integer("out_channels")),
        attends=attends,
        quantized=quantized,
    )


def _encoder(shape: _Shape) -> _Build:
    """Only its tensors count: nothing is encoded when a prompt becomes a video."""
    build, inputs = _Build(shape.is_cog), shape.channels[0]
    build.convolve("encoder.conv_in", inputs, shape.pixels[0])
    for level, outputs in enumerate(shape.channels):
        name = f"encoder.down_blocks.{level}"
        for layer in range(shape.layers):
            build.residual(f"{name}.resnets.{layer}", inputs, outputs)
            inputs = outputs
        if level < LEVELS - 1:
            _resample(build, f"{name}.downsamplers.0.conv", outputs)
    build.middle("encoder.mid_block", inputs, attends=shape.attends)
    build.norm("encoder.norm_out" if shape.is_cog else "encoder.conv_norm_out", inputs)
    build.convolve("encoder.conv_out", 2 * shape.latent, inputs)
    return build


def _decoder(shape: _Shape) -> _Build:
    build = _Build(shape.is_cog, conditions=shape.latent if shape.is_cog else 0)
    inputs = shape.channels[-1]
    build.convolve("decoder.conv_in", inputs, shape.latent)
    build.middle("decoder.mid_block", inputs, attends=shape.attends)
    for number, outputs in enumerate(reversed(shape.channels)):
        name = f"decoder.up_blocks.{number}"
        for layer in range(shape.layers + 1):
            build.residual(f"{name}.resnets.{layer}", inputs, outputs)
            inputs = outputs
        if number < LEVELS - 1:
            build.side *= 2
            build.frames *= 2 if number in GROWS_IN_TIME[shape.model_type] else 1
            _resample(build, f"{name}.upsamplers.0.conv", outputs)
    build.norm("decoder.norm_out" if shape.is_cog else "decoder.conv_norm_out", inputs)
    build.convolve("decoder.conv_out", shape.pixels[1], inputs)
    return build


def _resample(build: _Build, name: str, width: int) -> None:
    build.convolve(name, width, width, (3, 3) if build.is_cog else (3, 3, 3))
