"""Encoders that differ from BERT in their layers: parameters as transformers counts them, or as published."""

from __future__ import annotations

from typing import Any

import pytest

from ai_on_eks.descriptors.architectures import relevant_hyperparameters
from ai_on_eks.descriptors.inventory import Inventory
from ai_on_eks.errors import InputError

SMALL: dict[str, Any] = {
    "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": 100,
    "max_position_embeddings": 512,
}  # fmt: skip


def read(model_type: str, **changes: Any) -> Inventory:
    return relevant_hyperparameters({"model_type": model_type, **SMALL, **changes})[0]


@pytest.mark.parametrize(
    ("model_type", "changes", "parameters"),
    [
        ("albert", {"architectures": ["AlbertForMaskedLM"]}, 125_124),
        ("albert", {"architectures": ["AlbertForSequenceClassification"]}, 120_738),
        ("big_bird", {"max_position_embeddings": 4096}, 331_648),
        ("electra", {"architectures": ["ElectraForPreTraining"]}, 150_017),
        ("electra", {"architectures": ["ElectraForMaskedLM"]}, 154_468),
        ("esm", {"max_position_embeddings": 1026}, 135_049),
        ("esm", {"max_position_embeddings": 1026, "architectures": ["EsmForMaskedLM"]}, 135_277),
        ("gte", {}, 77_376),
        ("longformer", {}, 127_232),
        ("nomic_bert", {}, 76_800),
        ("nomic_bert", {"architectures": ["NomicBertForMaskedLM"]}, 81_188),
    ],
)
def test_given_a_small_config_when_read_then_its_parameters_are_those_the_library_counts(
    model_type: str, changes: dict[str, Any], parameters: int
) -> None:
    # counted with transformers 5.23.0 on the meta device, tied weights once
    assert read(model_type, **changes).parameters == parameters


def test_given_the_words_of_nomic_embed_when_read_then_it_has_its_published_parameters() -> None:
    # nomic-ai/nomic-embed-text-v1.5: 136,731,648 in its safetensors header
    config = {"model_type": "nomic_bert", "n_embd": 768, "n_head": 12, "n_inner": 3072, "n_layer": 12,
              "n_positions": 8192, "vocab_size": 30528, "type_vocab_size": 2, "qkv_proj_bias": False}  # fmt: skip
    assert relevant_hyperparameters(config)[0].parameters == 136_731_648
    narrow, wide = ({**config, "n_inner": inner} for inner in (2800, 2816))  # rounded up to a multiple of 256
    assert relevant_hyperparameters(narrow)[0].parameters == relevant_hyperparameters(wide)[0].parameters


def test_given_gte_under_the_name_of_its_own_code_when_read_then_it_has_its_published_parameters() -> None:
    # Alibaba-NLP/gte-base-en-v1.5: 136,776,192 in its safetensors header, no table of token types
    config = {"model_type": "new", "architectures": ["NewModel"], "hidden_size": 768, "intermediate_size": 3072,
              "num_hidden_layers": 12, "num_attention_heads": 12, "max_position_embeddings": 8192,
              "vocab_size": 30528, "type_vocab_size": 0}  # fmt: skip
    assert relevant_hyperparameters(config)[0].parameters == 136_776_192


def test_given_shared_layers_when_read_then_each_is_passed_again() -> None:
    shallow, deep = read("albert"), read("albert", num_hidden_layers=4)
    assert shallow.parameters == deep.parameters
    assert deep.operations.per_item == 2 * shallow.operations.per_item


@pytest.mark.parametrize(
    ("model_type", "changes", "codes"),
    [
        ("albert", {"inner_group_num": 2}, {"unknown-architecture"}),
        ("albert", {"num_hidden_groups": 3}, {"contradiction"}),
        ("big_bird", {"use_bias": False}, {"unknown-architecture"}),
        ("electra", {"vocab_size": None}, {"missing-hyperparameter"}),
        ("electra", {"architectures": ["ElectraForCausalLM"]}, {"unknown-architecture"}),
        ("esm", {"position_embedding_type": "relative_key"}, {"not-allowed"}),
        ("nomic_bert", {"num_experts": 8}, {"unknown-architecture"}),
        ("nomic_bert", {"head_dim": 64}, {"unknown-architecture"}),
        ("roberta", {"position_embedding_type": "rotary"}, {"unknown-architecture"}),
    ],
)
def test_given_what_is_not_known_when_read_then_it_is_refused(
    model_type: str, changes: dict[str, Any], codes: set[str]
) -> None:
    with pytest.raises(InputError) as caught:
        read(model_type, **changes)
    assert {problem.code for problem in caught.value.problems} == codes
