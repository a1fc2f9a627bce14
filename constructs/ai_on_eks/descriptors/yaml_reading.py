"""YAML, read from the parser's events so that it is bounded before anything is built.

The event stream is consumed one by one with an explicit stack: no recursion, and the parser stops as soon as a limit
is passed. Refused: anchors and aliases (nine levels of them make a billion nodes), tags (they name types to construct),
a second document, duplicate keys (the last would win silently), keys that are not text.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from ai_on_eks.descriptors.document import (
    MAX_DEPTH,
    MAX_KEY_CHARACTERS,
    MAX_NODES,
    MAX_PATH_CHARACTERS,
    Document,
    join,
    refuse,
)
from ai_on_eks.descriptors.scalars import NotANumberError, resolve, shorten

MAX_YAML_BYTES = 2**20
"""A descriptor has 1 kB. 1 MiB leaves room for a pasted config and keeps the worst case under two seconds."""

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def parse_yaml(text: str, file: str) -> Document:
    """The one document in `text`; any fault is an InputError with its line."""
    builder = _Builder(file)
    for event in _events(text, file):
        builder.take(event)
    if not builder.started:
        raise refuse("empty-file", "holds no values", file, 1, fix="write at least the required keys")
    return Document(file=file, value=builder.value, lines=builder.lines)


def parse_yaml_stream(text: str, file: str) -> tuple[Document, ...]:
    """Every document in `text` that is not empty, each within the limits of one."""
    builders: list[_Builder] = []
    for event in _events(text, file):
        if isinstance(event, yaml.DocumentStartEvent):
            builders.append(_Builder(file))
        if builders:
            builders[-1].take(event)
    return tuple(Document(file=file, value=one.value, lines=one.lines) for one in builders if one.value is not None)


def _events(text: str, file: str) -> Iterator[Any]:
    try:
        yield from yaml.parse(text, Loader=_LOADER)
    except yaml.YAMLError as error:
        fix = "indent with blanks" if _at_tab(error, text) else "correct the syntax at this line or above"
        raise refuse("not-yaml", _reason(error, text), file, _line_of(error), fix=fix) from None


class _Builder:
    """Builds the value from events. `stack` holds the open containers; a mapping also holds the key it waits for."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.value: Any = None
        self.started = False
        self.lines: dict[str, int] = {}
        self._documents = 0
        self._nodes = 0
        self._stack: list[_Open] = []

    def take(self, event: Any) -> None:
        line = event.start_mark.line + 1
        if isinstance(event, yaml.ScalarEvent):
            self._count(event, line)
            self._scalar(event, line)
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            self._count(event, line)
            self._open(event, line)
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            self._stack.pop()
        elif isinstance(event, yaml.AliasEvent):
            raise self._refuse("alias-refused", f"alias '*{shorten(event.anchor or '')}' is not read", line)
        elif isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                fix = "keep one document per file"
                raise refuse("several-documents", "a second document starts here", self.file, line, fix=fix)

    def _count(self, event: Any, line: int) -> None:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise self._refuse("too-many-values", f"more than {MAX_NODES:,} values", line)
        if event.anchor is not None:
            raise self._refuse("alias-refused", f"anchor '&{shorten(event.anchor)}' is not read", line)
        if event.tag is not None:
            raise self._refuse("tag-refused", f"tag '{shorten(event.tag)}' is not read", line)

    def _scalar(self, event: Any, line: int) -> None:
        parent = self._stack[-1] if self._stack else None
        try:
            value = resolve(event.value) if event.implicit[0] else event.value
        except NotANumberError as error:
            raise self._refuse("number-not-usable", str(error), line) from None
        if parent is not None and parent.awaits_key:
            if not isinstance(value, str):
                message = f"the key {shorten(event.value) or 'null'} is not text"
                raise self._refuse("key-not-text", message, line, "put the key in quotes")
            if len(value) > MAX_KEY_CHARACTERS:
                message = f"a key of {len(value):,} characters; at most {MAX_KEY_CHARACTERS} are read"
                raise self._refuse("key-too-long", message, line, "shorten the key")
            if value in parent.container:
                message = f"the key '{shorten(value)}' is given twice"
                raise self._refuse("duplicate-key", message, line, "remove one of the two")
            parent.key, parent.key_line = value, line
            return
        self._place(value, line)

    def _open(self, event: Any, line: int) -> None:
        if self._stack and self._stack[-1].awaits_key:
            raise self._refuse("key-not-text", "a key is a list or a mapping", line, "use text as key")
        if len(self._stack) >= MAX_DEPTH:
            raise self._refuse("nested-too-deep", f"more than {MAX_DEPTH} levels of nesting", line)
        container: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
        path = self._place(container, line)
        self._stack.append(_Open(container, path))

    def _place(self, value: Any, line: int) -> str:
        """Puts a value where the innermost open container expects it; its path. The line is its key's, if any."""
        if not self._stack:
            self.value, self.started, path = value, True, ""
        else:
            line = self._stack[-1].key_line or line
            path = self._stack[-1].add(value)
        if len(path) <= MAX_PATH_CHARACTERS:
            self.lines[path] = line
        return path

    def _refuse(self, code: str, message: str, line: int, fix: str = "write the value out") -> Exception:
        path = self._stack[-1].next_path if self._stack else ""
        return refuse(code, message, self.file, line, path=path, fix=fix)


class _Open:
    """One open container and the path it stands at."""

    __slots__ = ("container", "key", "key_line", "path")

    def __init__(self, container: Any, path: str) -> None:
        self.container = container
        self.path = path
        self.key: str | None = None
        self.key_line: int | None = None

    @property
    def awaits_key(self) -> bool:
        return isinstance(self.container, dict) and self.key is None

    @property
    def next_path(self) -> str:
        if isinstance(self.container, list):
            return join(self.path, len(self.container))
        return join(self.path, self.key) if self.key is not None else self.path

    def add(self, value: Any) -> str:
        path = self.next_path
        if isinstance(self.container, list):
            self.container.append(value)
        else:
            self.container[self.key] = value
            self.key, self.key_line = None, None
        return path


def _at_tab(error: yaml.YAMLError, text: str) -> bool:
    """Whether the parser stopped at a tab: editors show it as the blanks it is not."""
    mark = getattr(error, "problem_mark", None)
    lines = text.split("\n")
    return mark is not None and mark.line < len(lines) and lines[mark.line][mark.column : mark.column + 1] == "\t"


def _reason(error: yaml.YAMLError, text: str) -> str:
    if _at_tab(error, text):
        return "is not YAML: a tab stands where only blanks indent"
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "cannot be parsed"
    return f"is not YAML: {problem}"


def _line_of(error: yaml.YAMLError) -> int | None:
    mark = getattr(error, "problem_mark", None)
    return mark.line + 1 if mark is not None else None
