"""Rendering with what a deployment told: `outputs` of the platform file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from cli_running import RESNET, run_here

from ai_on_eks.cli.loading import Collector, load_target_platform
from ai_on_eks.cli.rendering import addresses_of
from ai_on_eks.serving.storage import PLACEMENT_GROUPS_OUTPUT, pairs_text

PLATFORM = """\
name: ai
region: us-east-1
network: {availability_zones: [us-east-1a, us-east-1b]}
storage: {fsx: {zone: us-east-1b}}
outputs: outputs.json
"""
OUTPUTS = {
    "ai-storage": {
        "ModelBucket": "weights-1",
        "LustreId": "fs-1",
        "LustreDnsName": "fs-1.example",
        "LustreMountName": "abcdefgh",
    },
    "ai-cluster": {"KubeconfigCommand": "aws eks update-kubeconfig"},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A platform whose storage is deployed, and a model that reads from it."""
    (tmp_path / "platform.yaml").write_text(PLATFORM, encoding="utf-8")
    (tmp_path / "outputs.json").write_text(json.dumps(OUTPUTS), encoding="utf-8")
    model = Path(RESNET).read_text(encoding="utf-8")
    (tmp_path / "resnet-50.yaml").write_text(model.replace("storage: s3", "storage: fsx"), encoding="utf-8")
    return tmp_path


def arguments(folder: Path) -> tuple[str, ...]:
    model, platform = folder / "resnet-50.yaml", folder / "platform.yaml"
    return ("render", str(model), "--platform", str(platform), "-o", str(folder / "out"), "--json")


def objects(folder: Path, name: str) -> dict[str, Any]:
    documents = yaml.safe_load_all((folder / "out" / name).read_text(encoding="utf-8"))
    return {document["kind"]: document for document in documents}


def test_given_outputs_when_rendered_then_volume_and_bucket_have_their_names(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_here(capsys, *arguments(folder)).code == 0
    csi = objects(folder, "resnet-50.yaml")["PersistentVolume"]["spec"]["csi"]
    assert csi["volumeHandle"] == "fs-1"
    assert csi["volumeAttributes"] == {"dnsname": "fs-1.example", "mountname": "abcdefgh/models/resnet-50"}
    assert objects(folder, "platform.yaml")["ConfigMap"]["data"] == {"bucket": "weights-1", "region": "us-east-1"}


def test_given_outputs_of_the_nodes_when_read_then_each_pool_has_its_placement_group(folder: Path) -> None:
    told = {**OUTPUTS, "ai-capacity": {PLACEMENT_GROUPS_OUTPUT: pairs_text({"p5": "near", "trn2": "near-too"})}}
    (folder / "outputs.json").write_text(json.dumps(told), encoding="utf-8")
    target = load_target_platform(str(folder / "platform.yaml"), None, Collector())
    assert target is not None
    assert addresses_of(target).placement_groups == {"p5": "near", "trn2": "near-too"}
    (folder / "outputs.json").write_text(json.dumps(OUTPUTS), encoding="utf-8")
    assert addresses_of(target).placement_groups == {}


def test_given_no_outputs_when_rendered_then_the_claim_is_there_and_the_volume_follows(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    without = PLATFORM.replace("outputs: outputs.json\n", "")
    (folder / "platform.yaml").write_text(without, encoding="utf-8")
    assert run_here(capsys, *arguments(folder)).code == 0
    found = objects(folder, "resnet-50.yaml")
    assert "PersistentVolumeClaim" in found
    assert "PersistentVolume" not in found


@pytest.mark.parametrize(
    ("outputs", "code", "file"),
    [
        (None, "file-not-found", "platform.yaml"),
        ("{", "not-json", "outputs.json"),
        ("{}", "outputs-without-stack", "outputs.json"),
        ("[]", "outputs-without-stack", "outputs.json"),
        ('{"ai-storage": {"ModelBucket": 1}}', "outputs-without-stack", "outputs.json"),
    ],
)
def test_given_a_file_that_is_no_outputs_when_rendered_then_it_is_told(
    folder: Path, capsys: pytest.CaptureFixture[str], outputs: str | None, code: str, file: str
) -> None:
    if outputs is None:
        (folder / "outputs.json").unlink()
    else:
        (folder / "outputs.json").write_text(outputs, encoding="utf-8")
    answer = run_here(capsys, *arguments(folder))
    assert answer.code == 4
    (problem,) = answer.problems
    assert (problem["code"], Path(problem["file"]).name) == (code, file)
    assert not (folder / "out").exists()
