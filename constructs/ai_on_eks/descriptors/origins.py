"""What a descriptor says about where a folder comes from, and what its model is called."""

from __future__ import annotations

import re
from pathlib import Path

from ai_on_eks.descriptors.document import refuse
from ai_on_eks.descriptors.hub_cache import cached_origin
from ai_on_eks.descriptors.patterns import RELATIVE_FILE
from ai_on_eks.descriptors.places import Origin, Place
from ai_on_eks.descriptors.schema import Format, Source

MAX_URI_CHARACTERS = 512
MAX_FILE_CHARACTERS = 255
"""As the schema has them."""


def origin_of(folder: Place) -> Origin:
    """A server's own answer, the repository that a folder of the hub's cache is a copy of, or the folder's path."""
    if not isinstance(folder, Path):
        return folder.origin
    return cached_origin(folder) or Origin(folder.resolve().name, _file_uri(folder))


def source_of(origin: Origin, file: str | None, stored: Format, shown: str) -> Source:
    """The descriptor's `source`: `file`, a name in the folder that `origin` is of, where it has to be named.

    An InputError where a descriptor cannot say it; `shown` is what that calls the file or folder.
    """
    named = None if file is None else f"{origin.inside}{file}"
    if len(origin.uri) > MAX_URI_CHARACTERS:
        message = f"has an address of {len(origin.uri):,} characters; at most {MAX_URI_CHARACTERS} are read"
        raise refuse("out-of-range", message, shown, fix="move the folder to a shorter path")
    if named is not None and (
        len(named) > MAX_FILE_CHARACTERS or re.fullmatch(RELATIVE_FILE.expression, named) is None
    ):
        message = f"is not a name that a descriptor can hold: {RELATIVE_FILE.words}, of plain letters and digits"
        raise refuse("bad-pattern", message, shown, fix=f"rename it, for instance to {RELATIVE_FILE.example}")
    return Source(uri=origin.uri, revision=origin.revision, file=named, format=stored)


def object_name(raw: str) -> str:
    """`raw` in the form that Kubernetes objects allow."""
    name = re.sub(r"[^a-z0-9]+", "-", raw.lower()).strip("-")
    name = name if name[:1].isalpha() else f"model-{name}"
    return name[:53].strip("-")


def _file_uri(folder: Path) -> str:
    from urllib.parse import quote  # noqa: PLC0415 - 8 ms that only this command needs

    return f"file://{quote(folder.resolve().as_posix())}"
