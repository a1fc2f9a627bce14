"""Transformers that refine image and prompt each alone before both pass the same layers: Lumina 2 and Z-Image.

With width H, L layers, r refiners of each, K the width of all key or value heads, F of the gated feed-forward, and C of
what the time step becomes:

    per layer    attention 2H² + 2KH and two norms of a head, feed-forward 3 H F, four norms of H, and modulation
                 4 (C H + H)
    refiners     of the image the same, of the prompt without modulation
    once         patches, the prompt's norm and projection, the time step's embedding, the end's modulation
    operations   2 × (layers + refiners) × tokens of each  +  4 × H × (L (n + t)² + r (n² + t²))
    values       Lumina 3H + 6F per token, its activation function works in float32; Z-Image 3H + 5F (counted on the
                 meta device and the host)

Z-Image pads image and prompt to whole 32s of tokens with learned ones.
Source: transformer_lumina2.py, transformer_z_image.py and attention.py of diffusers 0.42.1, read 2026-11-29.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from ai_on_eks.descriptors.architectures.diffusion_lone import lone
from ai_on_eks.descriptors.architectures.diffusion_parts import linear, matrices, table, two_linears
from ai_on_eks.descriptors.architectures.diffusion_transformer import PACKED, REFERENCE_SIDE, TIME_CHANNELS
from ai_on_eks.descriptors.architectures.hyperparameters import MAX_LAYERS, Hyperparameters
from ai_on_eks.descriptors.image_generation import Phase, Work
from ai_on_eks.descriptors.inventory import Inventory, Tensor, TensorRole
from ai_on_eks.units import ceil_div

FAMILY = "diffusion"
LUMINA, Z_IMAGE = "Lumina2Transformer2DModel", "ZImageTransformer2DModel"
DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    LUMINA: {"patch_size": 2, "in_channels": 16, "multiple_of": 256},
    Z_IMAGE: {"all_patch_size": [2], "all_f_patch_size": [1], "in_channels": 16, "qk_norm": True},
}
"""What diffusers documents for a hyper-parameter that a published config may leave out."""

LUMINA_CONDITION, Z_CONDITION = 1024, 256
"""Width of what the time step becomes, at most the network's own (both sources)."""
Z_TIME_INNER = 1024
LUMINA_PROMPT_TOKENS, Z_PROMPT_TOKENS = 256, 512
LUMINA_STEPS, Z_STEPS = 30, 50
"""By the defaults of Lumina2Pipeline and ZImagePipeline (diffusers 0.42.1)."""
INNER_VALUES: Mapping[str, int] = {LUMINA: 6, Z_IMAGE: 5}
ATTENTION, FEED_FORWARD, EMBEDDING = TensorRole.ATTENTION, TensorRole.FEED_FORWARD, TensorRole.EMBEDDING


class _Shape(Struct, frozen=True):
    """What all layers have in common, and what they are called."""

    width: int
    head: int
    keys: int
    inner: int
    condition: int
    attention: str
    feed_forward: tuple[str, str, str]
    norms: tuple[str, ...]
    modulation: str
    is_normed: bool = True


def read(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The inventory of a transformer, or an InputError with everything that is missing or not known."""
    return MODEL_TYPES[model_type](model_type, parameters)


def _lumina(model_type: str, parameters: Hyperparameters) -> Inventory:
    width, heads = parameters.integer("hidden_size"), parameters.integer("num_attention_heads")
    keys, caption = parameters.integer("num_kv_heads"), parameters.integer("cap_feat_dim")
    message = f"{heads} heads do not divide hidden_size {width}"
    parameters.relate(("hidden_size", "num_attention_heads"), width % heads == 0, message)
    patch, inputs = parameters.integer("patch_size"), parameters.integer("in_channels")
    parameters.support("patch_size", patch == 2, f"patches of {patch} latent positions")
    outputs, rounded = parameters.integer_or("out_channels", inputs), parameters.integer("multiple_of")
    factor = parameters.number("ffn_dim_multiplier") if parameters.has("ffn_dim_multiplier") else None
    layers, refiners = _layers(parameters, "num_layers"), _layers(parameters, "num_refiner_layers")
    parameters.finish()

    inner = ceil_div(4 * width if factor is None else int(factor * 4 * width), rounded) * rounded
    shape = _Shape(
        width=width,
        head=width // heads,
        keys=keys * (width // heads),
        inner=inner,
        condition=min(width, LUMINA_CONDITION),
        attention="attn",
        feed_forward=("linear_1", "linear_2", "linear_3"),
        norms=("norm1.norm", "ffn_norm1", "norm2", "ffn_norm2"),
        modulation="norm1.linear",
    )
    condition = shape.condition
    once = (
        *two_linears("time_caption_embed.timestep_embedder", TIME_CHANNELS, condition),
        *linear("norm_out.linear_1", width, condition, EMBEDDING, quantizable=False),
    )
    ends = (
        *linear("x_embedder", width, PACKED * inputs, EMBEDDING, quantizable=False),
        *linear("norm_out.linear_2", PACKED * outputs, width, TensorRole.HEAD, quantizable=False),
    )
    entry = (
        *table("time_caption_embed.caption_embedder.0.weight", (caption,)),
        *linear("time_caption_embed.caption_embedder.1", width, caption, EMBEDDING, quantizable=False),
    )
    return _assembled(model_type, shape, once, (entry, ends), (layers, refiners))


def _z_image(model_type: str, parameters: Hyperparameters) -> Inventory:
    width, heads, keys = parameters.integer("dim"), parameters.integer("n_heads"), parameters.integer("n_kv_heads")
    message = f"{heads} heads do not divide dim {width}"
    parameters.relate(("dim", "n_heads"), width % heads == 0, message)
    parameters.support("n_kv_heads", keys == heads, f"{keys} heads of keys for {heads} of queries")
    for key, only in (("all_patch_size", (2,)), ("all_f_patch_size", (1,))):
        found = parameters.integers(key)
        parameters.support(key, found == only, f"patches of {list(found)} latent positions")
    inputs, caption = parameters.integer("in_channels"), parameters.integer("cap_feat_dim")
    parameters.support("siglip_feat_dim", not parameters.has("siglip_feat_dim"), "images beside the prompt")
    is_normed = parameters.flag("qk_norm")
    layers, refiners = _layers(parameters, "n_layers"), _layers(parameters, "n_refiner_layers")
    parameters.finish()

    shape = _Shape(
        width=width,
        head=width // heads,
        keys=width,
        inner=int(width / 3 * 8),
        condition=min(width, Z_CONDITION),
        attention="attention",
        feed_forward=("w1", "w2", "w3"),
        norms=("attention_norm1", "ffn_norm1", "attention_norm2", "ffn_norm2"),
        modulation="adaLN_modulation.0",
        is_normed=is_normed,
    )
    final, condition = "all_final_layer.2-1", shape.condition
    once = (
        *table("x_pad_token", (1, width), role=EMBEDDING),
        *table("cap_pad_token", (1, width), role=EMBEDDING),
        *linear("t_embedder.mlp.0", Z_TIME_INNER, TIME_CHANNELS, EMBEDDING, quantizable=False),
        *linear("t_embedder.mlp.2", condition, Z_TIME_INNER, EMBEDDING, quantizable=False),
        *linear(f"{final}.adaLN_modulation.1", width, condition, EMBEDDING, quantizable=False),
    )
    ends = (
        *linear("all_x_embedder.2-1", width, PACKED * inputs, EMBEDDING, quantizable=False),
        *linear(f"{final}.linear", PACKED * inputs, width, TensorRole.HEAD, quantizable=False),
    )
    entry = (
        *table("cap_embedder.0.weight", (caption,)),
        *linear("cap_embedder.1", width, caption, EMBEDDING, quantizable=False),
    )
    return _assembled(model_type, shape, once, (entry, ends), (layers, refiners))


MODEL_TYPES: Mapping[str, Callable[[str, Hyperparameters], Inventory]] = {LUMINA: _lumina, Z_IMAGE: _z_image}


def _assembled(
    model_type: str,
    shape: _Shape,
    once: tuple[Tensor, ...],
    streams: tuple[tuple[Tensor, ...], tuple[Tensor, ...]],
    depths: tuple[int, int],
) -> Inventory:
    """`streams`: what the prompt passes before its refiners, and the image before and after all layers."""
    (entry, ends), (layers, refiners) = streams, depths
    prompt_tokens, steps = (LUMINA_PROMPT_TOKENS, LUMINA_STEPS) if model_type == LUMINA else (Z_PROMPT_TOKENS, Z_STEPS)
    both, both_once = _block("layers.*", shape, layers, modulated=True)
    of_image, image_once = _block("noise_refiner.*", shape, refiners, modulated=True)
    of_prompt, _ = _block("context_refiner.*", shape, refiners, modulated=False)
    tokens, width = REFERENCE_SIDE**2 // PACKED, shape.width
    values = 3 * width + INNER_VALUES[model_type] * shape.inner
    modulations = (*once, *both_once, *image_once)
    work = Work(
        REFERENCE_SIDE**2,
        flops=2 * tokens * (matrices(both) + matrices(of_image) + matrices(ends))
        + 8 * layers * width * tokens * prompt_tokens,
        attention_flops=4 * (layers + refiners) * width * tokens**2,
        fixed_flops=2 * prompt_tokens * (matrices(both) + matrices(of_prompt) + matrices(entry))
        + 2 * matrices(modulations)
        + 4 * (layers + refiners) * width * prompt_tokens**2,
        elements=values * tokens,
        fixed_elements=values * prompt_tokens,
    )
    return lone(
        model_type,
        (*modulations, *entry, *of_prompt, *ends, *of_image, *both),
        Phase.DENOISE,
        work,
        side=REFERENCE_SIDE,
        layers=layers + 2 * refiners,
        width=width,
        heads=width // shape.head,
        multiple=16,
        steps=steps,
        guided_apart=model_type == LUMINA,
    )


def _layers(parameters: Hyperparameters, key: str) -> int:
    layers = parameters.integer(key)
    parameters.relate((key,), layers <= MAX_LAYERS, f"{layers} layers; at most {MAX_LAYERS}")
    return min(layers, MAX_LAYERS)


def _block(name: str, shape: _Shape, number: int, *, modulated: bool) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """What every token passes, and what works once per image."""
    width, layers = shape.width, tuple(range(number))
    attention, gate, out, up = f"{name}.{shape.attention}", *shape.feed_forward
    rows = {"to_q": width, "to_k": shape.keys, "to_v": shape.keys}
    norms = shape.norms if modulated else tuple(one.removesuffix(".norm") for one in shape.norms)
    body = (
        *(one for part, size in rows.items() for one in _plain(f"{attention}.{part}", size, width, ATTENTION, layers)),
        *_plain(f"{attention}.to_out.0", width, width, ATTENTION, layers),
        *_plain(f"{name}.feed_forward.{gate}", shape.inner, width, FEED_FORWARD, layers),
        *_plain(f"{name}.feed_forward.{out}", width, shape.inner, FEED_FORWARD, layers),
        *_plain(f"{name}.feed_forward.{up}", shape.inner, width, FEED_FORWARD, layers),
        *(one for norm in norms for one in table(f"{name}.{norm}.weight", (width,), layers)),
    )
    heads = tuple(
        one for part in ("norm_q", "norm_k") for one in table(f"{attention}.{part}.weight", (shape.head,), layers)
    )
    modulation = linear(f"{name}.{shape.modulation}", 4 * width, shape.condition, FEED_FORWARD, layers)
    return (*body, *(heads if shape.is_normed else ())), modulation if modulated else ()


def _plain(name: str, rows: int, columns: int, role: TensorRole, layers: tuple[int, ...]) -> tuple[Tensor, ...]:
    return linear(name, rows, columns, role, layers, biased=False)
