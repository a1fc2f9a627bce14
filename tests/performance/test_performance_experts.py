"""Speed of a mixture of experts: a step reads and computes only what its tokens are routed to."""

from __future__ import annotations

import pytest

from ai_on_eks.descriptors.architectures import relevant_hyperparameters
from ai_on_eks.descriptors.schema import Precision, WeightPrecision
from ai_on_eks.performance.machine import Division, Machine
from ai_on_eks.performance.roofline import BANDWIDTH_EFFICIENCY, estimate
from ai_on_eks.performance.types import Estimates
from ai_on_eks.sizing.types import Load

BF16 = Precision(weights=WeightPrecision.BF16)
MIXTRAL = relevant_hyperparameters(
    {
        "model_type": "mixtral",
        "hidden_size": 4096,
        "intermediate_size": 14336,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "vocab_size": 32000,
        "max_position_embeddings": 32768,
        "num_local_experts": 8,
        "num_experts_per_tok": 2,
    }
)[0]
GPT_OSS_120B = {
    "model_type": "gpt_oss",
    "hidden_size": 2880,
    "intermediate_size": 2880,
    "num_hidden_layers": 36,
    "num_attention_heads": 64,
    "num_key_value_heads": 8,
    "head_dim": 64,
    "vocab_size": 201088,
    "max_position_embeddings": 131072,
    "num_local_experts": 128,
    "num_experts_per_tok": 4,
    "sliding_window": 128,
}
KV_BYTES = 131_072
LAUNCHES_S = 32 * 8 * 3e-6


def decode(sequences: int) -> Estimates:
    return estimate(
        MIXTRAL,
        BF16,
        Load(512, sequences),
        Machine("hopper", {"bf16": 989e12}, 4.8e12, 450e9, ranks_per_node=8, link_domain_ranks=8),
        Division(),
        engine="vllm",
        output_tokens=128,
        sequences=sequences,
    )


def test_given_one_sequence_when_estimated_then_a_step_reads_two_experts_of_eight() -> None:
    read = 2 * 12_879_925_248 + (384 + 64) * KV_BYTES
    expected_s = read / (4.8e12 * BANDWIDTH_EFFICIENCY) + LAUNCHES_S
    assert decode(1).tpot_ms == pytest.approx(1000 * expected_s)


def test_given_more_sequences_when_estimated_then_each_is_slower_and_all_are_faster() -> None:
    estimates = [decode(n) for n in (1, 2, 4, 8, 16, 32)]
    per_token = [one.tpot_ms or 0.0 for one in estimates]
    together = [one.output_tokens_per_s or 0.0 for one in estimates]
    assert per_token == sorted(per_token)
    assert together == sorted(together)


@pytest.mark.parametrize(
    ("prompt", "output", "sequences", "measured_ms"),
    [
        (1024, 1024, 4, 3.49),
        (8192, 1024, 4, 3.73),
        (1024, 8192, 8, 4.27),
        (8192, 1024, 8, 4.91),
        (1024, 1024, 16, 5.84),
        (1024, 1024, 32, 7.93),
    ],
)
def test_given_measured_steps_when_estimated_then_the_touched_share_explains_them(
    prompt: int, output: int, sequences: int, measured_ms: float
) -> None:
    # gpt-oss-120b on one B200 (8 TB/s, 4.5 PFLOP/s dense FP8), vLLM: silicon records of aiconfigurator, 2026.
    # Every second layer attends to 128 tokens. The fewer sequences, the more the launches that are left out decide.
    inventory = relevant_hyperparameters(GPT_OSS_120B)[0]
    precision = Precision(weights=WeightPrecision.MXFP4)

    estimates = estimate(
        inventory,
        precision,
        Load(prompt + output, sequences),
        Machine("blackwell", {"bf16": 2.25e15, "fp4": 4.5e15}, 8e12, 900e9, ranks_per_node=8, link_domain_ranks=8),
        Division(),
        engine="vllm",
        output_tokens=output,
        sequences=sequences,
    )
    assert estimates.tpot_ms == pytest.approx(measured_ms, rel=0.22)
