"""Where fine-tuning jobs run, with the real catalogue."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest

from ai_on_eks.catalog.loading import Catalog, load_catalog
from ai_on_eks.catalog.types import Vendor
from ai_on_eks.descriptors.architectures import build_inventory
from ai_on_eks.descriptors.fine_tune import FineTuneJob
from ai_on_eks.descriptors.inventory import Inventory
from ai_on_eks.descriptors.loading import load_descriptor, load_platform
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.placement.training import (
    TrainingPlacement,
    TrainingPlan,
    operations_per_token,
    plan_training,
)
from ai_on_eks.sizing.training import budget_bytes

ROOT = Path(__file__).resolve().parents[2]


@cache
def inventory(name: str) -> Inventory:
    return build_inventory(load_descriptor(ROOT / "models" / f"{name}.yaml"))


@cache
def platform() -> Platform:
    return load_platform(ROOT / "platform.yaml")


@cache
def catalog() -> Catalog:
    return load_catalog("us-east-1")


def job(**changes: Any) -> FineTuneJob:
    document = {
        "name": "j", "kind": "fine-tune", "model": "m.yaml", "method": "lora", "data": {"path": "d.jsonl"}, **changes
    }  # fmt: skip
    return FineTuneJob.model_validate(document, strict=False)


def plan(model: str = "llama-3-1-8b-instruct", **changes: Any) -> TrainingPlan:
    return plan_training(job(**changes), inventory(model), catalog(), platform())


def chosen(model: str = "llama-3-1-8b-instruct", **changes: Any) -> TrainingPlacement:
    found = plan(model, **changes).chosen
    assert found is not None
    return found


def test_every_type_is_accepted_or_rejected_with_a_reason() -> None:
    found = plan()
    names = {one.instance_type.name for one in found.accepted} | {one.instance_type for one in found.rejected}
    assert names == set(catalog().instance_types)
    assert all(one.violation.words.reason for one in found.rejected)


def test_what_is_accepted_fits_its_devices_and_its_node() -> None:
    for one in plan().accepted:
        device = one.instance_type.accelerator
        assert device is not None
        assert device.vendor is Vendor.NVIDIA
        assert one.memory.rank_bytes <= budget_bytes(one.instance_type.accelerator_memory_bytes)
        assert one.memory.host_bytes <= one.instance_type.allocatable_memory_bytes
        assert one.nodes == 1 or one.instance_type.efa_interfaces


def test_the_choice_is_the_cheapest_of_the_accepted() -> None:
    found = plan()
    assert found.chosen is not None
    prices = [one.usd_per_hour for one in found.accepted]
    assert found.chosen.usd_per_hour == min(price for price in prices if price is not None)


def test_with_known_data_the_choice_is_the_cheapest_run() -> None:
    found = plan(data={"path": "d.jsonl", "tokens": 10**9})
    assert found.chosen is not None
    assert found.chosen.usd == min(one.usd for one in found.accepted if one.usd is not None)


def test_each_way_of_training_needs_less_than_the_one_before() -> None:
    prices = [chosen(method=method).usd_per_hour for method in ("full", "lora", "qlora")]
    assert None not in prices
    assert prices == sorted(prices, reverse=True)  # type: ignore[type-var]
    assert prices[0] != prices[-1]


def test_a_model_too_large_for_one_node_spans_several_with_efa() -> None:
    found = chosen(
        "llama-3-3-70b-instruct", method="full", training={"batch": 128}, constraints={"instance_families": ["p5"]}
    )
    assert found.nodes > 1
    assert found.instance_type.efa_interfaces > 0
    fewer = [one for one in plan(
        "llama-3-3-70b-instruct", method="full", training={"batch": 128}, constraints={"instance_families": ["p5"]}
    ).rejected if one.instance_type == found.instance_type.name]  # fmt: skip
    assert {one.nodes for one in fewer} == {2**power for power in range(found.nodes.bit_length() - 1)}
    assert {one.rule for one in fewer} <= {"memory", "host-memory"}


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"constraints": {"accelerators": ["h100"]}}, "constraint-accelerator"),
        ({"constraints": {"instance_families": ["p5"]}}, "constraint-instance-family"),
        ({"constraints": {"capacity_type": "capacity-block"}}, "purchase-route"),
        ({"constraints": {"max_usd_per_hour": 3}}, "price-limit"),
        ({"data": {"path": "d", "tokens": 10**12}, "deadline_hours": 1}, "deadline"),
        ({"training": {"batch": 3}}, "batch"),
    ],
)
def test_each_wish_rejects_by_its_own_rule(changes: dict[str, Any], rule: str) -> None:
    assert rule in {one.rule for one in plan(**changes).rejected}


def test_trainium_and_processors_are_rejected_because_of_the_image() -> None:
    rules = {one.instance_type: one.rule for one in plan().rejected}
    assert rules["trn1.32xlarge"] == rules["c7i.2xlarge"] == "training-accelerator"


def test_operations_are_those_of_forward_and_backward_passes() -> None:
    model = inventory("llama-3-1-8b-instruct")
    plain = {"activation_checkpointing": False}
    assert operations_per_token(model, job(method="full", training=plain)) == 6 * model.active_parameters
    assert operations_per_token(model, job(training=plain)) == 4 * model.active_parameters
    assert operations_per_token(model, job()) == 6 * model.active_parameters


def test_hours_follow_from_operations_and_the_devices_peak() -> None:
    found = chosen(data={"path": "d", "tokens": 10**8}, constraints={"accelerators": ["h100"]})
    device = found.instance_type.accelerator
    assert device is not None
    operations = 6 * inventory("llama-3-1-8b-instruct").active_parameters * 10**8
    assert found.hours == pytest.approx(operations / (found.ranks * device.dense_flops["bf16"] * 0.35) / 3600)
