"""What stands on top of a model, by the class its config names: parameters as transformers counts them."""

from __future__ import annotations

from typing import Any

import pytest

from ai_on_eks.descriptors.architectures import relevant_hyperparameters
from ai_on_eks.descriptors.inventory import Inventory, TensorRole
from ai_on_eks.errors import InputError

DECODER: dict[str, Any] = {
    "hidden_size": 256, "intermediate_size": 384, "num_hidden_layers": 3, "num_attention_heads": 8,
    "num_key_value_heads": 4, "vocab_size": 1000, "max_position_embeddings": 512,
}  # fmt: skip
ENCODER = {key: value for key, value in DECODER.items() if key != "num_key_value_heads"}
OPT = ENCODER | {"ffn_dim": 384, "word_embed_proj_dim": 128}


def read(model_type: str, config: dict[str, Any], model_class: str, **changes: Any) -> Inventory:
    return relevant_hyperparameters({"model_type": model_type, "architectures": [model_class], **config, **changes})[0]


@pytest.mark.parametrize(
    ("model_type", "config", "model_class", "changes", "parameters"),
    [
        ("llama", DECODER, "LlamaForSequenceClassification", {"num_labels": 5}, 1_733_632),
        ("llama", DECODER, "LlamaForTokenClassification", {"num_labels": 5}, 1_733_637),
        ("llama", DECODER, "LlamaForQuestionAnswering", {"num_labels": 5}, 1_732_866),
        ("qwen2", DECODER, "Qwen2ForSequenceClassification", {"num_labels": 5}, 1_735_168),
        ("opt", OPT, "OPTForSequenceClassification", {}, 1_710_208),
        ("bert", ENCODER, "BertForMaskedLM", {"tie_word_embeddings": False}, 2_096_720),
        ("bert", ENCODER, "BertForPreTraining", {"tie_word_embeddings": False}, 2_163_026),
        ("bert", ENCODER, "BertForNextSentencePrediction", {}, 1_838_722),
        ("bert", ENCODER, "BertForMultipleChoice", {}, 1_838_465),
        ("roberta", ENCODER, "RobertaForMaskedLM", {"tie_word_embeddings": False}, 2_096_720),
        ("roberta", ENCODER, "RobertaForMultipleChoice", {}, 1_838_465),
        ("mpnet", ENCODER, "MPNetForMaskedLM", {"tie_word_embeddings": False}, 2_096_464),
        ("deberta-v2", ENCODER, "DebertaV2ForMaskedLM", {"tie_word_embeddings": False}, 2_096_208),
        ("modernbert", ENCODER, "ModernBertForMultipleChoice", {}, 1_995_009),
    ],
)
def test_given_a_class_when_read_then_what_stands_on_top_is_counted(
    model_type: str, config: dict[str, Any], model_class: str, changes: dict[str, Any], parameters: int
) -> None:
    # counted with transformers 5.23.0 on the meta device, tied weights once
    assert read(model_type, config, model_class, **changes).parameters == parameters


@pytest.mark.parametrize(
    ("model_type", "config", "model_class", "changes"),
    [
        ("bert", ENCODER, "BertLMHeadModel", {}),
        ("gpt2", ENCODER, "GPT2DoubleHeadsModel", {"n_embd": 256, "n_head": 8, "n_layer": 3, "n_positions": 512}),
        ("llama", DECODER, "LlamaForRewardModel", {}),
        ("bert", ENCODER, "BertModel", {"is_decoder": True}),
        ("bert", ENCODER, "BertForMaskedLM", {"is_decoder": True, "add_cross_attention": True}),
        ("helium", DECODER, "HeliumForCausalLM", {"head_dim": 64}),
    ],
)
def test_given_something_else_on_top_when_read_then_it_is_refused(
    model_type: str, config: dict[str, Any], model_class: str, changes: dict[str, Any]
) -> None:
    with pytest.raises(InputError) as caught:
        read(model_type, config, model_class, **changes)
    assert {problem.code for problem in caught.value.problems} == {"unknown-architecture"}


def test_given_labels_by_name_when_a_decoder_classifies_then_each_is_a_row_and_the_class_is_kept() -> None:
    names = {str(number): f"label {number}" for number in range(3)}
    config = {"model_type": "llama", "architectures": ["LlamaForSequenceClassification"], **DECODER, "id2label": names}
    inventory, relevant = relevant_hyperparameters(config)
    assert [t.shape for t in inventory.tensors if t.role is TensorRole.HEAD] == [(3, 256)]
    assert relevant["architectures"] == ["LlamaForSequenceClassification"]
    assert relevant_hyperparameters(relevant)[0] == inventory
    assert inventory.activations.vocabulary == 0  # nothing is sampled


def test_given_no_labels_when_a_decoder_classifies_then_the_documented_two_hold() -> None:
    inventory = read("qwen3", DECODER | {"head_dim": 32}, "Qwen3ForSequenceClassification")
    assert [tensor.shape for tensor in inventory.tensors if tensor.role is TensorRole.HEAD] == [(2, 256)]
