"""Classifiers on top of a decoder, whatever the decoder: rerankers, reward models, taggers.

    …ForSequenceClassification  labels × H            no bias; what the last token of the sequence yields
    …ForTokenClassification     labels × H + labels   of every token
    …ForQuestionAnswering       2 × H + 2             start and end

The decoder below is the bare model: no head for words. H is the width of its words, which is the hidden size in all but
OPT-350m. GPT-NeoX, StableLM and the others call the matrix `score`, `classifier` or `qa_outputs`.
Source: modeling_layers.py of transformers 5.23.0 (GenericFor…), and modeling_<model type>.py where a model type has its
own.
"""

from __future__ import annotations

from msgspec.structs import replace

from ai_on_eks.descriptors.architectures.hyperparameters import Hyperparameters
from ai_on_eks.descriptors.inventory import Inventory, Sharding, Tensor, TensorRole

ENDS = 2
"""Of an answer: its first and its last token."""


def on_top(bare: Inventory, head: str, parameters: Hyperparameters) -> Inventory:
    """The bare model with its classifier; `parameters` are those of the config as it is."""
    parameters.value("architectures")
    rows = ENDS if head == "ForQuestionAnswering" else parameters.labels()
    parameters.finish()
    width = next(tensor.shape[-1] for tensor in bare.tensors if tensor.role is TensorRole.EMBEDDING)
    name = {"ForQuestionAnswering": "qa_outputs", "ForTokenClassification": "classifier"}.get(head, "score")
    tensors = [Tensor(f"{name}.weight", (rows, width), TensorRole.HEAD, Sharding.REPLICATED)]
    if head != "ForSequenceClassification":
        tensors.append(Tensor(f"{name}.bias", (rows,), TensorRole.HEAD, Sharding.REPLICATED))
    return replace(bare, tensors=(*bare.tensors, *tensors))
