"""The lock file of Helm charts: which archive stood behind each pinned version when its publisher was asked.

    charts.lock.yaml    chart → version, SHA-256 of the archive, day

This package pins versions, and a publisher can put another archive behind the same one. Helm, and what calls it here,
pulls by version and takes no digest, so the file is held against what is asked anew and against what is copied to a
mirror; nobody can hold it against what a cluster pulls.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Literal

import yaml
from msgspec import Struct
from msgspec.structs import replace
from pydantic import Field

from ai_on_eks.descriptors.documents import read_yaml, validate
from ai_on_eks.descriptors.schema import Strict
from ai_on_eks.errors import AiOnEksError, Problem
from ai_on_eks.serving.images import Day, Digest, ImageKey, Tag

HEADER = "# Archives of Helm charts by SHA-256, written by `ai-on-eks charts lock`, which tells where one is another.\n"


class LockedEntry(Strict):
    """One chart."""

    version: Tag = Field(description="version of the chart")
    digest: Digest = Field(description="sha256:… of its archive")
    verified: Day = Field(description="day on which its publisher had that archive, YYYY-MM-DD")


class LockFile(Strict):
    """The whole file."""

    schema_version: Literal["v1"] = Field(alias="schema", description="version of this format")
    charts: dict[ImageKey, LockedEntry] = Field(description="charts by name")


class PinnedChart(Struct, frozen=True):
    """repository: an index by https, or a registry by oci that the name completes"""

    name: str
    version: str
    repository: str


class LockedChart(Struct, frozen=True):
    """digest: `sha256:…` of the archive · verified: YYYY-MM-DD"""

    version: str
    digest: str
    verified: str


Resolver = Callable[[PinnedChart], str]
"""Chart → digest; raises a problem. `ChartSources().digest` is the real one."""


class ChartLockReport(Struct, frozen=True):
    """charts: what the file has now · answered: names of those whose publisher answered · problems: in their order"""

    charts: Mapping[str, LockedChart]
    answered: tuple[str, ...]
    problems: tuple[Problem, ...]


def load_lock(path: Path) -> Mapping[str, LockedChart]:
    """Charts by name. All problems of the file are raised at once."""
    parsed = validate(read_yaml(path), LockFile)
    return {name: LockedChart(one.version, one.digest, one.verified) for name, one in parsed.charts.items()}


def lock_text(charts: Mapping[str, LockedChart]) -> str:
    """The file, by name; days are quoted, because readers of YAML 1.1 would make dates of them."""
    entries = {
        name: {"version": one.version, "digest": one.digest, "verified": one.verified} for name, one in charts.items()
    }
    return HEADER + yaml.safe_dump({"schema": "v1", "charts": dict(sorted(entries.items()))}, sort_keys=False)


def lock_charts(
    pinned: Sequence[PinnedChart], before: Mapping[str, LockedChart], resolver: Resolver, today: date, file: str
) -> ChartLockReport:
    """Ask for every chart. A version that was locked keeps its digest whatever is answered now; another one replaces
    it."""
    charts, answered, problems = dict(before), list[str](), list[Problem]()
    for chart in pinned:
        try:
            digest = resolver(chart)
        except AiOnEksError as error:
            problems += [replace(problem, file=file, path=f"charts.{chart.name}") for problem in error.problems]
            continue
        answered.append(chart.name)
        known = before.get(chart.name)
        if known is not None and known.version == chart.version and known.digest != digest:
            problems.append(_moved(chart, known, digest, file))
        else:
            charts[chart.name] = LockedChart(chart.version, digest, today.isoformat())
    return ChartLockReport(charts, tuple(answered), tuple(problems))


def not_locked(installed: Mapping[str, str], locked: Mapping[str, LockedChart], file: str) -> list[Problem]:
    """Charts, by name with their version, that a lock file lacks or has in another version."""
    found = []
    for name, version in sorted(installed.items()):
        known = locked.get(name)
        if known is None or known.version != version:
            has = "no such chart" if known is None else f"version {known.version}"
            found.append(
                Problem(
                    code="chart-not-locked",
                    message=f"{name} {version} is installed, and the lock has {has}",
                    file=file,
                    path=f"charts.{name}",
                    value=version,
                    fix="ai-on-eks charts lock, or remove the file",
                )
            )
    return found


def _moved(chart: PinnedChart, known: LockedChart, digest: str, file: str) -> Problem:
    return Problem(
        code="chart-moved",
        message=f"{chart.name} {chart.version} was {known.digest} on {known.verified} and is {digest} now",
        file=file,
        path=f"charts.{chart.name}",
        value=known.digest,
        fix="ask its publisher; where the new archive is the right one, remove the entry and lock again",
    )
