"""Which archive a publisher has behind a chart's version, as SHA-256 of its bytes.

    oci://…    the layer of the manifest, whose own digest is proved; a registry gives bytes by their digest only
    https://…  the archive that the index of the repository names, read whole and held against the digest there

Anonymous access only, every answer bounded. An index is read as a stream of events: it is up to tens of megabytes, one
chart of it is wanted, and no alias of a hostile one is ever expanded.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin

import yaml
from msgspec import Struct
from yaml.events import Event, MappingEndEvent, MappingStartEvent, ScalarEvent, SequenceEndEvent, SequenceStartEvent

from ai_on_eks.catalog.versions import OCI_SCHEME
from ai_on_eks.errors import Problem
from ai_on_eks.serving.chart_lock import PinnedChart
from ai_on_eks.serving.registry import RegistryClient, RegistryError, ask
from ai_on_eks.web import Question, WebClient

CHART_LAYER = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
"""Media type of the archive among the layers of a chart (Helm, registries)."""

INDEX_LIMIT_BYTES = 64 * 2**20
ARCHIVE_LIMIT_BYTES = 16 * 2**20
"""Of a repository's index.yaml and of a chart: assumptions, which bound answers that we do not control."""

_LAYER_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_INDEX_DIGEST = re.compile(r"(?:sha256:)?([0-9a-f]{64})")
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(slots=True)
class ChartSources:
    """Asks publishers. Holds the indexes of one run: several charts come from one repository."""

    registry: RegistryClient = field(default_factory=RegistryClient)
    web: WebClient = field(default_factory=WebClient)
    _indexes: dict[str, bytes] = field(default_factory=dict)

    def digest(self, chart: PinnedChart) -> str:
        """`sha256:…` of the archive. Raise RegistryError where it is not to be had."""
        if chart.repository.startswith(OCI_SCHEME):
            return self._of_layer(chart)
        return self._of_archive(chart)

    def _of_layer(self, chart: PinnedChart) -> str:
        repository = f"{chart.repository.removeprefix(OCI_SCHEME)}/{chart.name}"
        manifest = self.registry.manifest(repository, chart.version.replace("+", "_"))
        digests = _layers(manifest)
        if len(digests) != 1:
            raise _error(
                "chart-answer-invalid",
                f"{repository}:{chart.version} is no chart: its manifest names {len(digests)} archives of one",
                fix="look at what the registry has there",
            )
        return digests[0]

    def _of_archive(self, chart: PinnedChart) -> str:
        repository = chart.repository.rstrip("/")
        if repository not in self._indexes:
            self._indexes[repository] = self._read(f"{repository}/index.yaml", INDEX_LIMIT_BYTES)
        entry = archive_of(self._indexes[repository], chart)
        url = _absolute(repository, entry.url)
        computed = hashlib.sha256(self._read(url, ARCHIVE_LIMIT_BYTES)).hexdigest()
        if entry.digest is not None and entry.digest != computed:
            raise _error(
                "chart-digest-mismatch",
                f"the index of {repository} has {chart.name} {chart.version} as sha256:{entry.digest}, and its archive "
                f"is sha256:{computed}",
                fix="run the command again; if it stays, do not use this repository",
            )
        return f"sha256:{computed}"

    def _read(self, url: str, limit_bytes: int) -> bytes:
        answer = ask(self.web, Question(url, limit_bytes))
        if answer.status == 200:
            return answer.body
        code = "chart-not-found" if answer.status == 404 else "registry-unreachable"
        raise _error(code, f"{url} answers {answer.status}", fix="run the command again later")


class Archive(Struct, frozen=True):
    """What an index says of one version. `url` may be relative to the repository; digest: hexadecimal digits."""

    url: str
    digest: str | None


def archive_of(index: bytes, chart: PinnedChart) -> Archive:
    """The first entry of this name and version, whichever of the two is written with a `v`."""
    try:
        for entry in _entries(yaml.parse(index, Loader=_LOADER), chart.name):
            if entry.get("version", "").removeprefix("v") == chart.version.removeprefix("v") and entry.get("urls"):
                digest = _INDEX_DIGEST.fullmatch(entry.get("digest", ""))
                return Archive(entry["urls"], digest and digest[1])
    except (yaml.YAMLError, UnicodeDecodeError, _NoIndexError) as error:
        raise _error(
            "chart-answer-invalid",
            f"the index of {chart.repository} is none of charts ({type(error).__name__})",
            fix="run the command again later",
        ) from error
    raise _error(
        "chart-not-found",
        f"the index of {chart.repository} has no {chart.name} {chart.version}",
        fix="ask its publisher where that version is",
    )


def _absolute(repository: str, url: str) -> str:
    """The archive's address, which an index may write relative to itself."""
    try:
        return urljoin(f"{repository}/", url)
    except ValueError as error:
        raise _error(
            "chart-answer-invalid",
            f"the index of {repository} names an archive whose address is none ({error})",
            fix="run the command again later",
        ) from error


class _NoIndexError(Exception):
    """It is YAML and has another shape."""


def _layers(manifest: bytes) -> list[str]:
    """Digests of the archives that a manifest names."""
    try:
        layers = json.loads(manifest).get("layers", [])
        found = [layer["digest"] for layer in layers if layer.get("mediaType") == CHART_LAYER]
    except (ValueError, AttributeError, KeyError, TypeError, RecursionError):
        return []
    return [digest for digest in found if isinstance(digest, str) and _LAYER_DIGEST.fullmatch(digest)]


def _entries(events: Iterator[Event], name: str) -> Iterator[Mapping[str, str]]:
    """The releases of one chart: their plain values and the first of each list."""
    while not isinstance(event := _next(events), MappingStartEvent):
        if isinstance(event, ScalarEvent | SequenceStartEvent):
            raise _NoIndexError
    for key, value in _pairs(events):
        if key != "entries" or not isinstance(value, MappingStartEvent):
            _skip(events, value)
            continue
        for chart, releases in _pairs(events):
            if chart != name or not isinstance(releases, SequenceStartEvent):
                _skip(events, releases)
                continue
            while not isinstance(release := _next(events), SequenceEndEvent):
                if isinstance(release, MappingStartEvent):
                    yield _plain(events)
                else:
                    _skip(events, release)


def _plain(events: Iterator[Event]) -> dict[str, str]:
    found = {}
    for key, value in _pairs(events):
        if isinstance(value, ScalarEvent):
            found[key] = str(value.value)
        elif isinstance(value, SequenceStartEvent):
            first = _next(events)
            if isinstance(first, ScalarEvent):
                found[key] = str(first.value)
            if not isinstance(first, SequenceEndEvent):
                _skip(events, first)
                _skip(events, value)
        else:
            _skip(events, value)
    return found


def _pairs(events: Iterator[Event]) -> Iterator[tuple[str, Event]]:
    """Keys of a mapping that has begun, each with how its value begins; who takes one reads the value to its end."""
    while not isinstance(key := _next(events), MappingEndEvent):
        if not isinstance(key, ScalarEvent):
            raise _NoIndexError
        yield str(key.value), _next(events)


def _skip(events: Iterator[Event], begun: Event) -> None:
    """Past the end of what has begun."""
    depth = int(isinstance(begun, MappingStartEvent | SequenceStartEvent))
    while depth:
        event = _next(events)
        depth += isinstance(event, MappingStartEvent | SequenceStartEvent)
        depth -= isinstance(event, MappingEndEvent | SequenceEndEvent)


def _next(events: Iterator[Event]) -> Event:
    try:
        return next(events)
    except StopIteration:
        raise _NoIndexError from None


def _error(code: str, message: str, *, fix: str) -> RegistryError:
    return RegistryError(Problem(code=code, message=message, fix=fix))
