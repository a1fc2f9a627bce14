"""What several folders of tests use. Everything here is frozen or only read, so a session makes it once."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

from ai_on_eks.catalog.loading import Catalog, load_catalog
from ai_on_eks.descriptors.loading import load_descriptor, load_platform
from ai_on_eks.descriptors.platform import PlannedEngines, Platform
from ai_on_eks.descriptors.schema import Descriptor

REPOSITORY = Path(__file__).resolve().parents[1]

# The same examples on every machine, however busy it is, and no folder of found ones that only one machine has.
settings.register_profile("suite", derandomize=True, deadline=None, database=None)
settings.load_profile("suite")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of published schemas and measurements, too large to be part of the repository."""
    folder = REPOSITORY.parent / "shared"
    if not folder.is_dir():
        pytest.skip("../shared is absent: conformance not checked")
    return folder


@pytest.fixture(scope="session")
def platform() -> Platform:
    """platform.yaml, as commands that make workloads plan on it."""
    return load_platform(REPOSITORY / "platform.yaml").model_copy(update={"engines": PlannedEngines.RENDERED})


@pytest.fixture(scope="session")
def catalog(platform: Platform) -> Catalog:
    return load_catalog(platform.region)


@pytest.fixture(scope="session")
def models() -> dict[str, Descriptor]:
    return {path.stem: load_descriptor(path) for path in sorted((REPOSITORY / "models").glob("*.yaml"))}


@pytest.fixture(scope="session")
def llama(models: dict[str, Descriptor]) -> Descriptor:
    return models["llama-3-1-8b-instruct"]
