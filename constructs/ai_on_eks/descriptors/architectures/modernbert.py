"""ModernBERT: an encoder with gated feed-forward layers, rotary positions and local attention in most layers.

Per layer, with hidden size H and intermediate size I (biases only where the config switches them on):

    attention     H × 3H  +  H × H
    feed-forward  H × 2I  +  I × H
    norms         2H                          H in the first layer, whose input the embedding has normalized

    operations per token  2 × layers' matrices
    … and context token   4 × layers × H      as if every layer attended to the whole text: an upper bound, which
                                              `estimated` says
    activations per token H + max(3I, 4H)

Names are those of the published checkpoints.
Source: modeling_modernbert.py and configuration_modernbert.py of transformers 5.23.0, read 2026-11-24.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ai_on_eks.descriptors.architectures import encoder_heads
from ai_on_eks.descriptors.architectures.encoder_parts import layer_norm, linear, whole
from ai_on_eks.descriptors.architectures.hyperparameters import Hyperparameters
from ai_on_eks.descriptors.architectures.operations import matrix_flops
from ai_on_eks.descriptors.inventory import (
    Activations,
    Inventory,
    Item,
    Operations,
    Sharding,
    Tensor,
    TensorRole,
)

FAMILY = "transformer"
MODEL_TYPES: Mapping[str, None] = {"modernbert": None}

DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "modernbert": {
        "num_labels": 2,
        "tie_word_embeddings": True,
        "norm_bias": False,
        "attention_bias": False,
        "mlp_bias": False,
        "classifier_bias": False,
        "decoder_bias": True,
        "local_attention": 128,
    },
}
"""What transformers documents for a hyper-parameter that a published config may leave out."""


def read(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The inventory of an encoder, or an InputError with every missing hyper-parameter."""
    hidden, inner = parameters.integer("hidden_size"), parameters.integer("intermediate_size")
    layers, heads = parameters.integer("num_hidden_layers"), parameters.integer("num_attention_heads")
    message = f"{heads} heads do not divide hidden_size {hidden}"
    parameters.relate(("hidden_size", "num_attention_heads"), hidden % heads == 0, message)
    vocabulary, context = parameters.integer("vocab_size"), parameters.integer("max_position_embeddings")
    norm_bias = parameters.flag("norm_bias")
    attention_bias, feed_forward_bias = parameters.flag("attention_bias"), parameters.flag("mlp_bias")
    window = parameters.integer("local_attention")
    head = _head(hidden, vocabulary, parameters, norm_bias=norm_bias)
    parameters.finish()

    words = Tensor("model.embeddings.tok_embeddings.weight", (vocabulary, hidden), TensorRole.EMBEDDING, Sharding.SPLIT)
    prefix, attention, feed_forward = "model.layers.*", TensorRole.ATTENTION, TensorRole.FEED_FORWARD
    attention_parts = (
        *linear(f"{prefix}.attn.Wqkv", 3 * hidden, hidden, attention, layers),
        *linear(f"{prefix}.attn.Wo", hidden, hidden, attention, layers, divided_input=True),
    )
    feed_forward_parts = (
        *linear(f"{prefix}.mlp.Wi", 2 * inner, hidden, feed_forward, layers),
        *linear(f"{prefix}.mlp.Wo", hidden, inner, feed_forward, layers, divided_input=True),
    )
    body = (*_biased(attention_parts, attention_bias), *_biased(feed_forward_parts, feed_forward_bias))
    norms = (
        *layer_norm("model.embeddings.norm", hidden),
        *(layer_norm(f"{prefix}.attn_norm", hidden, layers - 1) if layers > 1 else ()),
        *layer_norm(f"{prefix}.mlp_norm", hidden, layers),
        *layer_norm("model.final_norm", hidden),
    )
    return Inventory(
        architecture=model_type,
        item=Item.TOKEN,
        tensors=(words, *body, *_scales(norms, norm_bias), *head),
        states=(),
        operations=Operations(per_item=matrix_flops(body), per_item_and_context_token=4 * layers * hidden),
        activations=Activations(per_item=hidden + max(3 * inner, 4 * hidden)),
        layers=layers,
        hidden_size=hidden,
        attention_heads=heads,
        key_value_heads=heads,
        max_context_tokens=context,
        estimated=(
            f"every layer attends to the whole text; the local attention of {window} tokens would compute less",
        ),
    )


def _head(hidden: int, vocabulary: int, parameters: Hyperparameters, *, norm_bias: bool) -> tuple[Tensor, ...]:
    """What stands on top, by the class in `architectures`; the bare model has no pooler."""
    ending = parameters.ending("architectures", encoder_heads.HEADS) or "Model"
    if ending == "Model":
        return ()
    classifier_bias = parameters.flag("classifier_bias")
    shared = (
        *_biased(whole("head.dense", hidden, hidden, TensorRole.HEAD), classifier_bias),
        *_scales(layer_norm("head.norm", hidden), norm_bias),
    )
    if ending != "ForMaskedLM":
        labels = 1 if ending == "ForMultipleChoice" else parameters.labels()
        return (*shared, *whole("classifier", labels, hidden, TensorRole.HEAD))
    decoder = whole("decoder", vocabulary, hidden, TensorRole.HEAD)
    tied, biased = parameters.flag("tie_word_embeddings"), parameters.flag("decoder_bias")
    return (*shared, *(tensor for tensor in _biased(decoder, biased) if not tied or len(tensor.shape) == 1))


def _biased(tensors: tuple[Tensor, ...], biased: bool) -> tuple[Tensor, ...]:
    return tuple(tensor for tensor in tensors if biased or len(tensor.shape) == 2)


def _scales(norms: tuple[Tensor, ...], biased: bool) -> tuple[Tensor, ...]:
    return tuple(tensor for tensor in norms if biased or tensor.name.endswith(".weight"))
