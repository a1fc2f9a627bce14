"""docs/rules.md is the table of rules. Refresh with UPDATE_SNAPSHOTS=1."""

from __future__ import annotations

import os
import re
import sys

import pytest
from docs_pages import DOCS, ROOT

sys.path.insert(0, str(ROOT / "tests" / "review"))

from test_review_rules import FAULTS

from ai_on_eks.review.rules.rule import Rule
from ai_on_eks.review.rules.table import GROUPS

PAGE = DOCS / "rules.md"
MARK = (
    "<!-- the tables: written from the rules, refresh with UPDATE_SNAPSHOTS=1 pytest tests/docs/test_docs_rules.py -->"
)


def row(rule: Rule) -> str:
    read = ", ".join(f"`{kind.removeprefix('AWS::')}`" for kind in rule.applies)
    return f"| `{rule.code}` | {read} | {rule.what} | {rule.why} | {rule.fix} |"


def tables() -> str:
    parts = []
    for title, rules in GROUPS:
        head = ["| code | reads | refused | why | smallest fix |", "|---|---|---|---|---|"]
        parts.append(
            "\n".join([f"## {title}", "", *head, *(row(rule) for rule in sorted(rules, key=lambda r: r.code))])
        )
    return "\n\n".join(parts) + "\n"


def test_given_the_page_when_compared_then_its_tables_are_those_of_the_rules() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text.count(MARK) == 1
    head, _, found = text.partition(f"{MARK}\n\n")
    if os.environ.get("UPDATE_SNAPSHOTS") == "1":
        PAGE.write_text(f"{head}{MARK}\n\n{tables()}", encoding="utf-8")
        found = tables()
    assert found == tables()


PARTS = (
    "resources", "placement", "weights", "probes", "scaling", "traffic", "security", "monitoring", "ownership",
)  # fmt: skip
"""Of what every workload has."""


def planted_rows() -> list[list[str]]:
    """Cells of the table of what every workload has: its part, codes of faults, tests."""
    section = PAGE.read_text(encoding="utf-8").partition("## What every workload has")[2].partition(MARK)[0]
    rows = [line for line in section.splitlines() if line.startswith("| ") and not line.startswith("| a workload")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def test_every_part_of_a_workload_has_planted_faults() -> None:
    """GIVEN the table WHEN compared with the corpus THEN each row names planted faults, and no part is left."""
    planted = {fault.code for fault in FAULTS}
    rows = planted_rows()
    assert [part for part in PARTS if not any(row[0].partition(":")[0] == part for row in rows)] == []
    assert [row for row in rows if not re.findall(r"`([^`]+)`", row[1])] == []
    assert {code for row in rows for code in re.findall(r"`([^`]+)`", row[1])} - planted == set()


def test_every_rule_about_workloads_stands_in_the_table() -> None:
    named = {code for row in planted_rows() for code in re.findall(r"`([^`]+)`", row[1])}
    groups = {title: {rule.code for rule in rules} for title, rules in GROUPS}
    about_workloads = (
        "Pods", "Pods with accelerators", "Groups of pods", "Objects around pods", "Metrics and ownership",
        "Autoscaling", "Traffic",
    )  # fmt: skip
    assert {code for title in about_workloads for code in groups[title]} - named == {"pod-context-implicit"}


@pytest.mark.parametrize("test", sorted({name for row in planted_rows() for name in re.findall(r"`([^`]+)`", row[2])}))
def test_tests_beside_the_faults_are_there(test: str) -> None:
    file, _, name = test.partition("::")
    text = (ROOT / "tests" / file).read_text(encoding="utf-8")
    assert not name or f"def {name}(" in text
