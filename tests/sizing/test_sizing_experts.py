"""Weights of a mixture of experts: what a rank holds, and what a step reads of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ai_on_eks.descriptors.architectures import relevant_hyperparameters
from ai_on_eks.descriptors.inventory import Inventory, TensorRole
from ai_on_eks.descriptors.schema import Precision, WeightPrecision
from ai_on_eks.sizing.stages import stages
from ai_on_eks.sizing.weights import weights_bytes, weights_read_bytes
from ai_on_eks.units import GIB

BF16 = Precision(weights=WeightPrecision.BF16)
FP8 = Precision(weights=WeightPrecision.FP8)


def mixture(**changes: object) -> Inventory:
    """Qwen3-30B-A3B, published hyper-parameters."""
    config: dict[str, object] = {
        "model_type": "qwen3_moe",
        "hidden_size": 2048,
        "intermediate_size": 6144,
        "num_hidden_layers": 48,
        "num_attention_heads": 32,
        "num_key_value_heads": 4,
        "head_dim": 128,
        "vocab_size": 151936,
        "max_position_embeddings": 40960,
        "num_experts": 128,
        "num_experts_per_tok": 8,
        "moe_intermediate_size": 768,
    }
    return relevant_hyperparameters(config | changes)[0]


QWEN3 = mixture()
PARAMETERS = 30_532_122_624
EXPERTS = 48 * 128 * 3 * 2048 * 768
ROUTERS = 48 * 128 * 2048
NORMS = 48 * (2 * 2048 + 2 * 128) + 2048
KEYS_VALUES = 48 * 2 * 2048 * 4 * 128
VOCABULARY = 2 * 151936 * 2048


@pytest.mark.parametrize("ranks", [1, 2, 4, 8])
def test_given_ranks_when_sized_then_experts_are_divided_and_routers_whole(ranks: int) -> None:
    split = PARAMETERS - ROUTERS - NORMS - KEYS_VALUES
    rank = split // ranks + KEYS_VALUES // min(ranks, 4) + ROUTERS + NORMS
    assert weights_bytes(QWEN3, BF16, ranks) == 2 * rank


def test_given_fp8_when_sized_then_router_embedding_head_and_norms_stay_in_16_bit() -> None:
    whole = ROUTERS + NORMS + VOCABULARY
    assert weights_bytes(QWEN3, FP8) == (PARAMETERS - whole) + 2 * whole


@pytest.mark.parametrize(
    ("precision", "ranks", "measured_gib"),
    [
        (BF16, 1, 56.98),  # SGLang on MI300
        (BF16, 4, 14.2474),  # vLLM 0.8.5, vllm-project/vllm issue 17327
        (FP8, 1, 29.09),  # vLLM 0.10, vllm-project/vllm issue 25350
    ],
)
def test_given_measured_ranks_when_sized_then_within_half_a_percent(
    precision: Precision, ranks: int, measured_gib: float
) -> None:
    assert weights_bytes(QWEN3, precision, ranks) / GIB == pytest.approx(measured_gib, rel=0.005)


@given(st.sampled_from(list(WeightPrecision)), st.sampled_from([1, 2, 3, 4, 6, 8]), st.integers(2, 8))
def test_given_more_ranks_when_sized_then_none_holds_more(weights: WeightPrecision, ranks: int, factor: int) -> None:
    precision = Precision(weights=weights)
    assert weights_bytes(QWEN3, precision, ranks * factor) <= weights_bytes(QWEN3, precision, ranks)


@pytest.mark.parametrize(("layers", "number", "fullest"), [(48, 2, 24), (48, 5, 10), (62, 4, 16), (3, 8, 1)])
def test_given_stages_when_sized_then_a_layer_keeps_its_experts_together(
    layers: int, number: int, fullest: int
) -> None:
    held = stages(mixture(num_hidden_layers=layers), number)
    experts = [count for stage in held for tensor, count in stage if tensor.role is TensorRole.EXPERT]
    assert max(experts) == fullest * 128


def test_given_dense_layers_when_divided_by_stages_then_a_stage_may_be_all_sparse() -> None:
    first, last = stages(mixture(mlp_only_layers=[0, 1, 2]), 2)
    assert {count for tensor, count in first if tensor.role is TensorRole.EXPERT} == {21 * 128}
    assert {count for tensor, count in last if tensor.role is TensorRole.EXPERT} == {24 * 128}


def test_given_one_sequence_when_read_then_it_is_what_one_token_passes() -> None:
    assert weights_read_bytes(QWEN3, BF16, 1) == pytest.approx(2 * QWEN3.active_parameters, abs=3)


@pytest.mark.parametrize("sequences", [1, 2, 16, 64])
def test_given_sequences_when_read_then_the_touched_share_of_experts_counts(sequences: int) -> None:
    share = 1 - (1 - 8 / 128) ** sequences
    expected = 2 * (PARAMETERS - EXPERTS) + 2 * EXPERTS * share
    assert weights_read_bytes(QWEN3, BF16, sequences) == pytest.approx(expected, rel=1e-9)


@given(st.integers(1, 4096), st.integers(1, 4096), st.sampled_from([1, 2, 4, 8]))
def test_given_more_sequences_when_read_then_never_less_and_never_more_than_there_is(
    one: int, other: int, ranks: int
) -> None:
    fewer, more = sorted((one, other))
    read = [weights_read_bytes(QWEN3, BF16, sequences, ranks) for sequences in (fewer, more)]
    assert read[0] <= read[1] <= weights_bytes(QWEN3, BF16, ranks)
    assert read[1] <= more * read[0] / fewer + 1e-6 * read[0]


def test_given_no_experts_when_read_then_every_weight_is() -> None:
    dense = replace(QWEN3, tensors=tuple(tensor for tensor in QWEN3.tensors if tensor.active_count is None))
    assert weights_read_bytes(dense, BF16, 1) == weights_bytes(dense, BF16)
