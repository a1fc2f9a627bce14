"""Charts for a mirror: all of them, or those of a platform, with what copies each."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_running import Answer, run_here

from ai_on_eks.aws.helm_release import HelmRelease
from ai_on_eks.aws.mirror import mirrored
from ai_on_eks.catalog.versions import Kind, chart, components
from ai_on_eks.errors import Problem
from ai_on_eks.serving import chart_sources
from ai_on_eks.serving.chart_lock import LockedChart, PinnedChart, load_lock, lock_text
from ai_on_eks.serving.registry import RegistryError

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


DIGEST, OTHER = (f"sha256:{digit * 64}" for digit in "12")


def lock(capsys: pytest.CaptureFixture[str], file: Path, manifests: Path) -> Answer:
    return run_here(capsys, "charts", "lock", str(manifests), "--file", str(file), "--json")


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What publishers have, by chart; one that is not here does not answer."""
    found = {"gpu-operator": DIGEST, "karpenter": DIGEST}

    def digest(_sources: object, chart: PinnedChart) -> str:
        if chart.name not in found:
            raise RegistryError(Problem(code="registry-unreachable", message="no answer", fix="try again"))
        return found[chart.name]

    monkeypatch.setattr(chart_sources.ChartSources, "digest", digest)
    return found


def test_given_publishers_when_locked_then_copying_to_a_mirror_holds_each_archive_against_the_lock(
    manifests: Path, answers: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "charts.lock.yaml"
    locked = lock(capsys, file, manifests)
    assert (locked.code, [one["name"] for one in locked.data["locked"]]) == (0, sorted(answers))
    listed = ("charts", "list", str(manifests), "--file", str(file))
    assert {one["digest"] for one in run_here(capsys, *listed, "--json").data["charts"]} == {DIGEST}
    pull, push, *_ = run_here(capsys, *listed, "--mirror", MIRROR, "--commands").out.splitlines()
    assert pull.startswith("helm pull gpu-operator")
    archive = "gpu-operator-v26.7.0.tgz"
    assert push.startswith(f"echo '{'1' * 64}  {archive}' | sha256sum -c && helm push {archive} oci://{MIRROR}")


def test_given_an_archive_that_is_another_one_when_locked_then_it_is_told_and_the_file_keeps_the_old(
    manifests: Path, answers: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "charts.lock.yaml"
    lock(capsys, file, manifests)
    before = file.read_text(encoding="utf-8")
    answers["karpenter"] = OTHER
    again = lock(capsys, file, manifests)
    assert (again.code, again.codes) == (1, ["chart-moved"])
    assert file.read_text(encoding="utf-8") == before


def test_given_a_publisher_that_is_silent_when_locked_then_the_others_are_written(
    manifests: Path, answers: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    del answers["karpenter"]
    file = tmp_path / "charts.lock.yaml"
    answer = lock(capsys, file, manifests)
    assert (answer.code, answer.codes) == (1, ["registry-unreachable"])
    assert [*load_lock(file)] == ["gpu-operator"]


def test_given_a_lock_of_another_version_when_listed_then_its_digest_says_nothing(
    manifests: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "charts.lock.yaml"
    file.write_text(lock_text({"karpenter": LockedChart("0.1.0", DIGEST, "2026-11-29")}), encoding="utf-8")
    charts = run_here(capsys, "charts", "list", str(manifests), "--file", str(file), "--json").data["charts"]
    assert [one["digest"] for one in charts] == [None, None]


def test_given_a_lock_file_that_is_named_and_absent_when_listed_then_it_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_here(capsys, "charts", "list", "--file", str(tmp_path / "none.yaml"), "--json").codes == [
        "file-not-found"
    ]


def test_given_values_that_are_used_twice_when_written_then_no_reader_meets_an_anchor() -> None:
    shared = [{"label": "a"}]
    text = HelmRelease("a", "https://a.example.com", "a", "1.0.0", "a", None, {"x": shared, "y": shared}).to_yaml()
    assert "&" not in text
    assert "*" not in text
