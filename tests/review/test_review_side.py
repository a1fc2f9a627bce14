"""What is read of a folder, and what is refused before anything is built from it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from review_sides import deployment, planned, resource, template, write_side

from ai_on_eks.errors import AiOnEksError, UsageError
from ai_on_eks.review import side as reading
from ai_on_eks.review.side import read_side

STACKS = {"ai": template({"V": resource("AWS::EC2::VPC", {"CidrBlock": "10.0.0.0/16"})})}


def test_given_a_folder_without_a_synthesis_when_read_then_it_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as raised:
        read_side(tmp_path)
    assert [problem.code for problem in raised.value.problems] == ["nothing-synthesized"]


def test_given_stages_and_assets_when_read_then_stacks_are_named_by_their_path_and_assets_left_out(
    tmp_path: Path,
) -> None:
    write_side(tmp_path, STACKS)
    stage = tmp_path / "cdk.out" / "assembly-prod"
    for folder in (stage, tmp_path / "cdk.out" / "asset.1234"):
        folder.mkdir()
        (folder / "ai.template.json").write_text(json.dumps(STACKS["ai"]), encoding="utf-8")
    shutil.copy(tmp_path / "cdk.out" / "manifest.json", stage)
    read = read_side(tmp_path)
    assert sorted(read.templates) == ["ai", "assembly-prod/ai"]
    assert (read.region, read.plan, read.violations) == ("us-east-1", None, None)


@pytest.mark.parametrize(
    ("file", "text", "code"),
    [
        ("cdk.out/ai.template.json", "{", "not-json"),
        ("cdk.out/ai.template.json", "[]", "not-a-template"),
        ("cdk.out/ai.template.json", '{"Resources": {"A": {"Properties": {}}}}', "not-a-template"),
        ("cdk.out/ai.template.json", '{"Resources": {"A": {"Type": "T", "Properties": []}}}', "not-a-template"),
        ("cdk.out/ai.template.json", '{"a":' * 70 + "1" + "}" * 70, "nested-too-deep"),
        ("cdk.out/validation-report.json", '{"pluginReports": [{"violations": [1]}]}', "not-a-report"),
        ("build/manifests/objects.yaml", "a: &x [1]\nb: *x\n", "alias-refused"),
        ("build/plan.json", '{"plans": [1e999]}', "number-not-usable"),
    ],
)
def test_given_a_malformed_file_when_read_then_it_is_named(tmp_path: Path, file: str, text: str, code: str) -> None:
    write_side(tmp_path, STACKS, plan=planned())
    (tmp_path / file).write_text(text, encoding="utf-8")
    with pytest.raises(AiOnEksError) as raised:
        read_side(tmp_path)
    (problem,) = raised.value.problems
    assert (problem.code, problem.file) == (code, str(tmp_path / file))


@pytest.mark.parametrize(
    ("file", "limit"),
    [
        ("cdk.out/ai.template.json", "MAX_TEMPLATE_BYTES"),
        ("build/plan.json", "MAX_PLAN_BYTES"),
        ("build/manifests/objects.yaml", "MAX_MANIFEST_BYTES"),
    ],
)
def test_given_a_file_over_its_limit_when_read_then_it_is_refused_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, limit: str
) -> None:
    write_side(tmp_path, STACKS, plan=planned())
    (tmp_path / file).write_bytes(b" " * (getattr(reading, limit) // 2**10 + 1))
    monkeypatch.setattr(reading, limit, getattr(reading, limit) // 2**10)
    with pytest.raises(AiOnEksError) as raised:
        read_side(tmp_path)
    assert [problem.code for problem in raised.value.problems] == ["file-too-large"]


def test_given_more_files_than_a_synthesis_writes_when_read_then_it_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MAX_FILES", 2)
    write_side(tmp_path, {f"s{i}": STACKS["ai"] for i in range(3)})
    with pytest.raises(AiOnEksError) as raised:
        read_side(tmp_path)
    assert [problem.code for problem in raised.value.problems] == ["too-many-values"]


def test_given_links_when_read_then_they_are_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside.json"
    outside.write_text(json.dumps(STACKS["ai"]), encoding="utf-8")
    folder = write_side(tmp_path / "side", STACKS, objects=[deployment("a", "i:1")])
    (folder / "cdk.out" / "linked.template.json").symlink_to(outside)
    (folder / "build" / "manifests" / "linked.yaml").symlink_to(outside)
    (folder / "build" / "plan.json").symlink_to(outside)
    read = read_side(folder)
    assert (sorted(read.templates), sorted(read.rendered or {}), read.plan) == (["ai"], ["objects.yaml"], None)


def test_given_stages_in_several_regions_when_read_then_there_is_no_region(tmp_path: Path) -> None:
    write_side(tmp_path, STACKS)
    manifest = (tmp_path / "cdk.out" / "manifest.json").read_text(encoding="utf-8")
    stage = tmp_path / "cdk.out" / "assembly-prod"
    stage.mkdir()
    (stage / "manifest.json").write_text(manifest.replace("us-east-1", "eu-west-1"), encoding="utf-8")
    assert read_side(tmp_path).region is None
