"""What the user names: a repository of the hub, a file in one, or a file by its https address."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from msgspec import Struct

from ai_on_eks.descriptors.document import refuse
from ai_on_eks.descriptors.patterns import REVISION, URI
from ai_on_eks.descriptors.readers.source import is_plain_name
from ai_on_eks.errors import InputError

DEFAULT_REVISION = "main"
MAX_CHARACTERS = 512
MAX_REVISION_CHARACTERS = 64

_NAME = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,95}"
_HUB = re.compile(
    rf"hf://(?P<repository>{_NAME}/{_NAME})(?:@(?P<revision>refs/(?:pr|convert)/[^/@]+|[^/@]+))?(?:/(?P<path>[^@]*))?"
)
"""As the hub's own file system writes it; a slash inside other revisions is written %2F."""


class HubAddress(Struct, frozen=True):
    """`path` is empty for the whole repository."""

    repository: str
    revision: str
    path: str


class WebAddress(Struct, frozen=True):
    """`folder` without a slash at its end, as written; `name` is the file's, with no escapes."""

    folder: str
    name: str


def parse_address(source: str) -> HubAddress | WebAddress:
    """The address in `source`, or an InputError that says what is wrong with it."""
    if len(source) > MAX_CHARACTERS or not source.isprintable():
        raise _no_address(source, f"is longer than {MAX_CHARACTERS} characters or holds one that cannot be printed")
    return _hub(source) if source.startswith("hf://") else _web(source)


def _hub(source: str) -> HubAddress:
    match = _HUB.fullmatch(source)
    if match is None or ".." in match["repository"]:
        raise _no_address(source, "is no address of a model on the hub")
    revision = unquote(match["revision"] or DEFAULT_REVISION)
    if re.fullmatch(REVISION.expression, revision) is None or len(revision) > MAX_REVISION_CHARACTERS:
        raise _no_address(source, f"names a revision that is not {REVISION.words}")
    path = (match["path"] or "").removesuffix("/")
    if path and not all(is_plain_name(part) for part in path.split("/")):
        raise _no_address(source, "names a file by a path that is not plain")
    return HubAddress(match["repository"], revision, path)


def _web(source: str) -> WebAddress:
    try:
        parts = urlsplit(source)
    except ValueError:
        raise _no_address(source, "is no address") from None
    if parts.scheme != "https":
        raise _no_address(source, "is not encrypted on its way: only https is read")
    if "@" in parts.netloc or parts.query or parts.fragment or "?" in source or "#" in source:
        raise _no_address(source, "holds a user, a query or a fragment, which a descriptor would carry on")
    folder, _, last = source.rpartition("/")
    name = unquote(last)
    if not parts.hostname or not is_plain_name(name) or folder.endswith("/") or ".." in parts.path.split("/"):
        raise _no_address(source, "does not end in a file")
    if re.fullmatch(URI.expression, folder) is None:
        raise _no_address(source, f"is not {URI.words}")
    return WebAddress(folder, name)


def _no_address(source: str, message: str) -> InputError:
    """Of an address that may hold a password or a signature only the scheme is repeated."""
    quiet = not source.startswith("hf://") and any(mark in source for mark in "@?#")
    shown = f"{source.partition('://')[0]}://…" if quiet or not source.isprintable() else source
    fix = "write hf://org/name, hf://org/name@revision, hf://org/name/file or https://host/path/file"
    return refuse("remote-address-invalid", message, shown[:MAX_CHARACTERS], fix=fix)
