"""Folders that are no rendered manifests: every fault is told at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from ai_on_eks.drift.rendered import read_objects
from ai_on_eks.drift.types import Identity
from ai_on_eks.errors import InputError

OBJECT = "apiVersion: v1\nkind: Service\nmetadata: {name: a, namespace: b}\n"


def codes(folder: Path) -> list[str]:
    with pytest.raises(InputError) as caught:
        read_objects(folder)
    return [problem.code for problem in caught.value.problems]


def test_objects_of_all_files_and_documents_but_no_helm_releases(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(f"---\n{OBJECT}---\n{OBJECT.replace('name: a', 'name: c')}", encoding="utf-8")
    for name in ("nodes", "helm"):
        (tmp_path / name).mkdir()
    (tmp_path / "nodes" / "b.yaml").write_text(OBJECT.replace("Service", "ConfigMap"), encoding="utf-8")
    (tmp_path / "helm" / "x.yaml").write_text("chart: x\n", encoding="utf-8")

    assert [*read_objects(tmp_path)] == [
        Identity("v1", "Service", "b", "a"),
        Identity("v1", "Service", "b", "c"),
        Identity("v1", "ConfigMap", "b", "a"),
    ]


def test_an_empty_folder_and_one_that_is_not_there_hold_no_manifests(tmp_path: Path) -> None:
    assert codes(tmp_path) == ["no-manifests"]
    assert codes(tmp_path / "absent") == ["no-manifests"]


def test_all_faults_of_all_files_come_together(tmp_path: Path) -> None:
    faults = {
        "a.yaml": OBJECT,
        "b.yaml": OBJECT,
        "c.yaml": "kind: x\n",
        "d.yaml": "[1]\n",
        "e.yaml": "a: &x 1\n",
        "f.yaml": "apiVersion: v1\nkind: Service\nmetadata: {name: 7}\n",
        "g.yaml": f"{OBJECT}---\na: [\n",
    }
    for name, text in faults.items():
        (tmp_path / name).write_text(text, encoding="utf-8")

    assert codes(tmp_path) == [
        "object-twice", "not-a-manifest", "not-a-manifest", "alias-refused", "not-a-manifest", "not-yaml",
    ]  # fmt: skip
