"""Whatever kind of object is written anywhere, `verify` looks for those of it that nobody rendered."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from architecture_repository import LIBRARY, files

from ai_on_eks.drift.verifying import OWNED_KINDS

NOT_APPLIED = {"EndpointPickerConfig", "NodeConfig"}
"""Read by a program as it starts; no objects of a cluster."""

NOT_COMPARED = LIBRARY / "aws" / "gitops"
"""What GitOps tools themselves are told by; it lies beside the objects that are compared, and they own it."""


def _written() -> Iterator[tuple[str | None, str]]:
    """apiVersion and kind of every object that a module writes out; None for a version that is another module's."""
    for layer in ("aws", "kube", "serving"):
        for path in files(LIBRARY / layer):
            if path.suffix == ".py" and NOT_COMPARED not in path.parents:
                yield from _in(ast.parse(path.read_text(encoding="utf-8")))


def _in(tree: ast.Module) -> Iterator[tuple[str | None, str]]:
    constants = {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            entries = {
                key.value: value.value if isinstance(value, ast.Constant) else constants.get(getattr(value, "id", ""))
                for key, value in zip(node.keys, node.values, strict=True)
                if isinstance(key, ast.Constant)
            }
            if {"apiVersion", "kind"} <= set(entries) and entries["kind"] not in NOT_APPLIED:
                version = entries["apiVersion"]
                yield version if version is None else str(version), str(entries["kind"])


def test_every_kind_that_is_written_is_looked_for() -> None:
    written = set(_written())

    assert ("apps/v1", "Deployment") in written
    known = {*OWNED_KINDS, *((None, kind) for _version, kind in OWNED_KINDS)}
    assert written <= known, "add the kind to OWNED_KINDS in drift/verifying.py"
    assert list(OWNED_KINDS) == sorted(OWNED_KINDS, key=lambda kind: ("/" in kind[0], kind))
