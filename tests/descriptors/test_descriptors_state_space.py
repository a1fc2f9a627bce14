"""State-space decoders: exact totals, states that no context grows, sharding by channels, heads and groups."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ai_on_eks.descriptors.architectures import build_inventory, family_of, relevant_hyperparameters
from ai_on_eks.descriptors.architectures.state_space import MODEL_TYPES
from ai_on_eks.descriptors.inventory import Inventory, KeyValueState, RecurrentState, Sharding
from ai_on_eks.descriptors.schema import Architecture, Descriptor, Family, Format, Kind, Source
from ai_on_eks.errors import InputError
from ai_on_eks.units import ceil_div

MAMBA: dict[str, Any] = {
    "model_type": "mamba", "hidden_size": 2560, "num_hidden_layers": 64, "vocab_size": 50280, "time_step_rank": 160,
}  # fmt: skip
FALCON: dict[str, Any] = {
    "model_type": "falcon_mamba", "hidden_size": 4096, "num_hidden_layers": 64, "vocab_size": 65024,
    "intermediate_size": 8192, "expand": 16, "time_step_rank": 256, "tie_word_embeddings": False,
}  # fmt: skip
MAMBA2: dict[str, Any] = {
    "model_type": "mamba2", "hidden_size": 4096, "num_hidden_layers": 64, "vocab_size": 32768, "num_heads": 128,
    "head_dim": 64, "n_groups": 8, "state_size": 128,
}  # fmt: skip
SMALL: dict[str, Any] = {"hidden_size": 256, "num_hidden_layers": 5, "vocab_size": 1000}


def read(config: dict[str, Any], **changes: Any) -> Inventory:
    return relevant_hyperparameters({**config, **changes})[0]


def kept_elements(inventory: Inventory, tensor_parallel: int = 1) -> int:
    """Elements of the recurrent states that a rank keeps of a sequence."""
    states = (state for state in inventory.states if isinstance(state, RecurrentState))
    return sum(state.layers * ceil_div(state.elements, min(tensor_parallel, state.heads)) for state in states)


def estimated(family: Family, parameters: int) -> Inventory:
    return build_inventory(
        Descriptor(
            name="m",
            kind=Kind.FOUNDATION,
            source=Source(uri="hf://a/b", format=Format.SAFETENSORS),
            architecture=Architecture(family=family, parameters=parameters),
        )
    )


def problems(config: dict[str, Any], **changes: Any) -> set[tuple[str, str | None]]:
    with pytest.raises(InputError) as caught:
        read(config, **changes)
    return {
        (problem.code, (problem.path or "").removeprefix("architecture.config.")) for problem in caught.value.problems
    }


@pytest.mark.parametrize(
    ("config", "parameters"),
    [
        (MAMBA, 2_768_345_600),  # state-spaces/mamba-2.8b-hf
        (FALCON, 7_272_665_088),  # tiiuae/falcon-mamba-7b
        (MAMBA2, 7_285_403_648),  # Mamba-Codestral-7B's dimensions: the library's defaults
        (MAMBA2 | {"use_bias": True}, 7_286_853_632),
        ({"model_type": "mamba", **SMALL, "use_bias": True, "use_conv_bias": False}, 2_450_176),
        (
            {"model_type": "mamba", **SMALL, "expand": 3, "time_step_rank": 20, "state_size": 8}
            | {"tie_word_embeddings": False},
            3_735_296,
        ),
        (
            {"model_type": "mamba2", **SMALL, "num_hidden_layers": 3, "num_heads": 8, "n_groups": 1, "state_size": 16}
            | {"tie_word_embeddings": True},
            1_477_160,
        ),
    ],
)
def test_given_a_state_space_model_when_read_then_its_parameters_are_exact(
    config: dict[str, Any], parameters: int
) -> None:
    # counted with transformers 5.23.0 on the meta device, 2026-11-24
    assert read(config).parameters == parameters
    assert family_of(config) is Family.SSM


def test_given_the_model_types_then_every_one_is_tested() -> None:
    assert {config["model_type"] for config in (MAMBA, FALCON, MAMBA2)} == set(MODEL_TYPES)


def test_given_a_rank_left_automatic_when_read_then_it_follows_from_the_width() -> None:
    automatic = {key: value for key, value in MAMBA.items() if key != "time_step_rank"}
    assert read(automatic) == read(MAMBA) == read(automatic, time_step_rank="auto")


def test_given_mamba_when_read_then_a_sequence_keeps_the_engines_window_and_state() -> None:
    # vLLM 0.33.0, MambaStateShapeCalculator.mamba1_state_shape: (kernel - 1) x 5120 and 5120 x 16 per layer
    states = read(MAMBA).states
    assert states == (
        RecurrentState(64, 3 * 5120, 5120, name="convolution window"),
        RecurrentState(64, 5120 * 16, 5120, name="state"),
    )


@pytest.mark.parametrize(
    ("tensor_parallel", "channels"),
    [(1, 8192 + 2 * 8 * 128), (4, (8192 + 2 * 8 * 128) // 4), (8, (8192 + 2 * 8 * 128) // 8), (16, 512 + 2 * 128)],
)
def test_given_mamba2_when_divided_then_a_rank_has_the_groups_its_heads_use(
    tensor_parallel: int, channels: int
) -> None:
    # mamba2_state_shape: on more ranks than groups every rank has one group of B and C
    state = 128 // tensor_parallel * 64 * 128
    assert kept_elements(read(MAMBA2), tensor_parallel) == 64 * (3 * channels + state)


def test_given_a_state_space_model_when_read_then_nothing_grows_with_the_context() -> None:
    inventory = read(MAMBA2)
    assert not [state for state in inventory.states if isinstance(state, KeyValueState)]
    assert inventory.operations.per_item_and_context_token == 0
    assert inventory.operations.per_item > 2 * (inventory.parameters - 32768 * 4096)


def test_given_one_group_when_read_then_its_rows_are_whole_on_every_rank() -> None:
    one, eight = read(MAMBA2, n_groups=1), read(MAMBA2)
    for inventory, sharding in ((one, Sharding.REPLICATED), (eight, Sharding.SPLIT)):
        rows = [tensor for tensor in inventory.tensors if tensor.name.endswith("in_proj.weight[B, C]")]
        assert [tensor.sharding for tensor in rows] == [sharding]


def test_given_faults_when_read_then_each_is_told() -> None:
    assert problems({"model_type": "mamba2"}) == {
        ("missing-hyperparameter", key) for key in ("hidden_size", "num_hidden_layers", "vocab_size")
    }
    assert problems(MAMBA2, num_heads=100) == {("contradiction", "num_heads")}
    assert problems(MAMBA, num_hidden_layers=10**8) == {("out-of-range", "num_hidden_layers")}
    assert problems(MAMBA, time_step_rank="big") == {("wrong-type", "time_step_rank")}


@pytest.mark.parametrize("family", [Family.SSM, Family.HYBRID])
@pytest.mark.parametrize("parameters", [130_000_000, 7_272_665_088, 10**12])
def test_given_only_a_count_when_estimated_then_states_are_kept_and_assumptions_named(
    family: Family, parameters: int
) -> None:
    inventory = estimated(family, parameters)
    attending = sum(state.layers for state in inventory.states if isinstance(state, KeyValueState))
    recurrent = {state.layers for state in inventory.states if isinstance(state, RecurrentState)}
    assert inventory.parameters == parameters
    assert recurrent == {inventory.layers - attending}
    assert bool(attending) == (family is Family.HYBRID)
    assert len(inventory.estimated) >= 4


def test_given_a_published_size_when_estimated_then_the_state_is_an_upper_bound() -> None:
    exact = kept_elements(read(MAMBA2))
    assert exact <= kept_elements(estimated(Family.SSM, 7_285_403_648)) <= 1.5 * exact


def test_given_the_measured_config_when_read_then_it_has_the_published_parameters(shared: Path) -> None:
    config = json.loads((shared / "truth" / "configs" / "state-spaces__mamba-2.8b-hf.json").read_text())
    assert read(config).parameters == 2_768_345_600
