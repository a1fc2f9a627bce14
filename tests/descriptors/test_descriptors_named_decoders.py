"""Decoders with names of their own, and mixtures with parts of their own: exact totals, caches, and what is refused."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from ai_on_eks.descriptors.architectures import relevant_hyperparameters
from ai_on_eks.descriptors.architectures.mixture_relatives import MODEL_TYPES as MIXTURES
from ai_on_eks.descriptors.architectures.named_decoders import MODEL_TYPES as NAMED
from ai_on_eks.descriptors.inventory import Inventory, KeyValueState, Sharding
from ai_on_eks.descriptors.schema import Kind
from ai_on_eks.descriptors.tasks import purpose_of
from ai_on_eks.errors import InputError

LATENT: dict[str, Any] = {"qk_rope_head_dim": 64, "v_head_dim": 128, "max_position_embeddings": 131072}

MODELS: dict[str, tuple[dict[str, Any], int, int]] = {
    "afmoe": ({
        "architectures": ["AfmoeForCausalLM"], "hidden_size": 2048, "intermediate_size": 6144,
        "moe_intermediate_size": 1024, "num_hidden_layers": 32, "num_dense_layers": 2, "num_attention_heads": 32,
        "num_key_value_heads": 4, "head_dim": 128, "num_experts": 128, "num_experts_per_tok": 8,
        "num_shared_experts": 1, "vocab_size": 200192, "max_position_embeddings": 131072,
        "global_attn_every_n_layers": 4, "sliding_window": 2048,
    }, 26_123_974_400, 3_474_732_800),
    "baichuan": ({
        "architectures": ["BaichuanForCausalLM"], "hidden_size": 4096, "intermediate_size": 11008,
        "num_hidden_layers": 32, "num_attention_heads": 32, "vocab_size": 125696, "max_position_embeddings": 4096,
    }, 7_505_973_248, 7_505_973_248),
    "bitnet": ({
        "architectures": ["BitNetForCausalLM"], "hidden_size": 2560, "intermediate_size": 6912,
        "num_hidden_layers": 30, "num_attention_heads": 20, "num_key_value_heads": 5, "vocab_size": 128256,
        "max_position_embeddings": 4096, "tie_word_embeddings": True,
    }, 2_412_820_480, 2_412_820_480),
    "chatglm": ({
        "architectures": ["ChatGLMModel"], "hidden_size": 4096, "ffn_hidden_size": 13696, "num_layers": 28,
        "num_attention_heads": 32, "kv_channels": 128, "multi_query_attention": True, "multi_query_group_num": 2,
        "padded_vocab_size": 65024, "seq_length": 8192, "add_qkv_bias": True, "add_bias_linear": False,
    }, 6_243_584_000, 6_243_584_000),
    "deepseek": ({
        "architectures": ["DeepseekForCausalLM"], "hidden_size": 2048, "intermediate_size": 10944,
        "moe_intermediate_size": 1408, "num_hidden_layers": 28, "num_attention_heads": 16, "num_key_value_heads": 16,
        "n_routed_experts": 64, "n_shared_experts": 2, "num_experts_per_tok": 6, "first_k_dense_replace": 1,
        "vocab_size": 102400, "max_position_embeddings": 4096,
    }, 16_375_728_128, 2_828_650_496),
    "exaone": ({
        "architectures": ["ExaoneForCausalLM"], "hidden_size": 4096, "intermediate_size": 14336, "num_layers": 32,
        "num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 102400, "max_position_embeddings": 4096,
    }, 7_818_448_896, 7_818_448_896),
    "granitemoeshared": ({
        "architectures": ["GraniteMoeSharedForCausalLM"], "hidden_size": 1024, "intermediate_size": 512,
        "num_hidden_layers": 24, "num_attention_heads": 16, "num_key_value_heads": 8, "num_local_experts": 32,
        "num_experts_per_tok": 8, "shared_intermediate_size": 1024, "vocab_size": 49155,
        "max_position_embeddings": 4096, "tie_word_embeddings": True,
    }, 1_410_125_824, 504_156_160),
    "hunyuan_v1_moe": ({
        "architectures": ["HunYuanMoEV1ForCausalLM"], "hidden_size": 4096, "intermediate_size": 3072,
        "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 128,
        "num_experts": 64, "moe_topk": [8] * 32, "moe_intermediate_size": [3072] * 32, "num_shared_expert": [1] * 32,
        "vocab_size": 128167, "max_position_embeddings": 32768, "tie_word_embeddings": True,
    }, 80_393_183_232, 12_747_448_320),
    "hyperclovax": ({
        "architectures": ["HyperCLOVAXForCausalLM"], "hidden_size": 6144, "intermediate_size": 14336,
        "num_hidden_layers": 38, "num_attention_heads": 48, "num_key_value_heads": 8, "head_dim": 128,
        "vocab_size": 110592, "max_position_embeddings": 131072,
    }, 14_748_112_896, 14_748_112_896),
    "internlm2": ({
        "architectures": ["InternLM2ForCausalLM"], "hidden_size": 4096, "intermediate_size": 14336,
        "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 92544,
        "max_position_embeddings": 32768,
    }, 7_737_708_544, 7_737_708_544),
    "internlm3": ({
        "architectures": ["InternLM3ForCausalLM"], "hidden_size": 4096, "intermediate_size": 10240,
        "num_hidden_layers": 48, "num_attention_heads": 32, "num_key_value_heads": 2, "head_dim": 128,
        "vocab_size": 128512, "max_position_embeddings": 32768,
    }, 8_804_241_408, 8_804_241_408),
    "minicpm": ({
        "architectures": ["MiniCPMForCausalLM"], "hidden_size": 2304, "intermediate_size": 5760,
        "num_hidden_layers": 40, "num_attention_heads": 36, "num_key_value_heads": 36, "vocab_size": 122753,
        "max_position_embeddings": 4096,
    }, 2_724_880_896, 2_724_880_896),
    "mistral4": (LATENT | {
        "architectures": ["Mistral4ForCausalLM"], "hidden_size": 4096, "intermediate_size": 12288,
        "moe_intermediate_size": 2048, "num_hidden_layers": 36, "num_attention_heads": 32, "q_lora_rank": 1024,
        "kv_lora_rank": 256, "qk_nope_head_dim": 64, "n_routed_experts": 128, "n_shared_experts": 1,
        "num_experts_per_tok": 4, "vocab_size": 131072,
    }, 118_972_826_624, 6_632_588_288),
    "mpt": ({
        "architectures": ["MptForCausalLM"], "d_model": 4096, "n_heads": 32, "n_layers": 32, "vocab_size": 50432,
        "max_seq_len": 2048, "attn_config": {"alibi": True},
    }, 6_649_286_656, 6_649_286_656),
    "orion": ({
        "architectures": ["OrionForCausalLM"], "hidden_size": 5120, "intermediate_size": 15360,
        "num_hidden_layers": 40, "num_attention_heads": 40, "num_key_value_heads": 40, "vocab_size": 84608,
        "max_position_embeddings": 4096,
    }, 14_498_703_360, 14_498_703_360),
    "qwen": ({
        "architectures": ["QWenLMHeadModel"], "hidden_size": 4096, "intermediate_size": 22016,
        "num_hidden_layers": 32, "num_attention_heads": 32, "kv_channels": 128, "vocab_size": 151936,
        "seq_length": 8192, "no_bias": True,
    }, 7_721_324_544, 7_721_324_544),
    "youtu": (LATENT | {
        "architectures": ["YoutuForCausalLM"], "hidden_size": 2048, "intermediate_size": 6144,
        "num_hidden_layers": 32, "num_attention_heads": 16, "q_lora_rank": 1536, "kv_lora_rank": 512,
        "qk_nope_head_dim": 128, "vocab_size": 128256,
    }, 1_961_560_064, 1_961_560_064),
}  # fmt: skip
"""What published configs say, all parameters and those that one token passes: Trinity-Mini, Baichuan2-7B, BitNet-2B,
ChatGLM3-6B, DeepSeek-MoE-16B, EXAONE-3.0-7.8B, Granite with a shared expert, Hunyuan-A13B, HyperCLOVA-X-SEED-14B,
InternLM2-7B, InternLM3-8B, MiniCPM-2B, Mistral-Small-4, MPT-7B, Orion-14B, Qwen-7B, Youtu-LLM-2B. Counted with
transformers 5.23.0 on the meta device where it has the class, else worked out by hand from the model's own code."""


def read(model_type: str, **changes: Any) -> Inventory:
    return relevant_hyperparameters(deepcopy(MODELS[model_type][0]) | {"model_type": model_type} | changes)[0]


@pytest.mark.parametrize("model_type", sorted(MODELS))
def test_given_a_published_decoder_when_read_then_all_and_active_parameters_are_counted(model_type: str) -> None:
    _, parameters, active = MODELS[model_type]
    inventory = read(model_type)
    assert (inventory.parameters, inventory.active_parameters) == (parameters, active)


@pytest.mark.parametrize("model_type", sorted(MODELS))
def test_given_what_was_read_of_a_decoder_when_read_again_then_nothing_was_forgotten(model_type: str) -> None:
    inventory, relevant = relevant_hyperparameters({**MODELS[model_type][0], "model_type": model_type})
    assert relevant_hyperparameters(relevant)[0] == inventory


def test_given_every_model_type_of_these_modules_then_a_config_of_it_is_counted_here() -> None:
    assert {*NAMED, *MIXTURES} <= set(MODELS)


@pytest.mark.parametrize(
    ("model_type", "states"),
    [
        ("afmoe", [(8, 4, 128, None), (24, 4, 128, 2048)]),
        ("baichuan", [(32, 32, 128, None)]),
        ("bitnet", [(30, 5, 128, None)]),
        ("chatglm", [(28, 2, 128, None)]),
        ("exaone", [(32, 8, 128, None)]),
        ("hunyuan_v1_moe", [(32, 8, 128, None)]),
        ("internlm3", [(48, 2, 128, None)]),
        ("mistral4", [(36, 1, 256, None)]),
        ("mpt", [(32, 32, 128, None)]),
    ],
)
def test_given_a_decoder_when_read_then_its_cache_is_that_of_its_heads(
    model_type: str, states: list[tuple[int, int, int, int | None]]
) -> None:
    found = [one for one in read(model_type).states if isinstance(one, KeyValueState)]
    assert [(one.layers, one.key_value_heads, one.key_dimension, one.window_tokens) for one in found] == states


@pytest.mark.parametrize(
    ("model_type", "names"),
    [
        ("baichuan", ("model.layers.*.self_attn.W_pack.weight[queries]", "model.embed_tokens.weight")),
        ("chatglm", ("transformer.encoder.layers.*.self_attention.query_key_value.bias[keys, values]",
                     "transformer.encoder.layers.*.mlp.dense_h_to_4h.weight", "transformer.output_layer.weight")),
        ("exaone", ("transformer.h.*.attn.attention.k_proj.weight", "transformer.h.*.mlp.c_fc_1.weight")),
        ("hunyuan_v1_moe", ("model.layers.*.mlp.gate.wg.weight", "model.layers.*.self_attn.query_layernorm.weight",
                            "model.layers.*.mlp.shared_mlp.up_proj.weight")),
        ("granitemoeshared", ("model.layers.*.shared_mlp.input_linear.weight",
                              "model.layers.*.block_sparse_moe.router.layer.weight")),
        ("internlm2", ("model.tok_embeddings.weight", "model.layers.*.feed_forward.w2.weight", "output.weight")),
        ("mpt", ("transformer.blocks.*.ffn.up_proj.weight", "transformer.norm_f.weight")),
        ("qwen", ("transformer.h.*.attn.c_attn.bias[queries]", "transformer.h.*.mlp.c_proj.weight")),
    ],
)  # fmt: skip
def test_given_a_decoder_when_read_then_its_tensors_have_their_published_names(
    model_type: str, names: tuple[str, ...]
) -> None:
    assert set(names) <= {tensor.name for tensor in read(model_type).tensors}


def test_given_a_fused_projection_when_divided_then_keys_and_values_are_only_up_to_their_heads() -> None:
    tensors = {one.name.rpartition(".")[2]: one for one in read("internlm2").tensors if "wqkv" in one.name}
    assert tensors["weight[queries]"].sharding is Sharding.SPLIT
    assert tensors["weight[keys, values]"].sharding is Sharding.KEY_VALUE
    assert tensors["weight[keys, values]"].shape == (2 * 8 * 128, 4096)


def test_given_two_matrices_without_a_gate_when_read_then_two_values_are_alive() -> None:
    assert read("mpt").activations.per_item == 4096 + max(2 * 4 * 4096, 4 * 4096)
    assert read("internlm2").activations.per_item == 4096 + 3 * 14336


def test_given_a_classifier_on_a_named_decoder_when_read_then_its_head_is_the_classifiers() -> None:
    bare = read("mpt", architectures=["MptModel"])
    found = read("mpt", architectures=["MptForSequenceClassification"], num_labels=3)
    assert found.parameters == bare.parameters + 3 * 4096


@pytest.mark.parametrize(
    ("model_type", "changes", "expected"),
    [
        ("bitnet", {"attention_bias": True}, ("unknown-architecture", "attention_bias")),
        ("chatglm", {"vision_config": {"image_size": 1120}}, ("unknown-architecture", "vision_config")),
        ("chatglm", {"add_bias_linear": True}, ("unknown-architecture", "add_bias_linear")),
        ("chatglm", {"rmsnorm": False}, ("unknown-architecture", "rmsnorm")),
        ("deepseek", {"moe_layer_freq": 2}, ("unknown-architecture", "moe_layer_freq")),
        ("hunyuan_v1_moe", {"moe_topk": [8] * 31 + [4]}, ("wrong-type", "moe_topk")),
        ("hunyuan_v1_moe", {"moe_intermediate_size": [3072, 2048]}, ("unknown-architecture", "moe_intermediate_size")),
        ("hunyuan_v1_moe", {"num_shared_expert": 2}, ("unknown-architecture", "num_shared_expert")),
        ("hunyuan_v1_moe", {"use_cla": True}, ("unknown-architecture", "use_cla")),
        ("internlm2", {"bias": True}, ("unknown-architecture", "bias")),
        ("minicpm", {"num_experts": 8}, ("unknown-architecture", "num_experts")),
        ("mpt", {"attn_config": {"alibi": False}}, ("unknown-architecture", "attn_config.alibi")),
        ("mpt", {"attn_config": {"attn_type": "multiquery_attention"}},
         ("unknown-architecture", "attn_config.attn_type")),
        ("mpt", {"attn_config": {"qk_ln": True}}, ("unknown-architecture", "attn_config.qk_ln")),
        ("mpt", {"expansion_ratio": 2}, ("unknown-architecture", "expansion_ratio")),
        ("mpt", {"no_bias": False}, ("unknown-architecture", "no_bias")),
        ("qwen", {"visual": {"layers": 48}}, ("unknown-architecture", "visual")),
        ("qwen", {"intermediate_size": 22017}, ("contradiction", "intermediate_size")),
        ("afmoe", {"num_experts_per_tok": 129}, ("contradiction", "num_experts_per_tok")),
    ],
)  # fmt: skip
def test_given_a_variant_that_is_not_known_when_read_then_it_is_refused(
    model_type: str, changes: dict[str, Any], expected: tuple[str, str]
) -> None:
    with pytest.raises(InputError) as caught:
        read(model_type, **changes)
    found = [
        (problem.code, (problem.path or "").removeprefix("architecture.config.")) for problem in caught.value.problems
    ]
    assert found == [expected]


@pytest.mark.parametrize("model_type", ["chatglm", "qwen", "internlm2"])
def test_given_a_class_of_its_own_name_when_asked_what_it_is_for_then_it_writes_text(model_type: str) -> None:
    config = {**MODELS[model_type][0], "model_type": model_type}
    purpose = purpose_of(config, relevant_hyperparameters(config)[0])
    assert (purpose.kind, purpose.task) == (Kind.FOUNDATION, "text-generation")
