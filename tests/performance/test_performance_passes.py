"""One pass: experts by how many tokens touch them, exchanges by what joins the ranks."""

from __future__ import annotations

from math import log, sqrt

import pytest
from msgspec.structs import replace
from performance_models import BF16, DENSE, EXPERTS, MACHINE, MIXTURE, ideal

from ai_on_eks.descriptors.inventory import KeyValueState, Operations, RecurrentState
from ai_on_eks.performance.divided import divide
from ai_on_eks.performance.exchange import NETWORK_S, NETWORK_SHARE
from ai_on_eks.performance.machine import Division
from ai_on_eks.performance.passes import prompt, step

EXPERT_BYTES = 2 * EXPERTS.parameters


@pytest.mark.parametrize("tokens", [1, 2, 8])
def test_given_few_tokens_when_experts_are_read_then_only_those_they_touch(tokens: int) -> None:
    touched = 1 - (1 - 2 / 8) ** tokens
    found = step(divide(MIXTURE, BF16, MACHINE, Division()), ideal(), tokens, 100)
    assert found.experts_s == pytest.approx(EXPERT_BYTES * touched / 4e12)


def test_given_ranks_when_experts_are_cut_then_each_reads_its_share() -> None:
    whole = step(divide(MIXTURE, BF16, MACHINE, Division()), ideal(), 4, 100).experts_s
    cut = step(divide(MIXTURE, BF16, MACHINE, Division(4)), ideal(), 4, 100).experts_s
    assert cut == pytest.approx(whole / 4)


def test_given_ranks_that_hold_whole_experts_when_few_are_touched_then_the_fullest_is_waited_for() -> None:
    touched = 1 - (1 - 2 / 8) ** 2
    spread = sqrt(2 * log(4))
    more = min(1 + 0.5 * spread / sqrt(touched * 8 / 4), 1 / touched)
    found = step(divide(MIXTURE, BF16, MACHINE, Division(4, 1, 4)), ideal(skew=0.5), 2, 100).experts_s
    assert found == pytest.approx(EXPERT_BYTES * touched / 4 * more / 4e12)


def test_given_tensor_parallel_ranks_when_layers_are_reduced_then_twice_each_over_the_link() -> None:
    found = step(divide(DENSE, BF16, MACHINE, Division(4)), ideal(exchange_s=1e-5, link=0.5), 8, 100)
    assert found.exchange_s == pytest.approx(64 * 2 * 3 / 4 * 8 * 4096 * 2 / (4e11 * 0.5))
    assert found.launches_s == pytest.approx(64e-5)


def test_given_two_nodes_when_layers_are_reduced_then_the_network_adds_to_the_link() -> None:
    value_bytes = 8 * 4096 * 2
    found = step(divide(DENSE, BF16, MACHINE, Division(16, nodes=2)), ideal(), 8, 100)
    within = 2 * 7 / 8 * value_bytes / 4e11
    between = 2 * 1 / 2 * value_bytes / (4e11 * NETWORK_SHARE)
    assert found.exchange_s == pytest.approx(64 * (within + between))
    assert found.launches_s == pytest.approx(64 * NETWORK_S)


def test_given_a_rack_of_one_link_when_a_stage_spans_its_nodes_then_no_network_is_paid() -> None:
    rack = replace(MACHINE, ranks_per_node=4, link_domain_ranks=72)
    found = step(divide(DENSE, BF16, rack, Division(16, nodes=4)), ideal(), 8, 100)
    assert found.exchange_s == pytest.approx(64 * 2 * 15 / 16 * 8 * 4096 * 2 / 4e11)
    assert found.launches_s == 0.0


def test_given_attention_groups_when_experts_are_shared_then_tokens_are_sent_and_nothing_is_reduced() -> None:
    found = step(divide(MIXTURE, BF16, MACHINE, Division(1, 1, 8, 8)), ideal(all_to_all_s=1e-5), 4, 100)
    assert found.exchange_s == pytest.approx(32 * 7 / 8 * 4 * 4096 * 2 * 4 / 4e11)
    assert found.launches_s == pytest.approx(32 * 2 * 1e-5)


def test_given_a_latent_when_it_is_attended_to_then_every_rank_reads_all_and_computes_its_heads() -> None:
    latent = replace(DENSE, states=(KeyValueState(32, 1, 512, 64, is_replicated=True),), key_value_heads=1)
    read = 1000 * 32 * 576 * 2 / 4e12
    computed = 1000 * 32 * 2 * 32 * (2 * 512 + 64) / 8 / 1e15
    assert read > computed
    for share, expected in ((1.0, read), (0.01, 100 * computed)):
        found = step(divide(latent, BF16, MACHINE, Division(8)), ideal(latent_compute=share), 1, 1000)
        assert found.attention_s == pytest.approx(expected)


def test_given_a_window_when_it_is_attended_to_then_no_more_is_read() -> None:
    windowed = replace(DENSE, states=(KeyValueState(32, 8, 128, 128, window_tokens=128),))
    short, long = (step(divide(windowed, BF16, MACHINE, Division()), ideal(), 1, length) for length in (128, 4096))
    assert short.attention_s == pytest.approx(128 * 2 * 32 * 8 * 256 / 4e12)
    assert long.attention_s >= short.attention_s


def test_given_an_indexer_when_it_chooses_then_latents_are_read_for_the_chosen_and_keys_for_all() -> None:
    sparse = replace(
        DENSE,
        states=(
            KeyValueState(32, 1, 512, 64, is_replicated=True),
            KeyValueState(32, 1, 132, 0, is_replicated=True, bits=8, name="indexer keys"),
        ),
        operations=Operations(DENSE.operations.per_item, 0, ((1000, 2048),)),
    )
    found = step(divide(sparse, BF16, MACHINE, Division()), ideal(), 1, 10_000)
    assert found.attention_s == pytest.approx(32 * (2048 * 576 * 2 + 10_000 * 132) / 4e12)


def test_given_a_recurrent_state_when_a_token_passes_then_it_is_read_and_written_whatever_the_context() -> None:
    states = (RecurrentState(32, 1_000_000, 32, bits=32),)
    recurrent = replace(DENSE, states=states, operations=Operations(DENSE.operations.per_item))
    of = divide(recurrent, BF16, MACHINE, Division())
    found = {step(of, ideal(recurrent_bandwidth=0.5), 3, length).attention_s for length in (1, 100_000)}
    state_s = 2 * 3 * 32 * 4_000_000 / (4e12 * 0.5)
    assert min(found) == pytest.approx(state_s)


def test_given_a_prompt_when_it_is_long_then_attention_grows_with_its_square() -> None:
    of = divide(DENSE, BF16, MACHINE, Division())
    short, long = prompt(of, ideal(), 1000), prompt(of, ideal(), 2000)
    assert long.attention_s == pytest.approx(4 * short.attention_s)
    assert long.launches_s == short.launches_s


@pytest.mark.parametrize(("eager", "kernels"), [(0.0, 32 + 32 * 1.5), (1.0, 32 + 32 * (1.5 + 2))])
def test_given_recurrent_layers_when_a_prompt_is_launched_eagerly_then_its_scan_adds_kernels(
    eager: float, kernels: float
) -> None:
    recurrent = replace(DENSE, states=(RecurrentState(32, 1_000_000, 32),))
    of = divide(recurrent, BF16, MACHINE, Division())
    constants = ideal(eager=eager, recurrent_kernels=1.5, prompt_recurrent_kernels=2.0, prompt_layer_s=1e-3)
    assert prompt(of, constants, 1000).launches_s == pytest.approx(kernels * 1e-3)
