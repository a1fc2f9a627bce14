"""The autoencoder between latents and pixels: AutoencoderKL of diffusers, and FLUX.2's.

    encoder   a convolution, per level n residual blocks and one of stride 2, the middle, 2 × latent channels out
    decoder   the same upwards with n + 1 residual blocks and a convolution at twice the side
    middle    two residual blocks around one attention over all positions, 4 (C² + C)

    residual block   2C_in + 9 C_in C + C  +  2C + 9 C² + C  (+ C_in C + C, where the widths differ)
    values alive     max(3 C_in, 2 C_in + C, C_in + 2C) × positions of a residual block;  C_in ÷ 4 + 2C of an upsampler

FLUX.2's decoder may have widths of its own; its batch norm of latents has no parameters.
Only the decoder works when an image is made from a prompt; the encoder's weights are resident all the same.
Source: autoencoder_kl.py, autoencoder_kl_flux2.py, vae.py and unet_2d_blocks.py of diffusers 0.42.1, read 2026-11-24
and 29.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from msgspec import Struct

from ai_on_eks.descriptors.architectures.diffusion_lone import lone
from ai_on_eks.descriptors.architectures.diffusion_parts import convolution, linear, norm
from ai_on_eks.descriptors.architectures.hyperparameters import Hyperparameters
from ai_on_eks.descriptors.image_generation import Phase, Work
from ai_on_eks.descriptors.inventory import Inventory, Tensor, TensorRole

FAMILY = "diffusion"
PLAIN, FLUX2 = "AutoencoderKL", "AutoencoderKLFlux2"
MODEL_TYPES: Mapping[str, None] = {PLAIN: None, FLUX2: None}

DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "AutoencoderKL": {
        "in_channels": 3,
        "out_channels": 3,
        "latent_channels": 4,
        "sample_size": 32,
        "use_quant_conv": True,
        "use_post_quant_conv": True,
        "mid_block_add_attention": True,
        "force_upcast": True,
    },
    FLUX2: {
        "in_channels": 3,
        "out_channels": 3,
        "latent_channels": 32,
        "sample_size": 1024,
        "use_quant_conv": True,
        "use_post_quant_conv": True,
        "mid_block_add_attention": True,
    },
}
"""What diffusers documents for a hyper-parameter that a published config may leave out."""

REFERENCE_SIDE = 64
"""Latent positions along a side at which the work is counted; it grows with the area."""

MAX_BLOCK_LAYERS, MAX_LEVELS = 16, 8
"""Published autoencoders have two residual blocks at each of four levels."""

DOWN, UP = "DownEncoderBlock2D", "UpDecoderBlock2D"


@dataclass(slots=True)
class _Build:
    """One half of the network so far."""

    tensors: list[Tensor] = field(default_factory=list)
    flops: int = 0
    attention_flops: int = 0
    alive: int = 0

    def convolve(self, name: str, outputs: int, inputs: int, positions: int, kernel: int = 3) -> None:
        self.tensors += convolution(name, outputs, inputs, kernel)
        self.flops += 2 * outputs * inputs * kernel**2 * positions

    def residual(self, name: str, inputs: int, outputs: int, positions: int) -> None:
        self.tensors += norm(f"{name}.norm1", inputs)
        self.convolve(f"{name}.conv1", outputs, inputs, positions)
        self.tensors += norm(f"{name}.norm2", outputs)
        self.convolve(f"{name}.conv2", outputs, outputs, positions)
        if inputs != outputs:
            self.convolve(f"{name}.conv_shortcut", outputs, inputs, positions, 1)
        self.alive = max(self.alive, max(3 * inputs, 2 * inputs + outputs, inputs + 2 * outputs) * positions)

    def middle(self, name: str, width: int, positions: int, *, attends: bool) -> None:
        self.residual(f"{name}.resnets.0", width, width, positions)
        if attends:
            prefix = f"{name}.attentions.0"
            self.tensors += norm(f"{prefix}.group_norm", width)
            for part in ("to_q", "to_k", "to_v", "to_out.0"):
                self.tensors += linear(f"{prefix}.{part}", width, width, TensorRole.ATTENTION, quantizable=False)
            self.flops += 8 * width**2 * positions
            self.attention_flops += 4 * width * positions**2
        self.residual(f"{name}.resnets.1", width, width, positions)


class _Shape(Struct, frozen=True):
    channels: tuple[int, ...]
    decoder: tuple[int, ...]
    layers: int
    latent: int
    pixels_in: int
    pixels_out: int
    attends: bool


def read(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The inventory of an autoencoder, or an InputError with everything that is missing or not known."""
    channels = parameters.integers("block_out_channels")
    parameters.relate(("block_out_channels",), len(channels) <= MAX_LEVELS, f"more than {MAX_LEVELS} levels")
    for key, kind in (("down_block_types", DOWN), ("up_block_types", UP)):
        named = parameters.words(key)
        parameters.support(key, set(named) == {kind}, f"blocks other than {kind}")
        message = f"{len(channels)} widths, but {len(named)} blocks"
        parameters.relate(("block_out_channels", key), len(named) == len(channels), message)
    layers = parameters.integer("layers_per_block")
    parameters.relate(("layers_per_block",), layers <= MAX_BLOCK_LAYERS, f"more than {MAX_BLOCK_LAYERS} layers a block")
    decoder_channels = channels
    if model_type == FLUX2 and parameters.has("decoder_block_out_channels"):
        decoder_channels = parameters.integers("decoder_block_out_channels")
        message = f"{len(channels)} widths of the encoder, but {len(decoder_channels)} of the decoder"
        keys = ("block_out_channels", "decoder_block_out_channels")
        parameters.relate(keys, len(decoder_channels) == len(channels), message)
    shape = _Shape(
        channels=channels,
        decoder=decoder_channels,
        layers=layers,
        latent=parameters.integer("latent_channels"),
        pixels_in=parameters.integer("in_channels"),
        pixels_out=parameters.integer("out_channels"),
        attends=parameters.flag("mid_block_add_attention"),
    )
    quantized = parameters.flag("use_quant_conv"), parameters.flag("use_post_quant_conv")
    if model_type == PLAIN:
        parameters.flag("force_upcast")
    tile_pixels = _tile_pixels(parameters)
    parameters.finish()

    scale = scale_of(channels)
    encoder, decoder = _encoder(shape, scale), _decoder(shape)
    tensors = [*encoder.tensors, *decoder.tensors]
    latent, positions = shape.latent, REFERENCE_SIDE**2
    if quantized[0]:
        tensors += convolution("quant_conv", 2 * latent, 2 * latent, 1)
    if quantized[1]:
        tensors += convolution("post_quant_conv", latent, latent, 1)
        decoder.flops += 2 * latent**2 * positions
    work = Work(
        positions=positions,
        flops=decoder.flops,
        attention_flops=decoder.attention_flops,
        elements=decoder.alive,
        is_convolutional=True,
    )
    return lone(
        model_type,
        tuple(tensors),
        Phase.DECODE,
        work,
        side=REFERENCE_SIDE,
        layers=len(channels) * (2 * layers + 1),
        width=channels[-1],
        tile_pixels=tile_pixels,
        scale=scale,
        multiple=scale,
    )


def scale_of(channels: tuple[int, ...]) -> int:
    """Pixels along a side for one latent position: every level but the last halves the image."""
    return int(2 ** (len(channels) - 1))


def _tile_pixels(parameters: Hyperparameters) -> int:
    if isinstance(parameters.value("sample_size"), list):
        return max(parameters.integers("sample_size"), default=1)
    return parameters.integer("sample_size")


def _encoder(shape: _Shape, scale: int) -> _Build:
    build, side = _Build(), REFERENCE_SIDE * scale
    inputs = shape.channels[0]
    build.convolve("encoder.conv_in", inputs, shape.pixels_in, side**2)
    for level, outputs in enumerate(shape.channels):
        name = f"encoder.down_blocks.{level}"
        for layer in range(shape.layers):
            build.residual(f"{name}.resnets.{layer}", inputs, outputs, side**2)
            inputs = outputs
        if level < len(shape.channels) - 1:
            side //= 2
            build.convolve(f"{name}.downsamplers.0.conv", outputs, outputs, side**2)
    build.middle("encoder.mid_block", inputs, side**2, attends=shape.attends)
    build.tensors += norm("encoder.conv_norm_out", inputs)
    build.convolve("encoder.conv_out", 2 * shape.latent, inputs, side**2)
    return build


def _decoder(shape: _Shape) -> _Build:
    build, side = _Build(), REFERENCE_SIDE
    inputs = shape.decoder[-1]
    build.convolve("decoder.conv_in", inputs, shape.latent, side**2)
    build.middle("decoder.mid_block", inputs, side**2, attends=shape.attends)
    for number, outputs in enumerate(reversed(shape.decoder)):
        name = f"decoder.up_blocks.{number}"
        for layer in range(shape.layers + 1):
            build.residual(f"{name}.resnets.{layer}", inputs, outputs, side**2)
            inputs = outputs
        if number < len(shape.channels) - 1:
            side *= 2
            build.convolve(f"{name}.upsamplers.0.conv", outputs, outputs, side**2)
            build.alive = max(build.alive, 2 * outputs * side**2 + outputs * (side // 2) ** 2)
    build.tensors += norm("decoder.conv_norm_out", inputs)
    build.convolve("decoder.conv_out", shape.pixels_out, inputs, side**2)
    return build
