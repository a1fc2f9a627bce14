"""Transformers made from FLUX.1: FLUX.2, whose blocks share modulations, and Chroma, where a small network makes them.

With width H = heads × head width, n image tokens (2 × 2 latent positions each) and t tokens of the prompt:

    FLUX.2    all without biases; double block two streams of 4H² and 3 r H² (gated, r = mlp_ratio); single block
              (3 + 2r) H² in, (1 + r) H² out; 15H² of modulation for all blocks
    Chroma    blocks as FLUX.1's, without their modulation (diffusion_transformer.py); a network of width A and l layers
              makes it for all blocks, c A + 2 l (A² + A) + H A, from a table of 3 × singles + 12 × doubles + 2 rows
    values    FLUX.2 (10 + 4r) H per token, Chroma 17 H as FLUX.1 (counted on the meta device at 1024 × 1024 pixels)

Source: transformer_flux2.py and transformer_chroma.py of diffusers 0.42.1, read 2026-11-29.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ai_on_eks.descriptors.architectures.diffusion_lone import lone
from ai_on_eks.descriptors.architectures.diffusion_parts import linear, table, two_linears
from ai_on_eks.descriptors.architectures.diffusion_transformer import (
    PACKED,
    REFERENCE_SIDE,
    ROTARY_VALUES,
    transformer_work,
)
from ai_on_eks.descriptors.architectures.hyperparameters import MAX_LAYERS, Hyperparameters
from ai_on_eks.descriptors.image_generation import Phase
from ai_on_eks.descriptors.inventory import Inventory, Tensor, TensorRole

FAMILY = "diffusion"
DEFAULTS: Mapping[str, Mapping[str, object]] = {
    "ChromaTransformer2DModel": {"patch_size": 1, "in_channels": 64, "approximator_num_channels": 64},
    "Flux2Transformer2DModel": {
        "patch_size": 1,
        "in_channels": 128,
        "timestep_guidance_channels": 256,
        "mlp_ratio": 3.0,
        "guidance_embeds": True,
    },
}
"""What diffusers documents for a hyper-parameter that a published config may leave out."""

PROMPT_TOKENS = 512
FLUX2_STEPS, CHROMA_STEPS = 50, 35
"""By the defaults of Flux2Pipeline and ChromaPipeline (diffusers 0.42.1)."""

MODULATIONS_SINGLE, MODULATIONS_DOUBLE, MODULATIONS_LAST = 3, 12, 2
"""Rows of Chroma's table for each block and for the end."""
ATTENTION, FEED_FORWARD, EMBEDDING = TensorRole.ATTENTION, TensorRole.FEED_FORWARD, TensorRole.EMBEDDING
STREAM = ("to_q", "to_k", "to_v", "to_out.0")
PROMPT_STREAM = ("add_q_proj", "add_k_proj", "add_v_proj", "to_add_out")


def read(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The inventory of a transformer, or an InputError with everything that is missing or not known."""
    return MODEL_TYPES[model_type](model_type, parameters)


def _flux2(model_type: str, parameters: Hyperparameters) -> Inventory:
    width, heads, head, double, single = _shape(parameters)
    inputs = parameters.integer("in_channels")
    outputs, joint = parameters.integer_or("out_channels", inputs), parameters.integer("joint_attention_dim")
    time, guided = parameters.integer("timestep_guidance_channels"), parameters.flag("guidance_embeds")
    inner = int(width * parameters.number("mlp_ratio"))
    parameters.finish()

    named, alone = "transformer_blocks.*", "single_transformer_blocks.*"
    once = (
        *_unbiased_pair("time_guidance_embed.timestep_embedder", time, width),
        *(_unbiased_pair("time_guidance_embed.guidance_embedder", time, width) if guided else ()),
        *_plain("double_stream_modulation_img.linear", 6 * width, width, FEED_FORWARD),
        *_plain("double_stream_modulation_txt.linear", 6 * width, width, FEED_FORWARD),
        *_plain("single_stream_modulation.linear", 3 * width, width, FEED_FORWARD),
        *_plain("norm_out.linear", 2 * width, width, FEED_FORWARD, quantizable=False),
    )
    image = (
        *_plain("x_embedder", width, inputs, EMBEDDING, quantizable=False),
        *_projections(f"{named}.attn", STREAM, width, double, biased=False),
        *_norms(f"{named}.attn", ("norm_q", "norm_k"), head, double),
        *_plain(f"{named}.ff.linear_in", 2 * inner, width, FEED_FORWARD, double),
        *_plain(f"{named}.ff.linear_out", width, inner, FEED_FORWARD, double),
        *_plain("proj_out", outputs, width, TensorRole.HEAD, quantizable=False),
    )
    prompt = (
        *_plain("context_embedder", width, joint, EMBEDDING, quantizable=False),
        *_projections(f"{named}.attn", PROMPT_STREAM, width, double, biased=False),
        *_norms(f"{named}.attn", ("norm_added_q", "norm_added_k"), head, double),
        *_plain(f"{named}.ff_context.linear_in", 2 * inner, width, FEED_FORWARD, double),
        *_plain(f"{named}.ff_context.linear_out", width, inner, FEED_FORWARD, double),
    )
    both = (
        *_plain(f"{alone}.attn.to_qkv_mlp_proj", 3 * width + 2 * inner, width, ATTENTION, single),
        *_norms(f"{alone}.attn", ("norm_q", "norm_k"), head, single),
        *_plain(f"{alone}.attn.to_out", width, width + inner, ATTENTION, single),
    )
    work = transformer_work(
        image,
        prompt,
        both,
        once,
        tokens=REFERENCE_SIDE**2 // PACKED,
        prompt_tokens=PROMPT_TOKENS,
        width=width,
        layers=len(double) + len(single),
        values=10 * width + 4 * inner,
        positions=REFERENCE_SIDE**2,
    )
    return lone(
        model_type,
        (*once, *prompt, *image, *both),
        Phase.DENOISE,
        work,
        side=REFERENCE_SIDE,
        layers=len(double) + len(single),
        width=width,
        heads=heads,
        multiple=16,
        steps=FLUX2_STEPS,
        guided=not guided,
        guided_apart=True,
    )


def _chroma(model_type: str, parameters: Hyperparameters) -> Inventory:
    width, heads, head, double, single = _shape(parameters)
    inputs = parameters.integer("in_channels")
    outputs, joint = parameters.integer_or("out_channels", inputs), parameters.integer("joint_attention_dim")
    channels, inner = parameters.integer("approximator_num_channels"), parameters.integer("approximator_hidden_dim")
    depth = parameters.integer("approximator_layers")
    parameters.relate(("approximator_layers",), depth <= MAX_LAYERS, f"{depth} layers; at most {MAX_LAYERS}")
    parameters.finish()

    named, alone, maker = "transformer_blocks.*", "single_transformer_blocks.*", "distilled_guidance_layer"
    each, twice = tuple(range(min(depth, MAX_LAYERS))), ("linear_1", "linear_2")
    modulation = (
        *linear(f"{maker}.in_proj", inner, channels, EMBEDDING, quantizable=False),
        *(one for part in twice for one in linear(f"{maker}.layers.*.{part}", inner, inner, FEED_FORWARD, each)),
        *table(f"{maker}.norms.*.weight", (inner,), each),
        *linear(f"{maker}.out_proj", width, inner, EMBEDDING, quantizable=False),
    )
    image = (
        *linear("x_embedder", width, inputs, EMBEDDING, quantizable=False),
        *_projections(f"{named}.attn", STREAM, width, double),
        *_norms(f"{named}.attn", ("norm_q", "norm_k"), head, double),
        *_forward(f"{named}.ff", width, double),
        *linear("proj_out", outputs, width, TensorRole.HEAD, quantizable=False),
    )
    prompt = (
        *linear("context_embedder", width, joint, EMBEDDING, quantizable=False),
        *_projections(f"{named}.attn", PROMPT_STREAM, width, double),
        *_norms(f"{named}.attn", ("norm_added_q", "norm_added_k"), head, double),
        *_forward(f"{named}.ff_context", width, double),
    )
    both = (
        *_projections(f"{alone}.attn", STREAM[:3], width, single),
        *_norms(f"{alone}.attn", ("norm_q", "norm_k"), head, single),
        *linear(f"{alone}.proj_mlp", 4 * width, width, FEED_FORWARD, single),
        *linear(f"{alone}.proj_out", width, 5 * width, FEED_FORWARD, single),
    )
    rows = MODULATIONS_SINGLE * len(single) + MODULATIONS_DOUBLE * len(double) + MODULATIONS_LAST
    work = transformer_work(
        image,
        prompt,
        both,
        modulation * rows,
        tokens=REFERENCE_SIDE**2 // PACKED,
        prompt_tokens=PROMPT_TOKENS,
        width=width,
        layers=len(double) + len(single),
        values=ROTARY_VALUES * width,
        positions=REFERENCE_SIDE**2,
    )
    return lone(
        model_type,
        (*modulation, *prompt, *image, *both),
        Phase.DENOISE,
        work,
        side=REFERENCE_SIDE,
        layers=len(double) + len(single),
        width=width,
        heads=heads,
        multiple=16,
        steps=CHROMA_STEPS,
        guided_apart=True,
    )


MODEL_TYPES: Mapping[str, Callable[[str, Hyperparameters], Inventory]] = {
    "ChromaTransformer2DModel": _chroma,
    "Flux2Transformer2DModel": _flux2,
}


def _shape(parameters: Hyperparameters) -> tuple[int, int, int, tuple[int, ...], tuple[int, ...]]:
    """Width, heads, width of a head, and the numbers of double and single blocks."""
    heads, head = parameters.integer("num_attention_heads"), parameters.integer("attention_head_dim")
    patch = parameters.integer("patch_size")
    parameters.support("patch_size", patch == 1, f"patches of {patch} packed positions")
    return heads * head, heads, head, _blocks(parameters, "num_layers"), _blocks(parameters, "num_single_layers")


def _blocks(parameters: Hyperparameters, key: str) -> tuple[int, ...]:
    number = parameters.integer(key)
    parameters.relate((key,), number <= MAX_LAYERS, f"{number} layers; at most {MAX_LAYERS}")
    return tuple(range(min(number, MAX_LAYERS)))


def _plain(
    name: str,
    rows: int,
    columns: int,
    role: TensorRole,
    layers: tuple[int, ...] | None = None,
    *,
    quantizable: bool = True,
) -> tuple[Tensor, ...]:
    return linear(name, rows, columns, role, layers, biased=False, quantizable=quantizable)


def _unbiased_pair(name: str, inputs: int, width: int) -> tuple[Tensor, ...]:
    return tuple(tensor for tensor in two_linears(name, inputs, width) if len(tensor.shape) == 2)


def _projections(
    prefix: str, parts: tuple[str, ...], width: int, layers: tuple[int, ...], *, biased: bool = True
) -> tuple[Tensor, ...]:
    return tuple(
        tensor
        for part in parts
        for tensor in linear(f"{prefix}.{part}", width, width, ATTENTION, layers, biased=biased)
    )


def _norms(prefix: str, parts: tuple[str, ...], head: int, layers: tuple[int, ...]) -> tuple[Tensor, ...]:
    return tuple(tensor for part in parts for tensor in table(f"{prefix}.{part}.weight", (head,), layers))


def _forward(prefix: str, width: int, layers: tuple[int, ...]) -> tuple[Tensor, ...]:
    return (
        *linear(f"{prefix}.net.0.proj", 4 * width, width, FEED_FORWARD, layers),
        *linear(f"{prefix}.net.2", width, 4 * width, FEED_FORWARD, layers),
    )
