"""Transformers that denoise latents and gate their feed-forward layers: AuraFlow and Sana.

With width H, L layers, n image tokens, t tokens of the prompt:

    AuraFlow   as Stable Diffusion 3, all without biases; feed-forward 3 H F with F = 8H ÷ 3 in whole 256s; single
               blocks 6H² + 4H² + 3 H F over image and prompt; learned positions, as many as the config says; registers
    Sana       attention that grows with n alone, 4H² + H; over the prompt 4 (H² + H); feed-forward by convolutions:
               2F (H + 1), 2F (9 + 1) and F H, with F = mlp_ratio × H
    values     AuraFlow 2H + 3F per token;  Sana 2H + 6F per image token

Sana's latents are 32 pixels a position along a side (arXiv:2410.10629, §2.1).
Source: auraflow_transformer_2d.py and sana_transformer.py of diffusers 0.42.1, read 2026-11-24.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ai_on_eks.descriptors.architectures.diffusion_lone import lone
from ai_on_eks.descriptors.architectures.diffusion_parts import convolution, linear, matrices, table, two_linears
from ai_on_eks.descriptors.architectures.diffusion_transformer import REFERENCE_SIDE, TIME_CHANNELS, transformer_work
from ai_on_eks.descriptors.architectures.hyperparameters import MAX_LAYERS, Hyperparameters
from ai_on_eks.descriptors.image_generation import Phase, Work
from ai_on_eks.descriptors.inventory import Inventory, Sharding, Tensor, TensorRole
from ai_on_eks.units import ceil_div

FAMILY = "diffusion"

DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "AuraFlowTransformer2DModel": {"patch_size": 2, "in_channels": 4, "out_channels": 4},
    "SanaTransformer2DModel": {
        "patch_size": 1,
        "sample_size": 32,
        "attention_bias": False,
        "norm_elementwise_affine": False,
        "guidance_embeds": False,
        "mlp_ratio": 2.5,
    },
}
"""What diffusers documents for a hyper-parameter that a published config may leave out."""

REGISTERS = 8
AURA_PROMPT_TOKENS, AURA_STEPS = 256, 50
SANA_PROMPT_TOKENS, SANA_STEPS, SANA_SCALE = 300, 20, 32
"""By the defaults of AuraFlowPipeline and SanaPipeline (diffusers 0.42.1); AuraFlow's makes images of 1024 pixels,
whatever `sample_size` says."""

FEED_FORWARD_MULTIPLE = 256
ATTENTION, FEED_FORWARD = TensorRole.ATTENTION, TensorRole.FEED_FORWARD


def read(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The inventory of a transformer, or an InputError with everything that is missing or not known."""
    return MODEL_TYPES[model_type](model_type, parameters)


def _aura_flow(model_type: str, parameters: Hyperparameters) -> Inventory:
    heads, head = parameters.integer("num_attention_heads"), parameters.integer("attention_head_dim")
    width = heads * head
    doubles = _layers(parameters, "num_mmdit_layers")
    singles = _layers(parameters, "num_single_dit_layers")
    patch, side = parameters.integer("patch_size"), REFERENCE_SIDE
    parameters.support("patch_size", patch == 2, f"patches of {patch} latent positions")
    inputs, outputs = parameters.integer("in_channels"), parameters.integer("out_channels")
    joint, places = parameters.integer("joint_attention_dim"), parameters.integer("pos_embed_max_size")
    context = parameters.integer("caption_projection_dim")
    message = f"the prompt's stream is {context} wide, but the image's {width}"
    parameters.relate(("caption_projection_dim",), context == width, message)
    parameters.finish()

    inner = ceil_div(8 * width // 3, FEED_FORWARD_MULTIPLE) * FEED_FORWARD_MULTIPLE
    double, single = tuple(range(doubles)), tuple(range(singles))
    two, one = "joint_transformer_blocks.*", "single_transformer_blocks.*"
    embedding = TensorRole.EMBEDDING
    once = (
        *table("register_tokens", (1, REGISTERS, width), role=embedding),
        *table("pos_embed.pos_embed", (1, places, width), role=embedding),
        *two_linears("time_step_proj", TIME_CHANNELS, width),
        *_plain(f"{two}.norm1.linear", 6 * width, width, FEED_FORWARD, double),
        *_plain(f"{two}.norm1_context.linear", 6 * width, width, FEED_FORWARD, double),
        *_plain(f"{one}.norm1.linear", 6 * width, width, FEED_FORWARD, single),
        *linear("norm_out.linear", 2 * width, width, FEED_FORWARD, biased=False, quantizable=False),
    )
    image = (
        *linear("pos_embed.proj", width, patch**2 * inputs, embedding, quantizable=False),
        *_square(f"{two}.attn", ("to_q", "to_k", "to_v", "to_out.0"), width, double),
        *_gated(f"{two}.ff", width, inner, double),
        *linear("proj_out", patch**2 * outputs, width, TensorRole.HEAD, biased=False, quantizable=False),
    )
    prompt = (
        *linear("context_embedder", width, joint, embedding, biased=False, quantizable=False),
        *_square(f"{two}.attn", ("add_k_proj", "add_v_proj", "add_q_proj", "to_add_out"), width, double),
        *_gated(f"{two}.ff_context", width, inner, double),
    )
    both = (
        *_square(f"{one}.attn", ("to_q", "to_k", "to_v", "to_out.0"), width, single),
        *_gated(f"{one}.ff", width, inner, single),
    )
    work = transformer_work(
        image,
        prompt,
        both,
        once,
        tokens=(side // patch) ** 2,
        prompt_tokens=AURA_PROMPT_TOKENS + REGISTERS,
        width=width,
        layers=doubles + singles,
        values=2 * width + 3 * inner,
        positions=side**2,
    )
    return lone(
        model_type,
        (*once, *prompt, *image, *both),
        Phase.DENOISE,
        work,
        side=side,
        layers=doubles + singles,
        width=width,
        heads=heads,
        multiple=8 * patch,
        steps=AURA_STEPS,
    )


def _sana(model_type: str, parameters: Hyperparameters) -> Inventory:
    heads, head = parameters.integer("num_attention_heads"), parameters.integer("attention_head_dim")
    width, layers = heads * head, _layers(parameters, "num_layers")
    cross = parameters.integer("num_cross_attention_heads") * parameters.integer("cross_attention_head_dim")
    source = parameters.integer("cross_attention_dim")
    message = f"attention over the prompt is {cross} and {source} wide, but the image's {width}"
    parameters.relate(("cross_attention_dim",), cross == source == width, message)
    patch, side = parameters.integer("patch_size"), _side(parameters)
    parameters.support("patch_size", patch == 1, f"patches of {patch} latent positions")
    inputs, caption = parameters.integer("in_channels"), parameters.integer("caption_channels")
    outputs = parameters.integer_or("out_channels", inputs)
    biased = parameters.flag("attention_bias")
    for key in ("guidance_embeds", "norm_elementwise_affine"):
        parameters.support(key, not parameters.flag(key), f"'{key}' is not known")
    for key in ("qk_norm", "interpolation_scale"):
        parameters.support(key, not parameters.has(key), f"'{key}' is not known")
    inner = int(parameters.number("mlp_ratio") * width)
    parameters.finish()

    every, block = tuple(range(layers)), "transformer_blocks.*"
    once = (
        *table("scale_shift_table", (2, width)),
        *table(f"{block}.scale_shift_table", (6, width), every),
        *two_linears("time_embed.emb.timestep_embedder", TIME_CHANNELS, width),
        *linear("time_embed.linear", 6 * width, width, FEED_FORWARD, quantizable=False),
    )
    image = (
        *convolution("patch_embed.proj", width, inputs, 1),
        *_square(f"{block}.attn1", ("to_q", "to_k", "to_v"), width, every, biased=biased),
        *_square(f"{block}.attn1", ("to_out.0",), width, every, biased=True),
        *_square(f"{block}.attn2", ("to_q", "to_out.0"), width, every, biased=True),
        *_kernels(f"{block}.ff.conv_inverted", (2 * inner, width, 1, 1), every),
        *_kernels(f"{block}.ff.conv_depth", (2 * inner, 1, 3, 3), every),
        *_kernels(f"{block}.ff.conv_point", (width, inner, 1, 1), every)[:1],
        *linear("proj_out", outputs, width, TensorRole.HEAD, quantizable=False),
    )
    prompt = (
        *two_linears("caption_projection", caption, width),
        *table("caption_norm.weight", (width,)),
        *_square(f"{block}.attn2", ("to_k", "to_v"), width, every, biased=True),
    )
    tokens = side**2
    per_token = 4 * layers * width * (head + SANA_PROMPT_TOKENS)
    work = Work(
        positions=tokens,
        flops=tokens * (2 * matrices(image) + per_token),
        fixed_flops=2 * SANA_PROMPT_TOKENS * matrices(prompt) + 2 * matrices(once),
        elements=tokens * (2 * width + 6 * inner),
    )
    return lone(
        model_type,
        (*once, *prompt, *image),
        Phase.DENOISE,
        work,
        side=side,
        layers=layers,
        width=width,
        heads=heads,
        scale=SANA_SCALE,
        multiple=SANA_SCALE,
        steps=SANA_STEPS,
    )


MODEL_TYPES: Mapping[str, Callable[[str, Hyperparameters], Inventory]] = {
    "AuraFlowTransformer2DModel": _aura_flow,
    "SanaTransformer2DModel": _sana,
}


def _layers(parameters: Hyperparameters, key: str) -> int:
    layers = parameters.integer(key)
    parameters.relate((key,), layers <= MAX_LAYERS, f"{layers} layers; at most {MAX_LAYERS}")
    return min(layers, MAX_LAYERS)


def _side(parameters: Hyperparameters) -> int:
    side = parameters.integer("sample_size")
    parameters.relate(("sample_size",), side <= 4096, f"{side} latent positions along a side; at most 4096")
    return side


def _plain(name: str, rows: int, columns: int, role: TensorRole, layers: tuple[int, ...]) -> tuple[Tensor, ...]:
    return linear(name, rows, columns, role, layers, biased=False)


def _square(
    prefix: str, parts: tuple[str, ...], width: int, layers: tuple[int, ...], *, biased: bool = False
) -> tuple[Tensor, ...]:
    return tuple(
        tensor
        for part in parts
        for tensor in linear(f"{prefix}.{part}", width, width, ATTENTION, layers, biased=biased)
    )


def _gated(prefix: str, width: int, inner: int, layers: tuple[int, ...]) -> tuple[Tensor, ...]:
    return (
        *_plain(f"{prefix}.linear_1", inner, width, FEED_FORWARD, layers),
        *_plain(f"{prefix}.linear_2", inner, width, FEED_FORWARD, layers),
        *_plain(f"{prefix}.out_projection", width, inner, FEED_FORWARD, layers),
    )


def _kernels(name: str, shape: tuple[int, ...], layers: tuple[int, ...]) -> tuple[Tensor, ...]:
    """A convolution of every layer, and its bias."""
    whole, role = Sharding.REPLICATED, TensorRole.CONVOLUTION
    return (
        Tensor(f"{name}.weight", shape, role, whole, len(layers), layers=layers),
        Tensor(f"{name}.bias", shape[:1], role, whole, len(layers), layers=layers),
    )
