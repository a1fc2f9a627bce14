"""How long a start may take: computed from bytes and links, never guessed per model."""

from __future__ import annotations

import pytest
import serving_plans as plans
from msgspec.structs import replace

from ai_on_eks.descriptors.schema import Storage
from ai_on_eks.placement.types import Plan
from ai_on_eks.serving.startup import failure_threshold
from ai_on_eks.serving.workload import build_workload


def threshold(plan: Plan) -> int:
    probe = build_workload(plan, plans.PLATFORM, plans.IMAGES).pod_spec["containers"][0]["startupProbe"]
    assert probe["periodSeconds"] == 10
    failures: int = probe["failureThreshold"]
    return failures


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        # 30 s process + 16 GB ÷ (0.8 × 2.5 Gbit/s) + 80 s compile = 174 s; × 3 ÷ 10 s
        (plans.llama(), 53),
        # 30 s + 141 GB ÷ (0.8 × 100 Gbit/s) + 80 s = 124.1 s
        (plans.llama_70b(), 38),
        # 30 s + 16 GB ÷ 100 MB/s + 80 s = 270 s
        (plans.llama(storage=Storage.NODE), 81),
        # 670 MB ÷ 125 MiB/s + 30 s = 35.1 s
        (plans.bge(), 11),
        # 670 MB ÷ 100 MB/s + 30 s = 36.7 s
        (plans.bge(storage=Storage.NODE), 12),
        # 102 MB ÷ 125 MiB/s + 60 s = 60.8 s
        (plans.resnet(), 19),
    ],
    ids=["vllm s3", "vllm s3 tp 4", "vllm hub", "tei s3", "tei hub", "triton s3"],
)
def test_given_weights_and_a_link_then_the_budget_follows(plan: Plan, expected: int) -> None:
    assert threshold(plan) == expected


def test_given_replicas_that_share_a_node_then_they_share_its_network() -> None:
    alone = plans.llama()
    assert alone.chosen is not None
    shared = replace(alone, chosen=replace(alone.chosen, replicas_per_node=4))
    # 30 s + 4 × 64 s + 80 s = 366 s
    assert (threshold(alone), threshold(shared)) == (53, 110)


def test_given_several_network_cards_then_s3_comes_through_the_first() -> None:
    """GIVEN 32 cards that make 3,200 Gbit/s together WHEN weights come from S3 THEN they have 100 Gbit/s."""
    plan = plans.llama_70b()
    assert plan.chosen is not None
    p5 = replace(plan.chosen.instance_type, network_gbps=3200.0, network_cards=32)
    assert threshold(replace(plan, chosen=replace(plan.chosen, instance_type=p5))) == threshold(plan) == 38


@pytest.mark.parametrize(("seconds", "failures"), [(0.0, 1), (3.3, 1), (3.4, 2), (100.0, 30), (100.1, 31)])
def test_given_seconds_then_failures_are_rounded_up(seconds: float, failures: int) -> None:
    assert failure_threshold(seconds) == failures
