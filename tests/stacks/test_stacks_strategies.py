"""What holds of every strategy beside managed node groups: complete, clean, in an order that can be taken down."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import strategy_samples
from snapshot_files import compare
from strategy_samples import ACCELERATORS, STRATEGIES
from test_stacks_checkers import ACCEPTED_WARNINGS, RUN_CFN_LINT
from test_stacks_snapshots import OF_STRATEGY

from ai_on_eks.aws.node_places import subnet_terms
from ai_on_eks.descriptors.platform import CapacityStrategy
from ai_on_eks.review.rules.checking import findings
from ai_on_eks.review.rules.synth import read_synth

Templates = dict[str, dict[str, Any]]


@pytest.fixture(scope="module", params=STRATEGIES, ids=str)
def strategy(request: pytest.FixtureRequest) -> CapacityStrategy:
    found: CapacityStrategy = request.param
    return found


@pytest.fixture(scope="module")
def folder(strategy: CapacityStrategy, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return strategy_samples.synthesize(strategy_samples.deployment(strategy), tmp_path_factory.mktemp(strategy))


def read(folder: Path) -> Templates:
    return {
        path.name.removesuffix(".template.json"): json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(folder.glob("*.template.json"))
    }


@pytest.mark.parametrize("rendered", [False, True], ids=["applied", "rendered"])
@pytest.mark.parametrize("accelerators", ACCELERATORS)
def test_our_rules_and_cfn_lint_find_nothing(
    strategy: CapacityStrategy, accelerators: str, rendered: bool, tmp_path: Path
) -> None:
    of = strategy_samples.deployment(strategy, accelerators, rendered=rendered)
    synthesized = strategy_samples.synthesize(of, tmp_path)
    objects = {} if rendered is False else {"nodes.yaml": [*of.node_objects().values()]}
    assert findings(read_synth(synthesized, objects)) == ()
    templates = [str(path) for path in sorted(synthesized.glob("*.template.json"))]
    command = [sys.executable, "-c", RUN_CFN_LINT, "--format", "json", *templates]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert [one for one in json.loads(result.stdout) if one["Rule"]["Id"] not in ACCEPTED_WARNINGS] == []


def test_nothing_is_looked_up(folder: Path) -> None:
    assert "missing" not in json.loads((folder / "manifest.json").read_text(encoding="utf-8"))


def test_the_models_go_before_their_nodes_and_those_before_what_started_them(folder: Path) -> None:
    """CloudFormation deletes in the reverse of these orders; an instance whose starter is gone stays for ever."""
    serving = read(folder)["ai-serving"]["Resources"]
    (nodes,) = [name for name in serving if name.startswith("NodePools")]
    models = [item for name, item in serving.items() if name.startswith(("llama", "resnet"))]
    assert len(models) == 2
    assert all(nodes in item["DependsOn"] for item in models)
    artifacts = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["artifacts"]
    assert "ai-addons" in artifacts["ai-serving"]["dependencies"]
    assert "ai-capacity" in artifacts["ai-addons"]["dependencies"]


def test_private_subnets_and_only_they_carry_the_tags_that_node_classes_look_for(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    stack_tags = manifest["artifacts"]["ai-network"]["properties"]["tags"]
    (term,) = subnet_terms(strategy_samples.deployment(STRATEGIES[0]).platform)
    found: dict[bool, int] = {True: 0, False: 0}
    for item in read(folder)["ai-network"]["Resources"].values():
        if item["Type"] == "AWS::EC2::Subnet":
            own = {tag["Key"]: tag["Value"] for tag in item["Properties"]["Tags"]}
            tags = {**stack_tags, **own}
            selected = all(tags.get(key) == value for key, value in term["tags"].items())
            assert selected is ("PrivateSubnet" in str(tags["Name"]))
            found[selected] += 1
    assert found == {True: 3, False: 3}


@pytest.mark.parametrize("unit", OF_STRATEGY)
def test_the_template_is_the_one_that_was_reviewed(folder: Path, strategy: CapacityStrategy, unit: str) -> None:
    compare(read(folder)[f"ai-{unit}"], f"{strategy}/{unit}")
