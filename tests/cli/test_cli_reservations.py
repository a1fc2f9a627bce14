"""Reservations in time: a finding of validate, a warning of everything else."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cli_running import LLAMA_8B, run_here, write

from ai_on_eks.catalog.loading import load_catalog
from ai_on_eks.cli.findings import platform_warnings
from ai_on_eks.cli.loading import LoadedPlatform
from ai_on_eks.cli.reservations import reservation_findings
from ai_on_eks.descriptors.platform import Capacity, Platform, Reservation, ReservedCapacity
from ai_on_eks.descriptors.platform_network import Network

BLOCK = ReservedCapacity.CAPACITY_BLOCK
STARTS, ENDS = "2026-12-01T11:30:00Z", "2026-12-08T11:30:00Z"


def target(**changes: Any) -> LoadedPlatform:
    reservation = Reservation(
        id="cr-0123456789abcdef0", instance_type="p5.48xlarge", count=2, zone="us-east-1a", **changes
    )
    platform = Platform(
        name="demo",
        region="us-east-1",
        network=Network(availability_zones=("us-east-1a", "us-east-1b")),
        capacity=Capacity(reservations=(reservation,)),
    )
    return LoadedPlatform("platform.yaml", platform, load_catalog("us-east-1"), "")


def codes(at: str, **changes: Any) -> list[str]:
    moment = datetime.fromisoformat(at).astimezone(UTC)
    return [problem.code for problem in reservation_findings(target(**changes), moment)]


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-12-01T11:29:59Z", ["reservation-not-started"]),
        ("2026-12-01T11:30:00Z", []),
        ("2026-12-05T11:29:59Z", []),
        ("2026-12-05T11:30:00Z", ["reservation-ends-soon"]),
        ("2026-12-08T11:29:59Z", ["reservation-ends-soon"]),
        ("2026-12-08T11:30:00Z", ["reservation-over"]),
    ],
)
def test_given_a_moment_then_a_block_is_told_before_its_start_and_from_three_days_before_its_end(
    at: str, expected: list[str]
) -> None:
    assert codes(at, starts=STARTS, ends=ENDS, capacity_type=BLOCK) == expected


def test_given_a_block_without_an_end_then_nothing_could_drain_it_and_that_is_told() -> None:
    assert codes(STARTS, capacity_type=BLOCK) == ["reservation-without-end"]
    assert codes(STARTS) == []


def test_given_a_reservation_that_is_over_then_it_is_a_warning_of_what_goes_on_all_the_same() -> None:
    (warning,) = platform_warnings(target(ends=ENDS), datetime(2027, 1, 1, tzinfo=UTC))
    assert warning.startswith("capacity.reservations[0].ends: cr-0123456789abcdef0 ended at 2026-12-08T11:30:00Z")


@pytest.mark.parametrize(
    ("line", "code", "path"),
    [
        ("ends: 2026-12-01T11:30:00Z\n      starts: 2026-12-08T11:30:00Z", "reservation-times", "ends"),
        ("ends: 2026-12-01T11:30:00Z\n      starts: 2026-12-01T11:30:00Z", "reservation-times", "ends"),
        ("ends: 2026-02-31T11:30:00Z", "reservation-times", "ends"),
        ("placement_group: near\n      capacity_type: capacity-block", "reservation-placement", "placement_group"),
    ],
)
def test_given_times_or_a_placement_that_cannot_be_then_the_file_is_refused(
    tmp_path: Path, line: str, code: str, path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(
        tmp_path,
        "platform.yaml",
        "name: demo\nregion: us-east-1\nnetwork:\n  availability_zones: [us-east-1a, us-east-1b]\n"
        "capacity:\n  reservations:\n    - id: cr-0123456789abcdef0\n      instance_type: p5.48xlarge\n      count: 2\n"
        f"      zone: us-east-1a\n      {line}\n",
    )
    answer = run_here(capsys, "plan", LLAMA_8B, "--json", "--platform", file)
    assert [(problem["code"], problem["path"]) for problem in answer.problems] == [
        (code, f"capacity.reservations[0].{path}")
    ]


def test_given_a_block_that_holds_the_model_then_it_costs_nothing_more_and_no_price_is_told_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # GIVEN a block that a dearer type than the cheapest was bought in
    block = "{id: cr-0123456789abcdef0, instance_type: p5.48xlarge, count: 1, zone: us-east-1a, capacity_type: "
    text = (
        "name: demo\nregion: us-east-1\nnetwork: {availability_zones: [us-east-1a, us-east-1b, us-east-1c]}\n"
        f"capacity: {{reservations: [{block}capacity-block}}]}}\n"
    )
    bought = Path(LLAMA_8B).read_text(encoding="utf-8") + "constraints: {capacity_type: capacity-block}\n"
    files = (write(tmp_path, "model.yaml", bought), "--platform", write(tmp_path, "platform.yaml", text))
    # THEN neither the reason nor the sum speaks of prices on demand, which nobody pays here
    out = " ".join(run_here(capsys, "plan", *files).out.split())
    assert "its nodes are reserved and paid for" in out
    assert "total: 0.000 $/h (all nodes are reserved and paid for)" in out
    assert "on-demand" not in out
