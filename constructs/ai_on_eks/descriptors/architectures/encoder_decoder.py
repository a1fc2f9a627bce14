"""BART, mBART, PLBART, PEGASUS, Blenderbot, Marian, M2M-100 (NLLB): encoder-decoders with one embedding for all.

    embedding        vocabulary × H, shared by both halves and the head
    positions        per half  rows × H                       none stored for M2M-100, whose positions are computed
    norms            per half  2H after the embedding (BART, mBART), 2H after the last layer (all but BART and Marian)
    classifier       H × H + H  +  labels × H + labels        …ForSequenceClassification

The layers are those of `encoder_decoder_layers`. BART's positions start at two: it stores two rows more. PEGASUS's and
Marian's are sine waves, which transformers counts as parameters all the same. Marian may have an embedding of its own
for the decoder, which is then the head's. `final_logits_bias`, a number per word, is no parameter: left out.
Names are those of the published checkpoints.
Source: modeling_<model type>.py of transformers 5.23.0, read 2026-11-24.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ai_on_eks.descriptors.architectures.encoder_decoder_inventory import encoder_decoder_inventory
from ai_on_eks.descriptors.architectures.encoder_decoder_layers import layers, read_halves
from ai_on_eks.descriptors.architectures.encoder_parts import layer_norm, whole
from ai_on_eks.descriptors.architectures.hyperparameters import Hyperparameters
from ai_on_eks.descriptors.inventory import Activations, Inventory, Operations, Sharding, Tensor, TensorRole

FAMILY = "transformer"


class Traits(Struct, frozen=True):
    """What sets one model type apart. `reserved_positions` None: no positions are stored."""

    reserved_positions: int | None
    embedding_norm: bool
    final_norm: bool
    classifies: bool = False


MODEL_TYPES: Mapping[str, Traits] = {
    "bart": Traits(reserved_positions=2, embedding_norm=True, final_norm=False, classifies=True),
    "blenderbot": Traits(reserved_positions=0, embedding_norm=False, final_norm=True),
    "blenderbot-small": Traits(reserved_positions=0, embedding_norm=True, final_norm=False),
    "m2m_100": Traits(reserved_positions=None, embedding_norm=False, final_norm=True),
    "marian": Traits(reserved_positions=0, embedding_norm=False, final_norm=False),
    "mbart": Traits(reserved_positions=2, embedding_norm=True, final_norm=True, classifies=True),
    "pegasus": Traits(reserved_positions=0, embedding_norm=False, final_norm=True),
    "plbart": Traits(reserved_positions=2, embedding_norm=True, final_norm=False, classifies=True),
}

DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "bart": {"tie_word_embeddings": True, "num_labels": 3},
    "blenderbot": {"tie_word_embeddings": True},
    "blenderbot-small": {"tie_word_embeddings": True},
    "m2m_100": {"tie_word_embeddings": True},
    "marian": {"tie_word_embeddings": True, "share_encoder_decoder_embeddings": True},
    "mbart": {"tie_word_embeddings": True, "num_labels": 2},
    "pegasus": {"tie_word_embeddings": True},
    "plbart": {"tie_word_embeddings": True, "num_labels": 2},
}
"""What transformers documents for a hyper-parameter that a published config may leave out."""

_GENERATION = ("ForConditionalGeneration", "MTModel", "Model")
_CLASSIFICATION = "ForSequenceClassification"


def read(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The inventory of an encoder-decoder, or an InputError with every missing hyper-parameter."""
    traits = MODEL_TYPES[model_type]
    endings = (*_GENERATION, *((_CLASSIFICATION,) if traits.classifies else ()))
    built = parameters.ending("architectures", endings) or _GENERATION[0]
    encoder, decoder = read_halves(parameters)
    context = parameters.integer("max_position_embeddings")
    tied = parameters.flag("tie_word_embeddings")
    parameters.support("tie_word_embeddings", tied, "a head, an encoder and a decoder with an embedding each")
    embeddings, vocabulary = _embeddings(model_type, encoder.hidden, parameters)
    head = _classifier(encoder.hidden, parameters) if built == _CLASSIFICATION else ()
    parameters.finish()
    around = [*embeddings]
    for half in ("encoder", "decoder"):
        prefix = f"model.{half}"
        if traits.reserved_positions is not None:
            shape = (context + traits.reserved_positions, encoder.hidden)
            name = f"{prefix}.embed_positions.weight"
            around.append(Tensor(name, shape, TensorRole.EMBEDDING, Sharding.REPLICATED))
        if traits.embedding_norm:
            around += layer_norm(f"{prefix}.layernorm_embedding", encoder.hidden)
        if traits.final_norm:
            around += layer_norm(f"{prefix}.layer_norm", encoder.hidden)
    whole_model = encoder_decoder_inventory(
        model_type,
        encoder.stack,
        decoder.stack,
        layers(encoder, decoder),
        around=(*around, *head),
        vocabulary=vocabulary if built in _GENERATION[:2] else 0,
        context=context,
    )
    return _in_one_pass(whole_model) if built == _CLASSIFICATION else whole_model


def _in_one_pass(model: Inventory) -> Inventory:
    """A classifier gives the same text to both halves at once: nothing is generated, nothing kept."""
    (encoder,) = model.encoders
    first, second = encoder.operations, model.operations
    together = Operations(
        per_item=first.per_item + second.per_item,
        per_item_and_context_token=first.per_item_and_context_token + second.per_item_and_context_token,
    )
    activations = Activations(per_item=max(encoder.per_item, encoder.handed + model.activations.per_item))
    return replace(model, states=(), encoders=(), estimated=(), operations=together, activations=activations)


def _embeddings(model_type: str, hidden: int, parameters: Hyperparameters) -> tuple[tuple[Tensor, ...], int]:
    """The embeddings, and how many words the head tells apart."""
    rows = {"model.shared.weight": parameters.integer("vocab_size")}
    if model_type == "marian" and not parameters.flag("share_encoder_decoder_embeddings"):
        words = parameters.integer("vocab_size")
        rows = {
            "model.encoder.embed_tokens.weight": words,
            "model.decoder.embed_tokens.weight": parameters.integer_or("decoder_vocab_size", words),
        }
    tensors = (Tensor(name, (count, hidden), TensorRole.EMBEDDING, Sharding.SPLIT) for name, count in rows.items())
    return tuple(tensors), list(rows.values())[-1]


def _classifier(hidden: int, parameters: Hyperparameters) -> tuple[Tensor, ...]:
    name = "classification_head"
    return (
        *whole(f"{name}.dense", hidden, hidden, TensorRole.POOLER),
        *whole(f"{name}.out_proj", parameters.labels(), hidden, TensorRole.HEAD),
    )
