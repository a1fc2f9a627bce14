"""The objects that were rendered into a folder (`ai-on-eks render -o`, `make synth`), read within limits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ai_on_eks.descriptors.documents import Document, read_yaml_stream
from ai_on_eks.drift.types import Identity, Json
from ai_on_eks.errors import InputError, Problem

MAX_FILES = 2_000
"""A file holds a model; nobody runs that many on one cluster."""

HELM_FOLDER = "helm"
"""Releases for a GitOps tool lie there, which are no objects of the cluster."""


def read_objects(folder: Path) -> dict[Identity, Json]:
    """Every object of the folder, in the order of file names. All problems of all files are raised at once."""
    problems: list[Problem] = []
    objects: dict[Identity, Json] = {}
    for document in _documents(folder, problems):
        problem = _malformed(document)
        if problem is None:
            identity = Identity.of(document.value)
            problem = _twice(document) if identity in objects else None
            objects.setdefault(identity, document.value)
        if problem is not None:
            problems.append(problem)
    if not problems and not objects:
        problems = [
            Problem(
                code="no-manifests",
                message="holds no manifest: no *.yaml with an object in it",
                file=str(folder),
                fix="write them with `ai-on-eks render` or `make synth`",
            )
        ]
    if problems:
        raise InputError(problems)
    return objects


def _documents(folder: Path, problems: list[Problem]) -> Iterator[Document]:
    files = sorted(path for path in folder.rglob("*.yaml") if HELM_FOLDER not in path.relative_to(folder).parts[:-1])
    if len(files) > MAX_FILES:
        problems.append(
            Problem(
                code="too-many-files",
                message=f"holds {len(files):,} files; at most {MAX_FILES:,} are read",
                file=str(folder),
                fix="name a folder of manifests",
            )
        )
        return
    for path in files:
        try:
            yield from read_yaml_stream(path)
        except InputError as error:
            problems.extend(error.problems)


def _malformed(document: Document) -> Problem | None:
    """What keeps the document from naming an object."""
    value = document.value
    metadata = value.get("metadata") if isinstance(value, dict) else None
    texts = (value.get("apiVersion"), value.get("kind")) if isinstance(value, dict) else ()
    names = (metadata.get("name"), metadata.get("namespace", "")) if isinstance(metadata, dict) else ()
    if len(texts) == len(names) == 2 and all(isinstance(text, str) for text in (*texts, *names)) and all(texts):
        return None
    return Problem(
        code="not-a-manifest",
        message="names no object: apiVersion, kind and metadata.name have to be texts",
        file=document.file,
        line=document.line(""),
        fix="name a folder that `ai-on-eks render` or `make synth` has written",
    )


def _twice(document: Document) -> Problem:
    return Problem(
        code="object-twice",
        message=f"{Identity.of(document.value)} is in the folder twice",
        file=document.file,
        line=document.line(""),
        fix="render into a folder of its own",
    )
