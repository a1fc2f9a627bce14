"""Llama 3.2 Vision (mllama): a decoder that looks at images in some of its layers instead of reading them as words.

With hidden size T, A query and K key/value heads of D, intermediate size I; in the tower hidden size H, intermediate
size J, images of at most t tiles of p patches and one class token each, a aspect ratios, c outputs of inner layers:

    self layers    Llama's
    cross layers   queries T × A·D, keys and values of the image T × 2K·D, A·D × T; 2D; 3 × T × I; 2T; two gates
    embedding      (V + 8) × T, the head V × T
    tower          H × 3P² + H  +  (p + 1) × H  +  (a + 1) × t·(p + 1)·H  +  2 × (a + 1) × t·H + 3 gates  +  4H
                   per layer  4H² + 2 × H × J + J + H + 4H;  two gates more in the layers that see all tiles
    projection     T × (1 + c)·H + T

    kept of a sequence  keys and values of the text in the self layers; of the image in the cross layers, t × (p + 1)
                        tokens of the largest image, whatever the text
    operations          keys and values of the cross layers are made once per image, so they are the encoder's; the
                        largest image is attended to by every token

Source: modeling_mllama.py and configuration_mllama.py of transformers 5.23.0, read 2026-11-28; mllama.py of vLLM
0.10.2, the last that has it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from ai_on_eks.descriptors.architectures.decoder_inventory import decoder_inventory
from ai_on_eks.descriptors.architectures.hybrid_layers import read_heads
from ai_on_eks.descriptors.architectures.hyperparameters import MAX_LAYERS, Hyperparameters
from ai_on_eks.descriptors.architectures.interleaved_parts import Attention, Size
from ai_on_eks.descriptors.architectures.latent_parts import LAYER, Layers, dense, linear, norm
from ai_on_eks.descriptors.architectures.operations import matrix_flops
from ai_on_eks.descriptors.architectures.vision_tower import (
    TEXT_CLASSES,
    VisionTower,
    affine,
    encoder,
    flops,
    matrix,
    whole,
)
from ai_on_eks.descriptors.architectures.vision_tower import norm as image_norm
from ai_on_eks.descriptors.inventory import Inventory, KeyValueState, Live, Operations, Sharding, Tensor, TensorRole

FAMILY = "transformer"
MODEL_TYPES = ("mllama",)

_CROSS_LAYERS = [3, 8, 13, 18, 23, 28, 33, 38]
_TEXT: Mapping[str, Any] = {
    "vocab_size": 128_256,
    "hidden_size": 4096,
    "num_hidden_layers": 40,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "intermediate_size": 14_336,
    "max_position_embeddings": 131_072,
    "cross_attention_layers": _CROSS_LAYERS,
    "tie_word_embeddings": False,
}
_ASPECTS = 8
"""Ways to lay out up to four tiles, where `supported_aspect_ratios` does not list them."""
_IMAGE: Mapping[str, Any] = {
    "hidden_size": 1280,
    "num_hidden_layers": 32,
    "num_global_layers": 8,
    "attention_heads": 16,
    "num_channels": 3,
    "intermediate_size": 5120,
    "vision_output_dim": 7680,
    "image_size": 448,
    "patch_size": 14,
    "max_num_tiles": 4,
    "intermediate_layers_indices": [3, 7, 15, 23, 30],
}
DEFAULTS: Mapping[str, Mapping[str, Any]] = {"mllama": {}}
"""What transformers documents for the sections, which say only what differs."""

_RESERVED_WORDS = 8
"""Rows of the embedding beyond the vocabulary: the image's own word and room to spare."""


def read(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The inventory of the whole, or an InputError with every missing hyper-parameter."""
    named = parameters.ending("architectures", tuple(TEXT_CLASSES)) or ""
    text = parameters.section("text_config", _TEXT)
    hidden, count = text.integer("hidden_size"), text.integer("num_hidden_layers", most=MAX_LAYERS)
    heads, groups, dimension = read_heads(text, hidden)
    named_layers = set(text.layer_numbers("cross_attention_layers"))
    crossing = tuple(layer for layer in range(count) if layer in named_layers)
    inner = text.integer("intermediate_size")
    size = Size(
        layers=count,
        hidden=hidden,
        heads=heads,
        key_value_heads=groups,
        head_dimension=dimension,
        vocabulary=text.integer("vocab_size"),
        context=text.integer("max_position_embeddings"),
        has_head=TEXT_CLASSES.get(named) != "Model",
        tied=text.flag("tie_word_embeddings"),
    )
    text.support("tie_word_embeddings", not size.tied, "a head shorter than its embedding cannot be tied to it")
    tower = _tower(parameters, hidden)
    parameters.finish()

    own = tuple(layer for layer in range(count) if layer not in named_layers)
    reading = Attention(own, hidden, heads, groups, dimension, dimension)
    queries, made = _cross(size, crossing)
    words = ((size.vocabulary + _RESERVED_WORDS, hidden), (size.vocabulary, hidden))
    tensors = (
        Tensor("model.embed_tokens.weight", words[0], TensorRole.EMBEDDING, Sharding.SPLIT),
        *reading.tensors(),
        *queries,
        *dense(hidden, inner, tuple(range(count))),
        *(norm(name, hidden, tuple(range(count))) for name in ("input_layernorm", "post_attention_layernorm")),
        Tensor("model.norm.weight", (hidden,), TensorRole.NORM, Sharding.REPLICATED),
        *((Tensor("lm_head.weight", words[1], TensorRole.HEAD, Sharding.SPLIT),) if size.has_head else ()),
    )
    found = decoder_inventory(
        model_type, size, tensors, feed_forward_live=Live(3 * inner), residuals=1, estimated=(),
        attention=(reading.group,),
    )  # fmt: skip
    return _looking(found, tower, made, size, len(crossing))


def _looking(text: Inventory, tower: VisionTower, made: tuple[Tensor, ...], size: Size, crossing: int) -> Inventory:
    """The text model with what it keeps of an image, and the tower before it."""
    tokens = tower.encoder.tokens or 0
    seen = KeyValueState(
        crossing, size.key_value_heads, size.head_dimension, size.head_dimension, fixed_tokens=tokens,
        name="keys and values of the image",
    )  # fmt: skip
    looked = 4 * crossing * size.heads * size.head_dimension * tokens
    operations = replace(text.operations, per_item=text.operations.per_item + looked)
    sight = tower.encoder.operations
    whole_encoder = replace(
        tower.encoder,
        operations=Operations(sight.per_item + matrix_flops(made), sight.per_item_and_context_token),
    )
    renamed = tuple(replace(one, name=f"language_model.{one.name}") for one in (*text.tensors, *made))
    return replace(
        text,
        tensors=(*tower.tensors, *renamed),
        states=(*text.states, *((seen,) if crossing else ())),
        operations=operations,
        encoders=(whole_encoder,),
    )


def _cross(size: Size, layers: Layers) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """What a token of the text passes in the layers that look at the image, and what makes the image's keys and
    values."""
    if not layers:
        return (), ()
    role, hidden = TensorRole.ATTENTION, size.hidden
    query, key = size.heads * size.head_dimension, size.key_value_heads * size.head_dimension
    gates = tuple(
        Tensor(f"{LAYER}.{name}", (1,), role, Sharding.REPLICATED, len(layers), layers=layers)
        for name in ("cross_attn_attn_gate", "cross_attn_mlp_gate")
    )
    looking = (
        linear("cross_attn.q_proj", (query, hidden), role, Sharding.SPLIT, layers),
        linear("cross_attn.o_proj", (hidden, query), role, Sharding.SPLIT, layers),
        norm("cross_attn.q_norm", size.head_dimension, layers),
        *gates,
    )
    made = (
        linear("cross_attn.k_proj", (key, hidden), role, Sharding.KEY_VALUE, layers),
        linear("cross_attn.v_proj", (key, hidden), role, Sharding.KEY_VALUE, layers),
        norm("cross_attn.k_norm", size.head_dimension, layers),
    )
    return looking, made


def _tower(parameters: Hyperparameters, width: int) -> VisionTower:
    section = parameters.section("vision_config", _IMAGE)
    hidden, heads = section.integer("hidden_size"), section.integer("attention_heads")
    section.relate(("hidden_size", "attention_heads"), hidden % heads == 0, f"{heads} heads do not divide {hidden}")
    inner, local = section.integer("intermediate_size"), section.integer("num_hidden_layers")
    over_all, tiles = section.integer("num_global_layers"), section.integer("max_num_tiles")
    side, patch = section.integer("image_size"), section.integer("patch_size")
    section.relate(("image_size", "patch_size"), patch <= side, f"a patch of {patch} pixels is larger than {side}")
    handed_on = len(section.layer_numbers("intermediate_layers_indices"))
    output = section.integer("vision_output_dim")
    message = f"{1 + handed_on} outputs of {hidden} are not {output}"
    section.relate(("hidden_size", "vision_output_dim"), output == (1 + handed_on) * hidden, message)
    aspects = section.value("supported_aspect_ratios")
    rows = (len(aspects) if isinstance(aspects, list) else _ASPECTS) + 1
    tokens, name = (side // patch) ** 2 + 1, "vision_model"
    patches = whole(f"{name}.patch_embedding.weight", hidden, section.integer("num_channels"), patch, patch)
    layers = (
        *_layers(f"{name}.transformer.layers.*", hidden, inner, local),
        *_layers(f"{name}.global_transformer.layers.*", hidden, inner, over_all),
    )
    mapping = affine("multi_modal_projector", width, output, divided=False)
    tables = {
        "gated_positional_embedding.embedding": (tokens, hidden),
        "gated_positional_embedding.tile_embedding.weight": (rows, tiles * tokens * hidden),
        "pre_tile_positional_embedding.embedding.weight": (rows, tiles * hidden),
        "post_tile_positional_embedding.embedding.weight": (rows, tiles * hidden),
    }
    gates = ("gated_positional_embedding", "pre_tile_positional_embedding", "post_tile_positional_embedding")
    return VisionTower(
        tensors=(
            whole(f"{name}.class_embedding", hidden),
            patches,
            *(whole(f"{name}.{table}", *shape) for table, shape in tables.items()),
            *(whole(f"{name}.{gate}.gate", 1) for gate in gates),
            *image_norm(f"{name}.layernorm_pre", hidden),
            *image_norm(f"{name}.layernorm_post", hidden),
            *layers,
            *(
                whole(f"{name}.global_transformer.layers.*.{gate}", 1, count=over_all)
                for gate in ("gate_attn", "gate_ffn")
            ),
            *mapping,
        ),
        encoder=encoder(
            patch_flops=flops((patches, *layers)),
            token_flops=flops(mapping),
            layers=local + over_all,
            hidden=hidden,
            block_live=2 * inner + output,
            patches_per_token=1,
            token_live=output + width,
            handed=width,
            tokens=tiles * tokens,
        ),
    )


def _layers(prefix: str, hidden: int, inner: int, count: int) -> tuple[Tensor, ...]:
    return (
        *(matrix(f"{prefix}.self_attn.{part}_proj", hidden, hidden, count) for part in "qkvo"),
        *affine(f"{prefix}.mlp.fc1", inner, hidden, count),
        *affine(f"{prefix}.mlp.fc2", hidden, inner, count, divided_input=True),
        *image_norm(f"{prefix}.input_layernorm", hidden, count),
        *image_norm(f"{prefix}.post_attention_layernorm", hidden, count),
    )
