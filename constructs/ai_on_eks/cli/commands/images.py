"""The serving images: `list` them, or `lock` them by asking each registry for the digest behind its tag.

The file is --file, else the one ./platform.yaml names, else the one shipped with the package.
`lock` needs the network; exit code 1 when a registry did not answer, what others answered is written all the same.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ai_on_eks.cli.layout import Column, table
from ai_on_eks.cli.loading import DEFAULT_PLATFORM_FILE
from ai_on_eks.cli.output import document, note, terminal_width, write_json, write_text
from ai_on_eks.cli.problems import report
from ai_on_eks.cli.progress import progress
from ai_on_eks.cli.tables import NONE, size
from ai_on_eks.cli.writing import written_to
from ai_on_eks.descriptors.loading import load_platform
from ai_on_eks.errors import EXIT_DONE, EXIT_FINDINGS
from ai_on_eks.serving.images import PACKAGED_IMAGES, load_images
from ai_on_eks.serving.types import ImageReference

if TYPE_CHECKING:
    from ai_on_eks.serving.lock import LockReport

COLUMNS = (Column("image"), Column("reference"), Column("verified"), Column("unpacked", numeric=True))
LOCK_COLUMNS = (Column("image"), Column("digest"), Column("was"))


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("what", nargs="?", default="list", choices=("list", "lock"), help="default: list")
    parser.add_argument("--file", metavar="F", help="images file; default: the platform's, else the package's")


def run(args: Namespace) -> int:
    path = _path(args.file)
    return _lock(path, as_json=args.json) if args.what == "lock" else _list(path, as_json=args.json)


def _path(file: str | None) -> Path:
    if file is not None:
        return Path(file)
    platform = Path(DEFAULT_PLATFORM_FILE)
    named = load_platform(platform).images if platform.exists() else None
    return PACKAGED_IMAGES if named is None else platform.parent / named


def _list(path: Path, *, as_json: bool) -> int:
    images = load_images(path)
    body: dict[str, Any] = {"file": str(path), "images": [_mapping(image) for image in images.values()]}
    if as_json:
        write_json(document("images", body))
    else:
        rows = [
            (image["key"], image["reference"], image["verified"] or "unpinned", size(image["size_bytes"]))
            for image in body["images"]
        ]
        write_text(table(COLUMNS, rows, terminal_width()))
    return EXIT_DONE


def _lock(path: Path, *, as_json: bool) -> int:
    from ai_on_eks.serving.lock import lock_images  # noqa: PLC0415 - the network's modules are slow to import
    from ai_on_eks.serving.registry import RegistryClient  # noqa: PLC0415

    before = load_images(path)
    digest = RegistryClient().digest
    with written_to(str(path)), progress("asking registries", len(before), quiet=as_json) as move_on:

        def resolve(repository: str, tag: str) -> str:
            try:
                return digest(repository, tag)
            finally:
                move_on()

        outcome = lock_images(path, resolve, datetime.now(UTC).date())
    body: dict[str, Any] = {"file": str(path), "locked": _locked(outcome, before)}
    if as_json:
        write_json(document("images", body))
    else:
        rows = [(row["key"], row["digest"], row["was"] or NONE) for row in body["locked"]]
        if rows:
            write_text(table(LOCK_COLUMNS, rows, terminal_width()))
        note(f"{len(rows)} of {len(before)} images pinned in {path}")
    if not outcome.problems:
        return EXIT_DONE
    report(outcome.problems, as_json=as_json)
    return EXIT_FINDINGS


def _locked(outcome: LockReport, before: Mapping[str, ImageReference]) -> list[dict[str, Any]]:
    return [{"key": key, "digest": digest, "was": before[key].digest} for key, digest in outcome.locked.items()]


def _mapping(image: ImageReference) -> dict[str, Any]:
    return {
        "key": image.key,
        "repository": image.repository,
        "tag": image.tag,
        "digest": image.digest,
        "verified": image.verified,
        "size_bytes": image.size_bytes,
        "reference": image.reference,
    }
