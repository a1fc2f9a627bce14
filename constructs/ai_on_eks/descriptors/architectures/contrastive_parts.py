"""The two towers of CLIP and SigLIP, and what they cost.

With hidden size H, intermediate size I, V words, positions L, image side S, patch side P and C channels:

    layer        4 × (H × H + H)  +  2 × H × I + I + H  +  4H             both towers, both families
    CLIP text    V × H  +  L × H  +  2H
    CLIP image   H  +  H × C × P²  +  ((S / P)² + 1) × H  +  4H           a class token, a norm before and one after
    SigLIP image H × C × P² + H  +  (S / P)² × H  +  2H                   no class token; one norm, after
    SigLIP pool  H + 3H × H + 3H + H × H + H + 2H + 2 × H × I + I + H     a learned probe attends to all patches

    operations per image   patches × 2 × H × C × P²  +  tokens × layers' matrices  +  4 × layers × tokens² × H
    live per image         tokens × (H + max(2 × I, 4 × H))   as of any encoder; the scores are never stored

Names are those of the published checkpoints. Source: modeling_clip.py and modeling_siglip.py of transformers 5.23.0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from ai_on_eks.descriptors.architectures.encoder_parts import layer_norm, linear
from ai_on_eks.descriptors.architectures.hyperparameters import Hyperparameters
from ai_on_eks.descriptors.architectures.operations import matrix_flops
from ai_on_eks.descriptors.inventory import Sharding, Tensor, TensorRole

CLIP_TEXT: Mapping[str, Any] = {
    "vocab_size": 49_408,
    "hidden_size": 512,
    "intermediate_size": 2048,
    "num_hidden_layers": 12,
    "num_attention_heads": 8,
    "max_position_embeddings": 77,
}
CLIP_IMAGE: Mapping[str, Any] = {
    "hidden_size": 768,
    "intermediate_size": 3072,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "num_channels": 3,
    "image_size": 224,
    "patch_size": 32,
}
SIGLIP_TEXT: Mapping[str, Any] = {
    "vocab_size": 32_000,
    "hidden_size": 768,
    "intermediate_size": 3072,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "max_position_embeddings": 64,
}
SIGLIP_IMAGE: Mapping[str, Any] = {**CLIP_IMAGE, "patch_size": 16, "vision_use_head": True}
"""What transformers documents for a tower. A section of a config says only what differs from these, widths included:
siglip-base-patch16-224 is published with nothing but the names of its two towers."""

MAX_SIDE = 16_384
"""Pixels of an image's side."""


class Encoder(Struct, frozen=True):
    """The dimensions of a tower."""

    layers: int
    hidden: int
    intermediate: int
    heads: int

    @property
    def live(self) -> int:
        """Elements alive at once per token: the residual, and beside it the feed-forward block or the attention."""
        return self.hidden + max(2 * self.intermediate, 4 * self.hidden)


class TextEncoder(Encoder, frozen=True):
    """… of one that reads words."""

    vocabulary: int
    context: int


class ImageEncoder(Encoder, frozen=True):
    """… of one that looks at images."""

    side: int
    patch: int
    channels: int

    @property
    def patches(self) -> int:
        return (self.side // self.patch) ** 2


def read_encoder(parameters: Hyperparameters) -> Encoder:
    """The dimensions that both towers have."""
    hidden, heads = parameters.integer("hidden_size"), parameters.integer("num_attention_heads")
    message = f"{heads} heads do not divide hidden_size {hidden}"
    parameters.relate(("hidden_size", "num_attention_heads"), hidden % heads == 0, message)
    layers, inner = parameters.integer("num_hidden_layers"), parameters.integer("intermediate_size")
    return Encoder(layers=layers, hidden=hidden, intermediate=inner, heads=heads)


def read_text(parameters: Hyperparameters) -> TextEncoder:
    """The dimensions of a text tower."""
    one = read_encoder(parameters)
    return TextEncoder(
        one.layers,
        one.hidden,
        one.intermediate,
        one.heads,
        vocabulary=parameters.integer("vocab_size"),
        context=parameters.integer("max_position_embeddings"),
    )


def read_image(parameters: Hyperparameters) -> ImageEncoder:
    """The dimensions of an image tower."""
    one = read_encoder(parameters)
    side, patch = parameters.integer("image_size"), parameters.integer("patch_size")
    parameters.relate(("image_size",), side <= MAX_SIDE, f"{side} pixels; at most {MAX_SIDE}")
    message = f"a patch of {patch} pixels is larger than the image of {side}"
    parameters.relate(("image_size", "patch_size"), patch <= side, message)
    channels = parameters.integer("num_channels")
    return ImageEncoder(one.layers, one.hidden, one.intermediate, one.heads, side, patch, channels)


def layers(prefix: str, one: Encoder) -> tuple[Tensor, ...]:
    """All layers of a tower, below `prefix`."""
    hidden, inner, count = one.hidden, one.intermediate, one.layers
    attention, feed_forward = TensorRole.ATTENTION, TensorRole.FEED_FORWARD
    prefix = f"{prefix}.encoder.layers.*"
    return (
        *linear(f"{prefix}.self_attn.q_proj", hidden, hidden, attention, count),
        *linear(f"{prefix}.self_attn.k_proj", hidden, hidden, attention, count),
        *linear(f"{prefix}.self_attn.v_proj", hidden, hidden, attention, count),
        *linear(f"{prefix}.self_attn.out_proj", hidden, hidden, attention, count, divided_input=True),
        *linear(f"{prefix}.mlp.fc1", inner, hidden, feed_forward, count),
        *linear(f"{prefix}.mlp.fc2", hidden, inner, feed_forward, count, divided_input=True),
        *layer_norm(f"{prefix}.layer_norm1", hidden, count),
        *layer_norm(f"{prefix}.layer_norm2", hidden, count),
    )


def text_tensors(prefix: str, text: TextEncoder) -> tuple[Tensor, ...]:
    """The text tower of CLIP, or of SigLIP without its head."""
    embedding = TensorRole.EMBEDDING
    words, positions = (text.vocabulary, text.hidden), (text.context, text.hidden)
    return (
        Tensor(f"{prefix}.embeddings.token_embedding.weight", words, embedding, Sharding.SPLIT),
        Tensor(f"{prefix}.embeddings.position_embedding.weight", positions, embedding, Sharding.REPLICATED),
        *layers(prefix, text),
        *layer_norm(f"{prefix}.final_layer_norm", text.hidden),
    )


def clip_image_tensors(prefix: str, image: ImageEncoder) -> tuple[Tensor, ...]:
    """The image tower of CLIP. The misspelt name is the checkpoints' own."""
    return (
        Tensor(f"{prefix}.embeddings.class_embedding", (image.hidden,), TensorRole.EMBEDDING, Sharding.REPLICATED),
        patch_embedding(prefix, image),
        _positions(prefix, image, image.patches + 1),
        *layer_norm(f"{prefix}.pre_layrnorm", image.hidden),
        *layers(prefix, image),
        *layer_norm(f"{prefix}.post_layernorm", image.hidden),
    )


def siglip_image_tensors(prefix: str, image: ImageEncoder, *, has_head: bool) -> tuple[Tensor, ...]:
    """The image tower of SigLIP, and of what is built like it."""
    bias = Tensor(
        f"{prefix}.embeddings.patch_embedding.bias", (image.hidden,), TensorRole.CONVOLUTION, Sharding.REPLICATED
    )
    return (
        patch_embedding(prefix, image),
        bias,
        _positions(prefix, image, image.patches),
        *layers(prefix, image),
        *layer_norm(f"{prefix}.post_layernorm", image.hidden),
        *(siglip_head(prefix, image) if has_head else ()),
    )


def siglip_head(prefix: str, image: Encoder) -> tuple[Tensor, ...]:
    """The probe that gathers an image from its patches; once per image, whole on every rank."""
    hidden, inner, name = image.hidden, image.intermediate, f"{prefix}.head"
    shapes: dict[str, tuple[int, ...]] = {
        "probe": (1, 1, hidden),
        "attention.in_proj_weight": (3 * hidden, hidden),
        "attention.in_proj_bias": (3 * hidden,),
        "attention.out_proj.weight": (hidden, hidden),
        "attention.out_proj.bias": (hidden,),
        "layernorm.weight": (hidden,),
        "layernorm.bias": (hidden,),
        "mlp.fc1.weight": (inner, hidden),
        "mlp.fc1.bias": (inner,),
        "mlp.fc2.weight": (hidden, inner),
        "mlp.fc2.bias": (hidden,),
    }
    whole = Sharding.REPLICATED
    return tuple(Tensor(f"{name}.{part}", shape, TensorRole.POOLER, whole) for part, shape in shapes.items())


def siglip_head_flops(image: Encoder, tokens: int) -> int:
    """Keys and values of every token; the probe's own query, output and feed-forward block once."""
    hidden, inner = image.hidden, image.intermediate
    return 4 * tokens * hidden**2 + 4 * tokens * hidden + 4 * hidden**2 + 4 * hidden * inner


def patch_embedding(prefix: str, image: ImageEncoder) -> Tensor:
    """The convolution that makes a token of each patch."""
    shape = (image.hidden, image.channels, image.patch, image.patch)
    return Tensor(f"{prefix}.embeddings.patch_embedding.weight", shape, TensorRole.CONVOLUTION, Sharding.REPLICATED)


def pass_flops(one: Encoder, tokens: int) -> int:
    """Operations of `tokens` through the layers of a tower, each attending to all."""
    return tokens * matrix_flops(layers("", one)) + 4 * one.layers * tokens**2 * one.hidden


def image_flops(image: ImageEncoder, tokens: int) -> int:
    """Operations of an image, patches and all."""
    return 2 * image.patches * image.hidden * image.channels * image.patch**2 + pass_flops(image, tokens)


def _positions(prefix: str, image: ImageEncoder, tokens: int) -> Tensor:
    name, shape = f"{prefix}.embeddings.position_embedding.weight", (tokens, image.hidden)
    return Tensor(name, shape, TensorRole.EMBEDDING, Sharding.REPLICATED)
