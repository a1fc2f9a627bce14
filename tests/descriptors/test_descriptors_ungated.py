"""Decoders with two-layer feed-forward networks: exact parameters, states, operations, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ai_on_eks.descriptors.architectures import relevant_hyperparameters
from ai_on_eks.descriptors.describe import describe
from ai_on_eks.descriptors.inventory import Inventory, KeyValueState, Sharding, TensorRole
from ai_on_eks.descriptors.schema import Kind
from ai_on_eks.errors import InputError

GPT2: dict[str, Any] = {
    "model_type": "gpt2", "n_embd": 768, "n_layer": 12, "n_head": 12, "n_positions": 1024, "vocab_size": 50257,
}  # fmt: skip
OPT: dict[str, Any] = {
    "model_type": "opt", "hidden_size": 768, "ffn_dim": 3072, "num_hidden_layers": 12, "num_attention_heads": 12,
    "vocab_size": 50272, "max_position_embeddings": 2048,
}  # fmt: skip
BLOOM: dict[str, Any] = {
    "model_type": "bloom", "n_embed": 4096, "n_layer": 30, "num_attention_heads": 32, "vocab_size": 250880,
}  # fmt: skip
GPT_NEOX: dict[str, Any] = {
    "model_type": "gpt_neox", "hidden_size": 6144, "intermediate_size": 24576, "num_hidden_layers": 44,
    "num_attention_heads": 64, "vocab_size": 50432, "max_position_embeddings": 2048,
}  # fmt: skip
FALCON: dict[str, Any] = {
    "model_type": "falcon", "hidden_size": 4544, "num_hidden_layers": 32, "num_attention_heads": 71,
    "vocab_size": 65024,
}  # fmt: skip
GROUPED_FALCON: dict[str, Any] = {
    "model_type": "falcon", "hidden_size": 8192, "num_hidden_layers": 60, "num_attention_heads": 128,
    "num_kv_heads": 8, "new_decoder_architecture": True, "vocab_size": 65024,
}  # fmt: skip
PHI: dict[str, Any] = {
    "model_type": "phi", "hidden_size": 2560, "intermediate_size": 10240, "num_hidden_layers": 32,
    "num_attention_heads": 32, "vocab_size": 51200, "max_position_embeddings": 2048,
}  # fmt: skip
ALL = (GPT2, OPT, BLOOM, GPT_NEOX, FALCON, GROUPED_FALCON, PHI)


def read(config: dict[str, Any], **changes: Any) -> Inventory:
    return relevant_hyperparameters({**config, **changes})[0]


@pytest.mark.parametrize(
    ("config", "parameters"),
    [
        (GPT2, 124_439_808),
        (GPT2 | {"architectures": ["GPT2LMHeadModel"]}, 124_439_808),
        (GPT2 | {"architectures": ["GPT2Model"]}, 124_439_808),
        (GPT2 | {"n_inner": None}, 124_439_808),
        (GPT2 | {"n_inner": 1536}, 124_439_808 - 12 * 1536 * (2 * 768 + 1)),
        (GPT2 | {"tie_word_embeddings": False}, 124_439_808 + 50257 * 768),
        (GPT2 | {"n_embd": 1600, "n_layer": 48, "n_head": 25}, 1_557_611_200),
        (OPT, 125_239_296),
        (OPT | {"word_embed_proj_dim": 768}, 125_239_296),
        (OPT | {"do_layer_norm_before": False}, 125_239_296 - 2 * 768),
        (OPT | {"_remove_final_layer_norm": True}, 125_239_296 - 2 * 768),
        (OPT | {"layer_norm_elementwise_affine": False}, 125_239_296 - 25 * 2 * 768),
        (OPT | {"enable_bias": False}, 125_239_296 - 12 * (5 * 768 + 3072)),
        (BLOOM, 7_069_016_064),
        (BLOOM | {"n_embed": None, "hidden_size": 4096, "num_attention_heads": None, "n_head": 32}, 7_069_016_064),
        (GPT_NEOX, 20_554_567_680),
        (GPT_NEOX | {"attention_bias": False}, 20_554_567_680 - 44 * 4 * 6144),
        (GPT_NEOX | {"architectures": ["GPTNeoXModel"]}, 20_554_567_680 - 50432 * 6144),
        (FALCON, 6_921_720_704),
        (FALCON | {"num_kv_heads": 71}, 6_921_720_704),
        (FALCON | {"multi_query": False}, 6_921_720_704 + 32 * 2 * 70 * 64 * 4544),
        (FALCON | {"bias": True}, 6_921_720_704 + 32 * (4544 + 2 * 64 + 4544 + 4 * 4544 + 4544)),
        (FALCON | {"parallel_attn": False}, 6_921_720_704 + 32 * 2 * 4544),
        (GROUPED_FALCON, 41_303_293_952),
        (GROUPED_FALCON | {"num_ln_in_parallel_attn": 1}, 41_303_293_952 - 60 * 2 * 8192),
        (PHI, 2_779_683_840),
        (PHI | {"num_key_value_heads": 8}, 2_779_683_840 - 32 * 2 * 24 * 80 * 2561),
        (PHI | {"qk_layernorm": True}, 2_779_683_840 + 32 * 4 * 80),
        (PHI | {"architectures": ["PhiModel"]}, 2_779_683_840 - 51200 * 2561),
        (PHI | {"tie_word_embeddings": True}, 2_779_683_840 - 51200 * 2560),
    ],
)
def test_given_published_hyperparameters_when_read_then_the_parameters_are_exact(
    config: dict[str, Any], parameters: int
) -> None:
    assert read(config).parameters == parameters


@pytest.mark.parametrize(
    ("config", "elements", "context"),
    [
        (GPT2, 12 * 2 * 768, 1024),
        (OPT, 12 * 2 * 768, 2048),
        (BLOOM, 30 * 2 * 4096, None),
        (BLOOM | {"seq_length": 2048}, 30 * 2 * 4096, 2048),
        (GPT_NEOX, 44 * 2 * 6144, 2048),
        (FALCON, 32 * 2 * 64, 2048),
        (FALCON | {"multi_query": False}, 32 * 2 * 4544, 2048),
        (GROUPED_FALCON, 60 * 2 * 8 * 64, 2048),
        (PHI | {"num_key_value_heads": 8}, 32 * 2 * 8 * 80, 2048),
    ],
)
def test_given_a_decoder_when_read_then_its_state_and_longest_context_follow_from_its_heads_and_positions(
    config: dict[str, Any], elements: int, context: int | None
) -> None:
    inventory = read(config)
    (state,) = inventory.states
    assert isinstance(state, KeyValueState)
    assert state.elements_per_token == elements
    assert inventory.max_context_tokens == context
    assert bool(inventory.estimated) == (context is None)


@pytest.mark.parametrize(
    ("config", "flops", "flops_per_context", "activations"),
    [
        (GPT2, 2 * (12 * 12 * 768**2 + 50257 * 768), 4 * 12 * 768, 768 + 8 * 768),
        (BLOOM, 2 * (30 * 12 * 4096**2 + 250880 * 4096), 4 * 30 * 4096, 9 * 4096),
        (GPT_NEOX, 2 * (44 * 12 * 6144**2 + 50432 * 6144), 4 * 44 * 6144, 10 * 6144),
        (FALCON, 2 * (32 * (10 * 4544**2 + 4544 * 128) + 65024 * 4544), 4 * 32 * 4544, 10 * 4544),
        (PHI, 2 * (32 * 12 * 2560**2 + 51200 * 2560), 4 * 32 * 2560, 10 * 2560),
    ],
)
def test_given_a_decoder_when_read_then_operations_and_activations_are_those_of_its_matrices(
    config: dict[str, Any], flops: int, flops_per_context: int, activations: int
) -> None:
    inventory = read(config)
    assert inventory.operations.per_item == flops
    assert inventory.operations.per_item_and_context_token == flops_per_context
    assert inventory.activations.per_item == activations
    assert inventory.activations.vocabulary == config["vocab_size"]


@pytest.mark.parametrize("config", ALL)
def test_given_tied_or_untied_embeddings_when_read_then_the_head_is_computed_alike(config: dict[str, Any]) -> None:
    assert read(config, tie_word_embeddings=True).operations == read(config, tie_word_embeddings=False).operations


@pytest.mark.parametrize("config", ALL)
def test_given_any_of_them_when_read_then_only_the_layers_matrices_are_quantizable(config: dict[str, Any]) -> None:
    for tensor in read(config).tensors:
        layers = tensor.role in (TensorRole.ATTENTION, TensorRole.FEED_FORWARD)
        assert tensor.quantizable == (layers and len(tensor.shape) == 2), tensor.name


def test_given_one_key_value_head_when_read_then_the_fused_matrix_is_listed_by_how_it_divides() -> None:
    fused = [tensor for tensor in read(FALCON, bias=True).tensors if "query_key_value" in tensor.name]
    assert [(tensor.name.partition("query_key_value.")[2], tensor.shape, tensor.sharding) for tensor in fused] == [
        ("weight[queries]", (4544, 4544), Sharding.SPLIT),
        ("bias[queries]", (4544,), Sharding.SPLIT),
        ("weight[keys, values]", (128, 4544), Sharding.KEY_VALUE),
        ("bias[keys, values]", (128,), Sharding.KEY_VALUE),
    ]


def test_given_a_divided_input_when_read_then_its_bias_is_whole_on_every_rank() -> None:
    whole = {tensor.name for tensor in read(OPT).tensors if tensor.role is not TensorRole.NORM}
    whole = {name for name in whole if name.endswith(".bias")}
    replicated = {tensor.name for tensor in read(OPT).tensors if tensor.sharding is Sharding.REPLICATED} & whole
    assert replicated == {"model.decoder.layers.*.self_attn.out_proj.bias", "model.decoder.layers.*.fc2.bias"}


@pytest.mark.parametrize(
    ("config", "codes"),
    [
        (GPT2 | {"n_head": 7}, {"contradiction"}),
        (GPT2 | {"n_embd": None}, {"missing-hyperparameter"}),
        (GPT2 | {"add_cross_attention": True}, {"unknown-architecture"}),
        (GPT2 | {"architectures": ["GPT2DoubleHeadsModel"]}, {"unknown-architecture"}),
        (OPT | {"word_embed_proj_dim": "x"}, {"wrong-type"}),
        (OPT | {"max_position_embeddings": None}, {"missing-hyperparameter"}),
        (BLOOM | {"architectures": ["BloomForRewardModel"]}, {"unknown-architecture"}),
        (GROUPED_FALCON | {"num_kv_heads": 7}, {"contradiction"}),
        (PHI | {"num_key_value_heads": 7}, {"contradiction"}),
    ],
)
def test_given_an_unusable_config_when_read_then_an_input_error_says_why(
    config: dict[str, Any], codes: set[str]
) -> None:
    with pytest.raises(InputError) as caught:
        read(config)
    assert {problem.code for problem in caught.value.problems} == codes
    assert all(problem.fix for problem in caught.value.problems)


def test_given_a_gpt2_folder_when_described_then_it_generates_text(tmp_path: Path) -> None:
    config = GPT2 | {"architectures": ["GPT2LMHeadModel"], "torch_dtype": "float32"}
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    descriptor = describe(str(tmp_path)).descriptor
    assert (descriptor.kind, descriptor.task) == (Kind.FOUNDATION, "text-generation")


def test_given_words_of_another_width_when_read_then_two_matrices_lead_there_and_back() -> None:
    # OPT-350m, counted with transformers 5.23.0 on the meta device
    changes: dict[str, Any] = {
        "hidden_size": 1024, "ffn_dim": 4096, "num_hidden_layers": 24, "num_attention_heads": 16,
        "word_embed_proj_dim": 512, "do_layer_norm_before": False, "vocab_size": 50272,
        "max_position_embeddings": 2048,
    }  # fmt: skip
    inventory = relevant_hyperparameters(OPT | changes)[0]
    shapes = {tensor.name: tensor.shape for tensor in inventory.tensors}
    assert inventory.parameters == 331_196_416
    assert shapes["model.decoder.project_in.weight"] == (1024, 512)
    assert shapes["model.decoder.project_out.weight"] == (512, 1024)
    matrices = 24 * (4 * 1024 * 1024 + 2 * 1024 * 4096) + 2 * 512 * 1024 + 50272 * 512
    assert inventory.operations.per_item == 2 * matrices


@pytest.mark.parametrize(
    ("model_type", "changes", "parameters", "key_value_heads"),
    [
        ("gpt_bigcode", {}, 3_086_080, 1),
        ("gpt_bigcode", {"multi_query": False}, 3_546_624, 8),
        ("gptj", {}, 3_666_408, 8),
        ("gpt_bigcode",  # StarCoder
         {"n_embd": 6144, "n_layer": 40, "n_head": 48, "n_positions": 8192, "vocab_size": 49152, "n_inner": 24576},
         15_517_456_384, 1),
    ],
)  # fmt: skip
def test_given_a_relative_of_gpt_2_when_read_then_its_parameters_are_those_the_library_counts(
    model_type: str, changes: dict[str, Any], parameters: int, key_value_heads: int
) -> None:
    # counted with transformers 5.23.0 on the meta device, tied weights once
    config = {"model_type": model_type, "n_embd": 256, "n_layer": 4, "n_head": 8, "n_positions": 512,
              "vocab_size": 1000, **changes}  # fmt: skip
    inventory = relevant_hyperparameters(config)[0]
    assert inventory.parameters == parameters
    assert inventory.key_value_heads == key_value_heads
