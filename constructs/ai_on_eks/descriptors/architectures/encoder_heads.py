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
from ai_on_eks.descriptors.architectures.hyperparameters import Hyperparameters
from ai_on_eks.descriptors.inventory import Sharding, Tensor, TensorRole

HEADS = ("Model", "ForSequenceClassification", "ForTokenClassification", "ForQuestionAnswering", "ForMaskedLM")


def read(model_type: str, prefix: str, hidden: int, parameters: Hyperparameters) -> tuple[Tensor, ...]:
    """The tensors above the last layer."""
    head = parameters.ending("architectures", HEADS) or "Model"
    if head == "ForMaskedLM":
        return _masked_language(model_type, hidden, parameters.integer("vocab_size"))
    if head == "Model":
        return _pooler(model_type, prefix, hidden)
    labels = parameters.labels()
    if head == "ForSequenceClassification":
        return _sequence(model_type, prefix, hidden, labels)
    name = "qa_outputs" if head == "ForQuestionAnswering" else "classifier"
    return whole(name, labels, hidden, TensorRole.HEAD)


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
