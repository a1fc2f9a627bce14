"""Every profile with every strategy and every mix of accelerators: synthesized twice, checked by all who check.

A strategy or a mix is added by one line below. Nothing here has a network or credentials: sockets are closed for the
whole suite, and CDK would note what it wanted to look up as `missing` in the manifest.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from itertools import product
from pathlib import Path

import pytest
import stacks_samples as samples
import strategy_samples
from aws_cdk import Validations
from cdk_nag import AwsSolutionsChecks
from msgspec import Struct
from msgspec.structs import replace
from test_stacks_checkers import ACCEPTED_WARNINGS, RUN_CFN_LINT, contents
from test_stacks_nag import ACCEPTED, rule
from test_stacks_strategies_nag import ACCEPTED as ACCEPTED_OF_STRATEGY

from ai_on_eks.descriptors.platform import CapacityStrategy, DeliveryMode
from ai_on_eks.descriptors.profiles import Profile
from ai_on_eks.placement.types import CapacityRequest
from ai_on_eks.review.rules.checking import findings
from ai_on_eks.review.rules.synth import read_synth
from stacks.addons import needs_addons
from stacks.application import ChartRenderer, Deployment, build_app

MIXES: Mapping[str, Callable[[], tuple[CapacityRequest, ...]]] = {
    "cpu": lambda: (samples.request(samples.cpu_type("c7i.2xlarge")),),
    "gpu": lambda: (samples.request(),),
    "trainium": lambda: (samples.request(samples.neuron_type()),),
    "inferentia": lambda: (
        samples.request(samples.neuron_type("inf2.48xlarge", "inferentia2", devices=12, local_nvme_bytes=0)),
    ),
    "mixed": lambda: (
        samples.request(),
        samples.request(samples.neuron_type(), models=("mistral",)),
        samples.request(samples.cpu_type("c7i.2xlarge"), models=("resnet",)),
    ),
}
STRATEGIES = tuple(strategy.value for strategy in CapacityStrategy)
PROFILES = tuple(profile.value for profile in Profile)

UNITS = {"network", "cluster", "capacity", "storage"}


class Synthesized(Struct, frozen=True):
    """One combination, twice: with CDK's own validation, and again with cdk-nag."""

    deployment: Deployment
    first: Path
    second: Path


COMBINATIONS = tuple(product(PROFILES, STRATEGIES, MIXES))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str, str], Synthesized]:
    """Synthesizes a combination when it is first asked for."""
    done: dict[tuple[str, str, str], Synthesized] = {}

    def make(profile: str, strategy: str, mix: str) -> Synthesized:
        key = (profile, strategy, mix)
        if key not in done:
            folder = tmp_path_factory.mktemp("-".join(key))
            platform = samples.profiled(profile, folder, capacity={"strategy": strategy})
            deployment = replace(samples.deployment(), platform=platform, requests=MIXES[mix]())
            done[key] = synthesized(deployment, folder)
        return done[key]

    return make


def render(deployment: Deployment) -> ChartRenderer:
    return lambda bucket: strategy_samples.charts(deployment, bucket)


def synthesized(deployment: Deployment, folder: Path) -> Synthesized:
    first, second = folder / "first", folder / "second"
    # Raises on any error of CDK's validation: cdk.json asks for it.
    build_app(deployment, render(deployment), outdir=str(first), validate=True).synth()
    app = build_app(deployment, render(deployment), outdir=str(second), validate=False)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    with pytest.raises(Exception, match="validation"):
        app.synth()  # what cdk-nag finds is compared below
    return Synthesized(deployment, first, second)


@pytest.fixture(params=COMBINATIONS, ids="-".join)
def combination(request: pytest.FixtureRequest, made: Callable[[str, str, str], Synthesized]) -> Synthesized:
    return made(*request.param)


def test_a_combination_has_its_stacks_and_looks_nothing_up(combination: Synthesized) -> None:
    manifest = json.loads((combination.first / "manifest.json").read_text(encoding="utf-8"))
    assert "missing" not in manifest
    units = {path.name.removeprefix("ai-").partition(".")[0] for path in combination.first.glob("*.template.json")}
    of = combination.deployment
    serving = {"serving"} if of.platform.delivery.mode is DeliveryMode.APPLY else set()
    addons = {"addons"} if needs_addons(of.platform, of.helm_releases()) else set()
    observability = {"observability"} if of.platform.monitoring.is_on else set()
    assert units == UNITS | serving | addons | observability


def test_a_combination_has_no_finding_of_our_rules(combination: Synthesized) -> None:
    assert findings(read_synth(combination.first)) == ()


def test_cdk_nag_finds_nothing_that_is_not_accepted_with_a_reason(combination: Synthesized) -> None:
    report = json.loads((combination.second / "validation-report.json").read_text(encoding="utf-8"))
    (nag,) = [plugin for plugin in report["pluginReports"] if plugin["pluginName"] == "AwsSolutions"]
    found = {rule(violation["ruleName"]) for violation in nag["violations"]} - set(ACCEPTED)
    patterns = ACCEPTED_OF_STRATEGY.get(combination.deployment.platform.capacity.strategy, {})
    assert [name for name in sorted(found) if not any(re.fullmatch(one, name) for one in patterns)] == []


def test_a_combination_is_the_same_twice(combination: Synthesized) -> None:
    assert contents(combination.first) == contents(combination.second)


def test_cfn_lint_is_content_with_every_template(made: Callable[[str, str, str], Synthesized], tmp_path: Path) -> None:
    """At once, and templates that several combinations share only once."""
    texts = {
        path.read_bytes(): path.name
        for key in COMBINATIONS
        for path in sorted(made(*key).first.glob("*.template.json"))
    }
    for index, text in enumerate(texts):
        (tmp_path / f"{index}.template.json").write_bytes(text)
    assert len(texts) > len(UNITS)
    result = subprocess.run(
        [sys.executable, "-c", RUN_CFN_LINT, "--format", "json", *map(str, sorted(tmp_path.iterdir()))],
        env={key: value for key, value in os.environ.items() if not key.startswith("PYTEST")},
        capture_output=True,
        text=True,
        check=False,
    )
    found = json.loads(result.stdout)
    assert [item for item in found if item["Rule"]["Id"] not in ACCEPTED_WARNINGS] == []
