"""Manifests as files: names, order, determinism, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from kube_samples import platform, workload

from ai_on_eks.errors import InputError
from ai_on_eks.kube.manifests import model_manifests, platform_manifests
from ai_on_eks.kube.render import render_manifests
from ai_on_eks.serving.storage import StorageAddresses

A = workload(name="a", service_account="a")
B = workload(name="b", service_account="b", replicas=2)


def test_one_file_per_model_and_one_for_the_platform() -> None:
    files = render_manifests([B, A], platform())

    assert list(files) == ["platform.yaml", "a.yaml", "b.yaml"]


def test_files_hold_exactly_the_objects() -> None:
    files = render_manifests([A, B], platform(), StorageAddresses(bucket="weights"))

    for name, expected in (
        ("platform.yaml", platform_manifests(platform(), "weights")),
        ("a.yaml", model_manifests(A)),
        ("b.yaml", model_manifests(B)),
    ):
        assert list(yaml.safe_load_all(files[name])) == list(expected.values())


def test_the_order_of_the_models_does_not_matter() -> None:
    assert render_manifests([A, B], platform()) == render_manifests([B, A], platform())


def test_a_file_depends_on_its_own_model_only() -> None:
    assert render_manifests([A, B], platform())["b.yaml"] == render_manifests([B], platform())["b.yaml"]


def test_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    render_manifests([A], platform())

    assert list(tmp_path.iterdir()) == []


def test_no_model_still_has_a_platform() -> None:
    assert list(render_manifests([], platform())) == ["platform.yaml"]


def test_every_unusable_name_is_reported_at_once() -> None:
    with pytest.raises(InputError) as caught:
        render_manifests([A, A, workload(name="platform")], platform())

    assert [(problem.code, problem.value) for problem in caught.value.problems] == [
        ("duplicate-model-name", "a"),
        ("name-reserved", "platform"),
    ]


def test_no_object_is_in_two_files() -> None:
    documents = [
        manifest
        for text in render_manifests([A, B], platform(), StorageAddresses(bucket="weights")).values()
        for manifest in yaml.safe_load_all(text)
    ]

    names = [(item["kind"], item["metadata"].get("namespace"), item["metadata"]["name"]) for item in documents]
    assert len(set(names)) == len(names)
