"""The pages on planning and on the catalogue name what there is."""

from __future__ import annotations

import re

from docs_pages import DOCS, ROOT

from ai_on_eks.placement.nearness import RULE_ORDER


def test_given_the_rules_when_the_page_is_read_then_it_lists_them_in_the_order_they_are_asked() -> None:
    page = (DOCS / "how-planning-works.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `([a-z-]+)` \|", page, re.MULTILINE) == list(RULE_ORDER)


def test_given_the_data_files_when_the_page_is_read_then_it_describes_each() -> None:
    page = (DOCS / "catalogue.md").read_text(encoding="utf-8")
    data = ROOT / "constructs" / "ai_on_eks" / "catalog" / "data"
    names = {path.name for path in data.glob("*.json")}
    names |= {f"{folder.name}/<region>.json" for folder in data.iterdir() if folder.is_dir()}
    assert set(re.findall(r"^\| `([a-z_/<>]+\.json)` \|", page, re.MULTILINE)) == names
