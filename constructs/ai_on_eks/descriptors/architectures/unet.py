"""The U-Net that denoises latents in Stable Diffusion 1.5, 2.1, XL and Kolors: UNet2DConditionModel of diffusers.

A map of C channels and s positions, T the width of the time embedding, X that of the prompt's tokens:

    residual block   2C_in + 9 C_in C + C  +  T C + C  +  2C + 9 C² + C  (+ C_in C + C, where the widths differ)
    transformer      2C + 2 (C² + C)  +  depth × (4C² + C  +  2C² + 2XC + C  +  8C² + 8C + 4C² + C  +  6C)
    down block       n residual blocks, each kept for the way up, and a convolution of stride 2
    up block         n + 1 residual blocks over the last map and one that was kept, and a convolution at twice the side

    values alive     the maps kept  +  max(3 C_in, 2 C_in + C, C_in + 2C) × s      residual block
                                    +  19 C × s                                    transformer, gated layer 4C wide

19C: the map, its normed copy and the residual, and of the gated layer 8C, 4C and 4C. Attention is fused: no scores.
Names and shapes are those of the published checkpoints.
Source: unet_2d_condition.py and unet_2d_blocks.py of diffusers 0.42.1, read 2026-11-24.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any

from msgspec import Struct

from ai_on_eks.descriptors.architectures.diffusion_lone import lone
from ai_on_eks.descriptors.architectures.diffusion_parts import convolution, linear, norm, two_linears
from ai_on_eks.descriptors.architectures.hyperparameters import Hyperparameters
from ai_on_eks.descriptors.image_generation import Phase, Work
from ai_on_eks.descriptors.inventory import Inventory, Tensor, TensorRole
from ai_on_eks.units import ceil_div

FAMILY = "diffusion"
MODEL_TYPES: Mapping[str, None] = {"UNet2DConditionModel": None}

DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "UNet2DConditionModel": {
        "in_channels": 4,
        "out_channels": 4,
        "sample_size": 64,
        "mid_block_type": "UNetMidBlock2DCrossAttn",
        "layers_per_block": 2,
        "transformer_layers_per_block": 1,
        "use_linear_projection": False,
        "attention_head_dim": 8,
        "only_cross_attention": False,
        "conv_in_kernel": 3,
        "conv_out_kernel": 3,
        "time_embedding_type": "positional",
        "resnet_time_scale_shift": "default",
        "attention_type": "default",
        "dual_cross_attention": False,
        "class_embeddings_concat": False,
    },
}
"""What diffusers documents for a hyper-parameter that a published config may leave out; for `sample_size` it documents
nothing, and 64 is what its pipeline assumes (StableDiffusionPipeline, 0.42.1)."""

PROMPT_TOKENS = 77
"""Length of CLIP's context, to which every prompt is padded (arXiv:2103.00020, §2.4)."""

GATED_VALUES = 19
MAX_BLOCK_LAYERS, MAX_LEVELS = 16, 8
"""Published U-Nets have two to four residual blocks at each of three or four levels."""

DOWN = ("DownBlock2D", "CrossAttnDownBlock2D")
UP = ("UpBlock2D", "CrossAttnUpBlock2D")


@dataclass(slots=True)
class _Build:
    """The network so far: its tensors, its work, and the maps kept for the way up, as (channels, positions)."""

    time: int
    linear_projection: bool
    tensors: list[Tensor] = field(default_factory=list)
    flops: int = 0
    attention_flops: int = 0
    fixed_flops: int = 0
    alive: int = 0
    kept: list[tuple[int, int]] = field(default_factory=list)

    def needs(self, elements: int) -> None:
        self.alive = max(self.alive, elements + sum(prod(one) for one in self.kept))

    def convolve(self, name: str, outputs: int, inputs: int, positions: int, kernel: int = 3) -> None:
        self.tensors += convolution(name, outputs, inputs, kernel)
        self.flops += 2 * outputs * inputs * kernel**2 * positions

    def residual(self, name: str, inputs: int, outputs: int, positions: int) -> None:
        self.tensors += norm(f"{name}.norm1", inputs)
        self.convolve(f"{name}.conv1", outputs, inputs, positions)
        self.tensors += linear(f"{name}.time_emb_proj", outputs, self.time, TensorRole.FEED_FORWARD, quantizable=False)
        self.fixed_flops += 2 * outputs * self.time
        self.tensors += norm(f"{name}.norm2", outputs)
        self.convolve(f"{name}.conv2", outputs, outputs, positions)
        if inputs != outputs:
            self.convolve(f"{name}.conv_shortcut", outputs, inputs, positions, 1)
        self.needs(max(3 * inputs, 2 * inputs + outputs, inputs + 2 * outputs) * positions)

    def transformer(self, name: str, width: int, positions: int, depth: int, prompt: int, *, crossed: bool) -> None:
        """`crossed`: the first attention, too, looks at the prompt instead of the image."""
        self.tensors += norm(f"{name}.norm", width)
        for end in ("proj_in", "proj_out"):
            if self.linear_projection:
                self.tensors += linear(f"{name}.{end}", width, width, TensorRole.ATTENTION)
            else:
                self.tensors += convolution(f"{name}.{end}", width, width, 1)
        self.flops += 2 * 2 * width**2 * positions
        block, attention, feed_forward = f"{name}.transformer_blocks.*", TensorRole.ATTENTION, TensorRole.FEED_FORWARD
        for number, source in ((1, prompt if crossed else width), (2, prompt)):
            self.tensors += norm(f"{block}.norm{number}", width, count=depth)
            prefix = f"{block}.attn{number}"
            self.tensors += linear(f"{prefix}.to_q", width, width, attention, count=depth, biased=False)
            self.tensors += linear(f"{prefix}.to_k", width, source, attention, count=depth, biased=False)
            self.tensors += linear(f"{prefix}.to_v", width, source, attention, count=depth, biased=False)
            self.tensors += linear(f"{prefix}.to_out.0", width, width, attention, count=depth)
            self.flops += depth * 2 * 2 * width**2 * positions
            if number == 1 and not crossed:
                self.flops += depth * 2 * 2 * width**2 * positions
                self.attention_flops += depth * 4 * width * positions**2
            else:
                self.fixed_flops += depth * 2 * 2 * width * source * PROMPT_TOKENS
                self.flops += depth * 4 * width * positions * PROMPT_TOKENS
        self.tensors += norm(f"{block}.norm3", width, count=depth)
        self.tensors += linear(f"{block}.ff.net.0.proj", 8 * width, width, feed_forward, count=depth)
        self.tensors += linear(f"{block}.ff.net.2", width, 4 * width, feed_forward, count=depth)
        self.flops += depth * 2 * 12 * width**2 * positions
        self.needs(GATED_VALUES * width * positions)


class _Shape(Struct, frozen=True):
    """What the blocks look like, from the widest map to the deepest."""

    channels: tuple[int, ...]
    down: tuple[str, ...]
    up: tuple[str, ...]
    layers: tuple[int, ...]
    depths: tuple[int, ...]
    prompt: int
    crossed: tuple[bool, ...]
    has_middle: bool


def read(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The inventory of a U-Net, or an InputError with everything that is missing or not known."""
    shape = _shape(parameters)
    inputs, outputs = parameters.integer("in_channels"), parameters.integer("out_channels")
    kernels = parameters.integer("conv_in_kernel"), parameters.integer("conv_out_kernel")
    parameters.relate(("conv_in_kernel", "conv_out_kernel"), max(kernels) <= 16, "a kernel wider than 16")
    side = _side(parameters)
    _refuse_variants(parameters)
    build = _Build(4 * shape.channels[0] if shape.channels else 1, parameters.flag("use_linear_projection"))
    embeddings = _embeddings(parameters, build.time, shape)
    parameters.finish()

    positions = side**2
    build.convolve("conv_in", shape.channels[0], inputs, positions, kernels[0])
    build.tensors += embeddings
    build.fixed_flops += sum(2 * tensor.parameters for tensor in embeddings if len(tensor.shape) == 2)
    deepest = _down(build, shape, side)
    if shape.has_middle:
        _middle(build, shape, deepest**2)
    _up(build, shape, side, deepest)
    build.tensors += norm("conv_norm_out", shape.channels[0])
    build.convolve("conv_out", outputs, shape.channels[0], positions, kernels[1])
    work = Work(
        positions=positions,
        flops=build.flops,
        attention_flops=build.attention_flops,
        fixed_flops=build.fixed_flops,
        elements=build.alive,
        is_convolutional=True,
    )
    return lone(
        model_type,
        tuple(build.tensors),
        Phase.DENOISE,
        work,
        side=side,
        layers=2 * sum(shape.layers) + len(shape.layers) + 2,
        width=shape.channels[-1],
    )


def _down(build: _Build, shape: _Shape, side: int) -> int:
    """The way down; the side of the deepest map."""
    inputs = shape.channels[0]
    build.kept.append((inputs, side**2))
    for level, (outputs, kind) in enumerate(zip(shape.channels, shape.down, strict=True)):
        name = f"down_blocks.{level}"
        for layer in range(shape.layers[level]):
            build.residual(f"{name}.resnets.{layer}", inputs, outputs, side**2)
            if kind.startswith("Cross"):
                crossed, depth = shape.crossed[level], shape.depths[level]
                build.transformer(f"{name}.attentions.{layer}", outputs, side**2, depth, shape.prompt, crossed=crossed)
            build.kept.append((outputs, side**2))
            inputs = outputs
        if level < len(shape.channels) - 1:
            side = ceil_div(side, 2)
            build.convolve(f"{name}.downsamplers.0.conv", outputs, outputs, side**2)
            build.kept.append((outputs, side**2))
    return side


def _middle(build: _Build, shape: _Shape, positions: int) -> None:
    width = shape.channels[-1]
    build.residual("mid_block.resnets.0", width, width, positions)
    build.transformer("mid_block.attentions.0", width, positions, shape.depths[-1], shape.prompt, crossed=False)
    build.residual("mid_block.resnets.1", width, width, positions)


def _up(build: _Build, shape: _Shape, widest: int, side: int) -> None:
    """The way up: every residual block takes a map that was kept."""
    sides = [widest]
    while len(sides) < len(shape.channels):
        sides.append(ceil_div(sides[-1], 2))
    inputs = shape.channels[-1]
    for number, kind in enumerate(shape.up):
        level = len(shape.channels) - 1 - number
        name, outputs = f"up_blocks.{number}", shape.channels[level]
        for layer in range(shape.layers[level] + 1):
            taken, _ = build.kept[-1]
            build.residual(f"{name}.resnets.{layer}", inputs + taken, outputs, side**2)
            build.kept.pop()
            if kind.startswith("Cross"):
                crossed, depth = shape.crossed[level], shape.depths[level]
                build.transformer(f"{name}.attentions.{layer}", outputs, side**2, depth, shape.prompt, crossed=crossed)
            inputs = outputs
        if level:
            side = sides[level - 1]
            build.convolve(f"{name}.upsamplers.0.conv", outputs, outputs, side**2)
            build.needs(2 * outputs * side**2 + outputs * sides[level] ** 2)


def _shape(parameters: Hyperparameters) -> _Shape:
    channels = parameters.integers("block_out_channels")
    down, up = parameters.words("down_block_types"), parameters.words("up_block_types")
    parameters.support("down_block_types", bool(down) and set(down) <= set(DOWN), f"blocks other than {_or(DOWN)}")
    parameters.support("up_block_types", bool(up) and set(up) <= set(UP), f"blocks other than {_or(UP)}")
    parameters.relate(("block_out_channels",), len(channels) <= MAX_LEVELS, f"more than {MAX_LEVELS} levels")
    fits = len(channels) == len(down) == len(up)
    message = f"{len(channels)} widths, but {len(down)} down blocks and {len(up)} up blocks"
    parameters.relate(("block_out_channels", "down_block_types", "up_block_types"), fits, message)
    layers = _each(parameters, "layers_per_block", len(channels))
    parameters.relate(
        ("layers_per_block",),
        max(layers, default=1) <= MAX_BLOCK_LAYERS,
        f"more than {MAX_BLOCK_LAYERS} layers a block",
    )
    depths = _each(parameters, "transformer_layers_per_block", len(channels))
    has_middle = not parameters.is_null("mid_block_type")
    if has_middle:
        parameters.choice("mid_block_type", ("UNetMidBlock2DCrossAttn",))
    _whole_heads(parameters, channels, down)
    prompt = parameters.integer("cross_attention_dim")
    return _Shape(channels, down, up, layers, depths, prompt, _crossed(parameters, len(channels)), has_middle)


def _whole_heads(parameters: Hyperparameters, channels: tuple[int, ...], down: tuple[str, ...]) -> None:
    """Refuses widths that the heads do not divide: the library's heads would then be narrower in all than the block, of
    which the middle one is as wide as the last.
    It calls the number of heads `attention_head_dim`."""
    key = "num_attention_heads" if parameters.has("num_attention_heads") else "attention_head_dim"
    heads = _each(parameters, key, len(channels))
    pairs = tuple(zip(channels, heads, strict=True))
    attending = [pair for pair, kind in zip(pairs, down, strict=False) if kind == DOWN[1]] + list(pairs[-1:])
    parameters.support(key, all(width % number == 0 for width, number in attending), "heads that do not divide a block")


def _crossed(parameters: Hyperparameters, levels: int) -> tuple[bool, ...]:
    value = parameters.value("only_cross_attention")
    if not isinstance(value, list):
        return (parameters.flag("only_cross_attention"),) * levels
    right = len(value) == levels and all(isinstance(one, bool) for one in value)
    parameters.support("only_cross_attention", right, f"{levels} blocks need as many answers, true or false")
    return tuple(value) if right else (False,) * levels


def _each(parameters: Hyperparameters, key: str, levels: int) -> tuple[int, ...]:
    """One number for every block, or the same for all."""
    if not isinstance(parameters.value(key), list):
        return (parameters.integer(key),) * levels
    values = parameters.integers(key)
    parameters.relate(("block_out_channels", key), len(values) == levels, f"{len(values)} values for {levels} blocks")
    return values if len(values) == levels else (1,) * levels


def _side(parameters: Hyperparameters) -> int:
    """Latent positions along a side of the image that the network was trained on."""
    if isinstance(parameters.value("sample_size"), list):
        sizes = parameters.integers("sample_size")
        side = max(sizes, default=1)
    else:
        side = parameters.integer("sample_size")
    parameters.relate(("sample_size",), side <= 4096, f"{side} latent positions along a side; at most 4096")
    return side


def _refuse_variants(parameters: Hyperparameters) -> None:
    parameters.choice("time_embedding_type", ("positional",))
    parameters.choice("resnet_time_scale_shift", ("default",))
    parameters.choice("attention_type", ("default",))
    for key in ("dual_cross_attention", "class_embeddings_concat"):
        parameters.support(key, not parameters.flag(key), f"'{key}' is not known")
    for key in ("time_embedding_dim", "reverse_transformer_layers_per_block", "cross_attention_norm"):
        parameters.support(key, not parameters.has(key), f"'{key}' is not known")


def _embeddings(parameters: Hyperparameters, time: int, shape: _Shape) -> tuple[Tensor, ...]:
    """Of the time step, and of what else the denoising depends on."""
    first = shape.channels[0] if shape.channels else 1
    role = TensorRole.EMBEDDING
    tensors = two_linears("time_embedding", first, time)
    if parameters.has("time_cond_proj_dim"):
        condition = parameters.integer("time_cond_proj_dim")
        tensors += linear("time_embedding.cond_proj", first, condition, role, biased=False, quantizable=False)
    if parameters.has("encoder_hid_dim"):
        if parameters.has("encoder_hid_dim_type"):
            parameters.choice("encoder_hid_dim_type", ("text_proj",))
        hidden = parameters.integer("encoder_hid_dim")
        tensors += linear("encoder_hid_proj", shape.prompt, hidden, role, quantizable=False)
    if parameters.has("class_embed_type"):
        parameters.choice("class_embed_type", ("projection", "timestep", "simple_projection"))
        tensors += _classes(parameters, first, time)
    elif parameters.has("num_class_embeds"):
        tensors += linear(
            "class_embedding", parameters.integer("num_class_embeds"), time, role, biased=False, quantizable=False
        )
    if parameters.has("addition_embed_type"):
        parameters.choice("addition_embed_type", ("text_time",))
        tensors += two_linears("add_embedding", parameters.integer("projection_class_embeddings_input_dim"), time)
    return tensors


def _classes(parameters: Hyperparameters, first: int, time: int) -> tuple[Tensor, ...]:
    kind = parameters.value("class_embed_type")
    if kind == "timestep":
        return two_linears("class_embedding", first, time)
    inputs = parameters.integer("projection_class_embeddings_input_dim")
    if kind == "projection":
        return two_linears("class_embedding", inputs, time)
    return linear("class_embedding", time, inputs, TensorRole.EMBEDDING, quantizable=False)


def _or(words: tuple[str, ...]) -> str:
    return " or ".join(words)
