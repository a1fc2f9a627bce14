"""Transformers that denoise latents with the prompt in the same attention: Stable Diffusion 3, FLUX.1, Qwen-Image.

With width H = heads × head width, n image tokens (2 × 2 latent positions each) and t tokens of the prompt:

    double block   two streams, each modulated (6H² + 6H), projected to q, k, v and out (4H² + 4H) and fed forward
                   (8H² + 5H); attention over all n + t tokens
    last block     of SD3: the prompt's stream ends in it, with 2H² + 2H of modulation and no output
    single block   of FLUX: one stream for both, 3H² + 3H, q, k, v, 4H² + 4H and 5H² + H
    operations     2 × image matrices × n + 2 × prompt matrices × t + 4 × layers × (n + t)² × H
                   (modulations and embeddings work once per image, not per token)

    values alive per token, of all n + t
        plain      10H   residual, normed, and 4H before and after the activation
        rotary     17H   residual, normed, q, k, v, 4H of a feed-forward branch, and 8H: a rotated query or key is made
                         of four float32 copies
With 17H FLUX.1-dev at 1024² takes 0.45 GiB; 0.46 GiB was measured (22.63 GiB beside 22.17 GiB of weights;
huggingface.co/datasets/diffusers/benchmarks, 2026-11-24).

Names and shapes are those of the published checkpoints.
Source: transformer_sd3.py, transformer_flux.py, transformer_qwenimage.py, attention.py and embeddings.py of
diffusers 0.42.1, read 2026-11-24.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ai_on_eks.descriptors.architectures.diffusion_lone import lone
from ai_on_eks.descriptors.architectures.diffusion_parts import convolution, linear, matrices, norm, table, two_linears
from ai_on_eks.descriptors.architectures.hyperparameters import MAX_LAYERS, Hyperparameters
from ai_on_eks.descriptors.image_generation import Phase, Work
from ai_on_eks.descriptors.inventory import Inventory, Tensor, TensorRole

FAMILY = "diffusion"

DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "FluxTransformer2DModel": {"patch_size": 1, "guidance_embeds": False, "attention_head_dim": 128},
    "QwenImageTransformer2DModel": {
        "patch_size": 2,
        "out_channels": 16,
        "guidance_embeds": False,
        "zero_cond_t": False,
        "use_additional_t_cond": False,
        "use_layer3d_rope": False,
    },
    "SD3Transformer2DModel": {
        "sample_size": 128,
        "patch_size": 2,
        "in_channels": 16,
        "pos_embed_max_size": 96,
    },
}
"""What diffusers documents for a hyper-parameter that a published config may leave out."""

FLUX, QWEN, SD3 = "FluxTransformer2DModel", "QwenImageTransformer2DModel", "SD3Transformer2DModel"

TIME_CHANNELS = 256
"""Sines and cosines that a time step, a guidance or a size becomes (diffusers, embeddings.py)."""

PACKED = 4
"""Latent positions of a token: 2 × 2 (arXiv:2403.03206, §4; FLUX's pipeline packs them)."""

REFERENCE_SIDE = 128
"""Latent positions along a side: 1024 pixels, where FLUX's and Qwen-Image's pipelines default to."""

PROMPT_TOKENS = {FLUX: 512, QWEN: 512, SD3: 77 + 256}
"""Tokens of the longest prompt by the default of the pipelines (diffusers 0.42.1, `max_sequence_length`): SD3's is
CLIP's 77 and 256 of T5, FLUX.1-schnell takes at most 256 of the 512."""

PLAIN_VALUES, ROTARY_VALUES = 10, 17
FLUX_STEPS, FLUX_DISTILLED_STEPS, SD3_STEPS, QWEN_STEPS = 28, 4, 28, 50
"""Denoising steps by the default of the pipelines (diffusers 0.42.1); FLUX.1-schnell's four by its model card."""


def read(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The inventory of a transformer, or an InputError with everything that is missing or not known."""
    return MODEL_TYPES[model_type](model_type, parameters)


def transformer_work(
    image: tuple[Tensor, ...],
    prompt: tuple[Tensor, ...],
    both: tuple[Tensor, ...],
    once: tuple[Tensor, ...],
    *,
    tokens: int,
    prompt_tokens: int,
    width: int,
    layers: int,
    values: int,
    positions: int,
    buffer_elements: int = 0,
) -> Work:
    """The work of one pass: tensors by what goes through them, `values` alive for every token."""
    linear_flops = 2 * tokens * (matrices(image) + matrices(both))
    fixed = 2 * prompt_tokens * (matrices(prompt) + matrices(both)) + 2 * matrices(once)
    scores = 4 * layers * width
    return Work(
        positions=positions,
        flops=linear_flops + scores * 2 * tokens * prompt_tokens,
        attention_flops=scores * tokens**2,
        fixed_flops=fixed + scores * prompt_tokens**2,
        elements=values * tokens,
        fixed_elements=values * prompt_tokens,
        buffer_elements=buffer_elements,
    )


def _stable_diffusion_3(model_type: str, parameters: Hyperparameters) -> Inventory:
    width, heads, head = _width(parameters)
    layers, dual = _layers(parameters, "num_layers"), parameters.layer_numbers("dual_attention_layers")
    parameters.relate(("num_layers", "dual_attention_layers"), max(dual, default=0) < layers, "a layer there is not")
    side, patch = parameters.integer("sample_size"), parameters.integer("patch_size")
    parameters.support("patch_size", patch == 2, f"patches of {patch} latent positions")
    parameters.relate(("sample_size",), side <= 4096, f"{side} latent positions along a side; at most 4096")
    inputs = parameters.integer("in_channels")
    outputs = parameters.integer_or("out_channels", inputs)
    context = parameters.integer("caption_projection_dim")
    message = f"the prompt's stream is {context} wide, but the image's {width}"
    parameters.relate(("caption_projection_dim",), context == width, message)
    joint, pooled = parameters.integer("joint_attention_dim"), parameters.integer("pooled_projection_dim")
    table_side = parameters.integer("pos_embed_max_size")
    parameters.relate(("pos_embed_max_size",), table_side <= 4096, "more than 4096 positions along a side")
    normed = parameters.has("qk_norm") and parameters.choice("qk_norm", ("rms_norm",)) == "rms_norm"
    parameters.finish()

    every, named = tuple(range(layers)), "transformer_blocks"
    twice = tuple(sorted(set(dual)))
    once_more = tuple(layer for layer in every if layer not in set(twice))
    prompted, last = every[:-1], every[-1:]
    role = TensorRole.EMBEDDING
    entry = convolution("pos_embed.proj", width, inputs, patch)
    context_entry = linear("context_embedder", width, joint, role, quantizable=False)
    once = (
        *two_linears("time_text_embed.timestep_embedder", TIME_CHANNELS, width),
        *two_linears("time_text_embed.text_embedder", pooled, width),
        *_modulation(f"{named}.*.norm1.linear", 9, width, twice),
        *_modulation(f"{named}.*.norm1.linear", 6, width, once_more),
        *_modulation(f"{named}.*.norm1_context.linear", 6, width, prompted),
        *_modulation(f"{named}.*.norm1_context.linear", 2, width, last),
        *_modulation("norm_out.linear", 2, width, None),
    )
    image = (
        *_attention(f"{named}.*.attn", ("to_q", "to_k", "to_v", "to_out.0"), width, every),
        *_attention(f"{named}.*.attn2", ("to_q", "to_k", "to_v", "to_out.0"), width, twice),
        *_feed_forward(f"{named}.*.ff", width, 4 * width, every),
        *(_head_norms(f"{named}.*.attn", ("norm_q", "norm_k"), head, every) if normed else ()),
        *(_head_norms(f"{named}.*.attn2", ("norm_q", "norm_k"), head, twice) if normed else ()),
        *linear("proj_out", patch**2 * outputs, width, TensorRole.HEAD, quantizable=False),
    )
    prompt = (
        *context_entry,
        *_attention(f"{named}.*.attn", ("add_q_proj", "add_k_proj", "add_v_proj"), width, every),
        *_attention(f"{named}.*.attn", ("to_add_out",), width, prompted),
        *_feed_forward(f"{named}.*.ff_context", width, 4 * width, prompted),
        *(_head_norms(f"{named}.*.attn", ("norm_added_q", "norm_added_k"), head, every) if normed else ()),
    )
    work = transformer_work(
        (*entry, *image),
        prompt,
        (),
        once,
        tokens=(side // patch) ** 2,
        prompt_tokens=PROMPT_TOKENS[model_type],
        width=width,
        layers=layers + len(twice),
        values=PLAIN_VALUES * width,
        positions=side**2,
        buffer_elements=table_side**2 * width,
    )
    return lone(
        model_type,
        (*entry, *once, *prompt, *image),
        Phase.DENOISE,
        work,
        side=side,
        layers=layers,
        width=width,
        heads=heads,
        multiple=8 * patch,
        steps=SD3_STEPS,
    )


def _flux(model_type: str, parameters: Hyperparameters) -> Inventory:
    width, heads, head = _width(parameters)
    doubles, singles = _layers(parameters, "num_layers"), _layers(parameters, "num_single_layers")
    inputs = parameters.integer("in_channels")
    outputs = parameters.integer_or("out_channels", inputs)
    patch = parameters.integer("patch_size")
    parameters.support("patch_size", patch == 1, f"patches of {patch} packed positions")
    joint, pooled = parameters.integer("joint_attention_dim"), parameters.integer("pooled_projection_dim")
    guided = parameters.flag("guidance_embeds")
    parameters.finish()

    double, single = tuple(range(doubles)), tuple(range(singles))
    named, alone = "transformer_blocks.*", "single_transformer_blocks.*"
    once = (
        *two_linears("time_text_embed.timestep_embedder", TIME_CHANNELS, width),
        *(two_linears("time_text_embed.guidance_embedder", TIME_CHANNELS, width) if guided else ()),
        *two_linears("time_text_embed.text_embedder", pooled, width),
        *_modulation(f"{named}.norm1.linear", 6, width, double),
        *_modulation(f"{named}.norm1_context.linear", 6, width, double),
        *_modulation(f"{alone}.norm.linear", 3, width, single),
        *_modulation("norm_out.linear", 2, width, None),
    )
    image = (
        *linear("x_embedder", width, inputs, TensorRole.EMBEDDING, quantizable=False),
        *_attention(f"{named}.attn", ("to_q", "to_k", "to_v", "to_out.0"), width, double),
        *_head_norms(f"{named}.attn", ("norm_q", "norm_k"), head, double),
        *_feed_forward(f"{named}.ff", width, 4 * width, double),
        *linear("proj_out", outputs, width, TensorRole.HEAD, quantizable=False),
    )
    prompt = (
        *linear("context_embedder", width, joint, TensorRole.EMBEDDING, quantizable=False),
        *_attention(f"{named}.attn", ("add_q_proj", "add_k_proj", "add_v_proj", "to_add_out"), width, double),
        *_head_norms(f"{named}.attn", ("norm_added_q", "norm_added_k"), head, double),
        *_feed_forward(f"{named}.ff_context", width, 4 * width, double),
    )
    both = (
        *_attention(f"{alone}.attn", ("to_q", "to_k", "to_v"), width, single),
        *_head_norms(f"{alone}.attn", ("norm_q", "norm_k"), head, single),
        *linear(f"{alone}.proj_mlp", 4 * width, width, TensorRole.FEED_FORWARD, single),
        *linear(f"{alone}.proj_out", width, 5 * width, TensorRole.FEED_FORWARD, single),
    )
    work = transformer_work(
        image,
        prompt,
        both,
        once,
        tokens=REFERENCE_SIDE**2 // PACKED,
        prompt_tokens=PROMPT_TOKENS[model_type],
        width=width,
        layers=doubles + singles,
        values=ROTARY_VALUES * width,
        positions=REFERENCE_SIDE**2,
    )
    return lone(
        model_type,
        (*once, *prompt, *image, *both),
        Phase.DENOISE,
        work,
        side=REFERENCE_SIDE,
        layers=doubles + singles,
        width=width,
        heads=heads,
        multiple=16,
        steps=FLUX_STEPS if guided else FLUX_DISTILLED_STEPS,
        guided=False,
    )


def _qwen_image(model_type: str, parameters: Hyperparameters) -> Inventory:
    width, heads, head = _width(parameters)
    layers, inputs = _layers(parameters, "num_layers"), parameters.integer("in_channels")
    patch, outputs = parameters.integer("patch_size"), parameters.integer("out_channels")
    parameters.support("patch_size", patch == 2, f"patches of {patch} latent positions")
    joint = parameters.integer("joint_attention_dim")
    for key in ("guidance_embeds", "zero_cond_t", "use_additional_t_cond", "use_layer3d_rope"):
        parameters.support(key, not parameters.flag(key), f"'{key}' is not known")
    parameters.finish()

    every, named = tuple(range(layers)), "transformer_blocks.*"
    once = (
        *two_linears("time_text_embed.timestep_embedder", TIME_CHANNELS, width),
        *_modulation(f"{named}.img_mod.1", 6, width, every),
        *_modulation(f"{named}.txt_mod.1", 6, width, every),
        *_modulation("norm_out.linear", 2, width, None),
    )
    image = (
        *linear("img_in", width, inputs, TensorRole.EMBEDDING, quantizable=False),
        *_attention(f"{named}.attn", ("to_q", "to_k", "to_v", "to_out.0"), width, every),
        *_head_norms(f"{named}.attn", ("norm_q", "norm_k"), head, every),
        *_feed_forward(f"{named}.img_mlp", width, 4 * width, every),
        *linear("proj_out", patch**2 * outputs, width, TensorRole.HEAD, quantizable=False),
    )
    prompt = (
        *norm("txt_norm", joint)[:1],
        *linear("txt_in", width, joint, TensorRole.EMBEDDING, quantizable=False),
        *_attention(f"{named}.attn", ("add_q_proj", "add_k_proj", "add_v_proj", "to_add_out"), width, every),
        *_head_norms(f"{named}.attn", ("norm_added_q", "norm_added_k"), head, every),
        *_feed_forward(f"{named}.txt_mlp", width, 4 * width, every),
    )
    work = transformer_work(
        image,
        prompt,
        (),
        once,
        tokens=REFERENCE_SIDE**2 // PACKED,
        prompt_tokens=PROMPT_TOKENS[model_type],
        width=width,
        layers=layers,
        values=ROTARY_VALUES * width,
        positions=REFERENCE_SIDE**2,
    )
    return lone(
        model_type,
        (*once, *prompt, *image),
        Phase.DENOISE,
        work,
        side=REFERENCE_SIDE,
        layers=layers,
        width=width,
        heads=heads,
        multiple=16,
        steps=QWEN_STEPS,
        guided_apart=True,
    )


MODEL_TYPES: Mapping[str, Callable[[str, Hyperparameters], Inventory]] = {
    "FluxTransformer2DModel": _flux,
    "QwenImageTransformer2DModel": _qwen_image,
    "SD3Transformer2DModel": _stable_diffusion_3,
}


def _width(parameters: Hyperparameters) -> tuple[int, int, int]:
    heads, head = parameters.integer("num_attention_heads"), parameters.integer("attention_head_dim")
    return heads * head, heads, head


def _layers(parameters: Hyperparameters, key: str) -> int:
    layers = parameters.integer(key)
    parameters.relate((key,), layers <= MAX_LAYERS, f"{layers} layers; at most {MAX_LAYERS}")
    return min(layers, MAX_LAYERS)


def _modulation(name: str, times: int, width: int, layers: tuple[int, ...] | None) -> tuple[Tensor, ...]:
    """What scales and shifts a block's input, from the time step: worked out once per image."""
    return linear(name, times * width, width, TensorRole.FEED_FORWARD, layers, quantizable=layers is not None)


def _attention(prefix: str, parts: tuple[str, ...], width: int, layers: tuple[int, ...]) -> tuple[Tensor, ...]:
    return tuple(
        tensor for part in parts for tensor in linear(f"{prefix}.{part}", width, width, TensorRole.ATTENTION, layers)
    )


def _head_norms(prefix: str, parts: tuple[str, ...], head: int, layers: tuple[int, ...]) -> tuple[Tensor, ...]:
    return tuple(tensor for part in parts for tensor in table(f"{prefix}.{part}.weight", (head,), layers))


def _feed_forward(prefix: str, width: int, inner: int, layers: tuple[int, ...]) -> tuple[Tensor, ...]:
    role = TensorRole.FEED_FORWARD
    return (
        *linear(f"{prefix}.net.0.proj", inner, width, role, layers),
        *linear(f"{prefix}.net.2", width, inner, role, layers),
    )
