"""The hub's cache on this machine: what its folders are named after, and its links.

    models--<organization>--<name>/blobs/<hash>                     the files
    models--<organization>--<name>/snapshots/<commit>/<path>        links to them: ../../blobs/<hash>

A link inside a snapshot is followed when it leads to a plain file in the `blobs` of the same repository, and nowhere
else: that is all the cache's own client ever writes. Source: huggingface_hub 2.4.0 (file_download.py), read 2026-11-28.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from ai_on_eks.descriptors.places import Origin

_SNAPSHOT = re.compile(
    r"(?P<repository>(?:.*/)?models--(?:(?P<organization>[\w.-]+?)--)?(?P<name>[\w.-]+))"
    r"/snapshots/(?P<revision>[0-9a-f]{40})(?:/(?P<inside>.+))?",
    re.ASCII | re.DOTALL,
)
_BLOB = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
"""Hashes of git objects and of large files."""


def cached_origin(folder: Path) -> Origin | None:
    """Address and commit of a folder inside the cache, which is named after both."""
    match = _SNAPSHOT.fullmatch(folder.resolve().as_posix())
    if match is None or match["organization"] is None:
        return None
    inside = "" if match["inside"] is None else f"{match['inside']}/"
    return Origin(match["name"], f"hf://{match['organization']}/{match['name']}", match["revision"], inside)


def cached_file(link: Path) -> Path | None:
    """The file that a link of the cache stands for; None for every other link."""
    folder = link.parent.resolve()
    match = _SNAPSHOT.fullmatch(folder.as_posix())
    if match is None:
        return None
    blobs = Path(match["repository"], "blobs")
    try:
        target = Path(os.path.normpath(folder / os.readlink(link)))  # by its letters: nothing above it is a link
    except (OSError, ValueError):
        return None
    if target.parent != blobs or _BLOB.fullmatch(target.name) is None or blobs.is_symlink() or target.is_symlink():
        return None
    return target
