"""What is in the way of another Kubernetes version, part by part."""

from __future__ import annotations

import json
from pathlib import Path

import kubernetes_validate
import pytest
import yaml
from cli_running import PLATFORM, RESNET, ROOT, Answer, run_here

from ai_on_eks.catalog.kubernetes_apis import is_builtin_group, known_apis
from ai_on_eks.cli.doctor.checks import Check
from ai_on_eks.cli.upgrade import check_apis, check_node_image, check_version
from ai_on_eks.descriptors.loading import load_platform

LORA = ROOT / "docs" / "examples" / "fine-tune" / "llama-8b-lora.yaml"
SCHEMAS = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema"


def codes(check: Check) -> list[str]:
    return [problem.code for problem in check.problems]


@pytest.mark.parametrize(
    ("running", "target", "expected"),
    [
        ("1.35", "1.36", []),
        ("1.34", "1.36", ["upgrade-skips-versions"]),
        ("1.36", "1.35", ["upgrade-backwards"]),
        ("1.36", "1.36", ["upgrade-backwards"]),
        ("1.36", "1.37", ["kubernetes-version-unsupported"]),
    ],
)
def test_given_two_versions_when_compared_then_only_the_next_offered_one_is_good(
    running: str, target: str, expected: list[str]
) -> None:
    assert codes(check_version(running, target)) == expected


def rendered(folder: Path, api_version: str, kind: str) -> Path:
    manifest = {"apiVersion": api_version, "kind": kind, "metadata": {"name": "one"}}
    (folder / "one.yaml").write_text(yaml.safe_dump(manifest), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("api_version", "kind", "expected"),
    [
        ("apps/v1", "Deployment", []),
        ("v1", "Service", []),
        ("karpenter.sh/v1", "NodePool", []),  # an operator's; its own chart says which versions it goes with
        ("networking.k8s.io/v1beta1", "IPAddress", ["api-removed"]),  # served by 1.36
        ("storage.k8s.io/v1beta1", "VolumeAttributesClass", ["api-removed"]),
    ],
)
def test_given_a_rendered_object_when_the_next_version_serves_it_no_more_then_it_is_told(
    api_version: str, kind: str, expected: list[str], tmp_path: Path
) -> None:
    assert codes(check_apis(rendered(tmp_path, api_version, kind), "1.37")) == expected
    assert codes(check_apis(tmp_path, "1.36")) == []


def test_given_an_object_that_moved_when_told_then_the_version_it_moved_to_is_the_fix(tmp_path: Path) -> None:
    (problem,) = check_apis(rendered(tmp_path, "storage.k8s.io/v1beta1", "VolumeAttributesClass"), "1.37").problems
    assert problem.fix == "render it as storage.k8s.io/v1"


def test_given_nothing_rendered_when_examined_then_it_is_skipped(tmp_path: Path) -> None:
    assert check_apis(tmp_path / "none", "1.36").skipped


@pytest.mark.parametrize(
    ("system", "target", "expected"),
    [("al2023", "1.36", []), ("al2023", "1.37", ["node-image-too-old"]), ("bottlerocket", "1.37", [])],
)
def test_given_karpenters_image_when_it_was_not_published_for_the_version_then_it_is_told(
    system: str, target: str, expected: list[str]
) -> None:
    given = load_platform(Path(PLATFORM))
    capacity = given.capacity.model_copy(update={"strategy": "karpenter", "operating_system": system})
    assert codes(check_node_image(given.model_copy(update={"capacity": capacity}), target)) == expected


def test_given_an_upgrade_when_asked_for_then_the_document_has_every_part(capsys: pytest.CaptureFixture[str]) -> None:
    answer = run_here(capsys, "validate", PLATFORM, RESNET, "--upgrade-to", "1.37", "--json")
    upgrade = answer.data["upgrade"]
    assert (answer.code, upgrade["from"], upgrade["to"]) == (1, "1.36", "1.37")
    assert [check["check"] for check in upgrade["checks"]] == [
        "control plane", "add-ons", "charts", "kubectl layer", "node images", "second scheduler", "APIs",
    ]  # fmt: skip
    told = {finding["message"] for check in upgrade["checks"] for finding in check["findings"]}
    assert any(message.startswith("vpc-cni ") for message in told)


def test_given_a_platform_when_upgraded_then_the_charts_are_those_that_its_own_plan_installs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert charts(run_here(capsys, "validate", PLATFORM, RESNET, "--upgrade-to", "1.37", "--json")) == ["gpu-operator"]


def test_given_jobs_and_karpenter_when_upgraded_then_their_charts_are_told_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    platform = Path(PLATFORM).read_text(encoding="utf-8")
    (tmp_path / "platform.yaml").write_text(f"{platform}capacity: {{strategy: karpenter}}\n", encoding="utf-8")
    (tmp_path / "jobs").mkdir()
    job = LORA.read_text(encoding="utf-8").replace("model: ../../../models/", f"model: {ROOT}/models/")
    (tmp_path / "jobs" / "lora.yaml").write_text(job, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    told = charts(run_here(capsys, "validate", "--upgrade-to", "1.37", "--json"))
    assert told == ["gpu-operator", "jobset", "karpenter", "karpenter-crd", "kueue"]


def charts(answer: Answer) -> list[str]:
    """The names of those that were looked at; each is a finding, as none is known to run on that version."""
    (check,) = (one for one in answer.data["upgrade"]["checks"] if one["check"] == "charts")
    told = sorted(finding["message"].partition(" ")[0] for finding in check["findings"])
    assert check["found"] == ", ".join(told)
    return told


def test_given_no_version_when_asked_for_then_it_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    answer = run_here(capsys, "validate", PLATFORM, RESNET, "--upgrade-to", "next", "--json")
    assert (answer.code, answer.codes) == (2, ["wrong-usage"])


@pytest.mark.parametrize("version", ["1.34", "1.35", "1.36", "1.37"])
def test_given_kubernetes_own_schemas_when_compared_then_the_list_is_theirs(version: str) -> None:
    found: dict[str, set[str]] = {}
    for path in (SCHEMAS / f"v{version}.0-local").glob("*.json"):
        schema = json.loads(path.read_text(encoding="utf-8"))
        for one in schema.get("x-kubernetes-group-version-kind") or () if isinstance(schema, dict) else ():
            if not one["kind"].endswith(("List", "Options", "Status")):
                api_version = f"{one['group']}/{one['version']}" if one["group"] else one["version"]
                found.setdefault(api_version, set()).add(one["kind"])
    listed = known_apis(version)
    assert listed is not None
    assert {api_version: set(kinds) for api_version, kinds in listed.items()} == found


def test_groups_of_operators_are_told_from_kubernetes_own() -> None:
    assert is_builtin_group("apps/v1beta9")
    assert is_builtin_group("v1")
    assert not is_builtin_group("karpenter.sh/v1")
