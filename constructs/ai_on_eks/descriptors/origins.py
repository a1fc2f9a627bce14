"""What a descriptor says about where a folder comes from, and what its model is called."""

from __future__ import annotations

import re
from pathlib import Path

from ai_on_eks.descriptors.document import refuse
from ai_on_eks.descriptors.hub_cache import cached_origin
from ai_on_eks.descriptors.places import Origin, Place

MAX_URI_CHARACTERS = 512


def origin_of(folder: Place) -> Origin:
    """A server's own answer, the repository that a folder of the hub's cache is a copy of, or the folder's path."""
    if not isinstance(folder, Path):
        return folder.origin
    return cached_origin(folder) or Origin(folder.resolve().name, _file_uri(folder))


def object_name(raw: str) -> str:
    """`raw` in the form that Kubernetes objects allow."""
    name = re.sub(r"[^a-z0-9]+", "-", raw.lower()).strip("-")
    name = name if name[:1].isalpha() else f"model-{name}"
    return name[:53].strip("-")


def _file_uri(folder: Path) -> str:
    from urllib.parse import quote  # noqa: PLC0415 - 8 ms that only this command needs

    uri = f"file://{quote(folder.resolve().as_posix())}"
    if len(uri) > MAX_URI_CHARACTERS:
        message = f"has an address of {len(uri):,} characters; at most {MAX_URI_CHARACTERS} are read"
        raise refuse("out-of-range", message, str(folder), fix="move the folder to a shorter path")
    return uri
