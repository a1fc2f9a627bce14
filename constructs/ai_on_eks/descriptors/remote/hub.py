"""A repository of the hub at one commit: listed once, its files asked for by the commit's own address.

    GET /api/models/<repository>/revision/<revision>           {"sha": commit, ...}
    GET /api/models/<repository>/tree/<commit>?recursive=true  [{"type": "file", "path", "oid", "size", "lfs": {...}}]
    GET /<repository>/resolve/<commit>/<path>                  the file, by way of a CDN where it is a large one

    small file   transferred whole; its git hash, sha1("blob <bytes>\\0" + content), is compared with the listing's
    large file   by range; its size is compared with the listing's in every answer

The listing comes in pages, of which only the cursor of the next is taken from an answer, never its address. Source:
huggingface_hub 2.4.0 (hf_api.py, utils/_pagination.py), read 2026-11-28.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from msgspec import Struct, field

from ai_on_eks.descriptors.document import refuse, too_large
from ai_on_eks.descriptors.json_reading import MAX_JSON_BYTES, parse_json
from ai_on_eks.descriptors.model_folder import MAX_ENTRIES
from ai_on_eks.descriptors.places import Origin, Source
from ai_on_eks.descriptors.readers.source import is_plain_name
from ai_on_eks.descriptors.remote.address import HubAddress
from ai_on_eks.descriptors.remote.ranges import BytesSource, RangeSource, RecentSources
from ai_on_eks.descriptors.remote.settings import HubSettings
from ai_on_eks.descriptors.remote.transport import Piece, Transport, invalid
from ai_on_eks.errors import InputError
from ai_on_eks.web import Answer

WHOLE_BYTES = 32 * 2**20
"""A file that git itself holds is transferred whole up to this size: the hub puts larger ones elsewhere from 10 MB."""
MAX_PAGES = 64

_COMMIT = re.compile(r"[0-9a-f]{40}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_NEXT = re.compile(r'<([^<>]{1,4096})>\s*;\s*rel="?next"?')


class HubFile(Struct, frozen=True):
    """sha1    of the git object, which of a large file is only a pointer to it
    sha256  of a large file's content; None of one that git holds
    """

    size_bytes: int
    sha1: str
    sha256: str | None


class HubFiles(Struct, frozen=True):
    """A repository at `commit`."""

    repository: str
    commit: str
    settings: HubSettings
    transport: Transport
    files: Mapping[str, HubFile]
    folders: Mapping[str, list[str]]
    _recent: RecentSources = field(default_factory=RecentSources)

    def shown(self, path: str) -> str:
        return f"hf://{self.repository}/{path}" if path else f"hf://{self.repository}"

    def origin(self, folder: str) -> Origin:
        inside = f"{folder}/" if folder else ""
        name = (folder or self.repository).rpartition("/")[2]
        return Origin(name, f"hf://{self.repository}", self.commit, inside)

    def size_bytes(self, path: str) -> int | None:
        file = self.files.get(path)
        return None if file is None else file.size_bytes

    def is_folder(self, path: str) -> bool:
        return path in self.folders

    def names(self, folder: str) -> list[str]:
        return self.folders[folder]

    def open(self, path: str) -> Source:
        source = self._recent.get(path, self._opened)
        assert source is not None  # noqa: S101 - a file that there is not has been refused
        return source

    def read_bytes(self, path: str, limit_bytes: int) -> bytes:
        file, name = self._file(path), self.shown(path)
        if file.size_bytes > limit_bytes:
            raise too_large(name, file.size_bytes, limit_bytes)
        answer = self.transport.whole(self._url(path), name, file.size_bytes, self.settings.token)
        if answer is None or not _is_content(file, answer.body):
            raise invalid(name, "it is not the content that the hub's list of files names")
        return answer.body

    def _opened(self, path: str) -> Source:
        file, name = self._file(path), self.shown(path)
        if file.sha256 is None and file.size_bytes <= WHOLE_BYTES:
            return BytesSource(name, self.read_bytes(path, WHOLE_BYTES))
        return RangeSource(name, file.size_bytes, partial(self._piece, path))

    def _piece(self, path: str, start: int, end: int) -> Piece | None:
        return self.transport.piece(self._url(path), self.shown(path), start, end, self.settings.token)

    def _file(self, path: str) -> HubFile:
        file = self.files.get(path)
        if file is None:
            raise refuse("file-not-found", "there is no such file", self.shown(path), fix="check the path")
        return file

    def _url(self, path: str) -> str:
        return f"{self.settings.endpoint}/{self.repository}/resolve/{self.commit}/{quote(path)}"


def open_repository(address: HubAddress, settings: HubSettings, transport: Transport) -> HubFiles:
    """The repository that the address names, at the commit that its revision means now."""
    name = f"hf://{address.repository}"
    api = f"{settings.endpoint}/api/models/{address.repository}"
    asked = f"{api}/revision/{quote(address.revision, safe='')}"
    answer = transport.whole(asked, name, MAX_JSON_BYTES, settings.token)
    if answer is None:
        message = f"the hub has no such model, or no revision '{address.revision}' of it"
        raise refuse("remote-not-found", message, name, fix="check the name and the revision on the hub")
    told = _json(answer, name)
    commit = told.get("sha") if isinstance(told, dict) else None
    if not isinstance(commit, str) or _COMMIT.fullmatch(commit) is None:
        raise invalid(name, "it names no commit")
    files: dict[str, HubFile] = {}
    for entry in _entries(f"{api}/tree/{commit}", name, settings, transport):
        read = _file(entry, name)
        if read is not None:
            files[read[0]] = read[1]
    return HubFiles(address.repository, commit, settings, transport, files, _folders(files))


def _entries(url: str, name: str, settings: HubSettings, transport: Transport) -> Iterator[Any]:
    query = {"recursive": "true"}
    count = 0
    for _ in range(MAX_PAGES):
        answer = transport.whole(f"{url}?{urlencode(query)}", name, MAX_JSON_BYTES, settings.token)
        page = None if answer is None else _json(answer, name)
        if answer is None or not isinstance(page, list):
            raise invalid(name, "it is no list of files")
        count += len(page)
        if count > MAX_ENTRIES:
            break
        yield from page
        following = _NEXT.search(answer.headers.get("link", ""))
        if following is None:
            return
        cursor = parse_qs(urlsplit(following[1]).query).get("cursor")
        if not cursor:
            raise invalid(name, "its list of files goes on at a place that it does not name")
        query["cursor"] = cursor[0]
    message = f"holds more than {MAX_ENTRIES:,} files"
    raise refuse("too-many-files", message, name, fix="name a repository of one model")


def _file(entry: Any, name: str) -> tuple[str, HubFile] | None:
    """Path and facts of a file; None for a folder, and for a name that no reader could ask for."""
    if not isinstance(entry, dict) or not isinstance(entry.get("path"), str):
        raise invalid(name, "its list of files has an entry without a path")
    if entry.get("type") != "file":
        return None
    path, large = entry["path"], entry.get("lfs")
    sha256 = large.get("oid") if isinstance(large, dict) else None
    size, sha1 = entry.get("size"), entry.get("oid")
    if isinstance(size, bool) or not isinstance(size, int) or not 0 <= size < 2**63:
        raise invalid(name, "its list of files has an entry without a size")
    if not isinstance(sha1, str) or _COMMIT.fullmatch(sha1) is None:
        raise invalid(name, "its list of files has an entry without a hash")
    if large is not None and not (isinstance(sha256, str) and _SHA256.fullmatch(sha256)):
        raise invalid(name, "its list of files has a large entry without a hash")
    return (path, HubFile(size, sha1, sha256)) if all(is_plain_name(part) for part in path.split("/")) else None


def _folders(files: Mapping[str, HubFile]) -> dict[str, list[str]]:
    """Each folder and the names in it; git keeps no empty ones."""
    folders: dict[str, set[str]] = {"": set()}
    for path in files:
        while path:
            path, _, name = path.rpartition("/")  # noqa: PLW2901 - upwards
            folders.setdefault(path, set()).add(name)
    return {path: sorted(names) for path, names in folders.items()}


def _is_content(file: HubFile, content: bytes) -> bool:
    if file.sha256 is not None:
        return hashlib.sha256(content).hexdigest() == file.sha256
    head = f"blob {len(content)}\0".encode()
    return hashlib.sha1(head + content, usedforsecurity=False).hexdigest() == file.sha1


def _json(answer: Answer, name: str) -> Any:
    try:
        return parse_json(answer.body.decode(), name).value
    except (UnicodeDecodeError, InputError):
        raise invalid(name, "it is not the JSON that the hub answers with") from None
