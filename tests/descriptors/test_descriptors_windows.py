"""Layers that attend to a window of the context, and what they keep of it.

Which layers that are is what the config classes of transformers 5.23.0 make of the same words.
"""

from __future__ import annotations

from typing import Any

import pytest

from ai_on_eks.descriptors.architectures import relevant_hyperparameters
from ai_on_eks.descriptors.inventory import Inventory, KeyValueState, Operations
from ai_on_eks.errors import InputError

DIMENSIONS: dict[str, Any] = {
    "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32, "num_attention_heads": 32,
    "num_key_value_heads": 8, "vocab_size": 32000, "max_position_embeddings": 32768, "head_dim": 128,
}  # fmt: skip
EXPERTS: dict[str, Any] = DIMENSIONS | {
    "num_local_experts": 8, "num_experts": 8, "num_experts_per_tok": 2, "moe_intermediate_size": 1024,
    "shared_expert_intermediate_size": 2048,
}  # fmt: skip
SLIDING, FULL = "sliding_attention", "full_attention"


def read(model_type: str, **changes: Any) -> Inventory:
    return relevant_hyperparameters({"model_type": model_type, **EXPERTS, **changes})[0]


def kept(inventory: Inventory) -> list[tuple[int, int | None]]:
    """Layers and window of each state."""
    states = [state for state in inventory.states if isinstance(state, KeyValueState)]
    return [(state.layers, state.window_tokens) for state in states]


@pytest.mark.parametrize(
    ("model_type", "changes", "expected"),
    [
        ("llama", {"sliding_window": 4096}, [(32, None)]),
        ("mistral", {"sliding_window": 4096}, [(32, 4096)]),
        ("mistral", {"sliding_window": None}, [(32, None)]),
        ("mistral", {"sliding_window": 0}, [(32, None)]),
        ("mistral", {}, [(32, None)]),
        ("mixtral", {"sliding_window": 4096}, [(32, 4096)]),
        ("phi3", {"sliding_window": 2047}, [(32, 2047)]),
        ("qwen2", {"sliding_window": 4096}, [(32, None)]),
        ("qwen2", {"sliding_window": 4096, "use_sliding_window": False}, [(32, None)]),
        ("qwen2", {"sliding_window": 4096, "use_sliding_window": True}, [(28, None), (4, 4096)]),
        ("qwen3", {"sliding_window": 64, "use_sliding_window": True, "max_window_layers": 10}, [(10, None), (22, 64)]),
        ("qwen2", {"sliding_window": 64, "use_sliding_window": True, "max_window_layers": 32}, [(32, None)]),
        ("qwen2", {"sliding_window": 64, "use_sliding_window": True, "max_window_layers": 0}, [(32, 64)]),
        (
            "qwen2",
            {"sliding_window": 64, "use_sliding_window": True, "layer_types": [SLIDING] * 3 + [FULL] * 29},
            [(29, None), (3, 64)],
        ),
        ("qwen3_moe", {"sliding_window": 64, "use_sliding_window": True}, [(32, 64)]),
        (
            "qwen2_moe",
            {"sliding_window": 64, "use_sliding_window": True, "max_window_layers": 5},
            [(29, None), (3, 64)],
        ),
        ("gemma2", {}, [(16, None), (16, 4096)]),
        ("gemma2", {"num_hidden_layers": 5, "sliding_window": 1024}, [(2, None), (3, 1024)]),
        ("gpt_oss", {"sliding_window": 128}, [(16, None), (16, 128)]),
        ("gpt_oss", {"layer_types": [FULL] * 32}, [(32, None)]),
    ],
)
def test_given_the_words_of_a_config_when_read_then_its_layers_keep_what_they_attend_to(
    model_type: str, changes: dict[str, Any], expected: list[tuple[int, int | None]]
) -> None:
    inventory = read(model_type, **changes)
    assert kept(inventory) == expected
    assert sum(layers for layers, _window in expected) == inventory.layers
    assert not any("window" in text for text in inventory.estimated)


def test_given_a_window_when_operations_are_counted_then_no_token_attends_to_more() -> None:
    inventory = read("gemma2", num_hidden_layers=4, sliding_window=1024)
    per_layer = 2 * 32 * (128 + 128)  # scores and values, of every head
    assert inventory.operations.per_item_and_context_token == 2 * per_layer
    assert inventory.operations.windowed == ((2 * per_layer, 1024),)
    assert inventory.operations.attending(100) == 4 * per_layer * 100
    assert inventory.operations.attending(5000) == 2 * per_layer * (5000 + 1024)


def test_given_no_window_when_operations_are_counted_then_they_grow_with_the_context() -> None:
    assert Operations(7, 3).attending(10) == 30
    assert read("mistral").operations.windowed == ()


def test_given_windows_when_read_then_the_parameters_are_those_without() -> None:
    assert read("mistral", sliding_window=64).parameters == read("mistral").parameters


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"layer_types": [FULL] * 3}, "contradiction"),
        ({"layer_types": ["linear_attention"] * 32}, "wrong-type"),
        ({"sliding_window": -1}, "out-of-range"),
        ({"sliding_window": "x"}, "wrong-type"),
        ({"num_hidden_layers": 1001}, "out-of-range"),
    ],
)
def test_given_words_that_do_not_fit_when_read_then_an_input_error_says_so(changes: dict[str, Any], code: str) -> None:
    with pytest.raises(InputError) as caught:
        read("gemma2", **changes)
    assert code in {problem.code for problem in caught.value.problems}


def test_given_a_described_config_when_read_again_then_the_windows_are_the_same() -> None:
    config = {"model_type": "gpt_oss", **EXPERTS, "sliding_window": 128, "layer_types": [FULL, SLIDING] * 16}
    inventory, relevant = relevant_hyperparameters(config)
    assert relevant_hyperparameters(relevant)[0] == inventory


def test_given_a_null_where_a_default_is_documented_when_described_then_the_null_is_kept() -> None:
    inventory, relevant = relevant_hyperparameters({"model_type": "qwen3", **DIMENSIONS, "num_key_value_heads": None})
    assert inventory.key_value_heads == 32
    assert relevant_hyperparameters(relevant)[0] == inventory


def test_given_an_absurd_number_of_layers_when_read_then_it_is_answered_at_once() -> None:
    config = {"model_type": "gptj", "n_embd": 64, "n_head": 8, "n_positions": 64, "vocab_size": 64, "n_layer": 10**8}
    assert relevant_hyperparameters(config)[0].layers == 10**8
