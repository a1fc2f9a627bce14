"""A link in the manual leads somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from docs_pages import DOCS, ROOT, anchors, pages, without_code

LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^()\s]+)\)")
SCHEMES = ("http://", "https://", "mailto:")


def broken_links(path: Path) -> list[str]:
    """Relative links of a page whose file or heading does not exist."""
    text = without_code(path.read_text(encoding="utf-8"))
    return [link for link in LINK.findall(text) if not link.startswith(SCHEMES) and not _resolves(path, link)]


def _resolves(path: Path, link: str) -> bool:
    name, _, anchor = link.partition("#")
    target = (path.parent / name).resolve() if name else path
    if not target.exists() or ROOT not in (target, *target.parents):
        return False
    return not anchor or (target.is_file() and anchor in anchors(target.read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", pages(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_given_a_page_when_its_links_are_followed_then_each_resolves(path: Path) -> None:
    assert broken_links(path) == []


@pytest.mark.parametrize("path", pages(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_given_a_page_when_read_then_it_has_one_title_and_no_line_is_too_long(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("# ")
    tables_and_links = ("|", "http", "[", "    ")
    fenced = False
    for number, line in enumerate(lines, start=1):
        fenced ^= line.startswith("```")
        if not fenced and not line.startswith(tables_and_links):
            assert len(line) <= 120, f"line {number} has {len(line)} characters"


def test_given_the_manual_when_its_index_is_read_then_every_page_is_linked() -> None:
    index = (DOCS / "README.md").read_text(encoding="utf-8")
    linked = set(LINK.findall(index))
    assert {path.name for path in DOCS.glob("*.md")} - {"README.md"} <= linked


def test_given_broken_links_when_followed_then_they_are_found() -> None:
    page = DOCS / "README.md"
    assert not _resolves(page, "no-such-page.md")
    assert not _resolves(page, "errors.md#no-such-heading")
    assert not _resolves(page, "../../outside.md")
    assert _resolves(page, "decisions/README.md")


def test_given_the_manual_when_the_site_is_read_then_every_page_has_its_place() -> None:
    site = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    placed = [page for part in site["nav"] for pages_of_part in part.values() for page in pages_of_part]
    decisions = {f"decisions/{path.name}" for path in (DOCS / "decisions").glob("0*.md")}
    assert sorted(placed) == sorted({path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")} - decisions)


def test_given_the_how_tos_when_the_index_is_read_then_each_is_linked() -> None:
    linked = set(LINK.findall((DOCS / "README.md").read_text(encoding="utf-8")))
    assert {f"how-to/{path.name}" for path in (DOCS / "how-to").glob("*.md")} <= linked
