"""Old figures: a warning in every plan, a finding of validate, from the 181st day on."""

from __future__ import annotations

from datetime import date, timedelta
from types import SimpleNamespace
from typing import cast

import pytest
from cli_running import LLAMA_8B, run_here

from ai_on_eks.catalog.loading import load_catalog
from ai_on_eks.catalog.model import Catalog, Snapshot
from ai_on_eks.cli import ageing
from ai_on_eks.cli.ageing import stale_catalogue, stale_prices, too_old_warnings
from ai_on_eks.cli.commands import plan as plan_command
from ai_on_eks.cli.commands import validate as validate_command
from ai_on_eks.placement.types import Plan


def plan(name: str, published: str) -> Plan:
    chosen = SimpleNamespace(price=SimpleNamespace(date=published), instance_type=SimpleNamespace(name=name))
    return cast("Plan", SimpleNamespace(chosen=chosen))


def dated(**parts: str) -> Catalog:
    snapshot = {part: Snapshot(part, published, "test") for part, published in parts.items()}
    return cast("Catalog", SimpleNamespace(snapshot=snapshot))


@pytest.mark.parametrize(("on", "count"), [(date(2026, 6, 30), 0), (date(2026, 7, 1), 1)])
def test_given_a_chosen_price_when_older_than_180_days_then_it_is_stale(on: date, count: int) -> None:
    plans = [
        plan("g6.xlarge", "2026-01-01"),
        plan("g5.xlarge", "2026-06-01"),
        cast("Plan", SimpleNamespace(chosen=None)),
        cast("Plan", SimpleNamespace(chosen=SimpleNamespace(price=None))),
    ]
    found = stale_prices(plans, on)
    assert len(found) == count
    assert all("g6.xlarge: 181 days old" in problem.message for problem in found)


@pytest.mark.parametrize(("on", "parts"), [(date(2026, 6, 30), []), (date(2026, 7, 1), ["instance types"])])
def test_given_a_part_of_the_catalogue_when_older_than_180_days_then_it_is_named(on: date, parts: list[str]) -> None:
    found = stale_catalogue(dated(prices="2026-06-01", instance_types="2026-01-01"), on)
    assert [problem.message for problem in found] == [
        f"{part} of the catalogue: 181 days old, more than 180" for part in parts
    ]


def test_given_both_then_the_warnings_say_what_to_do() -> None:
    lines = too_old_warnings(dated(prices="2026-01-01"), [plan("g6.xlarge", "2026-01-01")], date(2026, 8, 1))
    assert lines == tuple(
        f"{what}: 212 days old, more than 180: {ageing.FIX}"
        for what in ("prices of the catalogue", "price of g6.xlarge")
    )


def test_given_the_shipped_catalogue_then_every_part_has_a_date_to_grow_old_by() -> None:
    catalog = load_catalog("us-east-1")
    newest = max(date.fromisoformat(snapshot.date) for snapshot in catalog.snapshot.values())
    assert len(stale_catalogue(catalog, newest + timedelta(days=181))) == len(catalog.snapshot)


LATER = date(2030, 1, 1)


def test_given_a_later_year_when_planned_then_every_part_is_warned_of(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan_command, "today", lambda: LATER)
    answer = run_here(capsys, "plan", LLAMA_8B)
    for part in ("accelerators", "instance types", "offerings", "prices"):
        assert f"warning: {part} of the catalogue: " in answer.err, part
    assert "warning: price of " in answer.err
    assert len(run_here(capsys, "plan", LLAMA_8B, "--json").data["warnings"]) == 5


def test_given_a_later_year_when_validated_then_each_is_a_finding(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(validate_command, "today", lambda: LATER)
    answer = run_here(capsys, "validate", LLAMA_8B, "--json")
    codes = [finding["code"] for finding in answer.data["findings"]]
    assert (codes.count("stale-catalogue"), codes.count("stale-prices")) == (4, 1)


def test_given_the_day_of_the_snapshot_when_planned_then_nothing_is_old(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan_command, "today", lambda: date(2026, 7, 20))
    assert run_here(capsys, "plan", LLAMA_8B, "--json").data["warnings"] == []
