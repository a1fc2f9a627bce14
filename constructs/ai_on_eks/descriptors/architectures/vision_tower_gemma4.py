"""Gemma 4's encoders of images and of sound.

Image, with patch side P, hidden size H, A query and K key/value heads of D, intermediate size I, Q positions a side,
k × k patches pooled (`pooling_kernel_size`) and the decoder's hidden size T:

    embeddings  2 × Q × H  +  H × 3P²
    per layer   H × (A + 2K)·D + A·D × H  +  2D  +  3 × H × I  +  4H
    projection  T × H

Sound, with hidden size H, heads of D, convolutions of c₁ and c₂ channels over 128 mel bands, kernel k, output O:

    front       c₁ × 9 + c₁  +  c₂ × c₁ × 9 + c₂  +  H × c₁/4·c₂          two strides of two: 4 frames a token
    per layer   2 × (8H² + 2H)  +  5H² + D  +  3H² + H × k + 2H  +  3H    two feed-forward blocks of half weight,
                                                                          attention with relative keys, convolution
    output      O × H + O;   projection T × O

    a token of sound stands for 40 ms: 4 frames of 10 ms; it attends to `attention_chunk_size` and the context before

vLLM takes both encoders from transformers and keeps them whole on every rank.
Source: modeling_gemma4.py and feature_extraction_gemma4.py of transformers 5.23.0; gemma4_mm.py of vLLM 0.33.0, read
2026-11-24.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ai_on_eks.descriptors.architectures.hyperparameters import Hyperparameters
from ai_on_eks.descriptors.architectures.vision_tower import VisionTower, encoder, flops, matrix, whole
from ai_on_eks.descriptors.inventory import InputEncoder, Operations, Tensor

VISION: Mapping[str, Any] = {
    "hidden_size": 768,
    "intermediate_size": 3072,
    "num_hidden_layers": 16,
    "num_attention_heads": 12,
    "num_key_value_heads": 12,
    "head_dim": 64,
    "pooling_kernel_size": 3,
    "patch_size": 16,
    "position_embedding_size": 10_240,
}
AUDIO: Mapping[str, Any] = {
    "hidden_size": 1024,
    "num_hidden_layers": 12,
    "num_attention_heads": 8,
    "subsampling_conv_channels": [128, 32],
    "conv_kernel_size": 5,
    "attention_chunk_size": 12,
    "attention_context_left": 13,
    "output_proj_dims": 1536,
}
"""What transformers documents for these encoders; a section of a config says only what differs, widths included."""

MEL_BANDS = 128
"""Of the sound's spectrum; four times fewer after the front's two strides, each of c₂ channels. The published c₁ is
as many, which is why c₁/4 is the height that the matrix behind the front expects."""

FRAMES_PER_TOKEN = 4


def gemma4_tower(parameters: Hyperparameters, width: int) -> VisionTower:
    """The image encoder, `width` being the decoder's."""
    section = parameters.section("vision_config", VISION)
    hidden, inner = section.integer("hidden_size"), section.integer("intermediate_size")
    layers, heads = section.integer("num_hidden_layers"), section.integer("num_attention_heads")
    key_value_heads, head = section.integer("num_key_value_heads"), section.integer("head_dim")
    pool = section.integer("pooling_kernel_size")
    patch, positions = section.integer("patch_size"), section.integer("position_embedding_size")

    prefix, query, key = "model.vision_tower", heads * head, key_value_heads * head
    block = f"{prefix}.encoder.layers.*"
    embedded = whole(f"{prefix}.patch_embedder.input_proj.weight", hidden, 3 * patch**2)
    shapes = {"q": (query, hidden), "k": (key, hidden), "v": (key, hidden), "o": (hidden, query)}
    blocks = (
        *(_linear(f"{block}.self_attn.{name}_proj.linear", *shape, layers) for name, shape in shapes.items()),
        _linear(f"{block}.mlp.gate_proj.linear", inner, hidden, layers),
        _linear(f"{block}.mlp.up_proj.linear", inner, hidden, layers),
        _linear(f"{block}.mlp.down_proj.linear", hidden, inner, layers),
    )
    projection = whole("model.embed_vision.embedding_projection.weight", width, hidden)
    widths = {"self_attn.q_norm": head, "self_attn.k_norm": head} | dict.fromkeys(_NORMS, hidden)
    return VisionTower(
        tensors=(
            whole(f"{prefix}.patch_embedder.position_embedding_table", 2, positions, hidden),
            embedded,
            *blocks,
            *(whole(f"{block}.{name}.weight", size, count=layers) for name, size in widths.items()),
            projection,
        ),
        encoder=encoder(
            patch_flops=flops((embedded, *blocks)),
            token_flops=flops((projection,)),
            layers=layers,
            hidden=query,
            block_live=3 * inner,
            patches_per_token=pool**2,
            token_live=hidden + width,
            handed=width,
            tokens=parameters.integer_or("vision_soft_tokens_per_image", 0) or None,
        ),
    )


def gemma4_audio(parameters: Hyperparameters, width: int) -> VisionTower:
    """The sound encoder, which only some sizes have."""
    section = parameters.section("audio_config", AUDIO)
    hidden, layers = section.integer("hidden_size"), section.integer("num_hidden_layers")
    heads, kernel = section.integer("num_attention_heads"), section.integer("conv_kernel_size")
    message = f"{heads} heads do not divide hidden_size {hidden}"
    section.relate(("hidden_size", "num_attention_heads"), hidden % heads == 0, message)
    channels, output = section.integers("subsampling_conv_channels"), section.integer("output_proj_dims")
    section.relate(("subsampling_conv_channels",), len(channels) == 2, f"{len(channels)} convolutions, not two")
    seen = section.integer("attention_chunk_size") + section.integer("attention_context_left")
    first, second = channels if len(channels) == 2 else (1, 1)

    prefix, front = "model.audio_tower", "model.audio_tower.subsample_conv_projection"
    convolutions = (
        whole(f"{front}.layer0.conv.weight", first, 1, 3, 3),
        whole(f"{front}.layer1.conv.weight", second, first, 3, 3),
    )
    matrices = (
        matrix(f"{front}.input_proj_linear", hidden, first // 4 * second, divided=False),
        *_audio_matrices(f"{prefix}.layers.*", hidden, layers),
        matrix(f"{prefix}.output_proj", output, hidden, divided=False),
        matrix("model.embed_audio.embedding_projection", width, output, divided=False),
    )
    depthwise = whole(f"{prefix}.layers.*.lconv1d.depthwise_conv1d.weight", hidden, 1, kernel, count=layers)
    first_steps = FRAMES_PER_TOKEN // 2 * MEL_BANDS // 2  # places of the first convolution a token; of the second …
    second_steps = MEL_BANDS // 4
    return VisionTower(
        tensors=(
            *convolutions,
            whole(f"{front}.layer0.norm.weight", first),
            whole(f"{front}.layer1.norm.weight", second),
            *matrices,
            depthwise,
            *_audio_vectors(f"{prefix}.layers.*", hidden, hidden // max(1, heads), layers),
            whole(f"{prefix}.output_proj.bias", output),
        ),
        encoder=InputEncoder(
            operations=Operations(
                per_item=flops((*matrices, depthwise))
                + first_steps * flops(convolutions[:1])
                + second_steps * flops(convolutions[1:])
                + 4 * layers * hidden * seen
            ),
            per_item=hidden + max(8 * hidden, first_steps * first + second_steps * second),
            handed=width,
            name="sound",
        ),
    )


_NORMS = ("input_layernorm", "post_attention_layernorm", "pre_feedforward_layernorm", "post_feedforward_layernorm")


def _linear(name: str, rows: int, columns: int, count: int) -> Tensor:
    """Never biased, whatever `attention_bias` says."""
    return matrix(name, rows, columns, count, divided=False)


def _audio_matrices(prefix: str, hidden: int, layers: int) -> tuple[Tensor, ...]:
    shapes = {
        "feed_forward1.ffw_layer_1.linear": (4 * hidden, hidden),
        "feed_forward1.ffw_layer_2.linear": (hidden, 4 * hidden),
        "feed_forward2.ffw_layer_1.linear": (4 * hidden, hidden),
        "feed_forward2.ffw_layer_2.linear": (hidden, 4 * hidden),
        "self_attn.q_proj.linear": (hidden, hidden),
        "self_attn.k_proj.linear": (hidden, hidden),
        "self_attn.v_proj.linear": (hidden, hidden),
        "self_attn.post.linear": (hidden, hidden),
        "self_attn.relative_k_proj": (hidden, hidden),
        "lconv1d.linear_start.linear": (2 * hidden, hidden),
        "lconv1d.linear_end.linear": (hidden, hidden),
    }
    return tuple(matrix(f"{prefix}.{name}", *shape, layers, divided=False) for name, shape in shapes.items())


def _audio_vectors(prefix: str, hidden: int, head: int, layers: int) -> tuple[Tensor, ...]:
    names = (
        "feed_forward1.pre_layer_norm",
        "feed_forward1.post_layer_norm",
        "feed_forward2.pre_layer_norm",
        "feed_forward2.post_layer_norm",
        "lconv1d.pre_layer_norm",
        "lconv1d.conv_norm",
        "norm_pre_attn",
        "norm_post_attn",
        "norm_out",
    )
    return (
        whole(f"{prefix}.self_attn.per_dim_scale", head, count=layers),
        *(whole(f"{prefix}.{name}.weight", hidden, count=layers) for name in names),
    )
