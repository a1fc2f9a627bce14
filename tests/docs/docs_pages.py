"""The manual as a reader finds it: its pages, links and console blocks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

from msgspec import Struct

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
README = ROOT / "README.md"
CHANGELOG = ROOT / "CHANGELOG.md"

ELLIPSIS = "…"
_FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>\S*)[^\n]*\n(?P<body>.*?)^(?P=indent)```[^\S\n]*$", re.MULTILINE | re.DOTALL
)
"""Also one that is part of a list, and as far to the right as its item."""


class Example(Struct, frozen=True):
    """One command of a console block, and the lines shown below it."""

    page: str
    command: str
    shown: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.page}: {self.command}"


def pages() -> tuple[Path, ...]:
    """Every page, README and changelog among them where they exist."""
    return tuple(path for path in (README, CHANGELOG, *sorted(DOCS.rglob("*.md"))) if path.is_file())


def without_code(text: str) -> str:
    """The prose: fenced blocks and code spans removed."""
    return re.sub(r"`[^`\n]*`", "", _FENCE.sub("", text))


def blocks(text: str, language: str) -> list[str]:
    """Bodies of the fenced blocks of one language."""
    return [dedent(match["body"]) for match in _FENCE.finditer(text) if match["language"] == language]


def examples(page: str, text: str) -> Iterator[Example]:
    """Every `$ command` of the page's console blocks."""
    for body in blocks(text, "console"):
        command: str | None = None
        shown: list[str] = []
        for line in body.splitlines():
            if line.startswith("$ "):
                if command is not None:
                    yield Example(page, command, tuple(shown))
                command, shown = line[2:].strip(), []
            else:
                shown.append(line)
        if command is not None:
            yield Example(page, command, tuple(shown))


def missing_lines(shown: tuple[str, ...], output: str) -> list[str]:
    """Shown lines that the output lacks. A line with an ellipsis stands for anything; blank lines do not count."""
    printed = {" ".join(line.split()) for line in output.splitlines()}
    wanted = (" ".join(line.split()) for line in shown if line.strip() and ELLIPSIS not in line)
    return [line for line in wanted if line not in printed]


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as the usual hosts of Markdown make them."""
    headings = re.findall(r"^#{1,6} +(.+?)\s*$", _FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower()).replace(" ", "-") for heading in headings}
