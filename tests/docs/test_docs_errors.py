"""Every problem code is explained, and nothing is explained that cannot occur."""

from __future__ import annotations

import re

from docs_codes import KEBAB, message_patterns, uses
from docs_pages import DOCS, blocks

PAGE = DOCS / "errors.md"
FOREIGN_MESSAGES = frozenset({"internal-error", "system-error"})
"""Their messages are those of Python and of the operating system."""

HEADING = re.compile(r"^### `?([^`\n]+?)`?$", re.MULTILINE)


def sections() -> dict[str, str]:
    """The page's text under each code."""
    parts = HEADING.split(PAGE.read_text(encoding="utf-8"))
    return dict(zip(parts[1::2], (body.split("\n## ")[0] for body in parts[2::2]), strict=True))


def test_given_the_code_when_searched_then_every_problem_code_can_be_read_from_it() -> None:
    assert [use.place for use in uses() if use.code is None] == []


def test_given_the_code_when_searched_then_codes_are_kebab_case() -> None:
    assert [use for use in uses() if use.code and not KEBAB.fullmatch(use.code)] == []


def test_given_a_code_when_looked_up_then_the_page_explains_it() -> None:
    documented = sections()
    assert {use.code: use.place for use in uses() if use.code and use.code not in documented} == {}


def test_given_the_page_when_read_then_every_code_on_it_can_occur() -> None:
    codes = {use.code for use in uses()}
    assert [code for code in sections() if code not in codes] == []


def test_given_the_page_when_read_then_no_code_is_explained_twice() -> None:
    codes = HEADING.findall(PAGE.read_text(encoding="utf-8"))
    assert [code for code in codes if codes.count(code) > 1] == []


def test_given_a_section_when_read_then_it_has_meaning_example_and_fix() -> None:
    incomplete = []
    for code, body in sections().items():
        (example,) = blocks(body, "text") or ("",)
        complete = re.match(r"\s*[A-Z`]", body) and f"error[{code}]" in example and "\nFix: " in body
        if not complete:
            incomplete.append(code)
    assert incomplete == []


def test_given_the_page_when_read_then_codes_are_sorted_within_each_part() -> None:
    for part in PAGE.read_text(encoding="utf-8").split("\n## ")[1:]:
        codes = HEADING.findall(part)
        assert codes == sorted(codes)


def test_given_an_example_when_compared_with_the_sources_then_its_message_is_one_the_code_can_give() -> None:
    patterns = message_patterns()
    invented = []
    for code, body in sections().items():
        if code in FOREIGN_MESSAGES:
            continue
        text = "".join(blocks(body, "text")).strip().partition(f"error[{code}] ")[2]
        _path, _, after_path = text.partition(": ")
        if not any(pattern.match(message) for pattern in patterns for message in (text, after_path) if message):
            invented.append(text)
    assert invented == []
