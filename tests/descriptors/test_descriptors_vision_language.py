"""Vision-language models: exact totals, the text part untouched, and towers named and divided as published."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ai_on_eks.descriptors.architectures import relevant_hyperparameters
from ai_on_eks.descriptors.architectures.vision_language import MODEL_TYPES
from ai_on_eks.descriptors.inventory import Inventory, Sharding, Tensor, TensorRole
from ai_on_eks.errors import InputError

QWEN2_VL: dict[str, Any] = {"model_type": "qwen2_vl",
 "architectures": ["Qwen2VLForConditionalGeneration"],
 "hidden_size": 3584,
 "intermediate_size": 18944,
 "max_position_embeddings": 32768,
 "num_attention_heads": 28,
 "num_hidden_layers": 28,
 "num_key_value_heads": 4,
 "tie_word_embeddings": False,
 "vocab_size": 152064,
 "vision_config": {"depth": 32,
                   "embed_dim": 1280,
                   "mlp_ratio": 4,
                   "num_heads": 16,
                   "in_chans": 3,
                   "hidden_size": 3584,
                   "patch_size": 14,
                   "spatial_merge_size": 2,
                   "temporal_patch_size": 2}}  # fmt: skip
QWEN2_5_VL: dict[str, Any] = {"model_type": "qwen2_5_vl",
 "architectures": ["Qwen2_5_VLForConditionalGeneration"],
 "hidden_size": 2048,
 "intermediate_size": 11008,
 "max_position_embeddings": 128000,
 "num_attention_heads": 16,
 "num_hidden_layers": 36,
 "num_key_value_heads": 2,
 "tie_word_embeddings": True,
 "vocab_size": 151936,
 "vision_config": {"depth": 32,
                   "hidden_size": 1280,
                   "intermediate_size": 3420,
                   "num_heads": 16,
                   "in_chans": 3,
                   "out_hidden_size": 2048,
                   "patch_size": 14,
                   "spatial_merge_size": 2,
                   "window_size": 112,
                   "fullatt_block_indexes": [7, 15, 23, 31],
                   "temporal_patch_size": 2}}  # fmt: skip
LLAVA: dict[str, Any] = {"model_type": "llava",
 "architectures": ["LlavaForConditionalGeneration"],
 "tie_word_embeddings": False,
 "text_config": {"architectures": ["LlamaForCausalLM"],
                 "max_position_embeddings": 4096,
                 "model_type": "llama",
                 "vocab_size": 32064},
 "vision_config": {"hidden_size": 1024,
                   "image_size": 336,
                   "intermediate_size": 4096,
                   "model_type": "clip_vision_model",
                   "num_attention_heads": 16,
                   "num_hidden_layers": 24,
                   "patch_size": 14,
                   "projection_dim": 768,
                   "vocab_size": 32000},
 "vision_feature_layer": -2}  # fmt: skip
LLAVA_NEXT: dict[str, Any] = {"model_type": "llava_next",
 "architectures": ["LlavaNextForConditionalGeneration"],
 "tie_word_embeddings": False,
 "text_config": {"architectures": ["MistralForCausalLM"],
                 "intermediate_size": 14336,
                 "max_position_embeddings": 32768,
                 "model_type": "mistral",
                 "num_key_value_heads": 8,
                 "sliding_window": None,
                 "vocab_size": 32064},
 "vision_config": {"hidden_size": 1024,
                   "image_size": 336,
                   "intermediate_size": 4096,
                   "model_type": "clip_vision_model",
                   "num_attention_heads": 16,
                   "num_hidden_layers": 24,
                   "patch_size": 14,
                   "projection_dim": 768,
                   "vocab_size": 32000}}  # fmt: skip
PIXTRAL: dict[str, Any] = {"model_type": "llava",
 "architectures": ["LlavaForConditionalGeneration"],
 "tie_word_embeddings": False,
 "text_config": {"hidden_size": 5120,
                 "head_dim": 128,
                 "intermediate_size": 14336,
                 "max_position_embeddings": 1024000,
                 "model_type": "mistral",
                 "num_hidden_layers": 40,
                 "num_key_value_heads": 8,
                 "sliding_window": None,
                 "vocab_size": 131072},
 "vision_config": {"head_dim": 64,
                   "hidden_act": "silu",
                   "image_size": 1024,
                   "model_type": "pixtral",
                   "patch_size": 16},
 "vision_feature_layer": -1}  # fmt: skip
MISTRAL3: dict[str, Any] = {"model_type": "mistral3",
 "architectures": ["Mistral3ForConditionalGeneration"],
 "multimodal_projector_bias": False,
 "spatial_merge_size": 2,
 "tie_word_embeddings": False,
 "text_config": {"head_dim": 128,
                 "hidden_size": 5120,
                 "intermediate_size": 32768,
                 "max_position_embeddings": 131072,
                 "model_type": "mistral",
                 "num_attention_heads": 32,
                 "num_hidden_layers": 40,
                 "num_key_value_heads": 8,
                 "sliding_window": None,
                 "vocab_size": 131072},
 "vision_config": {"head_dim": 64,
                   "hidden_size": 1024,
                   "image_size": 1540,
                   "intermediate_size": 4096,
                   "model_type": "pixtral",
                   "num_attention_heads": 16,
                   "num_channels": 3,
                   "num_hidden_layers": 24,
                   "patch_size": 14},
 "vision_feature_layer": -1}  # fmt: skip
GEMMA3: dict[str, Any] = {"model_type": "gemma3",
 "architectures": ["Gemma3ForConditionalGeneration"],
 "mm_tokens_per_image": 256,
 "text_config": {"hidden_size": 2560,
                 "intermediate_size": 10240,
                 "model_type": "gemma3_text",
                 "num_hidden_layers": 34,
                 "sliding_window": 1024},
 "vision_config": {"hidden_size": 1152,
                   "image_size": 896,
                   "intermediate_size": 4304,
                   "model_type": "siglip_vision_model",
                   "num_attention_heads": 16,
                   "num_hidden_layers": 27,
                   "patch_size": 14,
                   "vision_use_head": False}}  # fmt: skip
PALIGEMMA: dict[str, Any] = {"model_type": "paligemma",
 "architectures": ["PaliGemmaForConditionalGeneration"],
 "hidden_size": 2048,
 "projection_dim": 2048,
 "text_config": {"hidden_size": 2048,
                 "intermediate_size": 16384,
                 "model_type": "gemma",
                 "num_attention_heads": 8,
                 "num_hidden_layers": 18,
                 "num_image_tokens": 256,
                 "num_key_value_heads": 1,
                 "vocab_size": 257216},
 "vision_config": {"hidden_size": 1152,
                   "intermediate_size": 4304,
                   "model_type": "siglip_vision_model",
                   "num_attention_heads": 16,
                   "num_hidden_layers": 27,
                   "patch_size": 14,
                   "projection_dim": 2048,
                   "vision_use_head": False}}  # fmt: skip
IDEFICS3: dict[str, Any] = {"model_type": "idefics3",
 "architectures": ["Idefics3ForConditionalGeneration"],
 "scale_factor": 2,
 "tie_word_embeddings": False,
 "text_config": {"architectures": ["LlamaForCausalLM"],
                 "hidden_size": 4096,
                 "intermediate_size": 14336,
                 "max_position_embeddings": 131072,
                 "model_type": "llama",
                 "num_attention_heads": 32,
                 "num_hidden_layers": 32,
                 "num_key_value_heads": 8,
                 "vocab_size": 128259},
 "vision_config": {"hidden_size": 1152,
                   "image_size": 364,
                   "intermediate_size": 4304,
                   "model_type": "idefics3_vision",
                   "num_attention_heads": 16,
                   "num_hidden_layers": 27,
                   "patch_size": 14}}  # fmt: skip
SMOLVLM: dict[str, Any] = {"model_type": "smolvlm",
 "architectures": ["SmolVLMForConditionalGeneration"],
 "scale_factor": 4,
 "tie_word_embeddings": False,
 "text_config": {"architectures": ["VLlama3ForCausalLM"],
                 "head_dim": 64,
                 "hidden_size": 960,
                 "intermediate_size": 2560,
                 "max_position_embeddings": 8192,
                 "model_type": "llama",
                 "num_attention_heads": 15,
                 "num_hidden_layers": 32,
                 "num_key_value_heads": 5,
                 "vocab_size": 49280},
 "vision_config": {"hidden_size": 768,
                   "image_size": 512,
                   "intermediate_size": 3072,
                   "model_type": "smolvlm_vision",
                   "num_attention_heads": 12,
                   "num_hidden_layers": 12,
                   "patch_size": 16}}  # fmt: skip
INTERNVL: dict[str, Any] = {"model_type": "internvl",
 "architectures": ["InternVLForConditionalGeneration"],
 "downsample_ratio": 0.5,
 "tie_word_embeddings": False,
 "text_config": {"hidden_size": 3584,
                 "intermediate_size": 18944,
                 "max_position_embeddings": 32768,
                 "model_type": "qwen2",
                 "num_attention_heads": 28,
                 "num_hidden_layers": 28,
                 "num_key_value_heads": 4,
                 "vocab_size": 151674},
 "vision_config": {"model_type": "internvl_vision",
                   "attention_bias": True,
                   "hidden_size": 1024,
                   "image_size": [448, 448],
                   "intermediate_size": 4096,
                   "num_attention_heads": 16,
                   "num_hidden_layers": 24,
                   "patch_size": [14, 14],
                   "use_qk_norm": False}}  # fmt: skip
LLAMA4: dict[str, Any] = {"model_type": "llama4",
 "architectures": ["Llama4ForConditionalGeneration"],
 "tie_word_embeddings": False,
 "text_config": {"attention_bias": False,
                 "head_dim": 128,
                 "hidden_size": 5120,
                 "interleave_moe_layer_step": 1,
                 "intermediate_size": 8192,
                 "intermediate_size_mlp": 16384,
                 "max_position_embeddings": 10485760,
                 "model_type": "llama4_text",
                 "num_attention_heads": 40,
                 "num_experts_per_tok": 1,
                 "num_hidden_layers": 48,
                 "num_key_value_heads": 8,
                 "num_local_experts": 16,
                 "vocab_size": 202048,
                 "attention_chunk_size": 8192,
                 "no_rope_layers": []},
 "vision_config": {"hidden_size": 1408,
                   "image_size": 336,
                   "intermediate_size": 5632,
                   "model_type": "llama4_vision_model",
                   "num_attention_heads": 16,
                   "num_channels": 3,
                   "num_hidden_layers": 34,
                   "patch_size": 14,
                   "pixel_shuffle_ratio": 0.5,
                   "projector_input_dim": 4096,
                   "projector_output_dim": 4096,
                   "vision_output_dim": 4096}}  # fmt: skip
QWEN3_VL: dict[str, Any] = {
    "model_type": "qwen3_vl", "architectures": ["Qwen3VLForConditionalGeneration"], "tie_word_embeddings": True,
    "text_config": {
        "model_type": "qwen3_vl_text", "hidden_size": 2048, "intermediate_size": 6144, "num_hidden_layers": 28,
        "num_attention_heads": 16, "num_key_value_heads": 8, "head_dim": 128, "vocab_size": 151936,
        "max_position_embeddings": 262144,
    },
    "vision_config": {
        "deepstack_visual_indexes": [5, 11, 17], "depth": 24, "hidden_size": 1024, "intermediate_size": 4096,
        "num_heads": 16, "out_hidden_size": 2048, "patch_size": 16,
    },
}  # fmt: skip

PARAMETERS = [
    (QWEN2_VL, 8_291_375_616),
    (QWEN2_5_VL, 3_754_622_976),
    (LLAVA, 7_063_427_072),
    (LLAVA_NEXT, 7_566_747_648),
    (PIXTRAL, 12_682_739_712),
    (MISTRAL3, 24_011_361_280),
    (GEMMA3, 4_300_079_472),
    (PALIGEMMA, 2_923_466_480),
    (IDEFICS3, 8_462_086_384),
    (SMOLVLM, 507_482_304),
    (INTERNVL, 7_944_373_760),
    (LLAMA4, 108_641_793_536),
    (QWEN3_VL, 2_127_532_032),
]
"""Configs with what published ones say, counted with transformers 5.23.0 on the meta device: Qwen2-VL-7B,
Qwen2.5-VL-3B, LLaVA-1.5-7B, LLaVA-NeXT-Mistral-7B, Pixtral-12B, Mistral-Small-3.1-24B, Gemma-3-4B, PaliGemma-3B,
Idefics3-8B, SmolVLM2-500M, InternVL3-8B, Llama-4-Scout, Qwen3-VL-2B."""

GEMMA4: dict[str, Any] = {
    "model_type": "gemma4", "architectures": ["Gemma4ForConditionalGeneration"], "tie_word_embeddings": True,
    "text_config": {
        "model_type": "gemma4_text", "hidden_size": 512, "num_attention_heads": 8, "num_key_value_heads": 1,
        "intermediate_size": 512, "num_hidden_layers": 6, "vocab_size": 3333, "max_position_embeddings": 4096,
        "head_dim": 64, "global_head_dim": 64, "hidden_size_per_layer_input": 0, "vocab_size_per_layer_input": 500,
    },
    "vision_config": {
        "model_type": "gemma4_vision", "hidden_size": 128, "num_attention_heads": 4, "num_key_value_heads": 2,
        "head_dim": 32, "intermediate_size": 300, "num_hidden_layers": 3, "position_embedding_size": 100,
    },
    "audio_config": {
        "model_type": "gemma4_audio", "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
        "subsampling_conv_channels": [16, 8], "output_proj_dims": 96,
    },
}  # fmt: skip


def read(config: dict[str, Any], **changes: Any) -> Inventory:
    return relevant_hyperparameters({**config, **changes})[0]


def problems(config: dict[str, Any]) -> list[tuple[str, str | None]]:
    with pytest.raises(InputError) as caught:
        read(config)
    return sorted((problem.code, problem.path) for problem in caught.value.problems)


def named(inventory: Inventory, ending: str) -> Tensor:
    (found,) = (tensor for tensor in inventory.tensors if tensor.name.endswith(ending))
    return found


@pytest.mark.parametrize(("config", "parameters"), PARAMETERS, ids=lambda one: str(one)[:60])
def test_given_published_hyperparameters_when_read_then_every_parameter_is_counted(
    config: dict[str, Any], parameters: int
) -> None:
    assert read(config).parameters == parameters


@pytest.mark.parametrize("config", [config for config, _ in PARAMETERS], ids=lambda one: str(one["model_type"]))
def test_given_what_was_read_when_read_again_then_nothing_was_forgotten(config: dict[str, Any]) -> None:
    inventory, kept = relevant_hyperparameters(config)
    assert relevant_hyperparameters(kept)[0] == inventory


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("Qwen__Qwen3-VL-235B-A22B-Instruct", 235_670_022_896),
        ("Qwen__Qwen3-VL-2B-Instruct", 2_127_532_032),
        ("Qwen__Qwen3-VL-32B-Thinking", 33_357_390_064),
        ("google__gemma-3-27b-it", 27_432_406_640),
        ("nvidia__Gemma-4-26B-A4B-NVFP4", 25_805_933_872),
        ("nvidia__Gemma-4-31B-IT-NVFP4", 31_273_086_512),
    ],
)
def test_given_a_published_config_when_read_then_the_count_is_the_published_one(
    shared: Path, name: str, parameters: int
) -> None:
    config = json.loads((shared / "truth" / "configs" / f"{name}.json").read_text("utf-8"))
    assert read(config).parameters == parameters


def test_given_every_model_type_then_a_config_of_it_is_counted_here() -> None:
    counted = {config["model_type"] for config, _ in PARAMETERS} | {GEMMA4["model_type"], "qwen3_vl_moe"}
    assert counted == set(MODEL_TYPES)


def test_given_images_and_sound_when_read_then_both_encoders_stand_before_the_decoder() -> None:
    inventory = read(GEMMA4)
    assert inventory.parameters == 10_919_016  # transformers 5.23.0, meta device
    silent = read({key: value for key, value in GEMMA4.items() if key != "audio_config"})
    assert [encoder.name for encoder in inventory.encoders] == ["image", "sound"]
    assert [encoder.name for encoder in silent.encoders] == ["image"]
    audio = [tensor for tensor in inventory.tensors if "audio" in tensor.name]
    assert inventory.parameters - silent.parameters == sum(tensor.parameters for tensor in audio) == 257_192


def test_given_a_text_part_when_read_then_states_operations_and_context_are_its_own() -> None:
    text = {**QWEN3_VL["text_config"], "model_type": "qwen3", "tie_word_embeddings": True}
    whole, alone = read(QWEN3_VL), read(text)
    assert (whole.states, whole.operations, whole.activations) == (alone.states, alone.operations, alone.activations)
    assert (whole.layers, whole.hidden_size, whole.max_context_tokens) == (28, 2048, 262_144)
    tower = sum(tensor.parameters for tensor in whole.tensors if tensor.role is TensorRole.VISION)
    assert whole.parameters == alone.parameters + tower


@pytest.mark.parametrize(
    ("config", "names"),
    [
        (QWEN3_VL, ("model.language_model.embed_tokens.weight", "model.visual.blocks.*.attn.qkv.weight")),
        (QWEN2_VL, ("model.embed_tokens.weight", "lm_head.weight", "visual.merger.mlp.2.bias")),
        (LLAVA, ("language_model.lm_head.weight", "vision_tower.vision_model.pre_layrnorm.weight")),
        (LLAVA_NEXT, ("image_newline", "multi_modal_projector.linear_2.weight")),
        (
            IDEFICS3,
            ("model.text_model.norm.weight", "lm_head.weight", "model.connector.modality_projection.proj.weight"),
        ),
        (GEMMA4, ("model.embed_vision.embedding_projection.weight", "model.language_model.norm.weight")),
    ],
)
def test_given_a_family_when_read_then_tensors_have_their_published_names(
    config: dict[str, Any], names: tuple[str, ...]
) -> None:
    assert set(names) <= {tensor.name for tensor in read(config).tensors}


@pytest.mark.parametrize("config", [config for config, _ in PARAMETERS], ids=lambda one: str(one["model_type"]))
def test_given_a_tower_when_quantized_then_it_stays_as_it_is(config: dict[str, Any]) -> None:
    tower = [tensor for tensor in read(config).tensors if tensor.role is TensorRole.VISION]
    assert len(tower) > 10
    assert not any(tensor.quantizable for tensor in tower)


@pytest.mark.parametrize(
    ("config", "ending", "sharding"),
    [
        (QWEN3_VL, "visual.blocks.*.attn.qkv.weight", Sharding.SPLIT),
        (QWEN3_VL, "visual.merger.linear_fc2.bias", Sharding.REPLICATED),
        (LLAVA, "multi_modal_projector.linear_1.weight", Sharding.SPLIT),
        (GEMMA3, "mm_input_projection_weight", Sharding.REPLICATED),
        (GEMMA3, "encoder.layers.*.mlp.fc1.weight", Sharding.SPLIT),
        (GEMMA4, "vision_tower.encoder.layers.*.mlp.up_proj.linear.weight", Sharding.REPLICATED),
        (INTERNVL, "attention.q_proj.weight", Sharding.REPLICATED),
        (INTERNVL, "encoder.layer.*.mlp.fc1.weight", Sharding.SPLIT),
        (MISTRAL3, "merging_layer.weight", Sharding.REPLICATED),
        (LLAMA4, "vision_adapter.mlp.fc1.weight", Sharding.SPLIT),
    ],
)
def test_given_a_tower_when_sharded_then_as_vllm_divides_it(
    config: dict[str, Any], ending: str, sharding: Sharding
) -> None:
    assert named(read(config), ending).sharding is sharding


@pytest.mark.parametrize(
    ("config", "tokens"), [(GEMMA3, 256), (LLAVA, 576), (LLAMA4, 144), (IDEFICS3, 169), (QWEN3_VL, None)]
)
def test_given_an_image_of_fixed_size_when_read_then_its_tokens_are_known(
    config: dict[str, Any], tokens: int | None
) -> None:
    assert read(config).encoders[0].tokens == tokens


def test_given_a_tie_at_the_top_when_the_text_part_is_silent_then_it_counts() -> None:
    tied = read(LLAVA, tie_word_embeddings=True)
    assert read(LLAVA).parameters - tied.parameters == 32_064 * 4096


def test_given_mistakes_in_both_parts_when_read_then_both_are_told() -> None:
    config = {
        "model_type": "qwen3_vl",
        "text_config": {**QWEN3_VL["text_config"], "num_hidden_layers": 0},
        "vision_config": {**QWEN3_VL["vision_config"], "depth": "deep"},
    }
    assert problems(config) == [
        ("out-of-range", "architecture.config.text_config.num_hidden_layers"),
        ("wrong-type", "architecture.config.vision_config.depth"),
    ]


@pytest.mark.parametrize("text", ["bert_of_mine", "qwen3_vl", "llava"])
def test_given_a_text_part_that_is_none_when_read_then_it_is_refused(text: str) -> None:
    config = {**QWEN3_VL, "text_config": {**QWEN3_VL["text_config"], "model_type": text}}
    assert ("unknown-architecture", "architecture.config.text_config.model_type") in problems(config)


def test_given_a_tower_of_another_width_when_read_then_the_contradiction_is_told() -> None:
    config = {**QWEN3_VL, "vision_config": {**QWEN3_VL["vision_config"], "out_hidden_size": 2560}}
    assert problems(config) == [("contradiction", "architecture.config.vision_config.out_hidden_size")]


def test_given_no_text_part_when_read_then_it_is_asked_for() -> None:
    config = {key: value for key, value in QWEN3_VL.items() if key != "text_config"}
    assert problems(config) == [("missing-hyperparameter", "architecture.config.text_config")]


def test_given_a_tower_that_does_not_name_its_deep_layers_when_read_then_they_are_the_documented_ones() -> None:
    vision = {key: value for key, value in QWEN3_VL["vision_config"].items() if key != "deepstack_visual_indexes"}
    layers: tuple[dict[str, list[int]], ...] = (
        {},
        {"deepstack_visual_indexes": [8, 16, 24]},
        {"deepstack_visual_indexes": []},
    )
    silent, named, none = (
        relevant_hyperparameters(QWEN3_VL | {"vision_config": vision | more})[0].parameters for more in layers
    )
    assert silent == named > none
