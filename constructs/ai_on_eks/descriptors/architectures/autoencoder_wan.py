"""Autoencoders of videos with causal convolutions in time: Wan 2.1 and 2.2, and Qwen-Image's, made from Wan's.

With widths w = base × multiples, k = 3 × 3 × 3, n residual blocks a level:

    residual block   norms C_in + C, convolutions k C_in C + C and k C² + C, a 1 × 1 × 1 where the widths differ
    down, up         a 3 × 3 convolution of each frame, and one of 3 × 1 × 1 in time where frames are halved or doubled
    middle           two residual blocks around one attention over each frame, 4C² + 4C and a norm
    Wan 2.2          shortcuts around whole levels, without weights; 2 × 2 pixels of a frame become channels first

A video is decoded one latent frame after the other. Every convolution in time keeps the last two frames of its input
for the next one, beside the work on this one:

    values alive  = 2 × channels × positions of each such convolution  +  6.9 × channels × frames × positions, widest
    values kept   = the frames decoded so far, twice while one more is joined to them

6.9: a norm in half precision works in float32 and holds its input in both (counted on the meta device at 480 × 832).
Source: autoencoder_kl_wan.py and autoencoder_kl_qwenimage.py of diffusers 0.42.1, read 2026-11-29.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil, prod
from typing import Any

from msgspec import Struct

from ai_on_eks.descriptors.architectures.diffusion_lone import Video, lone
from ai_on_eks.descriptors.architectures.hyperparameters import Hyperparameters
from ai_on_eks.descriptors.image_generation import Phase, Work
from ai_on_eks.descriptors.inventory import Inventory, Sharding, Tensor, TensorRole

FAMILY = "diffusion"
WAN, QWEN = "AutoencoderKLWan", "AutoencoderKLQwenImage"
MODEL_TYPES: Mapping[str, None] = {QWEN: None, WAN: None}

_DEFAULTS: Mapping[str, Any] = {"z_dim": 16, "num_res_blocks": 2}
DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    QWEN: {**_DEFAULTS, "input_channels": 3},
    WAN: {**_DEFAULTS, "in_channels": 3, "out_channels": 3, "is_residual": False},
}
"""What diffusers documents for a hyper-parameter that a published config may leave out."""

TEMPORAL = (False, True, True)
"""Which halvings of the side halve the frames, too, where the config does not say (diffusers)."""

VIDEO_PIXELS = (832, 480)
FRAMES = 81
"""Made by WanPipeline where nothing else is asked (diffusers 0.42.1)."""
IMAGE_SIDE = 128
"""Latent positions along a side of Qwen-Image's 1024 pixels."""

TILE_PIXELS = 256
"""Of a tile, `tile_sample_min_height` (diffusers)."""
CACHED_FRAMES = 2
WORKING_VALUES = 6.9
MAX_BLOCKS, MAX_LEVELS = 16, 8


@dataclass(slots=True)
class _Build:
    """One half of the network so far, at maps of `side` × `side` and `frames` for one latent position."""

    side: int = 1
    frames: int = 1
    is_video: bool = True
    tensors: list[Tensor] = field(default_factory=list)
    flops: int = 0
    cached: int = 0
    alive: float = 0

    @property
    def positions(self) -> int:
        return self.side**2 * self.frames

    def convolve(self, name: str, outputs: int, inputs: int, kernel: tuple[int, ...] = (3, 3, 3)) -> None:
        shape = (outputs, inputs, *kernel)
        self.tensors += [
            Tensor(f"{name}.weight", shape, TensorRole.CONVOLUTION, Sharding.REPLICATED),
            Tensor(f"{name}.bias", (outputs,), TensorRole.CONVOLUTION, Sharding.REPLICATED),
        ]
        self.flops += 2 * prod(shape) * self.positions
        if len(kernel) == 3 and kernel[0] > 1:
            self.cached += (CACHED_FRAMES if self.is_video else 1) * inputs * self.side**2

    def norm(self, name: str, width: int, axes: int = 3) -> None:
        self.tensors.append(Tensor(f"{name}.gamma", (width,) + (1,) * axes, TensorRole.NORM, Sharding.REPLICATED))

    def residual(self, name: str, inputs: int, outputs: int, beside: int = 0) -> None:
        """`beside`: channels at the same positions that wait for the end of the level."""
        self.norm(f"{name}.norm1", inputs)
        self.convolve(f"{name}.conv1", outputs, inputs)
        self.norm(f"{name}.norm2", outputs)
        self.convolve(f"{name}.conv2", outputs, outputs)
        if inputs != outputs:
            self.convolve(f"{name}.conv_shortcut", outputs, inputs, (1, 1, 1))
        self.alive = max(self.alive, (WORKING_VALUES * max(inputs, outputs) + beside) * self.positions)

    def middle(self, name: str, width: int) -> None:
        self.residual(f"{name}.resnets.0", width, width)
        prefix = f"{name}.attentions.0"
        self.norm(f"{prefix}.norm", width, 2)
        self.convolve(f"{prefix}.to_qkv", 3 * width, width, (1, 1))
        self.convolve(f"{prefix}.proj", width, width, (1, 1))
        self.residual(f"{name}.resnets.1", width, width)


class _Shape(Struct, frozen=True):
    base: int
    encoder: tuple[int, ...]
    decoder: tuple[int, ...]
    halves_frames: tuple[bool, ...]
    blocks: int
    latent: int
    channels_in: int
    channels_out: int
    is_residual: bool = False
    is_video: bool = True


def read(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The inventory of an autoencoder, or an InputError with everything that is missing or not known."""
    shape, patch = _shape(model_type, parameters)
    parameters.finish()

    encoder, decoder = _encoder(shape), _decoder(shape)
    latent = shape.latent
    encoder.convolve("quant_conv", 2 * latent, 2 * latent, (1, 1, 1))
    decoder.convolve("post_quant_conv", latent, latent, (1, 1, 1))
    scale, frame_scale = 2 ** (len(shape.decoder) - 1) * patch, 2 ** sum(shape.halves_frames)
    video = Video(*VIDEO_PIXELS, FRAMES, scale, frame_scale) if shape.is_video else None
    return lone(
        model_type,
        (*encoder.tensors, *decoder.tensors),
        Phase.DECODE,
        _work(decoder, shape, video),
        side=IMAGE_SIDE,
        layers=len(shape.decoder) * (2 * shape.blocks + 1),
        width=shape.decoder[0],
        tile_pixels=TILE_PIXELS,
        scale=scale,
        multiple=scale,
        video=video,
    )


def _work(decoder: _Build, shape: _Shape, video: Video | None) -> Work:
    """`decoder` has counted for one latent position."""
    positions = IMAGE_SIDE**2 if video is None else video.positions
    return Work(
        positions,
        flops=decoder.flops * positions,
        attention_flops=4 * shape.decoder[0] * positions**2,
        elements=ceil(decoder.alive + decoder.cached) * positions,
        kept_elements=0 if video is None else 2 * shape.channels_out * decoder.positions * positions,
        frames_at_once=None if video is None else 1,
        is_convolutional=True,
    )


def _shape(model_type: str, parameters: Hyperparameters) -> tuple[_Shape, int]:
    base, multiples = parameters.integer("base_dim"), parameters.integers("dim_mult")
    levels = len(multiples)
    parameters.relate(("dim_mult",), levels <= MAX_LEVELS, f"more than {MAX_LEVELS} levels")
    halves = parameters.layer_switches("temperal_downsample") or TEMPORAL
    message = f"{levels} levels are {levels - 1} halvings, but {len(halves)} are told"
    parameters.relate(("dim_mult", "temperal_downsample"), len(halves) == levels - 1, message)
    blocks = parameters.integer("num_res_blocks")
    parameters.relate(("num_res_blocks",), blocks <= MAX_BLOCKS, f"more than {MAX_BLOCKS} blocks a level")
    attends = parameters.value("attn_scales")
    parameters.support("attn_scales", not attends, "attention beside the middle's is not known")
    latent, patch = parameters.integer("z_dim"), 1
    is_wan = model_type == WAN
    decoder_base, is_residual = base, False
    if is_wan:
        channels_in, channels_out = parameters.integer("in_channels"), parameters.integer("out_channels")
        patch, is_residual = parameters.integer_or("patch_size", 1), parameters.flag("is_residual")
        parameters.support("patch_size", patch <= MAX_LEVELS, f"patches of {patch} pixels")
        decoder_base = parameters.integer_or("decoder_base_dim", base)
    else:
        channels_in = channels_out = parameters.integer("input_channels")
    shape = _Shape(
        base=base,
        encoder=tuple(base * one for one in multiples),
        decoder=tuple(decoder_base * one for one in reversed(multiples)),
        halves_frames=tuple(halves),
        blocks=blocks,
        latent=latent,
        channels_in=channels_in,
        channels_out=channels_out,
        is_residual=is_residual,
        is_video=is_wan,
    )
    return shape, patch


def _encoder(shape: _Shape) -> _Build:
    """Only its tensors count: nothing is encoded when a prompt becomes an image or video."""
    build, inputs, number = _Build(), shape.base, 0
    build.convolve("encoder.conv_in", inputs, shape.channels_in)
    for level, outputs in enumerate(shape.encoder):
        for block in range(shape.blocks):
            nested, flat = f"encoder.down_blocks.{level}.resnets.{block}", f"encoder.down_blocks.{number}"
            name = nested if shape.is_residual else flat
            build.residual(name, inputs, outputs)
            inputs, number = outputs, number + 1
        if level < len(shape.encoder) - 1:
            name = f"encoder.down_blocks.{level}.downsampler" if shape.is_residual else f"encoder.down_blocks.{number}"
            build.convolve(f"{name}.resample.1", outputs, outputs, (3, 3))
            if shape.halves_frames[level]:
                build.convolve(f"{name}.time_conv", outputs, outputs, (3, 1, 1))
            number += 1
    build.middle("encoder.mid_block", inputs)
    build.norm("encoder.norm_out", inputs)
    build.convolve("encoder.conv_out", 2 * shape.latent, inputs)
    return build


def _decoder(shape: _Shape) -> _Build:
    build, latest = _Build(is_video=shape.is_video), shape.decoder[0]
    build.convolve("decoder.conv_in", latest, shape.latent)
    build.middle("decoder.mid_block", latest)
    for number, outputs in enumerate(shape.decoder):
        inputs = latest if shape.is_residual or number == 0 else latest // 2
        is_last = number == len(shape.decoder) - 1
        beside = inputs if shape.is_residual else 0
        name = f"decoder.up_blocks.{number}"
        for block in range(shape.blocks + 1):
            build.residual(f"{name}.resnets.{block}", inputs if block == 0 else outputs, outputs, beside)
        latest = outputs
        if not is_last:
            _enlarge(build, shape, name, number, outputs)
    build.norm("decoder.norm_out", latest)
    build.convolve("decoder.conv_out", shape.channels_out, latest)
    return build


def _enlarge(build: _Build, shape: _Shape, name: str, number: int, width: int) -> None:
    """Twice the side, and twice the frames where the encoder's level that it undoes halves them."""
    name = f"{name}.upsampler" if shape.is_residual else f"{name}.upsamplers.0"
    if shape.halves_frames[len(shape.decoder) - 2 - number]:
        build.convolve(f"{name}.time_conv", 2 * width, width, (3, 1, 1))
        build.frames *= 2 if shape.is_video else 1
    build.side *= 2
    build.convolve(f"{name}.resample.1", width if shape.is_residual else width // 2, width, (3, 3))
