"""Encoder-only transformers: BERT and its relatives.

Per layer, with hidden size H and intermediate size I:

    attention     4 × (H × H + H)
    feed-forward  2 × H × I + I + H
    norms         4H

    operations per token  2 × layers' matrices          (pooler and classifier run once per sequence, not per token)
    … and context token   4 × layers × H
    activations per token H + max(2I,  4H)
        the residual, and beside it either the inner layer before and after its activation function, or queries, keys,
        values and the attention's output; the scores are never stored (flash attention)

Megatron-BERT and XLM-R XL have norms before each block, and one after the last layer instead of the embeddings';
RoBERTa-PreLayerNorm has both. LayoutLM adds four tables for where words stand on a page, ERNIE one for tasks.

What stands on top follows from `architectures`: the bare model has a pooler, the heads differ.
Names and shapes are those of the published checkpoints.
Source: modeling_<model type>.py of transformers 5.23.0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from ai_on_eks.descriptors.architectures import encoder_heads
from ai_on_eks.descriptors.architectures.encoder_parts import layer_norm, linear
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


class Traits(Struct, frozen=True):
    """What sets one model type apart: names of hyper-parameters and tensors, and which embeddings there are.

    offset_positions     positions are numbered from the padding index + 1 on, so that many rows stay unused
    fixed_padding_index  the padding index where the code fixes it; else it is pad_token_id
    embedding_norm       a norm follows the embeddings
    last_norm            the norm after the last layer, of model types whose norms come before each block
    heads                model type whose heads these are, where it is another
    boxes                tables for where words stand on a page, and a pooler below every head
    """

    prefix: str
    layer: str = "encoder.layer.*"
    keys: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    token_types: bool = True
    offset_positions: bool = False
    fixed_padding_index: int | None = None
    relative_bias: bool = False
    embedding_norm: bool = True
    last_norm: str = ""
    heads: str = ""
    boxes: bool = False


_BERT_NAMES = {
    "query": "attention.self.query", "key": "attention.self.key", "value": "attention.self.value",
    "output": "attention.output.dense", "output_norm": "attention.output.LayerNorm",
    "inner": "intermediate.dense", "outer": "output.dense", "outer_norm": "output.LayerNorm",
}  # fmt: skip

_BOXES = tuple(f"{one}_position_embeddings" for one in "xyhw")

MODEL_TYPES: Mapping[str, Traits] = {
    "bert": Traits(prefix="bert", names=_BERT_NAMES),
    "camembert": Traits(prefix="roberta", names=_BERT_NAMES, offset_positions=True),
    "data2vec-text": Traits(prefix="data2vec_text", names=_BERT_NAMES, offset_positions=True),
    "ernie": Traits(prefix="ernie", names=_BERT_NAMES, heads="bert"),
    "layoutlm": Traits(prefix="layoutlm", names=_BERT_NAMES, heads="bert", boxes=True),
    "megatron-bert": Traits(
        prefix="bert", names=_BERT_NAMES | {"output_norm": "attention.ln", "outer_norm": "ln"}, heads="bert",
        embedding_norm=False, last_norm="encoder.ln",
    ),
    "roberta": Traits(prefix="roberta", names=_BERT_NAMES, offset_positions=True),
    "roberta-prelayernorm": Traits(
        prefix="roberta_prelayernorm", offset_positions=True, last_norm="LayerNorm",
        names=_BERT_NAMES | {"output_norm": "attention.LayerNorm", "outer_norm": "intermediate.LayerNorm"},
    ),
    "xlm-roberta": Traits(prefix="roberta", names=_BERT_NAMES, offset_positions=True),
    "xlm-roberta-xl": Traits(
        prefix="roberta", offset_positions=True, embedding_norm=False, last_norm="encoder.LayerNorm",
        names=_BERT_NAMES | {"output_norm": "attention.self_attn_layer_norm", "outer_norm": "LayerNorm"},
    ),
    "distilbert": Traits(
        prefix="distilbert",
        layer="transformer.layer.*",
        keys={
            "hidden_size": "dim", "intermediate_size": "hidden_dim", "num_hidden_layers": "n_layers",
            "num_attention_heads": "n_heads",
        },
        names={
            "query": "attention.q_lin", "key": "attention.k_lin", "value": "attention.v_lin",
            "output": "attention.out_lin", "output_norm": "sa_layer_norm", "inner": "ffn.lin1", "outer": "ffn.lin2",
            "outer_norm": "output_layer_norm",
        },
        token_types=False,
    ),
    "mpnet": Traits(
        prefix="mpnet",
        names={
            "query": "attention.attn.q", "key": "attention.attn.k", "value": "attention.attn.v",
            "output": "attention.attn.o", "output_norm": "attention.LayerNorm", "inner": "intermediate.dense",
            "outer": "output.dense", "outer_norm": "output.LayerNorm",
        },
        token_types=False,
        offset_positions=True,
        fixed_padding_index=1,
        relative_bias=True,
    ),
}  # fmt: skip

DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "bert": {"num_labels": 2, "type_vocab_size": 2},
    "camembert": {"num_labels": 2, "type_vocab_size": 2, "pad_token_id": 1},
    "data2vec-text": {"num_labels": 2, "type_vocab_size": 2, "pad_token_id": 1},
    "ernie": {"num_labels": 2, "type_vocab_size": 2, "use_task_id": False, "task_type_vocab_size": 3},
    "layoutlm": {"num_labels": 2, "type_vocab_size": 2, "max_2d_position_embeddings": 1024},
    "megatron-bert": {"num_labels": 2, "type_vocab_size": 2},
    "roberta": {"num_labels": 2, "type_vocab_size": 2, "pad_token_id": 1},
    "roberta-prelayernorm": {"num_labels": 2, "type_vocab_size": 2, "pad_token_id": 1},
    "xlm-roberta": {"num_labels": 2, "type_vocab_size": 2, "pad_token_id": 1},
    "xlm-roberta-xl": {"num_labels": 2, "type_vocab_size": 1, "pad_token_id": 1},
    "distilbert": {"num_labels": 2},
    "mpnet": {"num_labels": 2, "relative_attention_num_buckets": 32},
}
"""What transformers documents for a hyper-parameter that a published config may leave out."""


def read(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The inventory of an encoder, or an InputError with every missing hyper-parameter."""
    traits = MODEL_TYPES[model_type]

    def size(key: str) -> int:
        return parameters.integer(traits.keys.get(key, key))

    hidden, inner = size("hidden_size"), size("intermediate_size")
    layers, heads = size("num_hidden_layers"), size("num_attention_heads")
    keys = tuple(traits.keys.get(key, key) for key in ("hidden_size", "num_attention_heads"))
    parameters.relate(keys, hidden % heads == 0, f"{heads} heads do not divide the hidden size {hidden}")
    embeddings, context = _embeddings(traits, hidden, parameters)
    head = encoder_heads.read(traits.heads or model_type, traits.prefix, hidden, parameters, always_pools=traits.boxes)
    last = layer_norm(f"{traits.prefix}.{traits.last_norm}", hidden) if traits.last_norm else ()
    relative = _relative_bias(traits, heads, parameters)
    parameters.finish()
    body = _layers(traits, hidden, inner, layers)
    return Inventory(
        architecture=model_type,
        item=Item.TOKEN,
        tensors=(*embeddings, *relative, *body, *last, *head),
        states=(),
        operations=Operations(per_item=matrix_flops(body), per_item_and_context_token=4 * layers * hidden),
        activations=Activations(per_item=hidden + max(2 * inner, 4 * hidden)),
        layers=layers,
        hidden_size=hidden,
        attention_heads=heads,
        key_value_heads=heads,
        max_context_tokens=context,
    )


def _embeddings(traits: Traits, hidden: int, parameters: Hyperparameters) -> tuple[tuple[Tensor, ...], int]:
    """The tables, and the longest text they allow.

    RoBERTa numbers positions from pad_token_id + 1 on: 514 rows hold 512 tokens.
    """
    vocabulary = parameters.integer("vocab_size")
    positions = parameters.integer("max_position_embeddings")
    reserved = 0
    if traits.offset_positions:
        padding = traits.fixed_padding_index
        reserved = (parameters.integer("pad_token_id", least=0) if padding is None else padding) + 1
        parameters.relate(
            ("pad_token_id", "max_position_embeddings"),
            positions > reserved,
            f"{positions} positions, of which {reserved} are reserved",
        )
    told = parameters.value("position_embedding_type")
    parameters.support("position_embedding_type", told in (None, "absolute"), "positions other than a table's rows")
    rows = {"word_embeddings": vocabulary, "position_embeddings": positions}
    if traits.token_types:
        rows["token_type_embeddings"] = parameters.integer("type_vocab_size")
    if traits.prefix == "ernie" and parameters.flag("use_task_id"):
        rows["task_type_embeddings"] = parameters.integer("task_type_vocab_size")
    if traits.boxes:
        rows |= dict.fromkeys(_BOXES, parameters.integer("max_2d_position_embeddings"))
    prefix = f"{traits.prefix}.embeddings"
    tables = tuple(
        Tensor(
            f"{prefix}.{name}.weight",
            (count, hidden),
            TensorRole.EMBEDDING,
            Sharding.SPLIT if name == "word_embeddings" else Sharding.REPLICATED,
        )
        for name, count in rows.items()
    )
    norm = layer_norm(f"{prefix}.LayerNorm", hidden) if traits.embedding_norm else ()
    return (*tables, *norm), positions - reserved


def _relative_bias(traits: Traits, heads: int, parameters: Hyperparameters) -> tuple[Tensor, ...]:
    if not traits.relative_bias:
        return ()
    shape = (parameters.integer("relative_attention_num_buckets"), heads)
    name = f"{traits.prefix}.encoder.relative_attention_bias.weight"
    return (Tensor(name, shape, TensorRole.EMBEDDING, Sharding.REPLICATED),)


def _layers(traits: Traits, hidden: int, inner: int, layers: int) -> tuple[Tensor, ...]:
    def name(part: str) -> str:
        return f"{traits.prefix}.{traits.layer}.{traits.names[part]}"

    attention, feed_forward = TensorRole.ATTENTION, TensorRole.FEED_FORWARD
    return (
        *linear(name("query"), hidden, hidden, attention, layers),
        *linear(name("key"), hidden, hidden, attention, layers),
        *linear(name("value"), hidden, hidden, attention, layers),
        *linear(name("output"), hidden, hidden, attention, layers, divided_input=True),
        *layer_norm(name("output_norm"), hidden, layers),
        *linear(name("inner"), inner, hidden, feed_forward, layers),
        *linear(name("outer"), hidden, inner, feed_forward, layers, divided_input=True),
        *layer_norm(name("outer_norm"), hidden, layers),
    )
