"""T5 and BART with their relatives: exact parameters, caches, operations, and what is refused.

Parameters as counted with transformers 5.23.0 on the meta device, where no other source is named.
"""

from __future__ import annotations

from typing import Any

import pytest

from ai_on_eks.descriptors.architectures import relevant_hyperparameters
from ai_on_eks.descriptors.architectures.encoder_decoder_t5 import DEFAULTS, read_encoder
from ai_on_eks.descriptors.architectures.hyperparameters import Hyperparameters
from ai_on_eks.descriptors.inventory import Inventory, KeyValueState, TensorRole
from ai_on_eks.errors import InputError

T5_SMALL: dict[str, Any] = {
    "model_type": "t5", "architectures": ["T5ForConditionalGeneration"], "d_model": 512, "d_kv": 64, "d_ff": 2048,
    "num_layers": 6, "num_heads": 8, "vocab_size": 32128,
}  # fmt: skip
FLAN_XXL = T5_SMALL | {
    "d_model": 4096, "d_ff": 10240, "num_layers": 24, "num_heads": 64, "feed_forward_proj": "gated-gelu",
}  # fmt: skip
UMT5_SMALL = T5_SMALL | {"model_type": "umt5", "d_ff": 1024, "num_layers": 8, "num_heads": 6, "vocab_size": 250112}
UNEVEN = T5_SMALL | {
    "d_model": 256, "d_kv": 32, "d_ff": 500, "num_layers": 4, "num_decoder_layers": 2, "num_heads": 12,
    "vocab_size": 1000, "relative_attention_num_buckets": 16,
}  # fmt: skip

BART: dict[str, Any] = {
    "model_type": "bart", "architectures": ["BartForConditionalGeneration"], "d_model": 1024, "vocab_size": 50265,
    "max_position_embeddings": 1024, "encoder_layers": 12, "encoder_attention_heads": 16, "encoder_ffn_dim": 4096,
    "decoder_layers": 12, "decoder_attention_heads": 16, "decoder_ffn_dim": 4096,
}  # fmt: skip
UNLIKE = BART | {
    "d_model": 96, "vocab_size": 500, "encoder_layers": 3, "encoder_attention_heads": 4, "encoder_ffn_dim": 100,
    "decoder_layers": 2, "decoder_attention_heads": 6, "decoder_ffn_dim": 120,
}  # fmt: skip
MARIAN = BART | {"model_type": "marian", "architectures": ["MarianMTModel"], "vocab_size": 58101}


def read(config: dict[str, Any], **changes: Any) -> Inventory:
    return relevant_hyperparameters({**config, **changes})[0]


def states(inventory: Inventory) -> list[KeyValueState]:
    return [state for state in inventory.states if isinstance(state, KeyValueState)]


@pytest.mark.parametrize(
    ("config", "parameters"),
    [
        (T5_SMALL, 60_506_624),
        (T5_SMALL | {"architectures": ["T5WithLMHeadModel"]}, 60_506_624),
        (T5_SMALL | {"d_model": 1024, "d_kv": 128, "d_ff": 65536, "num_layers": 24, "num_heads": 128}, 11_307_321_344),
        (FLAN_XXL, 11_003_736_064),
        # google/flan-t5-xxl as published: 11,135,332,352 with the head its checkpoint stores
        (FLAN_XXL | {"tie_word_embeddings": False}, 11_135_332_352),
        (FLAN_XXL | {"architectures": ["T5EncoderModel"]}, 4_762_310_656),
        (UNEVEN, 4_942_208),
        (UMT5_SMALL, 172_122_112),
        (UMT5_SMALL | {"feed_forward_proj": "relu"}, 163_733_504),
        (UMT5_SMALL | {"feed_forward_proj": "relu", "is_gated_act": False}, 163_733_504),
        (UMT5_SMALL | {"architectures": ["UMT5EncoderModel"]}, 146_941_952),
        (UMT5_SMALL | {"model_type": "mt5", "architectures": ["MT5ForConditionalGeneration"]}, 172_119_424),
        (UMT5_SMALL | {"model_type": "mt5", "architectures": ["MT5EncoderModel"]}, 146_940_608),
        (BART, 406_291_456),
        (BART | {"architectures": ["BartModel"]}, 406_291_456),
        (BART | {"architectures": ["BartForSequenceClassification"]}, 407_344_131),
        (UNLIKE, 613_116),
        (UNLIKE | {"architectures": ["BartForSequenceClassification"]}, 622_719),
        (BART | {"model_type": "mbart", "architectures": ["MBartForConditionalGeneration"]}, 406_295_552),
        (UNLIKE | {"model_type": "mbart", "architectures": ["MBartForConditionalGeneration"]}, 613_500),
        (BART | {"model_type": "pegasus", "architectures": ["PegasusForConditionalGeneration"]}, 406_287_360),
        (UNLIKE | {"model_type": "pegasus", "architectures": ["PegasusForConditionalGeneration"]}, 612_732),
        (MARIAN, 414_307_328),
        (MARIAN | {"share_encoder_decoder_embeddings": False, "decoder_vocab_size": 60000}, 475_747_328),
        (
            BART | {"model_type": "m2m_100", "vocab_size": 128112, "architectures": ["M2M100ForConditionalGeneration"]},
            483_905_536,
        ),
    ],
)
def test_given_published_hyperparameters_when_read_then_the_parameters_are_exact(
    config: dict[str, Any], parameters: int
) -> None:
    assert read(config).parameters == parameters


def test_given_t5_when_read_then_the_decoder_keeps_the_text_and_the_source_as_the_context_grows() -> None:
    inventory = read(UNEVEN)
    text, source = states(inventory)
    assert (text.elements_per_token, source.elements_per_token) == (2 * 12 * 64, 2 * 12 * 64)
    assert text.grows
    assert source.grows
    assert inventory.estimated
    assert (inventory.layers, inventory.attention_heads, inventory.max_context_tokens) == (2, 12, None)


def test_given_t5_when_read_then_source_and_text_pass_their_own_half() -> None:
    inventory = read(UNEVEN)
    width, feed_forward = 256 * 12 * 32, 2 * 256 * 500
    assert inventory.operations.per_item == 2 * 2 * (6 * width + feed_forward) + 2 * 1000 * 256
    assert inventory.operations.per_item_and_context_token == 2 * 4 * 2 * 12 * 32
    (encoder,) = inventory.encoders
    assert encoder.operations.per_item == 2 * (4 * (4 * width + feed_forward) + 2 * 2 * width)
    assert encoder.operations.per_item_and_context_token == 4 * 4 * 12 * 32
    assert (encoder.handed, encoder.tokens, encoder.name) == (256, None, "text")
    assert encoder.per_item == inventory.activations.per_item == 256 + max(2 * 500, 4 * 384)


def test_given_the_encoder_alone_when_read_then_nothing_is_kept_or_sampled() -> None:
    inventory = read(FLAN_XXL, architectures=["T5EncoderModel"])
    assert (inventory.states, inventory.activations.vocabulary, inventory.encoders) == ((), 0, ())
    assert inventory.operations.per_item == 2 * 24 * (4 * 4096**2 + 3 * 4096 * 10240)
    assert all(not tensor.name.startswith("decoder") for tensor in inventory.tensors)


def test_given_a_text_encoder_within_another_model_when_read_then_it_is_the_same_inventory() -> None:
    config = {key: value for key, value in FLAN_XXL.items() if key not in ("model_type", "architectures")}
    parameters = Hyperparameters({"text_encoder": config}, {})
    assert read_encoder("t5", parameters.section("text_encoder", DEFAULTS["t5"])) == read(
        FLAN_XXL, architectures=["T5EncoderModel"]
    )
    parameters.finish()
    assert parameters.read["text_encoder"]["d_ff"] == 10240


def test_given_bart_when_read_then_both_caches_hold_all_heads_and_the_head_is_the_tied_embedding() -> None:
    inventory = read(UNLIKE)
    assert [state.elements_per_token for state in states(inventory)] == [2 * 2 * 96, 2 * 2 * 96]
    assert inventory.operations.per_item == 2 * (2 * (6 * 96**2 + 2 * 96 * 120) + 500 * 96)
    (encoder,) = inventory.encoders
    assert encoder.operations.per_item == 2 * (3 * (4 * 96**2 + 2 * 96 * 100) + 2 * 2 * 96**2)
    assert inventory.max_context_tokens == 1024


def test_given_a_classifier_when_read_then_the_text_passes_both_halves_and_nothing_is_kept() -> None:
    inventory = read(UNLIKE, architectures=["BartForSequenceClassification"])
    halves = 3 * (4 * 96**2 + 2 * 96 * 100) + 2 * (8 * 96**2 + 2 * 96 * 120)
    assert inventory.operations.per_item == 2 * halves
    assert inventory.operations.per_item_and_context_token == 4 * 96 * (3 + 2 + 2)
    assert (inventory.states, inventory.encoders, inventory.activations.vocabulary) == ((), (), 0)


@pytest.mark.parametrize("config", [T5_SMALL, UMT5_SMALL, BART, MARIAN])
def test_given_any_of_them_when_read_then_only_the_layers_matrices_are_quantizable(config: dict[str, Any]) -> None:
    for tensor in read(config).tensors:
        layers = tensor.role in (TensorRole.ATTENTION, TensorRole.FEED_FORWARD)
        assert tensor.quantizable == (layers and len(tensor.shape) == 2), tensor.name


@pytest.mark.parametrize(
    ("config", "codes"),
    [
        (T5_SMALL | {"d_kv": None}, {"missing-hyperparameter"}),
        (T5_SMALL | {"feed_forward_proj": "glu-relu"}, {"unknown-architecture"}),
        (T5_SMALL | {"feed_forward_proj": "gated-gelu-new"}, {"unknown-architecture"}),
        (T5_SMALL | {"feed_forward_proj": 3}, {"wrong-type"}),
        (T5_SMALL | {"is_gated_act": True}, {"contradiction"}),
        (UMT5_SMALL | {"is_gated_act": False}, {"contradiction"}),
        (T5_SMALL | {"architectures": ["T5ForTokenClassification"]}, {"unknown-architecture"}),
        (T5_SMALL | {"architectures": ["T5EncoderModel"], "d_ff": None}, {"missing-hyperparameter"}),
        (BART | {"decoder_attention_heads": 7}, {"contradiction"}),
        (BART | {"tie_word_embeddings": False}, {"unknown-architecture"}),
        (BART | {"architectures": ["BartForCausalLM"]}, {"unknown-architecture"}),
        (MARIAN | {"architectures": ["MarianForSequenceClassification"]}, {"unknown-architecture"}),
    ],
)
def test_given_an_unusable_config_when_read_then_an_input_error_says_why(
    config: dict[str, Any], codes: set[str]
) -> None:
    with pytest.raises(InputError) as caught:
        read(config)
    assert {problem.code for problem in caught.value.problems} == codes
    assert all(problem.fix for problem in caught.value.problems)
