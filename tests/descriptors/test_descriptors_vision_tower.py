"""Vision towers: what a token of an image takes, beside the parameters that the models' own tests count."""

from __future__ import annotations

from typing import Any

import pytest

from ai_on_eks.descriptors.architectures.hyperparameters import Hyperparameters
from ai_on_eks.descriptors.architectures.vision_tower import VisionTower
from ai_on_eks.descriptors.architectures.vision_tower_qwen import (
    QWEN2_VISION_DEFAULTS,
    QWEN_VISION_DEFAULTS,
    qwen2_5_vision_tower,
    qwen_vision_tower,
)
from ai_on_eks.descriptors.inventory import TensorRole
from ai_on_eks.errors import InputError

QWEN3_5: dict[str, Any] = {
    "depth": 27, "hidden_size": 1152, "intermediate_size": 4304, "num_heads": 16, "out_hidden_size": 5120,
    "patch_size": 16, "deepstack_visual_indexes": [],
}  # fmt: skip
QWEN2_5: dict[str, Any] = {
    "depth": 32, "hidden_size": 1280, "intermediate_size": 3420, "num_heads": 16, "out_hidden_size": 2048,
    "window_size": 112, "fullatt_block_indexes": [7, 15, 23, 31],
}  # fmt: skip


def qwen(**changes: Any) -> VisionTower:
    return qwen_vision_tower(Hyperparameters({**QWEN3_5, **changes}, QWEN_VISION_DEFAULTS))


def parameters(tower: VisionTower) -> int:
    return sum(tensor.parameters for tensor in tower.tensors)


def test_given_the_tower_of_qwen3_5_27b_when_counted_then_as_transformers_builds_it() -> None:
    assert parameters(qwen()) == 460_730_096  # Qwen3_5ForConditionalGeneration.model.visual, 5.23.0, meta device


def test_given_deepstack_when_counted_then_each_layer_has_a_merger_with_a_norm_of_its_own() -> None:
    merged = 4 * 1152
    merger = 2 * merged + merged**2 + merged + 5120 * merged + 5120
    assert parameters(qwen(deepstack_visual_indexes=[8, 16, 24])) - parameters(qwen()) == 3 * merger
    assert qwen(deepstack_visual_indexes=[8, 16, 24]).encoder.handed == 4 * 5120


def test_given_a_token_when_it_is_made_then_four_patches_pass_every_matrix_but_the_merger() -> None:
    patch = 1152 * 3 * 2 * 16**2 + 27 * (4 * 1152**2 + 2 * 1152 * 4304)
    merger = 4608**2 + 5120 * 4608
    operations = qwen().encoder.operations
    assert operations.per_item == 2 * (4 * patch + merger)
    assert operations.per_item_and_context_token == 4 * 27 * 1152 * 4**2


def test_given_more_patches_in_a_token_when_read_then_more_is_alive_for_it() -> None:
    assert qwen().encoder.per_item == 4 * (1152 + 2 * 4304)
    assert qwen(spatial_merge_size=3).encoder.per_item == 9 * (1152 + 2 * 4304)


def test_given_windows_when_read_then_only_the_other_layers_attend_to_the_whole_image() -> None:
    def tower(**changes: Any) -> VisionTower:
        return qwen2_5_vision_tower(Hyperparameters({**QWEN2_5, **changes}, QWEN2_VISION_DEFAULTS))

    windowed, everywhere = tower(), tower(fullatt_block_indexes=list(range(32)))
    assert windowed.encoder.operations.per_item_and_context_token == 4 * 4 * 1280 * 4**2
    assert everywhere.encoder.operations.per_item_and_context_token == 4 * 32 * 1280 * 4**2
    patches_of_a_window = (112 // 14) ** 2
    within = windowed.encoder.operations.per_item - everywhere.encoder.operations.per_item
    assert within == 4 * 4 * 28 * 1280 * patches_of_a_window
    assert windowed.tensors == everywhere.tensors


def test_given_a_tower_then_it_is_told_apart_from_the_decoder() -> None:
    assert {tensor.role for tensor in qwen().tensors} == {TensorRole.VISION}
    assert all(tensor.count == 27 for tensor in qwen().tensors if ".blocks.*." in tensor.name)


@pytest.mark.parametrize("key", ["depth", "hidden_size", "intermediate_size", "out_hidden_size"])
def test_given_a_width_is_missing_when_read_then_it_is_asked_for(key: str) -> None:
    section = Hyperparameters({name: value for name, value in QWEN3_5.items() if name != key}, QWEN_VISION_DEFAULTS)
    qwen_vision_tower(section)
    with pytest.raises(InputError) as caught:
        section.finish()
    assert [problem.code for problem in caught.value.problems] == ["missing-hyperparameter"]
