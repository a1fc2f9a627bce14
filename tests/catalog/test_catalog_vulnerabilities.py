"""Known vulnerabilities by version: the branches of each part, and that nothing pinned has a serious one unnoticed."""

from __future__ import annotations

import re

import pytest

from ai_on_eks.catalog.reading import read
from ai_on_eks.catalog.versions import Kind, components, numbers
from ai_on_eks.catalog.vulnerabilities import Vulnerability, known_in, vulnerabilities

PINNED_CHARTS = {name: one.version for name, one in components().items() if one.kind is Kind.CHART}
NODE_PARTS = {"NVIDIA driver"} | set(read("node_images.json")["parts"]["al2023"])


@pytest.mark.parametrize(
    ("part", "version", "expected"),
    [
        ("container toolkit", "1.19.1", []),
        ("container toolkit", "1.19.0", ["CVE-2026-24260"]),
        ("container toolkit", "1.17.8", ["CVE-2026-24260"]),
        ("container toolkit", "1.17.7", ["CVE-2025-23266", "CVE-2026-24260"]),
        ("container toolkit", "1.16.1", ["CVE-2024-0132", "CVE-2025-23266", "CVE-2026-24260", "CVE-2025-23359"]),
        ("gpu-operator", "v26.7.0", []),
        ("gpu-operator", "v26.3.1", ["CVE-2026-24260"]),
        ("gpu-operator", "v25.3.0", ["CVE-2025-23266", "CVE-2026-24260"]),
        ("NVIDIA driver", "580.178.04", []),
        ("NVIDIA driver", "580.159.03", ["CVE-2026-47501"]),
        ("NVIDIA driver", "595.91.06", ["CVE-2026-47501"]),
        ("NVIDIA driver", "595.91.07", []),
        ("NVIDIA driver", "570.10", []),
        ("runc", "1.2.7", ["CVE-2025-31133", "CVE-2025-52565", "CVE-2025-52881", "CVE-2026-41579"]),
        ("runc", "1.2.8", ["CVE-2026-41579"]),
        ("runc", "1.3.5", ["CVE-2026-41579"]),
        ("runc", "1.3.6", []),
        ("runc", "1.4.2", ["CVE-2026-41579"]),
        ("containerd", "2.2.4", ["CVE-2026-47262"]),
        ("containerd", "2.2.5", []),
        ("containerd", "1.7.33", []),
    ],
)
def test_given_a_version_then_the_vulnerabilities_of_its_branch_are_known_the_worst_first(
    part: str, version: str, expected: list[str]
) -> None:
    assert [name for one in known_in({part: version}) for name in one.ids] == expected


def test_a_version_that_nobody_knows_has_none() -> None:
    assert known_in({"runc": None, "coffee": "1.0"}) == ()


def test_no_chart_is_pinned_at_a_version_with_a_serious_vulnerability() -> None:
    assert PINNED_CHARTS.keys() >= {one.part for one in vulnerabilities()} - NODE_PARTS != set()
    assert [one.ids for one in known_in(PINNED_CHARTS) if one.is_serious] == []


@pytest.mark.parametrize("vulnerability", vulnerabilities(), ids=lambda one: f"{one.part} {one.ids[0]}")
def test_every_vulnerability_is_of_a_part_that_is_installed_and_can_be_told(vulnerability: Vulnerability) -> None:
    assert vulnerability.part in NODE_PARTS | PINNED_CHARTS.keys()
    assert all(re.fullmatch(r"CVE-20\d\d-\d{4,5}", name) for name in vulnerability.ids)
    assert vulnerability.score is None or 0 < vulnerability.score <= 10
    for branch in vulnerability.affected:
        assert branch.keys() in ({"through"}, {"below"}, {"from", "below"})
        assert all(numbers(version) for version in branch.values())
        assert numbers(branch.get("from", "0")) < numbers(branch.get("below", branch.get("through", "0")))


def test_one_without_a_score_is_taken_for_serious() -> None:
    def scored(score: float | None) -> Vulnerability:
        return Vulnerability("runc", ("CVE-2026-0001",), "tried here", score, ({"below": "1"},), "made up")

    assert [scored(score).is_serious for score in (None, 7.0, 6.9, 10.0)] == [True, True, False, True]
