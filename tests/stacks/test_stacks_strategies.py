"""What holds of every strategy beside managed node groups: complete, clean, in an order that can be taken down."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import stacks_samples as samples
import strategy_samples
from msgspec.structs import replace
from snapshot_files import compare
from strategy_samples import ACCELERATORS, STRATEGIES
from test_stacks_checkers import ACCEPTED_WARNINGS, REPOSITORY, RUN_CFN_LINT, contents, environment
from test_stacks_snapshots import OF_STRATEGY

import app as application
from ai_on_eks.aws.helm_release import CHART_LOCK_FILE
from ai_on_eks.aws.node_places import subnet_terms
from ai_on_eks.catalog.loading import load_catalog
from ai_on_eks.descriptors.platform import Capacity, CapacityStrategy
from ai_on_eks.errors import InputError
from ai_on_eks.review.rules.checking import findings
from ai_on_eks.review.rules.synth import read_synth
from ai_on_eks.serving.chart_lock import LockedChart, lock_text
from ai_on_eks.serving.storage import UNKNOWN, StorageAddresses

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
    objects = {} if rendered is False else {"nodes.yaml": [*of.node_objects(of.addresses).values()]}
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
    order = ["ai-serving", *(["ai-addons"] if "ai-addons" in artifacts else []), "ai-capacity", "ai-cluster"]
    for later, earlier in pairwise(order):
        assert earlier in artifacts[later]["dependencies"]


def test_what_is_no_longer_in_a_chart_is_removed_from_the_cluster(folder: Path) -> None:
    """By a label that is on every object of the manifest and that the function prunes by."""
    applied = [
        item["Properties"]
        for item in read(folder)["ai-serving"]["Resources"].values()
        if item["Type"] == "Custom::AWSCDK-EKS-KubernetesResource"
    ]
    assert applied
    for properties in applied:
        assert json.dumps(properties["Manifest"]).count(properties["PruneLabel"]) >= 1


def test_nodes_near_each_other_are_applied_with_the_group_that_was_made_for_them(tmp_path: Path) -> None:
    kind = load_catalog("us-east-1").instance_type("p5en.48xlarge")
    near = samples.request(kind, efa=True, nodes=2, zones=("us-east-1b",))
    of = samples.deployment(near, capacity=Capacity(strategy=CapacityStrategy.KARPENTER))
    templates = read(strategy_samples.synthesize(of, tmp_path))
    groups = {
        name: item["Properties"]
        for name, item in templates["ai-capacity"]["Resources"].items()
        if item["Type"] == "AWS::EC2::PlacementGroup"
    }
    (name,) = groups
    assert groups[name]["Strategy"] == "cluster"
    assert templates["ai-capacity"]["Outputs"]["PlacementGroups"]["Value"] == {
        "Fn::Join": ["", ["p5en-48xlarge=", {"Ref": name}]]
    }
    (nodes,) = [item for key, item in templates["ai-serving"]["Resources"].items() if key.startswith("NodePools")]
    before, imported, _ = nodes["Properties"]["Manifest"]["Fn::Join"][1]
    assert before.endswith('"placementGroupSelector":{"name":"')
    assert name in imported["Fn::ImportValue"]
    assert of.node_objects(of.addresses) == {}
    told = StorageAddresses(placement_groups={"p5en-48xlarge": "made"})
    assert of.node_objects(told)["NodeClass-p5en-48xlarge"]["spec"]["placementGroupSelector"] == {"name": "made"}


def test_files_without_the_nodes_that_wait_for_their_group_are_told(tmp_path: Path) -> None:
    # GIVEN one pool whose nodes stand near each other, and one whose nodes may stand anywhere
    types = load_catalog("us-east-1").instance_type
    near = samples.request(types("p5en.48xlarge"), efa=True, nodes=2, zones=("us-east-1b",))
    both = (near, samples.request(types("g6.xlarge")))

    def told(strategy: CapacityStrategy, *, rendered: bool, addresses: StorageAddresses = UNKNOWN) -> list[str]:
        settings = samples.rendered() if rendered else {}
        of = samples.deployment(*both, capacity=Capacity(strategy=strategy), **settings)
        return [*application.waiting_warnings(replace(of, addresses=addresses), "platform.yaml")]

    # THEN the first is told where files are all that there is, until its group is known
    (warning,) = told(CapacityStrategy.KARPENTER, rendered=True)
    assert warning.startswith("platform.yaml: outputs: pool p5en-48xlarge is in no file")
    assert "cdk deploy ai-capacity ai-storage --outputs-file build/outputs.json" in warning
    named = StorageAddresses(placement_groups={"p5en-48xlarge": "made"})
    assert told(CapacityStrategy.KARPENTER, rendered=True, addresses=named) == []
    assert told(CapacityStrategy.KARPENTER, rendered=False) == []
    assert told(CapacityStrategy.MANAGED_NODE_GROUPS, rendered=True) == []


def test_a_lock_of_charts_beside_the_platform_file_names_every_chart_at_its_version(tmp_path: Path) -> None:
    of = strategy_samples.deployment(CapacityStrategy.KARPENTER)
    file, digest = tmp_path / CHART_LOCK_FILE, f"sha256:{'0' * 64}"
    charts = {one.chart: one.version for one in (*of.helm_releases(), *of.observers())}
    assert "karpenter" in charts
    application.check_chart_lock(of, file)  # most platforms have none

    def refused(**others: str) -> list[tuple[str, str | None]]:
        locked = {name: LockedChart(version, digest, "2026-11-29") for name, version in (charts | others).items()}
        file.write_text(lock_text({name: one for name, one in locked.items() if one.version}), encoding="utf-8")
        try:
            application.check_chart_lock(of, file)
        except InputError as error:
            return [(problem.code, problem.path) for problem in error.problems]
        return []

    assert refused() == []
    assert refused(karpenter="0.1.0") == [("chart-not-locked", "charts.karpenter")]
    assert refused(karpenter="") == [("chart-not-locked", "charts.karpenter")]


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


def test_the_templates_are_those_that_were_reviewed(folder: Path, strategy: CapacityStrategy) -> None:
    for unit in OF_STRATEGY[strategy]:
        compare(read(folder)[f"ai-{unit}"], f"{strategy}/{unit}")


SYNTHESIZE = """
import sys
from pathlib import Path
import strategy_samples
from ai_on_eks.descriptors.platform import CapacityStrategy
strategy_samples.synthesize(strategy_samples.deployment(CapacityStrategy(sys.argv[1])), Path(sys.argv[2]))
"""


def test_a_second_synthesis_elsewhere_writes_the_same_bytes(strategy: CapacityStrategy, tmp_path: Path) -> None:
    """Two processes that differ in time zone, hash seed and working directory; slow, because each starts Node."""
    for name, zone, cwd in (("1", "UTC", REPOSITORY), ("2", "Asia/Tokyo", tmp_path)):
        command = [sys.executable, "-c", SYNTHESIZE, strategy.value, str(tmp_path / name)]
        settings = environment(TZ=zone, PYTHONHASHSEED=name, CDK_VALIDATION="false")
        subprocess.run(command, cwd=cwd, env=settings, check=True, capture_output=True)
    assert contents(tmp_path / "1") == contents(tmp_path / "2")
    assert contents(tmp_path / "1")
