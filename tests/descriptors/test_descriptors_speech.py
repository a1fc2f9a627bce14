"""Whisper and Speech2Text: exact parameters, the constant cache of their source, operations, and what is refused.

Parameters as counted with transformers 5.23.0 on the meta device.
"""

from __future__ import annotations

from typing import Any

import pytest

from ai_on_eks.descriptors.architectures import relevant_hyperparameters
from ai_on_eks.descriptors.inventory import Inventory, KeyValueState
from ai_on_eks.errors import InputError

WHISPER_TINY: dict[str, Any] = {
    "model_type": "whisper", "architectures": ["WhisperForConditionalGeneration"], "d_model": 384, "vocab_size": 51865,
    "encoder_layers": 4, "encoder_attention_heads": 6, "encoder_ffn_dim": 1536, "decoder_layers": 4,
    "decoder_attention_heads": 6, "decoder_ffn_dim": 1536,
}  # fmt: skip
TURBO = WHISPER_TINY | {
    "d_model": 1280, "vocab_size": 51866, "num_mel_bins": 128, "encoder_layers": 32, "encoder_attention_heads": 20,
    "encoder_ffn_dim": 5120, "decoder_attention_heads": 20, "decoder_ffn_dim": 5120,
}  # fmt: skip
SPEECH_TO_TEXT = WHISPER_TINY | {
    "model_type": "speech_to_text", "architectures": ["Speech2TextForConditionalGeneration"], "d_model": 256,
    "vocab_size": 10000, "encoder_layers": 12, "encoder_attention_heads": 4, "encoder_ffn_dim": 2048,
    "decoder_layers": 6, "decoder_attention_heads": 4, "decoder_ffn_dim": 2048,
}  # fmt: skip


def read(config: dict[str, Any], **changes: Any) -> Inventory:
    return relevant_hyperparameters({**config, **changes})[0]


@pytest.mark.parametrize(
    ("config", "parameters"),
    [
        (WHISPER_TINY, 37_760_640),
        (WHISPER_TINY | {"architectures": ["WhisperModel"]}, 37_760_640),
        (WHISPER_TINY | {"tie_word_embeddings": False}, 37_760_640 + 51865 * 384),
        (TURBO, 808_878_080),
        (TURBO | {"decoder_layers": 2}, 756_405_760),
        (SPEECH_TO_TEXT, 29_536_256),
        (SPEECH_TO_TEXT | {"conv_kernel_sizes": [5, 5, 3], "conv_channels": 512}, 29_069_312),
    ],
)
def test_given_published_hyperparameters_when_read_then_the_parameters_are_exact(
    config: dict[str, Any], parameters: int
) -> None:
    assert read(config).parameters == parameters


def test_given_whisper_when_read_then_thirty_seconds_of_sound_are_kept_whatever_the_context() -> None:
    inventory = read(TURBO)
    text, sound = inventory.states
    assert isinstance(text, KeyValueState)
    assert isinstance(sound, KeyValueState)
    assert (text.fixed_tokens, sound.fixed_tokens) == (None, 1500)
    assert text.elements_per_token == sound.elements_per_token == 4 * 20 * 128
    assert (inventory.max_context_tokens, inventory.estimated) == (448, ())


def test_given_whisper_when_read_then_a_token_attends_to_all_sound_and_the_encoder_passes_once() -> None:
    inventory = read(WHISPER_TINY)
    layer = 2 * 384 * 1536
    assert inventory.operations.per_item == 2 * (4 * (6 * 384**2 + layer) + 51865 * 384) + 4 * 4 * 384 * 1500
    assert inventory.operations.per_item_and_context_token == 4 * 4 * 384
    (encoder,) = inventory.encoders
    convolutions = 2 * (2 * 384 * 80 * 3 + 384 * 384 * 3)
    assert encoder.operations.per_item == convolutions + 2 * 4 * (4 * 384**2 + layer + 2 * 384**2)
    assert (encoder.tokens, encoder.handed, encoder.name) == (1500, 384, "sound")
    assert encoder.per_item == 384 + 2 * 1536


def test_given_frames_when_each_convolution_halves_them_then_so_many_tokens_are_kept() -> None:
    lengths = [
        read(SPEECH_TO_TEXT, **change).encoders[0].tokens
        for change in ({}, {"max_source_positions": 6001}, {"conv_kernel_sizes": [5, 5, 3]})
    ]
    assert lengths == [1500, 1501, 750]


@pytest.mark.parametrize(
    ("config", "codes"),
    [
        (WHISPER_TINY | {"encoder_ffn_dim": None}, {"missing-hyperparameter"}),
        (WHISPER_TINY | {"encoder_attention_heads": 7}, {"contradiction"}),
        (WHISPER_TINY | {"architectures": ["WhisperForAudioClassification"]}, {"unknown-architecture"}),
        (SPEECH_TO_TEXT | {"conv_channels": 513}, {"contradiction"}),
        (SPEECH_TO_TEXT | {"conv_kernel_sizes": "5"}, {"wrong-type"}),
    ],
)
def test_given_an_unusable_config_when_read_then_an_input_error_says_why(
    config: dict[str, Any], codes: set[str]
) -> None:
    with pytest.raises(InputError) as caught:
        read(config)
    assert {problem.code for problem in caught.value.problems} == codes
