"""Whose an object is: its revision as a label, and which changes make another plan of it."""

from __future__ import annotations

import re
from typing import Any

import pytest
import serving_plans as plans
from msgspec.structs import replace

from ai_on_eks.descriptors.schema import Source
from ai_on_eks.serving.ownership import REVISION_LABEL, ownership_labels, plan_digest
from ai_on_eks.serving.types import Workload
from ai_on_eks.serving.workload import build_workload

LABEL_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")


def workload() -> Workload:
    return build_workload(plans.llama_70b(), plans.PLATFORM, plans.IMAGES)


@pytest.mark.parametrize(
    ("revision", "label"),
    [
        (plans.REVISION, plans.REVISION),
        ("refs/pr/3", "refs-pr-3"),
        (None, "unpinned"),
        ("a" * 64, "a" * 63),
        ("a" * 62 + ".b", "a" * 62),
    ],
)
def test_a_revision_is_a_label_that_the_api_server_takes(revision: str | None, label: str) -> None:
    descriptor = plans.llama().descriptor
    source = Source(**{**descriptor.source.model_dump(), "revision": revision})
    labels = ownership_labels(descriptor.model_copy(update={"source": source}), plans.PLATFORM)

    assert labels[REVISION_LABEL] == label
    assert all(LABEL_VALUE.fullmatch(value) and len(value) <= 63 for value in labels.values())


def test_the_same_plan_has_the_same_digest_in_every_process() -> None:
    assert plan_digest(workload()) == plan_digest(workload())
    assert re.fullmatch(r"[0-9a-f]{16}", plan_digest(workload()))


@pytest.mark.parametrize(
    "change",
    [
        {"replicas": 5},
        {"port": 9000},
        {"config_maps": {"a": {"b": "c"}}},
        {"service_account": "other"},
        {"priority": 3},
        {"pod_spec": {"containers": []}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_an_object_holds_makes_another_plan(change: dict[str, Any]) -> None:
    assert plan_digest(replace(workload(), **change)) != plan_digest(workload())


@pytest.mark.parametrize(
    "change", [{"usd_per_hour": 99.0}, {"usd_per_hour": None}, {"warnings": ("new text",)}], ids=str
)
def test_prices_and_remarks_do_not(change: dict[str, Any]) -> None:
    assert plan_digest(replace(workload(), **change)) == plan_digest(workload())


def test_the_order_in_which_something_was_written_does_not() -> None:
    one = replace(workload(), config_maps={"a": {"x": "1", "y": "2"}, "b": {}})
    assert plan_digest(one) == plan_digest(replace(one, config_maps={"b": {}, "a": {"y": "2", "x": "1"}}))
