"""What stands on top of an encoder, by the class its config names in `architectures`.

    …Model                      pooler H × H (none for DistilBERT)
    …ForSequenceClassification  BERT: pooler and H × labels; the others: H × H and H × labels
    …ForTokenClassification     H × labels
    …ForQuestionAnswering       H × labels (start and end: two)
    …ForMultipleChoice          the pooler (DistilBERT: H × H) and H × 1
    …ForNextSentencePrediction  BERT's pooler and H × 2
    …ForMaskedLM                H × H, a norm and a bias per word; the matrix is the word embedding where they are tied
    …ForPreTraining             BERT's pooler, and what stands on it for words and for the next sentence

A config without `architectures` is taken as the bare model, which is what embedding servers load. One that makes a
decoder of the encoder, by `is_decoder`, is refused: what it would keep of a sequence is not known.
"""

from __future__ import annotations

from ai_on_eks.descriptors.architectures.encoder_parts import layer_norm, whole
from ai_on_eks.descriptors.architectures.hyperparameters import Hyperparameters
from ai_on_eks.descriptors.inventory import Sharding, Tensor, TensorRole

HEADS = (
    "Model",
    "ForSequenceClassification",
    "ForTokenClassification",
    "ForQuestionAnswering",
    "ForMultipleChoice",
    "ForMaskedLM",
)
_BERT_ONLY = ("ForNextSentencePrediction", "ForPreTraining")
SENTENCE_ANSWERS = 2
"""Does one sentence follow the other: no or yes."""


def read(
    model_type: str, prefix: str, hidden: int, parameters: Hyperparameters, *, always_pools: bool = False
) -> tuple[Tensor, ...]:
    """The tensors above the last layer; where it `always_pools` the pooler is there whether the head uses it or not."""
    found = _read(model_type, prefix, hidden, parameters)
    pooler = _pooler(model_type, prefix, hidden) if always_pools else ()
    return (*(one for one in pooler if one not in found), *found)


def _read(model_type: str, prefix: str, hidden: int, parameters: Hyperparameters) -> tuple[Tensor, ...]:
    for key in ("is_decoder", "add_cross_attention"):
        parameters.support(key, parameters.value(key) is not True, "an encoder used as a decoder is not known")
    allowed = (*HEADS, *_BERT_ONLY) if model_type == "bert" else HEADS
    head = parameters.ending("architectures", allowed) or "Model"
    pooler = _pooler(model_type, prefix, hidden)
    if head in _BERT_ONLY:
        words = _masked_language(model_type, hidden, parameters) if head == "ForPreTraining" else ()
        return (*pooler, *words, *whole("cls.seq_relationship", SENTENCE_ANSWERS, hidden, TensorRole.HEAD))
    if head == "ForMaskedLM":
        return _masked_language(model_type, hidden, parameters)
    if head == "Model":
        return pooler
    if head == "ForMultipleChoice":
        dense = pooler or whole("pre_classifier", hidden, hidden, TensorRole.POOLER)
        return (*dense, *whole("classifier", 1, hidden, TensorRole.HEAD))
    labels = parameters.labels()
    if head == "ForSequenceClassification":
        return _sequence(model_type, prefix, hidden, labels)
    name = "qa_outputs" if head == "ForQuestionAnswering" else "classifier"
    return whole(name, labels, hidden, TensorRole.HEAD)


def decoder(name: str, vocabulary: int, width: int, parameters: Hyperparameters) -> tuple[Tensor, ...]:
    """The matrix that scores words, and its bias, where it is not the word embedding: tied, the bias is the head's."""
    if parameters.value("tie_word_embeddings") is not False:
        return ()
    return whole(name, vocabulary, width, TensorRole.HEAD)


def _pooler(model_type: str, prefix: str, hidden: int) -> tuple[Tensor, ...]:
    return () if model_type == "distilbert" else whole(f"{prefix}.pooler.dense", hidden, hidden, TensorRole.POOLER)


def _sequence(model_type: str, prefix: str, hidden: int, labels: int) -> tuple[Tensor, ...]:
    names = {"bert": (f"{prefix}.pooler.dense", "classifier"), "distilbert": ("pre_classifier", "classifier")}
    dense, output = names.get(model_type, ("classifier.dense", "classifier.out_proj"))
    return (
        *whole(dense, hidden, hidden, TensorRole.POOLER),
        *whole(output, labels, hidden, TensorRole.HEAD),
    )


def _masked_language(model_type: str, hidden: int, parameters: Hyperparameters) -> tuple[Tensor, ...]:
    vocabulary = parameters.integer("vocab_size")
    names = {
        "bert": (
            "cls.predictions.transform.dense",
            "cls.predictions.transform.LayerNorm",
            "cls.predictions.bias",
            "cls.predictions.decoder",
        ),
        "distilbert": ("vocab_transform", "vocab_layer_norm", "vocab_projector.bias", ""),
    }
    others = ("lm_head.dense", "lm_head.layer_norm", "lm_head.bias", "lm_head.decoder")
    dense, norm, bias, matrix = names.get(model_type, others)
    untied = decoder(matrix or "vocab_projector", vocabulary, hidden, parameters)
    return (
        *whole(dense, hidden, hidden, TensorRole.HEAD),
        *layer_norm(norm, hidden),
        Tensor(bias, (vocabulary,), TensorRole.HEAD, Sharding.REPLICATED),
        *(untied if matrix else untied[:1]),
    )
