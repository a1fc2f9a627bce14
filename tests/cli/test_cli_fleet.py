"""What `plan` says of several models together: the bill, the proof, who lies where; and that `render` follows."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_running import LLAMA_8B, MODELS, PLATFORM, keys_of, run_here, write

LARGE = "models/llama-3-3-70b-instruct.yaml"
ONLY_EIGHT = "constraints: {instance_families: [p4de]}\n"
"""Only nodes of eight accelerators: whatever needs fewer has to share."""


@pytest.fixture
def sharing(tmp_path: Path) -> list[str]:
    """Two copies of a model that takes part of a node of eight."""
    text = (Path(LLAMA_8B)).read_text(encoding="utf-8") + ONLY_EIGHT
    return [
        write(tmp_path, f"{name}.yaml", text.replace("name: llama-3-1-8b-instruct", f"name: {name}"))
        for name in ("first", "second")
    ]


def test_given_several_models_when_planned_as_json_then_the_fleet_has_its_keys_and_sums(
    capsys: pytest.CaptureFixture[str],
) -> None:
    data = run_here(capsys, "plan", *MODELS, "--json", "--platform", PLATFORM).data
    fleet = data["fleet"]
    sums = ("usd_per_hour", "bound_usd_per_hour", "gap", "alone_usd_per_hour", "saving_usd_per_hour", "pools")
    assert keys_of(fleet, *sums) == []
    assert data["total_usd_per_hour"] == fleet["usd_per_hour"]
    parts = [plan["in_fleet"]["usd_per_hour"] for plan in data["plans"]]
    assert sum(parts) == pytest.approx(fleet["usd_per_hour"])
    assert sum(pool["usd_per_hour"] for pool in fleet["pools"]) == pytest.approx(fleet["usd_per_hour"])
    for pool in fleet["pools"]:
        assert sum(node["count"] for node in pool["nodes"]) == sum(group["count"] for group in pool["groups"])


def test_given_models_that_share_a_node_when_planned_then_the_bill_says_what_that_saves(
    sharing: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    out = run_here(capsys, "plan", *sharing, "--platform", PLATFORM).out
    assert "p4de-24xlarge  p4de.24xlarge  on-demand      1  27.447       2" in out
    assert "fleet: 27.447 $/h on 1 node; proved least" in out
    assert "each model on nodes of its own: 54.894 $/h; sharing saves 27.447 $/h (50.0%)" in out
    assert "total: 27.447 $/h" in out
    rows = [line.split() for line in out.splitlines() if line.startswith(("first", "second"))]
    assert [(row[4], row[6]) for row in rows] == [("1/8", "13.724")] * 2


def test_given_explain_when_planned_then_each_node_is_listed_with_what_lies_on_it(
    sharing: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    out = run_here(capsys, "plan", *sharing, "--platform", PLATFORM, "--explain").out
    assert "p4de-24xlarge      1  first, second" in out


def test_given_one_model_when_planned_then_there_is_no_second_bill(capsys: pytest.CaptureFixture[str]) -> None:
    answer = run_here(capsys, "plan", LLAMA_8B, "--platform", PLATFORM)
    assert "fleet:" not in answer.out


def test_given_a_reservation_when_planned_then_its_nodes_are_used_first_and_cost_nothing(
    tmp_path: Path, sharing: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    reserved = (
        "capacity:\n  reservations:\n"
        "    - {id: cr-0123456789abcdef0, instance_type: p4de.24xlarge, count: 1, zone: us-east-1b}\n"
    )
    platform = write(tmp_path, "platform.yaml", Path(PLATFORM).read_text(encoding="utf-8") + reserved)
    data = run_here(capsys, "plan", *sharing, "--json", "--platform", platform).data
    (pool,) = data["fleet"]["pools"]
    (group,) = pool["groups"]
    assert (group["reservation_id"], group["availability_zones"]) == ("cr-0123456789abcdef0", ["us-east-1b"])
    assert data["total_usd_per_hour"] == 0.0
    assert "reserved" in run_here(capsys, "plan", *sharing, "--platform", platform).out


@pytest.mark.parametrize(
    ("change", "code", "path"),
    [
        ("zone: us-east-1f", "reservation-zone", "capacity.reservations[0].zone"),
        ("instance_type: p4de.24xlrge", "unknown-instance-type", "capacity.reservations[0].instance_type"),
        ("id: cr-xyz", "bad-pattern", "capacity.reservations[0].id"),
    ],
)
def test_given_a_wrong_reservation_when_planned_then_the_problem_is_located(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: str, code: str, path: str
) -> None:
    fields = {"id": "cr-0123456789abcdef0", "instance_type": "p4de.24xlarge", "count": "1", "zone": "us-east-1b"}
    key, _, value = change.partition(": ")
    lines = "".join(f", {name}: {text}" for name, text in {**fields, key: value}.items())
    reserved = f"capacity: {{reservations: [{{{lines.removeprefix(', ')}}}]}}\n"
    platform = write(tmp_path, "platform.yaml", Path(PLATFORM).read_text(encoding="utf-8") + reserved)
    answer = run_here(capsys, "plan", LLAMA_8B, "--json", "--platform", platform)
    assert [(problem["code"], problem["path"]) for problem in answer.problems] == [(code, path)]
