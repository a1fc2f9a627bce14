"""Further models that see or hear: exact totals, the decoder's cache, encoders and what they hand on."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from ai_on_eks.descriptors.architectures import relevant_hyperparameters
from ai_on_eks.descriptors.architectures.speech_language import MODEL_TYPES as HEARING
from ai_on_eks.descriptors.architectures.vision_language_more import MODEL_TYPES as SEEING
from ai_on_eks.descriptors.inventory import Inventory, KeyValueState, Sharding, TensorRole
from ai_on_eks.descriptors.schema import Kind
from ai_on_eks.descriptors.tasks import purpose_of
from ai_on_eks.errors import InputError

QWEN2_7B: dict[str, Any] = {
    "hidden_size": 3584, "intermediate_size": 18944, "num_hidden_layers": 28, "num_attention_heads": 28,
    "num_key_value_heads": 4, "max_position_embeddings": 32768, "vocab_size": 152064,
}  # fmt: skip
COMMAND: dict[str, Any] = {
    "model_type": "cohere2", "num_key_value_heads": 8, "sliding_window": 4096, "sliding_window_pattern": 4,
}  # fmt: skip
SIGLIP: dict[str, Any] = {
    "model_type": "siglip_vision_model", "hidden_size": 1152, "intermediate_size": 4304, "num_hidden_layers": 27,
    "num_attention_heads": 16, "patch_size": 14, "vision_use_head": False,
}  # fmt: skip
CLIP: dict[str, Any] = {
    "model_type": "clip_vision_model", "hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24,
    "num_attention_heads": 16, "image_size": 336, "patch_size": 14,
}  # fmt: skip
SOUND: dict[str, Any] = {
    "d_model": 1280, "encoder_layers": 32, "encoder_attention_heads": 20, "encoder_ffn_dim": 5120, "num_mel_bins": 128,
}  # fmt: skip
GLM_IMAGE: dict[str, Any] = {
    "depth": 24, "hidden_size": 1536, "num_heads": 12, "intermediate_size": 13696, "image_size": 336,
    "patch_size": 14, "out_hidden_size": 4096,
}  # fmt: skip
GLM_TEXT: dict[str, Any] = {
    "model_type": "glm4v_text", "hidden_size": 4096, "intermediate_size": 13696, "num_hidden_layers": 40,
    "num_attention_heads": 32, "num_key_value_heads": 2, "vocab_size": 151552, "max_position_embeddings": 65536,
}  # fmt: skip
GLM_SPARSE: dict[str, Any] = {
    "model_type": "glm4v_moe_text", "hidden_size": 4096, "intermediate_size": 10944, "num_hidden_layers": 46,
    "num_attention_heads": 96, "num_key_value_heads": 8, "head_dim": 128, "moe_intermediate_size": 1408,
    "n_routed_experts": 128, "num_experts_per_tok": 8, "n_shared_experts": 1, "first_k_dense_replace": 1,
    "attention_bias": True, "vocab_size": 151552, "max_position_embeddings": 65536,
}  # fmt: skip
OMNI: dict[str, Any] = {
    "audio_config": SOUND | {"n_window": 100, "output_dim": 3584},
    "vision_config": {
        "depth": 32, "hidden_size": 1280, "intermediate_size": 3420, "num_heads": 16, "out_hidden_size": 3584,
        "fullatt_block_indexes": [7, 15, 23, 31],
    },
    "text_config": QWEN2_7B | {"model_type": "qwen2_5_omni_text"},
}  # fmt: skip
OMNI3: dict[str, Any] = {
    "audio_config": SOUND | {"output_dim": 2048, "downsample_hidden_size": 480},
    "vision_config": {
        "depth": 27, "hidden_size": 1152, "intermediate_size": 4304, "num_heads": 16, "out_hidden_size": 2048,
        "patch_size": 16, "num_position_embeddings": 2304, "deepstack_visual_indexes": [8, 16, 24],
    },
    "text_config": {
        "model_type": "qwen3_omni_moe_text", "hidden_size": 2048, "intermediate_size": 768, "num_hidden_layers": 48,
        "num_attention_heads": 32, "num_key_value_heads": 4, "head_dim": 128, "moe_intermediate_size": 768,
        "num_experts": 128, "num_experts_per_tok": 8, "vocab_size": 152064, "max_position_embeddings": 65536,
    },
}  # fmt: skip
GEMMA3N: dict[str, Any] = {
    "model_type": "gemma3n_text", "hidden_size": 2048, "intermediate_size": [16384] * 35, "num_hidden_layers": 35,
    "num_kv_shared_layers": 15, "num_attention_heads": 8, "num_key_value_heads": 2, "head_dim": 256,
}  # fmt: skip
LFM2: dict[str, Any] = {
    "model_type": "lfm2", "hidden_size": 2048, "intermediate_size": 12288, "num_hidden_layers": 16,
    "num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 65536, "full_attn_idxs": [2, 5, 8, 10, 12, 14],
}  # fmt: skip
LFM2_IMAGE: dict[str, Any] = {
    "model_type": "siglip2_vision_model", "hidden_size": 1152, "intermediate_size": 4304, "num_hidden_layers": 26,
    "num_attention_heads": 16, "patch_size": 16, "num_patches": 256, "vision_use_head": False,
}  # fmt: skip
VOXTRAL: dict[str, Any] = {
    "audio_config": {"hidden_size": 1280, "intermediate_size": 5120, "num_hidden_layers": 32,
                     "num_attention_heads": 20, "num_mel_bins": 128},
    "text_config": {"model_type": "llama", "hidden_size": 3072, "intermediate_size": 8192, "num_hidden_layers": 30,
                    "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 128, "vocab_size": 131072,
                    "max_position_embeddings": 131072},
}  # fmt: skip

MODELS: dict[str, tuple[dict[str, Any], int, int]] = {
    "aya_vision": ({
        "downsample_factor": 2, "alignment_intermediate_size": 28672, "vision_config": SIGLIP | {"image_size": 364},
        "text_config": COMMAND | {"hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32,
                                  "num_attention_heads": 32},
    }, 8_631_842_032, 8_631_842_032),
    "cohere2_vision": ({
        "alignment_intermediate_size": 36864, "vision_config": SIGLIP | {"image_size": 512, "patch_size": 16},
        "text_config": COMMAND | {"hidden_size": 12288, "intermediate_size": 36864, "num_hidden_layers": 64,
                                  "num_attention_heads": 96, "head_dim": 128},
    }, 111_867_525_360, 111_867_525_360),
    "gemma3n": ({
        "text_config": GEMMA3N, "vision_config": {"architecture": "mobilenetv5_300m_enc"}, "audio_config": {},
    }, 7_818_517_072, 7_818_517_072),
    "glm46v": ({"text_config": GLM_TEXT, "vision_config": GLM_IMAGE}, 10_292_777_472, 10_292_777_472),
    "glm4v": ({"text_config": GLM_TEXT, "vision_config": GLM_IMAGE}, 10_292_777_472, 10_292_777_472),
    "glm4v_moe": ({"text_config": GLM_SPARSE, "vision_config": GLM_IMAGE}, 107_744_743_936, 14_316_622_336),
    "lfm2_vl": ({
        "projector_use_layernorm": False, "vision_config": LFM2_IMAGE, "text_config": LFM2
    }, 1_584_794_784, 1_584_794_784),
    "llava_next_video": ({
        "vision_config": CLIP, "text_config": {"model_type": "llama", "vocab_size": 32064},
    }, 7_063_431_168, 7_063_431_168),
    "llava_onevision": ({
        "vision_config": SIGLIP | {"num_hidden_layers": 26, "image_size": 384},
        "text_config": QWEN2_7B | {"model_type": "qwen2", "vocab_size": 152000},
    }, 8_029_890_080, 8_029_890_080),
    "qwen2_5_omni": ({"thinker_config": OMNI}, 8_931_813_888, 8_931_813_888),
    "qwen2_5_omni_thinker": (OMNI, 8_931_813_888, 8_931_813_888),
    "qwen2_audio": ({
        "audio_config": SOUND,
        "text_config": {"model_type": "qwen2", "hidden_size": 4096, "intermediate_size": 11008, "vocab_size": 156032},
    }, 8_397_094_912, 8_397_094_912),
    "qwen3_omni_moe": ({"thinker_config": OMNI3}, 31_719_205_488, 4_540_115_568),
    "qwen3_omni_moe_thinker": (OMNI3, 31_719_205_488, 4_540_115_568),
    "vipllava": ({
        "vision_config": CLIP, "text_config": {"model_type": "llama", "vocab_size": 32064},
    }, 7_080_214_528, 7_080_214_528),
    "voxtral": (VOXTRAL, 4_676_271_104, 4_676_271_104),
}  # fmt: skip
"""What published configs say, all parameters as transformers 5.23.0 counts them on the meta device (of Qwen-Omni its
thinker's), and those that one token passes: Aya-Vision-8B, Command-A-Vision, Gemma-3n-E4B, GLM-4.6V-Flash,
GLM-4.1V-9B, GLM-4.5V, LFM2-VL-1.6B, LLaVA-NeXT-Video-7B, LLaVA-OneVision-7B, Qwen2.5-Omni-7B, Qwen2-Audio-7B,
Qwen3-Omni-30B-A3B, ViP-LLaVA-7B, Voxtral-Mini-3B."""


def read(model_type: str, **changes: Any) -> Inventory:
    config = deepcopy(MODELS[model_type][0]) | {"model_type": model_type} | changes
    return relevant_hyperparameters(config)[0]


def problems(config: dict[str, Any]) -> list[tuple[str, str | None]]:
    with pytest.raises(InputError) as caught:
        relevant_hyperparameters(config)
    return sorted((problem.code, problem.path) for problem in caught.value.problems)


def kept(inventory: Inventory) -> list[tuple[int, int, int, int | None]]:
    states = [one for one in inventory.states if isinstance(one, KeyValueState)]
    return [(one.layers, one.key_value_heads, one.key_dimension, one.window_tokens) for one in states]


@pytest.mark.parametrize("model_type", sorted(MODELS))
def test_given_published_hyperparameters_when_read_then_all_and_active_parameters_are_counted(model_type: str) -> None:
    _, parameters, active = MODELS[model_type]
    inventory = read(model_type)
    assert (inventory.parameters, inventory.active_parameters) == (parameters, active)


@pytest.mark.parametrize("model_type", sorted(MODELS))
def test_given_what_was_read_of_a_further_model_when_read_again_then_nothing_was_forgotten(model_type: str) -> None:
    inventory, relevant = relevant_hyperparameters({**MODELS[model_type][0], "model_type": model_type})
    assert relevant_hyperparameters(relevant)[0] == inventory


def test_given_every_further_model_type_then_a_config_of_it_is_counted_here() -> None:
    assert set(MODELS) == set(SEEING) | set(HEARING)


@pytest.mark.parametrize(
    ("model_type", "states"),
    [
        ("aya_vision", [(8, 8, 128, None), (24, 8, 128, 4096)]),
        ("cohere2_vision", [(16, 8, 128, None), (48, 8, 128, 4096)]),
        ("gemma3n", [(4, 2, 256, None), (16, 2, 256, 512)]),
        ("glm4v", [(40, 2, 128, None)]),
        ("glm4v_moe", [(46, 8, 128, None)]),
        ("lfm2_vl", [(6, 8, 64, None)]),
        ("qwen3_omni_moe", [(48, 4, 128, None)]),
        ("voxtral", [(30, 8, 128, None)]),
    ],
)
def test_given_a_text_part_when_read_then_its_cache_is_the_decoders(
    model_type: str, states: list[tuple[int, int, int, int | None]]
) -> None:
    assert kept(read(model_type)) == states


@pytest.mark.parametrize(
    ("model_type", "encoders"),
    [
        ("aya_vision", [("image", 169, 4096)]),
        ("gemma3n", [("image", 256, 2048), ("sound", None, 2048)]),
        ("lfm2_vl", [("image", 64, 2048)]),
        ("llava_onevision", [("image", 729, 3584)]),
        ("qwen2_5_omni", [("image", None, 3584), ("sound", None, 3584)]),
        ("qwen2_audio", [("sound", 750, 4096)]),
        ("qwen3_omni_moe", [("image", None, 4 * 2048), ("sound", None, 2048)]),
        ("voxtral", [("sound", 375, 3072)]),
    ],
)
def test_given_encoders_when_read_then_they_hand_on_so_many_tokens(
    model_type: str, encoders: list[tuple[str, int | None, int]]
) -> None:
    assert [(one.name, one.tokens, one.handed) for one in read(model_type).encoders] == encoders


@pytest.mark.parametrize("model_type", sorted(MODELS))
def test_given_an_encoder_of_a_further_model_when_quantized_then_it_stays_as_it_is(model_type: str) -> None:
    tower = [one for one in read(model_type).tensors if one.role is TensorRole.VISION]
    assert len(tower) > 10
    assert not any(one.quantizable for one in tower)


def test_given_sound_of_constant_length_when_read_then_its_operations_are_whispers() -> None:
    (sound,) = read("voxtral").encoders
    layer = 4 * 1280 * 1280 + 2 * 1280 * 5120
    front = 2 * 2 * 1280 * 128 * 3 + 2 * 1280 * 1280 * 3  # the first convolution at twice the frames of the second
    assert sound.operations.per_item == 4 * (front + 2 * 32 * layer) + 2 * (3072 * 5120 + 3072 * 3072)
    assert sound.operations.per_item_and_context_token == 4 * 32 * 1280 * 4**2


def test_given_frames_that_attend_to_two_seconds_when_read_then_the_length_of_the_sound_adds_nothing() -> None:
    sound = read("qwen2_5_omni").encoders[1]
    assert sound.operations.per_item_and_context_token == 0
    longer = read("qwen2_5_omni_thinker", audio_config=OMNI["audio_config"] | {"n_window": 200}).encoders[1]
    assert longer.operations.per_item - sound.operations.per_item == 2 * 4 * 32 * 1280 * 100


@pytest.mark.parametrize(
    ("model_type", "ending", "sharding"),
    [
        ("voxtral", "audio_tower.layers.*.fc1.weight", Sharding.SPLIT),
        ("qwen2_audio", "audio_tower.layers.*.fc1.weight", Sharding.REPLICATED),
        ("cohere2_vision", "multi_modal_projector.linear_1.weight", Sharding.SPLIT),
        ("aya_vision", "multi_modal_projector.linear_1.weight", Sharding.REPLICATED),
        ("glm4v", "visual.merger.gate_proj.weight", Sharding.SPLIT),
    ],
)
def test_given_ranks_when_an_encoder_is_divided_then_it_is_as_in_the_engine(
    model_type: str, ending: str, sharding: Sharding
) -> None:
    (found,) = (tensor for tensor in read(model_type).tensors if tensor.name.endswith(ending))
    assert found.sharding is sharding


def test_given_copies_of_the_residual_when_read_then_all_are_alive() -> None:
    inventory = read("gemma3n")
    assert inventory.activations.per_item == 4 * 2048 + 3 * 16384
    (table,) = (one for one in inventory.tensors if one.name.endswith("embed_tokens_per_layer.weight"))
    assert table.shape == (262_144, 35 * 256)
    assert read("gemma3n").operations.per_item < 2 * (inventory.parameters - table.parameters)


def test_given_a_convolutional_tower_when_read_then_its_operations_are_those_of_its_places() -> None:
    image = read("gemma3n").encoders[0]
    convolutions = 775_676_657_664  # of 768 × 768 pixels, by hooks on the forward pass of timm 1.0.31
    attention = 4 * (14 * 2304 * 576 * 768 + 19 * 576 * 576 * 1536)
    assert image.operations.per_item == (convolutions + attention) // 256 + 2 * 2048 * 2048
    assert image.operations.per_item_and_context_token == 0


def test_given_a_model_that_can_speak_when_read_then_what_is_not_counted_is_said() -> None:
    assert "talker" in read("qwen2_5_omni").estimated[0]
    assert read("qwen2_5_omni_thinker").estimated == ()
    assert all(one.name.startswith("thinker.") for one in read("qwen3_omni_moe").tensors)


def test_given_a_thinker_when_its_text_part_says_tied_then_only_the_thinker_counts() -> None:
    tied = OMNI["text_config"] | {"tie_word_embeddings": True}
    head = 152064 * 3584
    assert read("qwen2_5_omni_thinker", text_config=tied).parameters == 8_931_813_888
    assert read("qwen2_5_omni_thinker", tie_word_embeddings=True).parameters == 8_931_813_888 - head


@pytest.mark.parametrize(
    ("model_type", "changes", "expected"),
    [
        ("glm4v", {"vision_config": GLM_IMAGE | {"out_hidden_size": 2048}},
         [("contradiction", "architecture.config.vision_config.out_hidden_size")]),
        ("gemma3n", {"text_config": GEMMA3N | {"intermediate_size": [16384] * 34 + [8192]}},
         [("wrong-type", "architecture.config.text_config.intermediate_size")]),
        ("gemma3n", {"text_config": GEMMA3N | {"num_kv_shared_layers": 33}},
         [("contradiction", "architecture.config.text_config.num_kv_shared_layers")]),
        ("gemma3n", {"vision_config": {"architecture": "mobilenetv5_base"}},
         [("not-allowed", "architecture.config.vision_config.architecture")]),
        ("gemma3n", {"audio_config": {"sscp_conv_stride_size": [[2, 2], [1, 2]]}},
         [("unknown-architecture", "architecture.config.audio_config.sscp_conv_stride_size")]),
        ("voxtral", {"audio_config": VOXTRAL["audio_config"] | {"intermediate_size": 4096}},
         [("contradiction", "architecture.config.audio_config.intermediate_size")]),
        ("qwen2_5_omni_thinker", {"audio_config": SOUND | {"output_dim": 100}},
         [("contradiction", "architecture.config.audio_config.output_dim")]),
        ("aya_vision", {"vision_config": CLIP},
         [("not-allowed", "architecture.config.vision_config.model_type")]),
        ("cohere2_vision", {"alignment_intermediate_size": 4097},
         [("contradiction", "architecture.config.alignment_intermediate_size")]),
        ("glm4v", {"text_config": {"model_type": "voxtral"}},
         [("unknown-architecture", "architecture.config.text_config.model_type")]),
        ("qwen2_5_omni", {"thinker_config": None},
         [("missing-hyperparameter", "architecture.config.thinker_config")]),
    ],
)  # fmt: skip
def test_given_parts_that_do_not_fit_when_read_then_they_are_refused(
    model_type: str, changes: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    assert problems({**MODELS[model_type][0], "model_type": model_type, **changes}) == expected


@pytest.mark.parametrize(
    ("model_type", "architecture", "task"),
    [
        ("glm4v", "Glm4vForConditionalGeneration", "image-text-to-text"),
        ("qwen2_audio", "Qwen2AudioForConditionalGeneration", "audio-text-to-text"),
        ("voxtral", None, "audio-text-to-text"),
        ("qwen2_5_omni", "Qwen2_5OmniModel", "any-to-any"),
        ("qwen2_5_omni", None, "any-to-any"),
        ("qwen3_omni_moe", "Qwen3OmniMoeForConditionalGeneration", "any-to-any"),
    ],
)
def test_given_what_a_model_takes_in_when_asked_what_it_is_for_then_it_answers_in_text(
    model_type: str, architecture: str | None, task: str
) -> None:
    classes = {} if architecture is None else {"architectures": [architecture]}
    config = {**MODELS[model_type][0], "model_type": model_type, **classes}
    purpose = purpose_of(config, relevant_hyperparameters(config)[0])
    assert (purpose.kind, purpose.task) == (Kind.FOUNDATION, task)
