"""Transformers that denoise latents and look at the prompt by cross-attention: PixArt-alpha and PixArt-sigma.

With width H, L layers, n image tokens (2 × 2 latent positions each), t tokens of the prompt and its width K:

    per layer    attention over the image 4 (H² + H), over the prompt 4 (H² + H), feed-forward 8H² + 5H, table 6H
    once         embeddings of the time step 256H + H² + 2H, of size and ratio the same with H ÷ 3 (at 1024 pixels),
                 one modulation for all layers 6H² + 6H, the prompt's projection K H + H + H² + H
    operations   2 × image matrices × n + 2 × prompt matrices × t + 4 × layers × (n² + n t) × H
    values alive 10H per image token

Source: pixart_transformer_2d.py, transformer_2d.py and normalization.py of diffusers 0.42.1, read 2026-11-24.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ai_on_eks.descriptors.architectures.diffusion_lone import lone
from ai_on_eks.descriptors.architectures.diffusion_parts import convolution, linear, matrices, norm, table, two_linears
from ai_on_eks.descriptors.architectures.hyperparameters import MAX_LAYERS, Hyperparameters
from ai_on_eks.descriptors.image_generation import Phase, Work
from ai_on_eks.descriptors.inventory import Inventory, Tensor, TensorRole

FAMILY = "diffusion"
MODEL_TYPES: Mapping[str, None] = {"PixArtTransformer2DModel": None, "Transformer2DModel": None}

_DEFAULTS: Mapping[str, Any] = {
    "in_channels": 4,
    "patch_size": 2,
    "sample_size": 128,
    "attention_bias": True,
    "norm_elementwise_affine": False,
    "norm_type": "ada_norm_single",
    "activation_fn": "gelu-approximate",
    "attention_type": "default",
}
DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "PixArtTransformer2DModel": {**_DEFAULTS, "out_channels": 8, "cross_attention_dim": 1152},
    "Transformer2DModel": {
        key: value for key, value in _DEFAULTS.items() if key not in ("norm_type", "activation_fn", "sample_size")
    }
    | {"attention_bias": False, "norm_elementwise_affine": True},
}
"""What diffusers documents for a hyper-parameter that a published config may leave out."""

CONDITIONED_SIDE = 128
"""The latent side for which size and aspect ratio are embedded, too, where the config does not say (diffusers)."""

TIME_CHANNELS = 256
PROMPT_TOKENS = 300
"""Tokens of the longest prompt: `max_sequence_length` of PixArtSigmaPipeline (diffusers 0.42.1); alpha's is 120."""

PLAIN_VALUES = 10
STEPS = 20
"""Denoising steps by the default of both pipelines (diffusers 0.42.1)."""


def read(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The inventory of a transformer, or an InputError with everything that is missing or not known."""
    heads, head = parameters.integer("num_attention_heads"), parameters.integer("attention_head_dim")
    width, layers = heads * head, parameters.integer("num_layers")
    parameters.relate(("num_layers",), layers <= MAX_LAYERS, f"{layers} layers; at most {MAX_LAYERS}")
    inputs = parameters.integer("in_channels")
    outputs = parameters.integer_or("out_channels", inputs)
    patch, side = parameters.integer("patch_size"), parameters.integer("sample_size")
    parameters.support("patch_size", patch == 2, f"patches of {patch} latent positions")
    parameters.relate(("sample_size",), side <= 4096, f"{side} latent positions along a side; at most 4096")
    cross = parameters.integer_or("cross_attention_dim", width)
    biased, affine = parameters.flag("attention_bias"), parameters.flag("norm_elementwise_affine")
    parameters.choice("norm_type", ("ada_norm_single",))
    parameters.choice("activation_fn", ("gelu-approximate", "gelu"))
    parameters.choice("attention_type", ("default",))
    caption = parameters.integer("caption_channels") if parameters.has("caption_channels") else None
    named = parameters.has("use_additional_conditions")
    conditioned = parameters.flag("use_additional_conditions") if named else side == CONDITIONED_SIDE
    parameters.finish()

    every, block = tuple(range(min(layers, MAX_LAYERS))), "transformer_blocks.*"
    attention, feed_forward = TensorRole.ATTENTION, TensorRole.FEED_FORWARD
    embedder = "adaln_single.emb"
    once = (
        *two_linears(f"{embedder}.timestep_embedder", TIME_CHANNELS, width),
        *(_conditions(embedder, width) if conditioned else ()),
        *linear("adaln_single.linear", 6 * width, width, feed_forward, quantizable=False),
        *table("scale_shift_table", (2, width)),
        *table(f"{block}.scale_shift_table", (6, width), every),
    )
    image = (
        *convolution("pos_embed.proj", width, inputs, patch),
        *_matrices(f"{block}.attn1", ("to_q", "to_k", "to_v"), width, width, every, biased=biased),
        *linear(f"{block}.attn1.to_out.0", width, width, attention, every),
        *_matrices(f"{block}.attn2", ("to_q",), width, width, every, biased=biased),
        *linear(f"{block}.attn2.to_out.0", width, width, attention, every),
        *linear(f"{block}.ff.net.0.proj", 4 * width, width, feed_forward, every),
        *linear(f"{block}.ff.net.2", width, 4 * width, feed_forward, every),
        *(_norms(block, width, len(every)) if affine else ()),
        *linear("proj_out", patch**2 * outputs, width, TensorRole.HEAD, quantizable=False),
    )
    prompt = (
        *_matrices(f"{block}.attn2", ("to_k", "to_v"), width, cross, every, biased=biased),
        *(two_linears("caption_projection", caption, width) if caption is not None else ()),
    )
    tokens = (side // patch) ** 2
    work = Work(
        positions=side**2,
        flops=2 * tokens * matrices(image) + 4 * layers * tokens * PROMPT_TOKENS * width,
        attention_flops=4 * layers * tokens**2 * width,
        fixed_flops=2 * PROMPT_TOKENS * matrices(prompt) + 2 * matrices(once),
        elements=PLAIN_VALUES * width * tokens,
        buffer_elements=tokens * width,
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
        multiple=8,
        steps=STEPS,
    )


def _conditions(embedder: str, width: int) -> tuple[Tensor, ...]:
    third = width // 3
    return (
        *two_linears(f"{embedder}.resolution_embedder", TIME_CHANNELS, third),
        *two_linears(f"{embedder}.aspect_ratio_embedder", TIME_CHANNELS, third),
    )


def _matrices(
    prefix: str, parts: tuple[str, ...], rows: int, columns: int, layers: tuple[int, ...], *, biased: bool
) -> tuple[Tensor, ...]:
    return tuple(
        tensor
        for part in parts
        for tensor in linear(f"{prefix}.{part}", rows, columns, TensorRole.ATTENTION, layers, biased=biased)
    )


def _norms(block: str, width: int, layers: int) -> tuple[Tensor, ...]:
    return tuple(tensor for number in (1, 2) for tensor in norm(f"{block}.norm{number}", width, count=layers))
