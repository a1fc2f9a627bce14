"""Pipeline stages: which holds what, against vLLM's division of layers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ai_on_eks.descriptors.architectures import relevant_hyperparameters
from ai_on_eks.descriptors.inventory import Inventory, Sharding, Tensor, TensorRole
from ai_on_eks.descriptors.schema import Precision, WeightPrecision
from ai_on_eks.sizing.stages import stage_bounds, stages
from ai_on_eks.sizing.weights import stage_bytes, weights_bytes, weights_term

BF16 = Precision(weights=WeightPrecision.BF16)


def decoder(layers: int = 12, *, tied: bool = False, dense_first: int | None = None) -> Inventory:
    """A small model; with `dense_first` a mixture of experts behind so many dense layers."""
    config = {
        "model_type": "llama",
        "hidden_size": 64,
        "intermediate_size": 256,
        "num_hidden_layers": layers,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "vocab_size": 1000,
        "tie_word_embeddings": tied,
        "max_position_embeddings": 2048,
    }
    if dense_first is not None:
        mixture = {
            "model_type": "qwen3_moe",
            "num_experts": 8,
            "num_experts_per_tok": 2,
            "moe_intermediate_size": 96,
            "decoder_sparse_step": 1,
            "mlp_only_layers": list(range(dense_first)),
            "head_dim": 16,
            "norm_topk_prob": True,
        }
        config |= mixture
    inventory, _relevant = relevant_hyperparameters(config)
    return inventory


@pytest.mark.parametrize(
    ("layers", "number", "sizes"),
    [
        (61, 2, (31, 30)),
        (61, 4, (15, 15, 16, 15)),
        (62, 4, (15, 16, 16, 15)),
        (63, 4, (16, 16, 16, 15)),
        (80, 8, (10,) * 8),
        (3, 5, (0, 1, 1, 1, 0)),
        (0, 3, (0, 0, 0)),
    ],
)
def test_given_layers_when_divided_then_the_remainder_is_where_vllm_puts_it(
    layers: int, number: int, sizes: tuple[int, ...]
) -> None:
    """Computed with get_pp_indices of vLLM 0.33.0 (distributed/utils.py)."""
    assert tuple(end - start for start, end in stage_bounds(layers, number)) == sizes


def test_given_stages_when_listed_then_embedding_is_first_and_head_and_norm_are_last() -> None:
    first, middle, last = stages(decoder(), 3)
    assert _outside_layers(first) == {"model.embed_tokens.weight"}
    assert _outside_layers(middle) == set()
    assert _outside_layers(last) == {"model.norm.weight", "lm_head.weight"}


def test_given_a_tied_embedding_when_divided_then_first_and_last_hold_it() -> None:
    first, last = stages(decoder(tied=True), 2)
    assert _outside_layers(first) == {"model.embed_tokens.weight"}
    assert _outside_layers(last) == {"model.embed_tokens.weight", "model.norm.weight"}


@pytest.mark.parametrize(("everywhere", "held"), [(False, [3, 0, 0]), (True, [3, 3, 3])])
def test_given_an_encoder_of_images_when_divided_then_the_first_stage_has_it_or_every_one(
    everywhere: bool, held: list[int]
) -> None:
    tower = Tensor("visual.blocks.*.mlp.weight", (64, 64), TensorRole.VISION, Sharding.SPLIT, count=3)
    inventory = decoder()
    inventory = replace(inventory, tensors=(*inventory.tensors, tower))
    divided = stages(inventory, 3, encoders_on_every_stage=everywhere)
    assert [sum(count for tensor, count in stage if tensor is tower) for stage in divided] == held


def test_given_dense_layers_first_when_divided_then_a_later_stage_is_the_fullest() -> None:
    """12 layers, 2 of them dense: 4 layers on each of 3 stages, of which the first has 2 dense ones."""
    inventory = decoder(dense_first=2)
    held = stage_bytes(inventory, BF16, 1, 3)
    experts = 8 * 3 * 64 * 96 + 8 * 64
    dense = 3 * 64 * 256
    embedding, norm = 1000 * 64, 64
    assert held[1] - held[0] == 2 * (2 * (experts - dense) - embedding)
    assert held[2] - held[1] == 2 * (embedding + norm)
    assert weights_bytes(inventory, BF16, 1, 3) == held[2]


def test_given_stages_when_explained_then_the_line_names_the_fullest() -> None:
    term = weights_term(decoder(), BF16, 1, 3)
    assert term.formula.endswith("on the fullest of 3 pipeline stages")
    assert term.value_bytes == max(stage_bytes(decoder(), BF16, 1, 3))


@given(
    layers=st.integers(1, 70),
    number=st.integers(1, 16),
    dense_first=st.none() | st.integers(0, 5),
    tensor_parallel=st.sampled_from([1, 2, 4]),
)
def test_given_any_model_when_divided_then_the_stages_are_the_whole(
    layers: int, number: int, dense_first: int | None, tensor_parallel: int
) -> None:
    inventory = decoder(layers, dense_first=None if dense_first is None else min(dense_first, layers - 1))
    whole = weights_bytes(inventory, BF16, tensor_parallel)
    assert sum(stage_bytes(inventory, BF16, tensor_parallel, number)) == whole
    counts: dict[Tensor, int] = {}
    for stage in stages(inventory, number):
        for tensor, count in stage:
            counts[tensor] = counts.get(tensor, 0) + count
    assert counts == {tensor: tensor.count for tensor in inventory.tensors}


@given(layers=st.integers(1, 70), number=st.integers(1, 15), tied=st.booleans())
def test_given_one_more_stage_when_layers_are_alike_then_no_rank_holds_more(
    layers: int, number: int, tied: bool
) -> None:
    inventory = decoder(layers, tied=tied)
    assert weights_bytes(inventory, BF16, 1, number + 1) <= weights_bytes(inventory, BF16, 1, number)


@given(number=st.integers(1, 8), seed=st.randoms(use_true_random=False))
def test_given_tensors_in_another_order_when_divided_then_nothing_changes(number: int, seed: object) -> None:
    inventory = decoder(13, dense_first=3)
    shuffled = list(inventory.tensors)
    seed.shuffle(shuffled)  # type: ignore[attr-defined]
    assert stage_bytes(replace(inventory, tensors=tuple(shuffled)), BF16, 2, number) == stage_bytes(
        inventory, BF16, 2, number
    )


def _outside_layers(stage: tuple[tuple[Tensor, int], ...]) -> set[str]:
    return {tensor.name for tensor, _count in stage if "*" not in tensor.name}
