"""LayoutLMv3: an encoder of a page, its words with their boxes and its picture in patches.

With hidden size H, V words, L positions, B rows for coordinates, widths c and s for them (4c + 2s = H), an image of
S pixels in patches of P, A heads:

    words      V × H  +  L × H  +  types × H  +  2 × B × c  +  2 × B × s  +  2H
    patches    H × 3P² + H  +  ((S / P)² + 1) × H  +  H  +  2H  +  2H       positions, a class token, two norms
    per layer  BERT's
    biases     A × bins of one dimension, 2 × A × bins of two
    on top     …ForSequenceClassification, …ForQuestionAnswering: H × H + H, labels × H + labels;
               …ForTokenClassification: labels × H + labels below ten labels, else as the others

LayoutLM, the first, is in `encoder`. Its second version needs a detection network and is not known.
Source: modeling_layoutlmv3.py of transformers 5.23.0, read 2026-11-28.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ai_on_eks.descriptors.architectures.encoder_parts import layer_norm, linear, whole
from ai_on_eks.descriptors.architectures.hyperparameters import Hyperparameters
from ai_on_eks.descriptors.architectures.operations import matrix_flops
from ai_on_eks.descriptors.inventory import Activations, Inventory, Item, Operations, Sharding, Tensor, TensorRole

FAMILY = "transformer"
MODEL_TYPES = ("layoutlmv3",)

DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "layoutlmv3": {
        "type_vocab_size": 2,
        "pad_token_id": 1,
        "max_2d_position_embeddings": 1024,
        "coordinate_size": 128,
        "shape_size": 128,
        "has_relative_attention_bias": True,
        "rel_pos_bins": 32,
        "has_spatial_attention_bias": True,
        "rel_2d_pos_bins": 64,
        "text_embed": True,
        "visual_embed": True,
        "input_size": 224,
        "num_channels": 3,
        "patch_size": 16,
        "num_labels": 2,
    }
}
"""What transformers documents for a hyper-parameter that a published config may leave out."""

_PREFIX = "layoutlmv3"
_HEADS = ("Model", "ForSequenceClassification", "ForTokenClassification", "ForQuestionAnswering")
_MANY_LABELS = 10
"""From so many on the labels of words have a layer before them."""


def read(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The inventory of the encoder, or an InputError with every missing hyper-parameter."""
    hidden, heads = parameters.integer("hidden_size"), parameters.integer("num_attention_heads")
    message = f"{heads} heads do not divide hidden_size {hidden}"
    parameters.relate(("hidden_size", "num_attention_heads"), hidden % heads == 0, message)
    layers, inner = parameters.integer("num_hidden_layers"), parameters.integer("intermediate_size")
    for key in ("text_embed", "visual_embed"):
        parameters.support(key, parameters.flag(key), "a page without words or without its picture is not known")
    words, context = _words(hidden, parameters)
    patches = _patches(hidden, parameters)
    biases = _biases(heads, parameters)
    head = _head(hidden, parameters)
    parameters.finish()
    body = _layers(hidden, inner, layers)
    return Inventory(
        architecture=model_type,
        item=Item.TOKEN,
        tensors=(*words, *patches, *body, *biases, *head),
        states=(),
        operations=Operations(per_item=matrix_flops(body), per_item_and_context_token=4 * layers * hidden),
        activations=Activations(per_item=hidden + max(2 * inner, 4 * hidden)),
        layers=layers,
        hidden_size=hidden,
        attention_heads=heads,
        key_value_heads=heads,
        max_context_tokens=context,
    )


def _words(hidden: int, parameters: Hyperparameters) -> tuple[tuple[Tensor, ...], int]:
    """Tables of words and boxes, and the most words of a page: positions are numbered from pad_token_id + 1 on."""
    positions, padding = parameters.integer("max_position_embeddings"), parameters.integer("pad_token_id", least=0)
    message = f"{positions} positions, of which {padding + 1} are reserved"
    parameters.relate(("pad_token_id", "max_position_embeddings"), positions > padding + 1, message)
    boxes, corner = parameters.integer("max_2d_position_embeddings"), parameters.integer("coordinate_size")
    side = parameters.integer("shape_size")
    message = f"four of {corner} and two of {side} are not {hidden} wide"
    parameters.relate(("coordinate_size", "shape_size"), 4 * corner + 2 * side == hidden, message)
    shapes = {
        "word_embeddings": (parameters.integer("vocab_size"), hidden),
        "token_type_embeddings": (parameters.integer("type_vocab_size"), hidden),
        "position_embeddings": (positions, hidden),
        **dict.fromkeys(("x_position_embeddings", "y_position_embeddings"), (boxes, corner)),
        **dict.fromkeys(("h_position_embeddings", "w_position_embeddings"), (boxes, side)),
    }
    name = f"{_PREFIX}.embeddings"
    tables = tuple(
        Tensor(
            f"{name}.{table}.weight",
            shape,
            TensorRole.EMBEDDING,
            Sharding.SPLIT if table == "word_embeddings" else Sharding.REPLICATED,
        )
        for table, shape in shapes.items()
    )
    return (*tables, *layer_norm(f"{name}.LayerNorm", hidden)), positions - padding - 1


def _patches(hidden: int, parameters: Hyperparameters) -> tuple[Tensor, ...]:
    side, patch = parameters.integer("input_size"), parameters.integer("patch_size")
    parameters.relate(("input_size", "patch_size"), patch <= side, f"a patch of {patch} pixels is larger than {side}")
    role, once = TensorRole.CONVOLUTION, Sharding.REPLICATED
    shape = (hidden, parameters.integer("num_channels"), patch, patch)
    return (
        Tensor(f"{_PREFIX}.patch_embed.proj.weight", shape, role, once),
        Tensor(f"{_PREFIX}.patch_embed.proj.bias", (hidden,), role, once),
        Tensor(f"{_PREFIX}.cls_token", (1, 1, hidden), TensorRole.EMBEDDING, once),
        Tensor(f"{_PREFIX}.pos_embed", (1, (side // patch) ** 2 + 1, hidden), TensorRole.EMBEDDING, once),
        *layer_norm(f"{_PREFIX}.LayerNorm", hidden),
        *layer_norm(f"{_PREFIX}.norm", hidden),
    )


def _biases(heads: int, parameters: Hyperparameters) -> tuple[Tensor, ...]:
    rows = {}
    if parameters.flag("has_relative_attention_bias"):
        rows["rel_pos_bias"] = parameters.integer("rel_pos_bins")
    if parameters.flag("has_spatial_attention_bias"):
        rows |= dict.fromkeys(("rel_pos_x_bias", "rel_pos_y_bias"), parameters.integer("rel_2d_pos_bins"))
    return tuple(
        Tensor(f"{_PREFIX}.encoder.{name}.weight", (heads, bins), TensorRole.EMBEDDING, Sharding.REPLICATED)
        for name, bins in rows.items()
    )


def _layers(hidden: int, inner: int, layers: int) -> tuple[Tensor, ...]:
    name, attention, feed_forward = f"{_PREFIX}.encoder.layer.*", TensorRole.ATTENTION, TensorRole.FEED_FORWARD
    parts = ("query", "key", "value")
    return (
        *(one for n in parts for one in linear(f"{name}.attention.self.{n}", hidden, hidden, attention, layers)),
        *linear(f"{name}.attention.output.dense", hidden, hidden, attention, layers, divided_input=True),
        *layer_norm(f"{name}.attention.output.LayerNorm", hidden, layers),
        *linear(f"{name}.intermediate.dense", inner, hidden, feed_forward, layers),
        *linear(f"{name}.output.dense", hidden, inner, feed_forward, layers, divided_input=True),
        *layer_norm(f"{name}.output.LayerNorm", hidden, layers),
    )


def _head(hidden: int, parameters: Hyperparameters) -> tuple[Tensor, ...]:
    kind = parameters.ending("architectures", _HEADS) or "Model"
    if kind == "Model":
        return ()
    labels, name = parameters.labels(), "qa_outputs" if kind == "ForQuestionAnswering" else "classifier"
    if kind == "ForTokenClassification" and labels < _MANY_LABELS:
        return whole(name, labels, hidden, TensorRole.HEAD)
    dense = whole(f"{name}.dense", hidden, hidden, TensorRole.POOLER)
    return (*dense, *whole(f"{name}.out_proj", labels, hidden, TensorRole.HEAD))
