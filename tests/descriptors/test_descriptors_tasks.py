"""What a model is for, from the class its config names, its type, and what sentence-transformers puts beside it."""

from __future__ import annotations

from typing import Any

import pytest

from ai_on_eks.descriptors.architectures import relevant_hyperparameters
from ai_on_eks.descriptors.schema import Kind
from ai_on_eks.descriptors.tasks import SentenceModel, purpose_of

ENCODER = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "vocab_size": 1000,
    "max_position_embeddings": 128,
}
DECODER = ENCODER | {"num_key_value_heads": 2}
T5 = {"d_model": 64, "d_kv": 16, "d_ff": 128, "num_layers": 2, "num_heads": 4, "vocab_size": 1000}
RESNET = {"depths": [1, 1, 1, 1], "hidden_sizes": [64, 64, 64, 64], "embedding_size": 64, "image_size": 224}


@pytest.mark.parametrize(
    ("model_type", "architecture", "shape", "kind", "task"),
    [
        ("llama", "LlamaForCausalLM", DECODER, Kind.FOUNDATION, "text-generation"),
        ("bert", "BertForSequenceClassification", ENCODER, Kind.TASK_SPECIFIC, "text-classification"),
        ("bert", "BertForTokenClassification", ENCODER, Kind.TASK_SPECIFIC, "token-classification"),
        ("bert", "BertForMaskedLM", ENCODER, Kind.TASK_SPECIFIC, "fill-mask"),
        ("bert", "BertModel", ENCODER, Kind.EMBEDDING, "feature-extraction"),
        ("t5", "T5ForConditionalGeneration", T5, Kind.FOUNDATION, "text2text-generation"),
        ("resnet", "ResNetForImageClassification", RESNET, Kind.TASK_SPECIFIC, "image-classification"),
    ],
)
def test_given_a_class_when_asked_then_kind_and_task_are_its_own(
    model_type: str, architecture: str, shape: dict[str, Any], kind: Kind, task: str
) -> None:
    config = {"model_type": model_type, "architectures": [architecture], **shape}
    inventory, _relevant = relevant_hyperparameters(config)
    purpose = purpose_of(config, inventory, SentenceModel.NONE)
    assert (purpose.kind, purpose.task) == (kind, task)
