"""What reaches the terminal: text made harmless, tables, JSON documents.

Text from files and names is untrusted: control characters could rewrite the terminal, so they are shown as `\\x1b`.
JSON keeps the order it was built in, and the same input gives the same bytes on a terminal and in a pipe.
"""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TextIO

from ai_on_eks.cli.progress import tell

Json = dict[str, Any]

DEFAULT_WIDTH = 120
"""Columns where the terminal's width is unknown: pipes, files, continuous integration."""

MINIMUM_WIDTH = 60
"""Narrower than this a table is not readable anyway, so its lines may be wider than the terminal."""

EXPANDED_LEVELS = 4
"""Levels of a JSON document that are indented: document, list of plans, plan, its parts."""

INDENT = "  "

_CONTROL = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"}


def prepare_streams() -> None:
    """No character that a name may hold can fail to print, whatever the locale."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def write(text: str, stream: TextIO) -> None:
    """Write text as it is. A closed stream swallows it, like a shell's `>&-` asks for."""
    if stream is not None:
        stream.write(text)


def write_text(text: str) -> None:
    """Text for people, to stdout, control characters made visible."""
    write(printable(text) + "\n", sys.stdout)


def note(text: str) -> None:
    """A remark that is not data, to stderr."""
    tell(printable(text))


def write_json(value: Mapping[str, Any], stream: TextIO | None = None) -> None:
    """A JSON document and a line end."""
    target = sys.stdout if stream is None else stream
    encoding = (getattr(target, "encoding", None) or "utf-8").lower().replace("-", "")
    write(json_text(value, ascii_only=encoding != "utf8"), target)


def flush() -> None:
    """Find out here, not at the interpreter's exit, that the reader went away or the disk is full."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()


def document(command: str, body: Mapping[str, Any]) -> Json:
    """The outermost mapping of a command's answer: its schema first."""
    return {"schema": f"ai-on-eks/{command}/v1", **body}


def json_text(value: Mapping[str, Any], *, ascii_only: bool = False) -> str:
    """JSON in the order of the mapping, the outer levels indented, each deeper value on one line.

    A line for each rejection can be found and compared; a line for each of its keys cannot, and takes ten times as long
    to write. NaN and infinity are defects and raise.
    """
    encode = json.JSONEncoder(ensure_ascii=ascii_only, allow_nan=False).encode
    return "".join(_pieces(value, "\n", EXPANDED_LEVELS, encode)) + "\n"


def _pieces(value: Any, newline: str, levels: int, encode: Callable[[Any], str]) -> Iterator[str]:
    if not levels or not value or not isinstance(value, dict | list):
        yield encode(value)
        return
    inner = newline + INDENT
    if isinstance(value, dict):
        opening, closing = "{", "}"
        entries = [(f"{encode(key)}: ", item) for key, item in value.items()]
    else:
        opening, closing = "[", "]"
        entries = [("", item) for item in value]
    yield opening
    for i, (label, item) in enumerate(entries):
        yield f"{',' if i else ''}{inner}{label}"
        yield from _pieces(item, inner, levels - 1, encode)
    yield newline + closing


def printable(text: str) -> str:
    """The text with control characters shown instead of obeyed."""
    return text.translate(_CONTROL)


def counted(number: int, noun: str) -> str:
    """`1 replica`, `2 replicas`, `1,000 tokens`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def terminal_width() -> int:
    """Columns to fill: COLUMNS, else the terminal's, else 120."""
    asked = os.environ.get("COLUMNS", "")
    if asked.isascii() and asked.isdigit() and int(asked) > 0:
        return max(int(asked), MINIMUM_WIDTH)
    for stream in (sys.stdout, sys.stderr):
        try:
            return max(os.get_terminal_size(stream.fileno()).columns, MINIMUM_WIDTH)
        except (OSError, ValueError, AttributeError):
            continue
    return DEFAULT_WIDTH


def has_colour(stream: TextIO) -> bool:
    """Colour only for people: a terminal, and NO_COLOR not set."""
    return bool(stream is not None and stream.isatty() and not os.environ.get("NO_COLOR"))


def coloured(text: str, sgr: int, stream: TextIO) -> str:
    """The text in a colour or weight (an ANSI SGR number) where the stream has colours."""
    return f"\x1b[{sgr}m{text}\x1b[0m" if has_colour(stream) else text
