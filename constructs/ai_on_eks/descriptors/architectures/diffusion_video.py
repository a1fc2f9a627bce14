"""Transformers that denoise videos with the prompt in the same attention: CogVideoX and HunyuanVideo.

With width H = heads × head width, n tokens (2 × 2 latent positions of a frame each) and t of the prompt:

    CogVideoX     one stream for both: per layer 4 (H² + H) + 4 × head width, 8H² + 5H, and twice 6 (T H + H) + 2H of
                  modulation from a time step of width T
    HunyuanVideo  blocks as FLUX.1's (diffusion_transformer.py), feed-forward r H; the prompt is refined first, 12H² +
                  11H and 2 (H² + H) + 2H of norms and modulation per refiner
    operations    2 × matrices × (n + t)  +  4 × layers × (n + t)² × H
    values alive  CogVideoX 14 H, HunyuanVideo 19 H per token, of all n + t (counted on the meta device: 13.1 and 18.2)

Source: cogvideox_transformer_3d.py, transformer_hunyuan_video.py, embeddings.py and normalization.py of diffusers
0.42.1, read 2026-11-29.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ai_on_eks.descriptors.architectures.diffusion_lone import Video, lone
from ai_on_eks.descriptors.architectures.diffusion_parts import convolution, linear, norm, table, two_linears
from ai_on_eks.descriptors.architectures.diffusion_transformer import PACKED, TIME_CHANNELS, transformer_work
from ai_on_eks.descriptors.architectures.hyperparameters import MAX_LAYERS, Hyperparameters
from ai_on_eks.descriptors.image_generation import Phase
from ai_on_eks.descriptors.inventory import Inventory, Sharding, Tensor, TensorRole

FAMILY = "diffusion"
COG, HUNYUAN = "CogVideoXTransformer3DModel", "HunyuanVideoTransformer3DModel"
DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    COG: {
        "in_channels": 16,
        "out_channels": 16,
        "time_embed_dim": 512,
        "text_embed_dim": 4096,
        "patch_size": 2,
        "attention_bias": True,
        "norm_elementwise_affine": True,
        "sample_width": 90,
        "sample_height": 60,
        "sample_frames": 49,
        "max_text_seq_length": 226,
        "use_rotary_positional_embeddings": False,
        "use_learned_positional_embeddings": False,
        "patch_bias": True,
    },
    HUNYUAN: {
        "in_channels": 16,
        "out_channels": 16,
        "num_refiner_layers": 2,
        "mlp_ratio": 4.0,
        "patch_size": 2,
        "patch_size_t": 1,
        "guidance_embeds": True,
        "text_embed_dim": 4096,
        "pooled_projection_dim": 768,
    },
}
"""What diffusers documents for a hyper-parameter that a published config may leave out."""

HUNYUAN_VIDEO = Video(1280, 720, 129, scale=8, frame_scale=4)
HUNYUAN_PROMPT_TOKENS, STEPS = 256, 50
"""By the defaults of HunyuanVideoPipeline and CogVideoXPipeline (diffusers 0.42.1)."""
SCALE, FRAME_SCALE = 8, 4
COG_VALUES, HUNYUAN_VALUES = 14, 19
MAX_PLACES = 4096
ATTENTION, FEED_FORWARD, EMBEDDING = TensorRole.ATTENTION, TensorRole.FEED_FORWARD, TensorRole.EMBEDDING
STREAM = ("to_q", "to_k", "to_v", "to_out.0")
PROMPT_STREAM = ("add_q_proj", "add_k_proj", "add_v_proj", "to_add_out")


def read(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The inventory of a transformer, or an InputError with everything that is missing or not known."""
    return MODEL_TYPES[model_type](model_type, parameters)


def _cog(model_type: str, parameters: Hyperparameters) -> Inventory:
    heads, head = parameters.integer("num_attention_heads"), parameters.integer("attention_head_dim")
    width, layers = heads * head, _layers(parameters, "num_layers")
    inputs, text = parameters.integer("in_channels"), parameters.integer("text_embed_dim")
    outputs, time = parameters.integer_or("out_channels", inputs), parameters.integer("time_embed_dim")
    patch = parameters.integer("patch_size")
    parameters.support("patch_size", patch == 2, f"patches of {patch} latent positions")
    parameters.support("patch_size_t", not parameters.has("patch_size_t"), "patches of several latent frames")
    biased, has_scale = parameters.flag("attention_bias"), parameters.flag("norm_elementwise_affine")
    parameters.support("norm_elementwise_affine", has_scale, "norms without scale and shift")
    parameters.support("patch_bias", parameters.flag("patch_bias"), "patches without bias")
    offset = parameters.integer("ofs_embed_dim") if parameters.has("ofs_embed_dim") else 0
    video, tokens = _sample(parameters)
    prompt_tokens = parameters.integer("max_text_seq_length")
    tabled = not parameters.flag("use_rotary_positional_embeddings") or parameters.flag(
        "use_learned_positional_embeddings"
    )
    parameters.finish()

    every, block = tuple(range(layers)), "transformer_blocks.*"
    modulation = tuple(
        tensor
        for part in ("norm1", "norm2")
        for tensor in linear(f"{block}.{part}.linear", 6 * width, time, FEED_FORWARD, every)
    )
    once = (
        *two_linears("time_embedding", width, time),
        *(two_linears("ofs_embedding", offset, offset) if offset else ()),
        *modulation,
        *linear("norm_out.linear", 2 * width, time, FEED_FORWARD, quantizable=False),
    )
    image = (
        *convolution("patch_embed.proj", width, inputs, patch),
        *linear("proj_out", PACKED * outputs, width, TensorRole.HEAD, quantizable=False),
    )
    prompt = linear("patch_embed.text_proj", width, text, EMBEDDING, quantizable=False)
    both = (
        *(one for part in ("norm1", "norm2") for one in norm(f"{block}.{part}.norm", width, count=layers)),
        *(one for part in ("norm_q", "norm_k") for one in norm(f"{block}.attn1.{part}", head, count=layers)),
        *_projections(f"{block}.attn1", STREAM[:3], width, every, biased=biased),
        *_projections(f"{block}.attn1", STREAM[3:], width, every),
        *_forward(f"{block}.ff", width, 4 * width, every),
        *norm("norm_final", width),
        *norm("norm_out.norm", width),
    )
    work = transformer_work(
        image,
        prompt,
        both,
        once,
        tokens=tokens,
        prompt_tokens=prompt_tokens,
        width=width,
        layers=layers,
        values=COG_VALUES * width,
        positions=video.positions,
        buffer_elements=(tokens + prompt_tokens) * width if tabled else 0,
    )
    return lone(
        model_type,
        (*once, *prompt, *image, *both),
        Phase.DENOISE,
        work,
        side=0,
        layers=layers,
        width=width,
        heads=heads,
        multiple=SCALE * patch,
        steps=STEPS,
        video=video,
    )


def _sample(parameters: Hyperparameters) -> tuple[Video, int]:
    """The video that the network was made for, and its tokens."""
    sides = [parameters.integer(key) for key in ("sample_width", "sample_height")]
    frames = parameters.integer("sample_frames")
    parameters.relate(("sample_width", "sample_height"), max(sides) <= MAX_PLACES, f"more than {MAX_PLACES} positions")
    parameters.relate(("sample_frames",), frames <= MAX_PLACES, f"{frames} frames; at most {MAX_PLACES}")
    fits = (frames - 1) % FRAME_SCALE == 0
    parameters.relate(("sample_frames",), fits, f"{frames} frames are not one more than a multiple of {FRAME_SCALE}")
    video = Video(SCALE * sides[0], SCALE * sides[1], frames, SCALE, FRAME_SCALE)
    return video, video.positions // PACKED


def _hunyuan(model_type: str, parameters: Hyperparameters) -> Inventory:
    heads, head = parameters.integer("num_attention_heads"), parameters.integer("attention_head_dim")
    width = heads * head
    doubles, singles = _layers(parameters, "num_layers"), _layers(parameters, "num_single_layers")
    refiners = _layers(parameters, "num_refiner_layers")
    inputs, text = parameters.integer("in_channels"), parameters.integer("text_embed_dim")
    outputs = parameters.integer_or("out_channels", inputs)
    pooled, guided = parameters.integer("pooled_projection_dim"), parameters.flag("guidance_embeds")
    for key, only in (("patch_size", 2), ("patch_size_t", 1)):
        found = parameters.integer(key)
        parameters.support(key, found == only, f"patches of {found} latent positions")
    given = parameters.has("image_condition_type")
    parameters.support("image_condition_type", not given, "an image that the video starts from")
    inner = int(width * parameters.number("mlp_ratio"))
    parameters.finish()

    double, single = tuple(range(doubles)), tuple(range(singles))
    named, alone, time = "transformer_blocks.*", "single_transformer_blocks.*", "time_text_embed"
    once = (
        *two_linears(f"{time}.timestep_embedder", TIME_CHANNELS, width),
        *two_linears(f"{time}.text_embedder", pooled, width),
        *(two_linears(f"{time}.guidance_embedder", TIME_CHANNELS, width) if guided else ()),
        *linear(f"{named}.norm1.linear", 6 * width, width, FEED_FORWARD, double),
        *linear(f"{named}.norm1_context.linear", 6 * width, width, FEED_FORWARD, double),
        *linear(f"{alone}.norm.linear", 3 * width, width, FEED_FORWARD, single),
        *linear("norm_out.linear", 2 * width, width, FEED_FORWARD, quantizable=False),
        *two_linears(f"context_embedder.{time}.timestep_embedder", TIME_CHANNELS, width),
        *two_linears(f"context_embedder.{time}.text_embedder", text, width),
    )
    kernel = (width, inputs, 1, 2, 2)
    image = (
        Tensor("x_embedder.proj.weight", kernel, TensorRole.CONVOLUTION, Sharding.REPLICATED),
        Tensor("x_embedder.proj.bias", (width,), TensorRole.CONVOLUTION, Sharding.REPLICATED),
        *_projections(f"{named}.attn", STREAM, width, double),
        *_norms(f"{named}.attn", ("norm_q", "norm_k"), head, double),
        *_forward(f"{named}.ff", width, inner, double),
        *linear("proj_out", PACKED * outputs, width, TensorRole.HEAD, quantizable=False),
    )
    prompt = (
        *_refiners("context_embedder", text, width, refiners),
        *_projections(f"{named}.attn", PROMPT_STREAM, width, double),
        *_norms(f"{named}.attn", ("norm_added_q", "norm_added_k"), head, double),
        *_forward(f"{named}.ff_context", width, inner, double),
    )
    both = (
        *_projections(f"{alone}.attn", STREAM[:3], width, single),
        *_norms(f"{alone}.attn", ("norm_q", "norm_k"), head, single),
        *linear(f"{alone}.proj_mlp", inner, width, FEED_FORWARD, single),
        *linear(f"{alone}.proj_out", width, width + inner, FEED_FORWARD, single),
    )
    work = transformer_work(
        image,
        prompt,
        both,
        once,
        tokens=HUNYUAN_VIDEO.positions // PACKED,
        prompt_tokens=HUNYUAN_PROMPT_TOKENS,
        width=width,
        layers=doubles + singles,
        values=HUNYUAN_VALUES * width,
        positions=HUNYUAN_VIDEO.positions,
    )
    return lone(
        model_type,
        (*once, *prompt, *image, *both),
        Phase.DENOISE,
        work,
        side=0,
        layers=doubles + singles,
        width=width,
        heads=heads,
        multiple=16,
        steps=STEPS,
        guided=False,
        guided_apart=True,
        video=HUNYUAN_VIDEO,
    )


MODEL_TYPES: Mapping[str, Callable[[str, Hyperparameters], Inventory]] = {COG: _cog, HUNYUAN: _hunyuan}


def _layers(parameters: Hyperparameters, key: str) -> int:
    layers = parameters.integer(key)
    parameters.relate((key,), layers <= MAX_LAYERS, f"{layers} layers; at most {MAX_LAYERS}")
    return min(layers, MAX_LAYERS)


def _refiners(name: str, text: int, width: int, number: int) -> tuple[Tensor, ...]:
    block, layers = f"{name}.token_refiner.refiner_blocks.*", tuple(range(number))
    return (
        *linear(f"{name}.proj_in", width, text, EMBEDDING, quantizable=False),
        *(one for part in ("norm1", "norm2") for one in norm(f"{block}.{part}", width, count=number)),
        *_projections(f"{block}.attn", STREAM, width, layers),
        *_forward(f"{block}.ff", width, 4 * width, layers),
        *linear(f"{block}.norm_out.linear", 2 * width, width, FEED_FORWARD, layers),
    )


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


def _forward(prefix: str, width: int, inner: int, layers: tuple[int, ...]) -> tuple[Tensor, ...]:
    return (
        *linear(f"{prefix}.net.0.proj", inner, width, FEED_FORWARD, layers),
        *linear(f"{prefix}.net.2", width, inner, FEED_FORWARD, layers),
    )
