"""Encoders of pages, and further relatives of BERT and BART: parameters as the library counts them, and refusals."""

from __future__ import annotations

from typing import Any

import pytest

from ai_on_eks.descriptors.architectures import relevant_hyperparameters
from ai_on_eks.descriptors.inventory import Inventory, TensorRole
from ai_on_eks.descriptors.tasks import purpose_of
from ai_on_eks.errors import InputError

SMALL: dict[str, Any] = {
    "hidden_size": 256, "intermediate_size": 384, "num_hidden_layers": 2, "num_attention_heads": 8, "vocab_size": 1000,
    "max_position_embeddings": 514,
}  # fmt: skip
HALVES: dict[str, Any] = {
    "d_model": 256, "encoder_layers": 2, "decoder_layers": 3, "encoder_attention_heads": 8,
    "decoder_attention_heads": 4, "encoder_ffn_dim": 384, "decoder_ffn_dim": 512, "vocab_size": 1000,
    "max_position_embeddings": 512,
}  # fmt: skip
PAGE: dict[str, Any] = {
    "hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12,
    "vocab_size": 50265, "max_position_embeddings": 514,
}  # fmt: skip


def read(model_type: str, model_class: str, config: dict[str, Any]) -> Inventory:
    return relevant_hyperparameters({"model_type": model_type, "architectures": [model_class], **config})[0]


@pytest.mark.parametrize(
    ("model_type", "model_class", "config", "parameters"),
    [
        ("blenderbot", "BlenderbotForConditionalGeneration", HALVES, 3_814_400),
        ("blenderbot-small", "BlenderbotSmallForConditionalGeneration", HALVES, 3_814_400),
        ("ernie", "ErnieModel", SMALL, 1_377_280),
        ("ernie", "ErnieForMaskedLM", SMALL, 1_378_792),
        ("ernie", "ErnieForSequenceClassification", SMALL | {"use_task_id": True}, 1_378_562),
        ("layoutlm", "LayoutLMModel", SMALL, 2_425_856),
        ("layoutlm", "LayoutLMForMaskedLM", SMALL, 2_493_160),
        ("layoutlm", "LayoutLMForTokenClassification", SMALL, 2_426_370),
        ("layoutlmv3", "LayoutLMv3Model", PAGE, 125_327_744),
        ("layoutlmv3", "LayoutLMv3ForTokenClassification", PAGE, 125_329_282),
        ("layoutlmv3", "LayoutLMv3ForTokenClassification", PAGE | {"num_labels": 10}, 125_926_026),
        ("layoutlmv3", "LayoutLMv3ForSequenceClassification", PAGE | {"has_spatial_attention_bias": False},
         125_918_338),
        ("layoutlmv3", "LayoutLMv3ForQuestionAnswering", PAGE, 125_919_874),
        ("megatron-bert", "MegatronBertModel", SMALL, 1_377_280),
        ("megatron-bert", "MegatronBertForPreTraining", SMALL, 1_445_098),
        ("plbart", "PLBartForConditionalGeneration", HALVES, 3_815_424),
        ("plbart", "PLBartForSequenceClassification", HALVES, 3_881_730),
        ("roberta-prelayernorm", "RobertaPreLayerNormModel", SMALL, 1_377_792),
        ("roberta-prelayernorm", "RobertaPreLayerNormForMaskedLM", SMALL, 1_379_304),
        ("xlm-roberta-xl", "XLMRobertaXLModel", SMALL, 1_377_024),
        ("xlm-roberta-xl", "XLMRobertaXLForSequenceClassification", SMALL, 1_377_538),
    ],
)  # fmt: skip
def test_given_a_class_when_read_then_its_parameters_are_those_the_library_counts(
    model_type: str, model_class: str, config: dict[str, Any], parameters: int
) -> None:
    # counted with transformers 5.23.0 on the meta device, tied weights once; layoutlmv3 as layoutlmv3-base is published
    assert read(model_type, model_class, config).parameters == parameters


def test_given_a_page_when_read_then_its_words_leave_out_the_reserved_positions_and_nothing_is_kept() -> None:
    inventory = read("layoutlmv3", "LayoutLMv3Model", PAGE)
    assert (inventory.max_context_tokens, inventory.states) == (512, ())
    assert inventory.operations.per_item == 2 * 12 * (4 * 768 * 768 + 2 * 768 * 3072)
    assert inventory.operations.per_item_and_context_token == 4 * 12 * 768


def test_given_boxes_when_read_then_each_side_has_a_table_and_the_pooler_is_there() -> None:
    inventory = read("layoutlm", "LayoutLMForTokenClassification", SMALL)
    tables = [one for one in inventory.tensors if one.name.rpartition(".")[0].endswith("_position_embeddings")]
    assert [one.shape for one in tables] == [(1024, 256)] * 4
    assert [one.shape for one in inventory.tensors if one.role is TensorRole.POOLER] == [(256, 256), (256,)]


@pytest.mark.parametrize("model_type", ["blenderbot", "blenderbot-small", "plbart"])
def test_given_halves_when_read_then_the_source_is_kept_beside_the_text(model_type: str) -> None:
    inventory = relevant_hyperparameters({"model_type": model_type, **HALVES})[0]
    assert [(one.layers, one.name) for one in inventory.states] == [
        (3, "keys and values"),
        (3, "keys and values of the source"),
    ]
    assert purpose_of({"model_type": model_type}, inventory).task == "text2text-generation"


@pytest.mark.parametrize(
    ("model_type", "model_class", "config", "code"),
    [
        ("layoutlmv3", "LayoutLMv3Model", PAGE | {"visual_embed": False}, "unknown-architecture"),
        ("layoutlmv3", "LayoutLMv3Model", PAGE | {"coordinate_size": 100}, "contradiction"),
        ("layoutlmv3", "LayoutLMv3Model", PAGE | {"pad_token_id": 513}, "contradiction"),
        ("layoutlmv3", "LayoutLMv3ForMaskedLM", PAGE, "unknown-architecture"),
        ("ernie", "ErnieModel", SMALL | {"is_decoder": True}, "unknown-architecture"),
        ("blenderbot", "BlenderbotForCausalLM", HALVES, "unknown-architecture"),
        ("plbart", "PLBartForConditionalGeneration", HALVES | {"tie_word_embeddings": False}, "unknown-architecture"),
    ],
)
def test_given_a_variant_of_these_that_is_not_known_when_read_then_it_is_refused(
    model_type: str, model_class: str, config: dict[str, Any], code: str
) -> None:
    with pytest.raises(InputError) as caught:
        read(model_type, model_class, config)
    assert [problem.code for problem in caught.value.problems] == [code]
