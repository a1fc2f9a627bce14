"""Fixtures of the stack tests. CDK's template validation is off here except in the tests that are about it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pipeline_samples
import pytest
import stacks_samples as samples
from aws_cdk import App
from msgspec.structs import replace

from ai_on_eks.descriptors.profiles import Profile
from stacks.application import Deployment, build_app

Templates = dict[str, dict[str, Any]]
"""Templates by stack name."""


@pytest.fixture(scope="session")
def synthesize(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Deployment], Path]:
    """Synthesizes a deployment and returns the folder."""

    def run(deployment: Deployment) -> Path:
        folder = tmp_path_factory.mktemp("cdk.out")
        app: App = build_app(deployment, samples.charts, outdir=str(folder), validate=False)
        app.synth()
        return folder

    return run


@pytest.fixture(scope="session")
def applied_folder(synthesize: Callable[[Deployment], Path]) -> Path:
    """Everything the default platform is made of."""
    return synthesize(samples.deployment())


@pytest.fixture(scope="session")
def rendered_folder(synthesize: Callable[[Deployment], Path]) -> Path:
    """The same for a platform whose objects CDK does not apply."""
    return synthesize(samples.deployment(**samples.rendered()))


@pytest.fixture(scope="session")
def stored_folder(synthesize: Callable[[Deployment], Path]) -> Path:
    """The default platform with everything that models can be read from."""
    return synthesize(samples.stored())


@pytest.fixture(scope="session")
def stored(stored_folder: Path) -> Templates:
    return read_templates(stored_folder)


@pytest.fixture(scope="session")
def applied(applied_folder: Path) -> Templates:
    return read_templates(applied_folder)


@pytest.fixture(scope="session")
def rendered(rendered_folder: Path) -> Templates:
    return read_templates(rendered_folder)


@pytest.fixture(scope="session")
def released_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pipeline with the platforms that it releases to."""
    folder = tmp_path_factory.mktemp("pipeline")
    pipeline_samples.synthesized(folder)
    return folder


@pytest.fixture(scope="session")
def published_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pipeline that commits what a GitOps tool applies."""
    folder = tmp_path_factory.mktemp("published")
    pipeline_samples.synthesized(folder, pipeline_samples.published(), pipeline_samples.by_gitops)
    return folder


@pytest.fixture(scope="session")
def released(released_folder: Path) -> Templates:
    """The pipeline's own stack; those of its platforms are what a workstation deploys."""
    return read_templates(released_folder)


@pytest.fixture(scope="session")
def by_profile(
    applied: Templates, synthesize: Callable[[Deployment], Path], tmp_path_factory: pytest.TempPathFactory
) -> dict[Profile, Templates]:
    """The default platform is `minimal`; the others are read from a file, as users' are."""
    made = {Profile.MINIMAL: applied}
    for profile in (Profile.PRODUCTION, Profile.PRIVATE):
        platform = samples.profiled(profile.value, tmp_path_factory.mktemp("platform"))
        made[profile] = read_templates(synthesize(replace(samples.deployment(), platform=platform)))
    return made


def read_templates(folder: Path) -> Templates:
    return {
        path.name.removesuffix(".template.json"): json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(folder.glob("*.template.json"))
    }
