"""Transformers that denoise videos: Wan 2.1 and 2.2.

With width H = heads × head width, feed-forward F, L layers, n tokens (2 × 2 latent positions of a frame each), t of the
prompt, i of an image that the video starts from:

    per layer    attention over the video 4 (H² + H) + 2H, over the prompt the same, with a norm of 2H before it,
                 feed-forward 2 H F + F + H, table 6H; over the image 2 (K H + H) + H, where there is one
    once         patches, the prompt's projection, the time step's, its modulation for all layers 6H² + 6H
    operations   2 × video's matrices × n  +  2 × prompt's matrices × (t + i)  +  4 × L × (n² + n (t + i)) × H
    values alive max(11.25 H, 2H + 2F) per token: modulations work in float32, each value as two
                 (counted on the meta device at 81 frames of 480 × 832)

Wan 2.2's second network of the same shape takes the first one's turn for the later steps.
Source: transformer_wan.py of diffusers 0.42.1, read 2026-11-29.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ai_on_eks.descriptors.architectures.diffusion_lone import Video, lone
from ai_on_eks.descriptors.architectures.diffusion_parts import linear, matrices, norm, table, two_linears
from ai_on_eks.descriptors.architectures.hyperparameters import MAX_LAYERS, Hyperparameters
from ai_on_eks.descriptors.image_generation import Phase, Work
from ai_on_eks.descriptors.inventory import Inventory, Sharding, Tensor, TensorRole

FAMILY = "diffusion"
MODEL_TYPES: Mapping[str, None] = {"WanTransformer3DModel": None}
DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "WanTransformer3DModel": {
        "patch_size": [1, 2, 2],
        "in_channels": 16,
        "out_channels": 16,
        "text_dim": 4096,
        "freq_dim": 256,
        "cross_attn_norm": True,
    },
}
"""What diffusers documents for a hyper-parameter that a published config may leave out."""

VIDEO = Video(832, 480, 81, scale=8, frame_scale=4)
STEPS, PROMPT_TOKENS, IMAGE_TOKENS = 50, 512, 257
"""By the default of WanPipeline (diffusers 0.42.1); 257 tokens are what CLIP's ViT-H/14 makes of an image."""

PATCH = (1, 2, 2)
ALIVE = 45
"""Values per token and width, in quarters."""
ATTENTION, FEED_FORWARD, EMBEDDING = TensorRole.ATTENTION, TensorRole.FEED_FORWARD, TensorRole.EMBEDDING


def read(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The inventory of a transformer, or an InputError with everything that is missing or not known."""
    heads, head = parameters.integer("num_attention_heads"), parameters.integer("attention_head_dim")
    width, inner, layers = heads * head, parameters.integer("ffn_dim"), parameters.integer("num_layers")
    parameters.relate(("num_layers",), layers <= MAX_LAYERS, f"{layers} layers; at most {MAX_LAYERS}")
    patch = parameters.integers("patch_size")
    parameters.support("patch_size", patch == PATCH, f"patches of {list(patch)} latent positions")
    inputs = parameters.integer("in_channels")
    outputs = parameters.integer_or("out_channels", inputs)
    text, time = parameters.integer("text_dim"), parameters.integer("freq_dim")
    crossed = parameters.flag("cross_attn_norm")
    image = parameters.integer("image_dim") if parameters.has("image_dim") else 0
    added = parameters.integer("added_kv_proj_dim") if parameters.has("added_kv_proj_dim") else 0
    places = parameters.integer("pos_embed_seq_len") if parameters.has("pos_embed_seq_len") else 0
    parameters.finish()

    every, named, condition = tuple(range(layers)), "blocks.*", "condition_embedder"
    kernel = (width, inputs, *PATCH)
    once = (
        *table("scale_shift_table", (1, 2, width)),
        *table(f"{named}.scale_shift_table", (1, 6, width), every),
        *two_linears(f"{condition}.time_embedder", time, width),
        *linear(f"{condition}.time_proj", 6 * width, width, EMBEDDING, quantizable=False),
    )
    video = (
        Tensor("patch_embedding.weight", kernel, TensorRole.CONVOLUTION, Sharding.REPLICATED),
        Tensor("patch_embedding.bias", (width,), TensorRole.CONVOLUTION, Sharding.REPLICATED),
        *_square(f"{named}.attn1", ("to_q", "to_k", "to_v", "to_out.0"), width, every),
        *_norms(f"{named}.attn1", ("norm_q", "norm_k"), width, every),
        *_square(f"{named}.attn2", ("to_q", "to_out.0"), width, every),
        *_norms(f"{named}.attn2", ("norm_q", "norm_k"), width, every),
        *(norm(f"{named}.norm2", width, count=layers) if crossed else ()),
        *linear(f"{named}.ffn.net.0.proj", inner, width, FEED_FORWARD, every),
        *linear(f"{named}.ffn.net.2", width, inner, FEED_FORWARD, every),
        *linear("proj_out", 4 * outputs, width, TensorRole.HEAD, quantizable=False),
    )
    prompt = (
        *two_linears(f"{condition}.text_embedder", text, width),
        *_square(f"{named}.attn2", ("to_k", "to_v"), width, every),
    )
    start = _start(image, added, places, width, every)
    looked_at = PROMPT_TOKENS + (IMAGE_TOKENS if added else 0)
    tokens = VIDEO.positions // 4
    work = Work(
        VIDEO.positions,
        flops=tokens * (2 * matrices(video) + 4 * layers * width * looked_at),
        attention_flops=4 * layers * width * tokens**2,
        fixed_flops=2 * PROMPT_TOKENS * matrices(prompt) + 2 * IMAGE_TOKENS * matrices(start) + 2 * matrices(once),
        elements=tokens * max(ALIVE * width // 4, 2 * width + 2 * inner),
    )
    return lone(
        model_type,
        (*once, *prompt, *start, *video),
        Phase.DENOISE,
        work,
        side=0,
        layers=layers,
        width=width,
        heads=heads,
        multiple=16,
        steps=STEPS,
        guided_apart=True,
        video=VIDEO,
    )


def _start(image: int, added: int, places: int, width: int, every: tuple[int, ...]) -> tuple[Tensor, ...]:
    """What looks at an image that the video starts from, of `image` channels before and `added` after projection."""
    prefix, second = "condition_embedder.image_embedder", "blocks.*.attn2"
    embedder = (
        *norm(f"{prefix}.norm1", image),
        *linear(f"{prefix}.ff.net.0.proj", image, image, EMBEDDING, quantizable=False),
        *linear(f"{prefix}.ff.net.2", width, image, EMBEDDING, quantizable=False),
        *norm(f"{prefix}.norm2", width),
        *(table(f"{prefix}.pos_embed", (1, places, image), role=EMBEDDING) if places else ()),
    )
    layers = (
        *linear(f"{second}.add_k_proj", width, added, ATTENTION, every),
        *linear(f"{second}.add_v_proj", width, added, ATTENTION, every),
        *_norms(second, ("norm_added_k",), width, every),
    )
    return (*(embedder if image else ()), *(layers if added else ()))


def _square(prefix: str, parts: tuple[str, ...], width: int, layers: tuple[int, ...]) -> tuple[Tensor, ...]:
    return tuple(tensor for part in parts for tensor in linear(f"{prefix}.{part}", width, width, ATTENTION, layers))


def _norms(prefix: str, parts: tuple[str, ...], width: int, layers: tuple[int, ...]) -> tuple[Tensor, ...]:
    return tuple(tensor for part in parts for tensor in table(f"{prefix}.{part}.weight", (width,), layers))
