"""Further decoders: parameters as transformers counts them, names and windows as checkpoints and configs have them."""

from __future__ import annotations

from typing import Any

import pytest

from ai_on_eks.descriptors.architectures import relevant_hyperparameters
from ai_on_eks.descriptors.inventory import Inventory, KeyValueState, Sharding, TensorRole
from ai_on_eks.errors import InputError

SMALL: dict[str, Any] = {
    "hidden_size": 256, "intermediate_size": 384, "num_hidden_layers": 8, "num_attention_heads": 8,
    "num_key_value_heads": 4, "vocab_size": 1000, "max_position_embeddings": 4096,
}  # fmt: skip


def read(model_type: str, **changes: Any) -> Inventory:
    return relevant_hyperparameters({"model_type": model_type, **SMALL, **changes})[0]


@pytest.mark.parametrize(
    ("model_type", "changes", "parameters"),
    [
        ("arcee", {}, 3_662_080),
        ("cohere", {}, 4_190_464),
        ("cohere", {"use_qk_norm": True}, 4_193_536),
        ("cohere2", {}, 4_190_464),
        ("ernie4_5", {"use_bias": True}, 8_937_728),
        ("exaone4", {"sliding_window": 4096}, 4_449_024),
        ("gemma", {}, 15_202_560),
        ("gemma3_text", {}, 15_210_752),
        ("granite", {}, 4_448_512),
        ("helium", {"head_dim": 32}, 4_448_512),
        ("hunyuan_v1_dense", {"head_dim": 32}, 4_449_024),
        ("ministral3", {}, 9_167_104),
        ("nemotron", {}, 3_666_432),
        ("olmo", {}, 4_444_160),
        ("olmo2", {}, 4_451_584),
        ("olmo3", {}, 4_451_584),
        ("seed_oss", {}, 9_183_488),
        ("seed_oss", {"attention_out_bias": True, "mlp_bias": True}, 9_193_728),
        ("stablelm", {}, 4_452_864),
        ("stablelm", {"qk_layernorm": True, "use_parallel_residual": True, "use_qkv_bias": True}, 4_455_936),
        ("starcoder2", {}, 3_421_696),
        ("vaultgemma", {}, 15_202_560),
    ],
)
def test_given_a_small_config_when_read_then_its_parameters_are_those_the_library_counts(
    model_type: str, changes: dict[str, Any], parameters: int
) -> None:
    # counted with transformers 5.23.0 on the meta device, tied weights once
    assert read(model_type, **changes).parameters == parameters


@pytest.mark.parametrize(
    ("model_type", "changes", "expected"),
    [
        ("cohere2", {}, [(2, None), (6, 4096)]),
        ("cohere2", {"sliding_window_pattern": 2}, [(4, None), (4, 4096)]),
        ("exaone4", {"sliding_window": None}, [(8, None)]),
        ("gemma3_text", {"sliding_window": 512}, [(1, None), (7, 512)]),
        ("gemma3_text", {"use_bidirectional_attention": True}, []),
        ("olmo3", {}, [(2, None), (6, 4096)]),
        ("ministral", {"sliding_window": 1024}, [(8, 1024)]),
        ("starcoder2", {"sliding_window": 64}, [(8, 64)]),
        ("smollm3", {"sliding_window": 64}, [(8, None)]),
        ("vaultgemma", {}, [(4, None), (4, 4096)]),
    ],
)
def test_given_windows_in_some_layers_when_read_then_their_states_are_apart(
    model_type: str, changes: dict[str, Any], expected: list[tuple[int, int | None]]
) -> None:
    states = [state for state in read(model_type, **changes).states if isinstance(state, KeyValueState)]
    assert [(state.layers, state.window_tokens) for state in states] == expected


def test_given_the_published_text_part_of_gemma_3_4b_when_read_then_what_it_leaves_out_is_documented() -> None:
    # its text_config names no heads and no vocabulary; counted with transformers 5.23.0 (Gemma3ForCausalLM)
    section = {"model_type": "gemma3_text", "hidden_size": 2560, "intermediate_size": 10240, "num_hidden_layers": 34,
               "sliding_window": 1024}  # fmt: skip
    inventory = relevant_hyperparameters(section)[0]
    assert inventory.parameters == 3_880_263_168
    assert inventory.max_context_tokens == 131_072


def test_given_a_norm_per_head_when_read_then_each_has_its_own_tensor() -> None:
    tensors = {tensor.name: tensor for tensor in read("stablelm", qk_layernorm=True).tensors}
    norm = tensors["model.layers.*.self_attn.q_layernorm.norms.*.weight"]
    assert (norm.shape, norm.count, norm.per_layer) == ((32,), 64, 8)


def test_given_two_layer_feed_forward_networks_when_read_then_no_gate_is_listed() -> None:
    inventory = read("starcoder2")
    names = {tensor.name for tensor in inventory.tensors if tensor.role is TensorRole.FEED_FORWARD}
    assert names == {f"model.layers.*.mlp.{name}.{part}" for name in ("c_fc", "c_proj") for part in ("weight", "bias")}
    bias = next(tensor for tensor in inventory.tensors if tensor.name == "model.layers.*.mlp.c_proj.bias")
    assert bias.sharding is Sharding.REPLICATED  # added once, after the ranks' parts
    assert inventory.activations.per_item < read("ernie4_5").activations.per_item


@pytest.mark.parametrize(
    ("model_type", "missing"), [("granite", "vocab_size"), ("gemma", "hidden_size"), ("gemma3_text", "hidden_size")]
)
def test_given_a_config_without_a_dimension_when_read_then_it_is_asked_for(model_type: str, missing: str) -> None:
    with pytest.raises(InputError) as caught:
        read(model_type, **{missing: None})
    assert [problem.code for problem in caught.value.problems] == ["missing-hyperparameter"]
