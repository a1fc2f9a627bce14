"""The section `storage` of a platform file: what FSx takes together is refused before anything is synthesized."""

from __future__ import annotations

from pathlib import Path

import pytest

from ai_on_eks.descriptors.loading import load_platform
from ai_on_eks.errors import InputError

PLATFORM = """\
name: p
region: eu-west-1
network: {availability_zones: [eu-west-1a, eu-west-1b]}
storage:
"""


def problems_of(folder: Path, section: str) -> list[tuple[str, str | None, str | None]]:
    path = folder / "platform.yaml"
    path.write_text(PLATFORM + section, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load_platform(path)
    assert all(problem.line is not None for problem in caught.value.problems)
    return [(problem.code, problem.path, problem.fix) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("fsx", "code", "key", "fix"),
    [
        ("zone: eu-west-1c", "fsx-zone", "zone", "write eu-west-1a, or add the zone to network.availability_zones"),
        ("zone: eu-west-1a, size_gib: 1300", "fsx-size", "size_gib", "write 2400"),
        ("zone: eu-west-1a, size_gib: 3600", "fsx-size", "size_gib", "write 4800"),
        ("zone: eu-west-1a, size_gib: 1000", "out-of-range", "size_gib", "write at least 1200"),
        (
            "zone: eu-west-1a, efa: true, throughput_mbps_per_tib: 500, size_gib: 4800",
            "fsx-size",
            "size_gib",
            "write 9600",
        ),
        (
            "zone: eu-west-1a, efa: true, throughput_mbps_per_tib: 1000, size_gib: 1200",
            "fsx-size",
            "size_gib",
            "write 4800",
        ),
        (
            "zone: eu-west-1a, efa: true, size_gib: 4800",
            "fsx-throughput-implicit",
            "throughput_mbps_per_tib",
            "write 1000",
        ),
        (
            "zone: eu-west-1a, throughput_mbps_per_tib: 200",
            "not-allowed",
            "throughput_mbps_per_tib",
            "write one of 125, 250, 500, 1000",
        ),
        (
            "zone: eu-west-1a, backup_retention_days: 3",
            "fsx-backups-linked",
            "backup_retention_days",
            "remove it, or set linked_to_model_store to false",
        ),
        ("zone: eu-west-1a, training: true", "fsx-size-implicit", "size_gib", None),
        (
            "zone: eu-west-1a, training: true, size_gib: 2400, linked_to_model_store: false",
            "fsx-training-unlinked",
            "training",
            "set storage.fsx.linked_to_model_store to true, or training to false",
        ),
        ("zone: eu-west-1a, load_seconds: 0", "out-of-range", "load_seconds", "write at least 1"),
        ("zone: eu-west-1a, backup_time: '24:00'", "bad-pattern", "backup_time", None),
        ("zone: eu-west-1a, maintenance_time: '8:04:00'", "bad-pattern", "maintenance_time", None),
        ("size_gib: 1200", "missing-field", "zone", None),
    ],
)
def test_given_one_mistake_then_one_problem_names_key_and_fix(
    tmp_path: Path, fsx: str, code: str, key: str, fix: str | None
) -> None:
    ((found, path, told),) = problems_of(tmp_path, f"  fsx: {{{fsx}}}\n")
    assert (found, path) == (code, f"storage.fsx.{key}")
    if fix is not None:
        assert told == fix


@pytest.mark.parametrize(
    "fsx",
    [
        "zone: eu-west-1b",
        "zone: eu-west-1a, size_gib: 1200",
        "zone: eu-west-1a, size_gib: 7200, throughput_mbps_per_tib: 250",
        "zone: eu-west-1a, efa: true, throughput_mbps_per_tib: 250, size_gib: 38400",
        "zone: eu-west-1a, linked_to_model_store: false, backup_retention_days: 90",
        "zone: eu-west-1a, backup_retention_days: 0",
        "zone: eu-west-1a, training: true, size_gib: 2400",
    ],
)
def test_given_what_fsx_makes_then_it_loads(tmp_path: Path, fsx: str) -> None:
    path = tmp_path / "platform.yaml"
    path.write_text(f"{PLATFORM}  fsx: {{{fsx}}}\n", encoding="utf-8")
    assert load_platform(path).storage.fsx is not None


FAST = "  fsx: {zone: eu-west-1a, efa: true, throughput_mbps_per_tib: 1000}\n"


@pytest.mark.parametrize(
    ("capacity", "fix"),
    [
        ("{operating_system: bottlerocket}", "leave efa out, or set capacity.operating_system to al2023"),
        ("{strategy: auto-mode}", "leave efa out, or set capacity.strategy to karpenter or managed-node-groups"),
    ],
)
def test_given_nodes_that_can_only_read_over_tcp_then_efa_is_refused(tmp_path: Path, capacity: str, fix: str) -> None:
    assert problems_of(tmp_path, f"{FAST}capacity: {capacity}\n") == [("fsx-efa-client", "storage.fsx.efa", fix)]
    with pytest.raises(InputError) as caught:
        load_platform(tmp_path / "platform.yaml")
    assert caught.value.problems[0].allowed == (), "values of another key are none of this one's"
    path = tmp_path / "slow.yaml"
    path.write_text(f"{PLATFORM}  fsx: {{zone: eu-west-1a}}\ncapacity: {capacity}\n", encoding="utf-8")
    assert load_platform(path).storage.fsx is not None
