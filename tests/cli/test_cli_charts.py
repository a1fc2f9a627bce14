"""Charts for a mirror: all of them, or those of a platform, with what copies each."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_running import run_here

from ai_on_eks.aws.helm_release import HelmRelease
from ai_on_eks.aws.mirror import mirrored
from ai_on_eks.catalog.versions import Kind, chart, components

MIRROR = "111122223333.dkr.ecr.us-east-1.amazonaws.com/mirror"


def release(name: str) -> HelmRelease:
    repository, version = chart(name)
    return HelmRelease(name, repository, name, version, "default", None, {"shared": [{"a": 1}]})


@pytest.fixture
def manifests(tmp_path: Path) -> Path:
    (tmp_path / "helm").mkdir()
    for name in ("karpenter", "gpu-operator"):
        (tmp_path / "helm" / f"{name}.yaml").write_text(release(name).to_yaml(), encoding="utf-8")
    return tmp_path


def test_given_nothing_when_listed_then_it_is_every_chart_of_the_catalogue(capsys: pytest.CaptureFixture[str]) -> None:
    charts = run_here(capsys, "charts", "list", "--json").data["charts"]
    assert [one["name"] for one in charts] == [name for name, one in components().items() if one.kind is Kind.CHART]
    assert all(one["version"] and one["source"] for one in charts)


def test_given_rendered_manifests_when_listed_then_it_is_their_charts(
    manifests: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    charts = run_here(capsys, "charts", "list", str(manifests), "--json").data["charts"]
    assert [one["name"] for one in charts] == ["gpu-operator", "karpenter"]


@pytest.mark.parametrize("name", ["karpenter", "gpu-operator"])
def test_given_a_mirror_when_listed_then_each_place_is_where_the_platform_looks(
    name: str, manifests: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    charts = run_here(capsys, "charts", "list", str(manifests), "--mirror", MIRROR, "--json").data["charts"]
    (found,) = (one for one in charts if one["name"] == name)
    assert found["mirrored"] == mirrored(release(name), MIRROR).source


def test_given_a_mirror_when_commands_are_asked_for_then_each_chart_is_pulled_and_pushed(
    manifests: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = run_here(capsys, "charts", "list", str(manifests), "--mirror", MIRROR, "--commands")
    lines = answer.out.splitlines()
    assert lines[0] == "helm pull gpu-operator --repo https://helm.ngc.nvidia.com/nvidia --version v26.7.0"
    assert lines[1] == f"helm push gpu-operator-v26.7.0.tgz oci://{MIRROR}/helm.ngc.nvidia.com/nvidia"
    assert lines[2].startswith("helm pull oci://public.ecr.aws/karpenter/karpenter --version ")


@pytest.mark.parametrize("arguments", [("--commands",), ("no-such-folder",)])
def test_given_half_a_question_when_asked_then_it_is_wrong_usage(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_here(capsys, "charts", "list", *arguments, "--json").code == 2


def test_given_values_that_are_used_twice_when_written_then_no_reader_meets_an_anchor() -> None:
    shared = [{"label": "a"}]
    text = HelmRelease("a", "https://a.example.com", "a", "1.0.0", "a", None, {"x": shared, "y": shared}).to_yaml()
    assert "&" not in text
    assert "*" not in text
