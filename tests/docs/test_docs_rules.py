"""docs/rules.md is the table of rules. Refresh with UPDATE_SNAPSHOTS=1."""

from __future__ import annotations

import os

from docs_pages import DOCS

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
