"""Encoders that differ from BERT in their layers: ALBERT, BigBird, ELECTRA, ESM, Longformer, GTE, nomic-embed.

    ALBERT      words of width E, mapped to H; its layers share one set of weights, or one for each group
    ELECTRA     words of width E, mapped to H where the two differ; no pooler
    BigBird     BERT; what its attention leaves out needs no weights
    Longformer  RoBERTa with a second set of queries, keys and values for tokens that see everything
    ESM         norms before each block, rotary positions or a table, and a contact head of layers × heads + 1 values
    GTE, nomic  rotary positions, gated feed-forward layers; GTE with biases where nomic has none

GTE's published configs call themselves `new`, those of nomic-embed speak GPT-2's words (`n_embd`, `n_inner`), both read
by code that lies beside the weights; inner layers of nomic-embed are rounded up to multiples of 256.
Source: modeling_<model type>.py and configuration_<model type>.py of transformers 5.23.0; modeling_hf_nomic_bert.py
of nomic-ai/nomic-bert-2048 for the rounding; read 2026-11-28.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from ai_on_eks.descriptors.architectures import encoder_heads
from ai_on_eks.descriptors.architectures.encoder_parts import layer_norm, linear, whole
from ai_on_eks.descriptors.architectures.hyperparameters import MAX_LAYERS, Hyperparameters
from ai_on_eks.descriptors.architectures.operations import matrix_flops
from ai_on_eks.descriptors.inventory import Activations, Inventory, Item, Operations, Sharding, Tensor, TensorRole

FAMILY = "transformer"

HEADS = encoder_heads.HEADS
ROUNDED_TO = 256
"""Inner layers of nomic-embed."""


class Shape(Struct, frozen=True):
    """An encoder in numbers. `sets` of weights are shared by `layers`; words are `words` wide."""

    layers: int
    sets: int
    hidden: int
    inner: int
    heads: int
    words: int
    vocabulary: int
    context: int


class Parts(Struct, frozen=True):
    """The tensors before, in and above the layers; `live` is what a layer keeps beside the residual."""

    embeddings: tuple[Tensor, ...]
    body: tuple[Tensor, ...]
    head: tuple[Tensor, ...]
    live: int


def read(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The inventory of an encoder, or an InputError with every missing hyper-parameter."""
    shape = _shape(model_type, parameters)
    parts = MODEL_TYPES[model_type](shape, parameters)
    parameters.finish()
    return Inventory(
        architecture=model_type,
        item=Item.TOKEN,
        tensors=(*parts.embeddings, *parts.body, *parts.head),
        states=(),
        operations=Operations(
            per_item=matrix_flops(parts.body) * shape.layers // shape.sets,
            per_item_and_context_token=4 * shape.layers * shape.hidden,
        ),
        activations=Activations(per_item=shape.hidden + max(parts.live, 4 * shape.hidden)),
        layers=shape.layers,
        hidden_size=shape.hidden,
        attention_heads=shape.heads,
        key_value_heads=shape.heads,
        max_context_tokens=shape.context,
    )


_GPT_2_WORDS = {
    "hidden_size": "n_embd", "num_hidden_layers": "n_layer", "num_attention_heads": "n_head",
    "intermediate_size": "n_inner", "max_position_embeddings": "n_positions",
}  # fmt: skip


def _shape(model_type: str, parameters: Hyperparameters) -> Shape:
    def size(key: str, *, most: int | None = None) -> int:
        other = _GPT_2_WORDS.get(key, key)
        spelled = other if model_type == "nomic_bert" and parameters.has(other) else key
        return parameters.integer(spelled, most=most) if most else parameters.integer(spelled)

    hidden, heads = size("hidden_size"), size("num_attention_heads")
    message = f"{heads} heads do not divide the hidden size {hidden}"
    parameters.relate(("hidden_size", "num_attention_heads"), hidden % heads == 0, message)
    inner = size("intermediate_size")
    if parameters.has("n_inner"):
        inner = -(-inner // ROUNDED_TO) * ROUNDED_TO
    for key in ("is_decoder", "add_cross_attention"):
        parameters.support(key, parameters.value(key) is not True, "an encoder used as a decoder is not known")
    width = heads * parameters.integer("head_dim") if parameters.has("head_dim") else hidden
    parameters.support("head_dim", width == hidden, f"heads of {width} in all instead of {hidden} are not known")
    layers = size("num_hidden_layers", most=MAX_LAYERS)
    sets = parameters.integer("num_hidden_groups") if model_type == "albert" else layers
    parameters.relate(("num_hidden_layers", "num_hidden_groups"), sets <= layers, f"{sets} groups of {layers} layers")
    return Shape(
        layers=layers,
        sets=sets,
        hidden=hidden,
        inner=inner,
        heads=heads,
        words=parameters.integer("embedding_size") if model_type in ("albert", "electra") else hidden,
        vocabulary=parameters.integer("vocab_size"),
        context=size("max_position_embeddings"),
    )


def _albert(shape: Shape, parameters: Hyperparameters) -> Parts:
    parameters.support("inner_group_num", parameters.integer("inner_group_num") == 1, "several layers in a group")
    prefix, hidden = "albert.encoder.albert_layer_groups.*.albert_layers.0", shape.hidden
    names = {name: f"attention.{name}" for name in ("query", "key", "value")}
    names |= {"output": "attention.dense", "output_norm": "attention.LayerNorm", "inner": "ffn", "outer": "ffn_output"}
    body = _layers(shape, prefix, names | {"outer_norm": "full_layer_layer_norm"})
    head, pooler = parameters.ending("architectures", HEADS), whole("albert.pooler", hidden, hidden, TensorRole.POOLER)
    if head == "ForMaskedLM":
        top = _words("predictions", "predictions.decoder", shape, parameters)
    elif head in ("ForTokenClassification", "ForQuestionAnswering"):
        top = _classifier(head, shape, parameters)
    else:
        top = (*pooler, *(_classifier(head, shape, parameters) if head not in (None, "Model") else ()))
    mapping = whole("albert.encoder.embedding_hidden_mapping_in", hidden, shape.words, TensorRole.EMBEDDING)
    return Parts((*_tables("albert.embeddings", shape, parameters), *mapping), body, top, 2 * shape.inner)


def _electra(shape: Shape, parameters: Hyperparameters) -> Parts:
    hidden, role = shape.hidden, TensorRole.POOLER
    mapping = whole("electra.embeddings_project", hidden, shape.words, TensorRole.EMBEDDING)
    embeddings = _tables("electra.embeddings", shape, parameters)
    head = parameters.ending("architectures", (*HEADS, "ForPreTraining"))
    top: tuple[Tensor, ...] = ()
    if head == "ForMaskedLM":
        top = _words("generator_predictions", "generator_lm_head", shape, parameters)
    elif head == "ForPreTraining":
        prefix = "discriminator_predictions"
        top = (
            *whole(f"{prefix}.dense", hidden, hidden, role),
            *whole(f"{prefix}.dense_prediction", 1, hidden, TensorRole.HEAD),
        )
    elif head not in (None, "Model"):
        dense = {"ForSequenceClassification": "classifier.dense", "ForMultipleChoice": "sequence_summary.summary"}
        below = whole(dense[head], hidden, hidden, role) if head in dense else ()
        top = (*below, *_classifier(head, shape, parameters))
    body = _layers(shape, "electra.encoder.layer.*", _BERT_NAMES)
    return Parts((*embeddings, *(mapping if shape.words != hidden else ())), body, top, 2 * shape.inner)


def _big_bird(shape: Shape, parameters: Hyperparameters) -> Parts:
    hidden = shape.hidden
    head = parameters.ending("architectures", ("Model", "ForMaskedLM", "ForSequenceClassification"))
    top: tuple[Tensor, ...] = whole("bert.pooler", hidden, hidden, TensorRole.POOLER)
    if head == "ForMaskedLM":
        top = (*top, *_words("cls.predictions.transform", "cls.predictions", shape, parameters))
    elif head == "ForSequenceClassification":
        dense = whole("classifier.dense", hidden, hidden, TensorRole.POOLER)
        top = (*top, *dense, *_classifier(head, shape, parameters))
    parameters.support("use_bias", parameters.flag("use_bias"), "attention without biases is not known")
    body = _layers(shape, "bert.encoder.layer.*", _BERT_NAMES)
    return Parts(_tables("bert.embeddings", shape, parameters), body, top, 2 * shape.inner)


def _longformer(shape: Shape, parameters: Hyperparameters) -> Parts:
    hidden, role = shape.hidden, TensorRole.ATTENTION
    prefix = "longformer.encoder.layer.*"
    second = tuple(
        tensor
        for name in ("query_global", "key_global", "value_global")
        for tensor in linear(f"{prefix}.attention.self.{name}", hidden, hidden, role, shape.layers)
    )
    head = parameters.ending("architectures", HEADS)
    pooler = whole("longformer.pooler.dense", hidden, hidden, TensorRole.POOLER)
    if head == "ForMaskedLM":
        top = _words("lm_head", "lm_head", shape, parameters, norm="layer_norm")
    elif head == "ForSequenceClassification":
        dense = whole("classifier.dense", hidden, hidden, TensorRole.POOLER)
        top = (*dense, *_classifier(head, shape, parameters))
    elif head in ("ForTokenClassification", "ForQuestionAnswering"):
        top = _classifier(head, shape, parameters)
    else:
        top = (*pooler, *(_classifier(head, shape, parameters) if head == "ForMultipleChoice" else ()))
    body = (*_layers(shape, prefix, _BERT_NAMES), *second)
    return Parts(_tables("longformer.embeddings", shape, parameters), body, top, 2 * shape.inner)


def _esm(shape: Shape, parameters: Hyperparameters) -> Parts:
    hidden, role = shape.hidden, TensorRole.HEAD
    parameters.support("is_folding_model", parameters.value("is_folding_model") is not True, "ESMFold is not known")
    rows = {"word_embeddings": shape.vocabulary}
    if parameters.choice("position_embedding_type", ("absolute", "rotary")) == "absolute":
        rows["position_embeddings"] = shape.context
    embeddings = _rows("esm.embeddings", rows, hidden)
    if parameters.flag("emb_layer_norm_before"):
        embeddings = (*embeddings, *layer_norm("esm.embeddings.layer_norm", hidden))
    names = _BERT_NAMES | {"output_norm": "attention.LayerNorm", "outer_norm": "LayerNorm"}
    contact = whole("esm.contact_head.regression", 1, shape.layers * shape.heads, role)
    once = (*layer_norm("esm.encoder.emb_layer_norm_after", hidden), *contact)
    head = parameters.ending("architectures", ("Model", *HEADS[1:3], "ForMaskedLM")) or "Model"
    if head == "ForMaskedLM":
        top = _words("lm_head", "lm_head", shape, parameters, norm="layer_norm")
    elif head == "Model":
        top = whole("esm.pooler.dense", hidden, hidden, TensorRole.POOLER)
    else:
        dense = whole("classifier.dense", hidden, hidden, TensorRole.POOLER)
        top = (*(dense if head == "ForSequenceClassification" else ()), *_classifier(head, shape, parameters))
    return Parts(embeddings, _layers(shape, "esm.encoder.layer.*", names), (*once, *top), 2 * shape.inner)


def _gated(prefix: str, *, biased: bool) -> Callable[[Shape, Hyperparameters], Parts]:
    def parts(shape: Shape, parameters: Hyperparameters) -> Parts:
        hidden, inner, layers = shape.hidden, shape.inner, shape.layers
        for key in ("qkv_proj_bias", "mlp_fc1_bias", "mlp_fc2_bias", "use_rms_norm", "prenorm"):
            parameters.support(key, parameters.value(key) is not True, "not known of this model type")
        experts = parameters.has("num_experts") and parameters.integer("num_experts", least=0) > 0
        parameters.support("num_experts", not experts, "experts are not known of this model type")
        name, attention, feed_forward = f"{prefix}.layers.*", TensorRole.ATTENTION, TensorRole.FEED_FORWARD
        matrices = (
            *(one for n in "qkv" for one in linear(f"{name}.self_attn.{n}_proj", hidden, hidden, attention, layers)),
            *linear(f"{name}.self_attn.o_proj", hidden, hidden, attention, layers, divided_input=True),
        )
        down = linear(f"{name}.mlp.down_proj", hidden, inner, feed_forward, layers, divided_input=True)
        body = (
            *(one for one in matrices if biased or len(one.shape) > 1),
            *linear(f"{name}.mlp.gate_proj", inner, hidden, feed_forward, layers)[:1],
            *linear(f"{name}.mlp.up_proj", inner, hidden, feed_forward, layers)[:1],
            *(one for one in down if biased or len(one.shape) > 1),
            *layer_norm(f"{name}.post_attention_layernorm", hidden, layers),
            *layer_norm(f"{name}.post_mlp_layernorm", hidden, layers),
        )
        rows = {"word_embeddings": shape.vocabulary}
        if types := parameters.integer("type_vocab_size", least=0):
            rows["token_type_embeddings"] = types
        embeddings = (
            *_rows(f"{prefix}.embeddings", rows, hidden),
            *layer_norm(f"{prefix}.embeddings.LayerNorm", hidden),
        )
        return Parts(embeddings, body, _gated_head(prefix, shape, parameters), 3 * inner)

    return parts


def _gated_head(prefix: str, shape: Shape, parameters: Hyperparameters) -> tuple[Tensor, ...]:
    head = parameters.ending("architectures", HEADS[:4] + HEADS[5:]) or "Model"
    if head == "Model":
        return ()
    if head == "ForMaskedLM":
        return _words("cls.predictions.transform", "cls.predictions", shape, parameters, norm="layer_norm")
    pooler = whole(f"{prefix}.pooler.dense", shape.hidden, shape.hidden, TensorRole.POOLER)
    return (*(pooler if head == "ForSequenceClassification" else ()), *_classifier(head, shape, parameters))


_BERT_NAMES = {
    "query": "attention.self.query", "key": "attention.self.key", "value": "attention.self.value",
    "output": "attention.output.dense", "output_norm": "attention.output.LayerNorm",
    "inner": "intermediate.dense", "outer": "output.dense", "outer_norm": "output.LayerNorm",
}  # fmt: skip


def _layers(shape: Shape, prefix: str, names: Mapping[str, str]) -> tuple[Tensor, ...]:
    hidden, inner, sets = shape.hidden, shape.inner, shape.sets
    attention, feed_forward = TensorRole.ATTENTION, TensorRole.FEED_FORWARD
    name = {part: f"{prefix}.{below}" for part, below in names.items()}
    return (
        *(one for part in ("query", "key", "value") for one in linear(name[part], hidden, hidden, attention, sets)),
        *linear(name["output"], hidden, hidden, attention, sets, divided_input=True),
        *layer_norm(name["output_norm"], hidden, sets),
        *linear(name["inner"], inner, hidden, feed_forward, sets),
        *linear(name["outer"], hidden, inner, feed_forward, sets, divided_input=True),
        *layer_norm(name["outer_norm"], hidden, sets),
    )


def _tables(prefix: str, shape: Shape, parameters: Hyperparameters) -> tuple[Tensor, ...]:
    rows = {"word_embeddings": shape.vocabulary, "position_embeddings": shape.context}
    rows["token_type_embeddings"] = parameters.integer("type_vocab_size")
    return (*_rows(prefix, rows, shape.words), *layer_norm(f"{prefix}.LayerNorm", shape.words))


def _rows(prefix: str, rows: Mapping[str, int], width: int) -> tuple[Tensor, ...]:
    return tuple(
        Tensor(
            f"{prefix}.{name}.weight",
            (count, width),
            TensorRole.EMBEDDING,
            Sharding.SPLIT if name == "word_embeddings" else Sharding.REPLICATED,
        )
        for name, count in rows.items()
    )


def _words(
    transform: str, top: str, shape: Shape, parameters: Hyperparameters, *, norm: str = "LayerNorm"
) -> tuple[Tensor, ...]:
    """The head for masked words: to their width, a norm, and a bias per word."""
    decoder = f"{top}.decoder" if not top.endswith(("decoder", "generator_lm_head")) else top
    return (
        *whole(f"{transform}.dense", shape.words, shape.hidden, TensorRole.HEAD),
        *layer_norm(f"{transform}.{norm}", shape.words),
        Tensor(f"{top}.bias", (shape.vocabulary,), TensorRole.HEAD, Sharding.REPLICATED),
        *encoder_heads.decoder(decoder, shape.vocabulary, shape.words, parameters),
    )


def _classifier(head: str | None, shape: Shape, parameters: Hyperparameters) -> tuple[Tensor, ...]:
    labels = 1 if head == "ForMultipleChoice" else parameters.labels()
    name = "qa_outputs" if head == "ForQuestionAnswering" else "classifier"
    return whole(name, labels, shape.hidden, TensorRole.HEAD)


_GTE = _gated("new", biased=True)
MODEL_TYPES: Mapping[str, Callable[[Shape, Hyperparameters], Parts]] = {
    "albert": _albert,
    "big_bird": _big_bird,
    "electra": _electra,
    "esm": _esm,
    "gte": _GTE,
    "longformer": _longformer,
    "new": _GTE,
    "nomic_bert": _gated("nomic_bert", biased=False),
}

DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "albert": {"embedding_size": 128, "num_hidden_groups": 1, "inner_group_num": 1, "type_vocab_size": 2},
    "big_bird": {"type_vocab_size": 2, "use_bias": True},
    "electra": {"embedding_size": 128, "type_vocab_size": 2},
    "esm": {"position_embedding_type": "absolute", "emb_layer_norm_before": False},
    "gte": {"type_vocab_size": 1},
    "longformer": {"type_vocab_size": 2},
    "new": {"type_vocab_size": 1},
    "nomic_bert": {"type_vocab_size": 2},
}
"""What transformers documents for a hyper-parameter that a published config may leave out."""
