"""`catalog`: every fact with its unit, what is unknown as a dash, and how old it all is."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from cli_running import run_here

from ai_on_eks.cli.commands import catalog as catalog_command


def shown(capsys: pytest.CaptureFixture[str], name: str) -> dict[str, str]:
    lines = run_here(capsys, "catalog", "show", name).out.split("\n\n")[0].splitlines()[1:]
    width = lines[0].index(name)
    return {line[:width].strip(): line[width:].strip() for line in lines if line[0] != " "}


def test_given_a_type_when_shown_then_every_fact_has_its_unit(capsys: pytest.CaptureFixture[str]) -> None:
    facts = shown(capsys, "p5en.48xlarge")
    expected = {
        "accelerator": "h200", "accelerator memory": "139.80 GiB", "compute capability": "9.0", "link": "NVSwitch",
        "link bandwidth": "450.0 GB/s", "network bandwidth": "3200 Gbit/s", "pod network bandwidth": "200 Gbit/s",
        "efa interfaces": "16", "efa bandwidth": "3200 Gbit/s", "ebs baseline bandwidth": "12.5 GB/s",
        "local nvme disks": "8", "allocatable cpu": "191,450 m", "vcpu quota code": "L-417A185B",
        "spot vcpu quota code": "L-C4BD4855", "ami type": "AL2023_x86_64_NVIDIA",
        "bottlerocket ami type": "BOTTLEROCKET_x86_64_NVIDIA", "resource name": "nvidia.com/gpu",
        "shows accelerator": "yes", "spot price": "-", "purchase routes": "capacity-block, on-demand, spot",
    }  # fmt: skip
    assert {name: facts.get(name) for name in expected} == expected
    assert facts["price"].startswith("63.296 $/h (us-east-1, 2026-")
    assert facts["capacity block price"].startswith("41.610 $/h (most regions, 2026-01-")


def test_given_a_fractional_type_when_shown_then_it_says_that_no_device_appears(
    capsys: pytest.CaptureFixture[str],
) -> None:
    facts = shown(capsys, "g6f.large")
    assert (facts["shows accelerator"], facts["accelerator share"], facts["accelerator count"]) == ("no", "0.125", "0")
    assert facts["ebs baseline bandwidth"] == "117 MB/s"


def test_given_the_accelerators_when_listed_then_link_and_division_are_there(
    capsys: pytest.CaptureFixture[str],
) -> None:
    answer = run_here(capsys, "catalog", "accelerators").out
    (h100,) = (line for line in answer.splitlines() if line.startswith("h100 "))
    assert h100.split() == [
        "h100", "nvidia", "79.18", "GiB", "3,350", "989.0", "9.0", "NVSwitch", "450", "7", "×", "1g.10gb",
        "nvidia.com/gpu",
    ]  # fmt: skip


def test_given_json_then_a_profile_has_slices_and_memory(capsys: pytest.CaptureFixture[str]) -> None:
    listed: list[dict[str, Any]] = run_here(capsys, "catalog", "accelerators", "--json").data["accelerators"]
    (h200,) = (known for known in listed if known["accelerator"] == "h200")
    assert h200["generation"] == "hopper"
    assert h200["link_source"].startswith("NVIDIA H200")
    assert h200["mig_profiles"][0] == {
        "name": "1g.18gb", "compute_slices": 1, "memory_slices": 1, "most_per_device": 7, "memory_bytes": 16 * 2**30,
    }  # fmt: skip


@pytest.mark.parametrize("what", ["list", "accelerators"])
def test_given_a_list_then_it_ends_with_when_and_from_what_it_was_made(
    capsys: pytest.CaptureFixture[str], what: str
) -> None:
    tail = run_here(capsys, "catalog", what).out.split("\n\n")[1]
    for part in ("accelerators", "instance types", "offerings", "prices"):
        assert f"\n{part} " in tail, part
    assert "2026-11-28  EC2 DescribeInstanceTypes" in tail


def test_given_a_later_year_then_the_catalogue_says_that_it_is_old(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog_command, "today", lambda: date(2030, 1, 1))
    answer = run_here(capsys, "catalog", "show", "g5.xlarge")
    assert answer.code == 0
    assert "warning: instance types of the catalogue: " in answer.err
