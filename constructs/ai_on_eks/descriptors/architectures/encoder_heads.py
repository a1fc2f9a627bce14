"""What stands on top of an encoder, by the class its config names in `architectures`.

    …Model                      pooler H × H (none for DistilBERT)
    …ForSequenceClassification  BERT: pooler and H × labels; the others: H × H and H × labels
    …ForTokenClassification     H × labels
    …ForQuestionAnswering       H × labels (start and end: two)
    …ForMaskedLM                H × H, a norm and a bias per word; the matrix itself is the tied word embedding

A config without `architectures` is taken as the bare model, which is what embedding servers load.
"""

from __future__ import annotations

from ai_on_eks.descriptors.architectures.encoder_parts import layer_norm, whole
from ai_on_eks.descriptors.architectures.hyperparameters import CONFIG_PATH, Hyperparameters
from ai_on_eks.descriptors.inventory import Sharding, Tensor, TensorRole
from ai_on_eks.errors import InputError, Problem

HEADS = ("Model", "ForSequenceClassification", "ForTokenClassification", "ForQuestionAnswering", "ForMaskedLM")


def read(model_type: str, prefix: str, hidden: int, parameters: Hyperparameters) -> tuple[Tensor, ...]:
    """The tensors above the last layer."""
    head = _head(parameters)
    if head == "ForMaskedLM":
        return _masked_language(model_type, hidden, parameters.integer("vocab_size"))
    if head == "Model":
        return _pooler(model_type, prefix, hidden)
    labels = parameters.labels()
    if head == "ForSequenceClassification":
        return _sequence(model_type, prefix, hidden, labels)
    name = "qa_outputs" if head == "ForQuestionAnswering" else "classifier"
    return whole(name, labels, hidden, TensorRole.HEAD)


def _head(parameters: Hyperparameters) -> str:
    named = parameters.value("architectures")
    if named is None:
        return "Model"
    first = named[0] if isinstance(named, list) and named else named
    for head in HEADS:
        if isinstance(first, str) and first.endswith(head):
            return head
    raise InputError(
        Problem(
            "unknown-architecture",
            f"{str(first)[:80]!r} has a head that is not known",
            path=f"{CONFIG_PATH}.architectures",
            value=str(first)[:80],
            allowed=tuple(f"…{head}" for head in HEADS),
            fix="give architecture.parameters instead of architecture.config",
        )
    )


def _pooler(model_type: str, prefix: str, hidden: int) -> tuple[Tensor, ...]:
    return () if model_type == "distilbert" else whole(f"{prefix}.pooler.dense", hidden, hidden, TensorRole.POOLER)


def _sequence(model_type: str, prefix: str, hidden: int, labels: int) -> tuple[Tensor, ...]:
    names = {"bert": (f"{prefix}.pooler.dense", "classifier"), "distilbert": ("pre_classifier", "classifier")}
    dense, output = names.get(model_type, ("classifier.dense", "classifier.out_proj"))
    return (
        *whole(dense, hidden, hidden, TensorRole.POOLER),
        *whole(output, labels, hidden, TensorRole.HEAD),
    )


def _masked_language(model_type: str, hidden: int, vocabulary: int) -> tuple[Tensor, ...]:
    names = {
        "bert": ("cls.predictions.transform.dense", "cls.predictions.transform.LayerNorm", "cls.predictions.bias"),
        "distilbert": ("vocab_transform", "vocab_layer_norm", "vocab_projector.bias"),
    }
    dense, norm, bias = names.get(model_type, ("lm_head.dense", "lm_head.layer_norm", "lm_head.bias"))
    return (
        *whole(dense, hidden, hidden, TensorRole.HEAD),
        *layer_norm(norm, hidden),
        Tensor(bias, (vocabulary,), TensorRole.HEAD, Sharding.REPLICATED),
    )
