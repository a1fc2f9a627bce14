"""What is compared, and what a comparison finds."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from msgspec import Struct

Json = dict[str, Any]


class Kind(StrEnum):
    """What is wrong with an object of the cluster."""

    MISSING = "missing"
    CHANGED = "changed"
    NOT_READY = "not-ready"
    EXTRA = "extra"
    UNREADABLE = "unreadable"


class Depth(StrEnum):
    """How far an object was compared.

    WHOLE     every field: the API server was asked what it would hold after a replacement, and nothing was replaced
    RENDERED  the rendered fields alone: it does not answer that question for this object, or not for this user
    NONE      there was nothing to compare
    """

    WHOLE = "whole"
    RENDERED = "rendered-fields"
    NONE = "none"


class Identity(Struct, frozen=True, order=True):
    """Names one object. `namespace` is '' for objects of the whole cluster."""

    api_version: str
    kind: str
    namespace: str
    name: str

    @classmethod
    def of(cls, manifest: Json) -> Identity:
        """The identity that a manifest states."""
        metadata = manifest["metadata"]
        return cls(manifest["apiVersion"], manifest["kind"], metadata.get("namespace", ""), metadata["name"])

    def __str__(self) -> str:
        place = f"{self.namespace}/" if self.namespace else ""
        return f"{self.kind} {place}{self.name}"


class Finding(Struct, frozen=True):
    """One thing wrong with an object.

    path            of a changed field, as in `spec.template.spec.containers[engine].args[2]`
    rendered, live  that field's values as text that holds no secret; None = the field is not there
    reason          in words, of everything else
    """

    kind: Kind
    path: str = ""
    rendered: str | None = None
    live: str | None = None
    reason: str = ""


class Compared(Struct, frozen=True):
    """One object with all its findings."""

    identity: Identity
    depth: Depth
    findings: tuple[Finding, ...] = ()
