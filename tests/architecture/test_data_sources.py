"""No figure without a source and a date, in any data file of the library."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from architecture_repository import LIBRARY, files

SOURCE_KEY = re.compile(r"(?:.+_)?sources?")
DATE_KEY = re.compile(r"(?:.+_)?date|generated|verified")
DATE = re.compile(r"\b20\d\d(?:-\d\d){0,2}\b")
DATE_VALUE = re.compile(r"20\d\d-\d\d(?:-\d\d)?")

DATA_FILES = tuple(
    path for path in files(LIBRARY) if "data" in path.relative_to(LIBRARY).parts[:-1] and path.name != "__init__.py"
)


def figures_without(
    document: Any, *, path: str = "", source: bool = False, date: bool = False, snapshots: frozenset[str] = frozenset()
) -> Iterator[str]:
    """Paths of numbers that no mapping around them gives a source and a date for.

    A source is a key `source`, `sources` or `…_source`; a date is a key such as `date` or `generated`, or stands in
    the text of a source. A list may name one of the document's `snapshots` instead.
    """
    if isinstance(document, dict):
        snapshots = snapshots or _complete(document.get("snapshots", {}))
        sources = [text for key, value in document.items() if SOURCE_KEY.fullmatch(key) for text in _texts(value)]
        source = source or any(text.strip() for text in sources)
        date = date or any(DATE.search(text) for text in sources)
        date = date or any(
            DATE_KEY.fullmatch(key) and isinstance(value, str) and DATE_VALUE.fullmatch(value)
            for key, value in document.items()
        )
        for key, value in document.items():
            where = f"{path}.{key}" if path else key
            yield from figures_without(value, path=where, source=source, date=date, snapshots=snapshots)
    elif isinstance(document, list):
        known = any(isinstance(value, str) and value in snapshots for value in document)
        source, date = source or known, date or known
        for index, value in enumerate(document):
            yield from figures_without(value, path=f"{path}[{index}]", source=source, date=date, snapshots=snapshots)
    elif isinstance(document, int | float) and not isinstance(document, bool) and not (source and date):
        yield f"{path}: no {' and no '.join(_missing(source=source, date=date))}"


def _complete(snapshots: dict[str, Any]) -> frozenset[str]:
    """Names of the snapshots that have a source and a date themselves."""
    return frozenset(name for name, one in snapshots.items() if not list(figures_without({**one, "figure": 1})))


def _missing(*, source: bool, date: bool) -> list[str]:
    return [name for name, present in (("source", source), ("date", date)) if not present]


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for one in value.values() for text in _texts(one)]
    if isinstance(value, list):
        return [text for one in value for text in _texts(one)]
    return []


def _read(path: Path) -> Any:
    text = path.read_text(encoding="utf-8")
    return json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)


def test_given_the_library_when_searched_then_there_are_data_files() -> None:
    assert len(DATA_FILES) > 10
    assert {path.suffix for path in DATA_FILES} <= {".json", ".yaml"}


@pytest.mark.parametrize("path", DATA_FILES, ids=lambda path: path.relative_to(LIBRARY).as_posix())
def test_given_a_data_file_when_read_then_every_figure_has_a_source_and_a_date(path: Path) -> None:
    assert list(figures_without(_read(path))) == []


@pytest.mark.parametrize("path", DATA_FILES, ids=lambda path: path.relative_to(LIBRARY).as_posix())
def test_given_a_data_file_when_read_then_it_names_a_source_and_a_date_somewhere(path: Path) -> None:
    """A file of words alone, such as the zones of a region, needs them as well."""
    document = _read(path)
    assert list(figures_without(_with_a_figure(document))) == []


def _with_a_figure(document: Any) -> Any:
    """The document with a number beside the first source found, or beside everything."""
    if isinstance(document, dict):
        if any(SOURCE_KEY.fullmatch(key) for key in document):
            return {**document, "figure": 1}
        for value in document.values():
            found = _with_a_figure(value)
            if found is not None:
                return {**{k: v for k, v in document.items() if not isinstance(v, dict | list)}, "inner": found}
        return None
    if isinstance(document, list):
        return next((found for found in map(_with_a_figure, document) if found is not None), None)
    return None


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"a": 1}, ["a: no source and no date"]),
        ({"source": "a page", "a": 1}, ["a: no date"]),
        ({"date": "2026-11-23", "a": [1]}, ["a[0]: no source"]),
        ({"source": "a page, 2026-11", "a": {"b": 1.5}}, []),
        ({"generated": "2026-11-24", "source": "EC2", "a": [{"b": 1}]}, []),
        ({"date": "2026-11-24", "a": {"size_source": "a log", "size": 1}, "b": 2}, ["b: no source"]),
        ({"source": "  ", "date": "2026-11-24", "a": 1}, ["a: no source"]),
        ({"snapshots": {"s": {"source": "a page", "date": "2026-07-20"}}, "a": [1, "s"]}, []),
        ({"snapshots": {"s": {"source": "a page"}}, "a": [1, "s"]}, ["a[0]: no source and no date"]),
        ({"a": True, "b": "text", "c": None}, []),
    ],
)
def test_given_a_document_when_checked_then_figures_on_their_own_are_found(document: Any, expected: list[str]) -> None:
    assert list(figures_without(document)) == expected
