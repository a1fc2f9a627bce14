"""Read everything a command was pointed at, and tell every problem of every file at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from ai_on_eks.catalog.daemonsets import beside_drivers
from ai_on_eks.catalog.loading import Catalog, load_catalog
from ai_on_eks.cli.file_kinds import load_as
from ai_on_eks.cli.progress import unseen
from ai_on_eks.descriptors.architectures import build_inventory
from ai_on_eks.descriptors.documents import read_yaml
from ai_on_eks.descriptors.inventory import Inventory
from ai_on_eks.descriptors.loading import load_descriptor, load_platform
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.descriptors.platform_network import Network
from ai_on_eks.descriptors.schema import Descriptor
from ai_on_eks.errors import InputError, Problem, UsageError

T = TypeVar("T")

DEFAULT_PLATFORM_FILE = "platform.yaml"
DEFAULT_REGION = "us-east-1"
MAXIMUM_ZONES = 6
"""Zones of a platform (Network.availability_zones)."""


class LoadedModel(Struct, frozen=True):
    """A descriptor, where it was read from, and what the model is made of."""

    file: str
    descriptor: Descriptor
    inventory: Inventory
    variants: tuple[LoadedModel, ...] = ()


class LoadedPlatform(Struct, frozen=True):
    """The platform that is planned for. `file` is None where defaults stand in for one."""

    file: str | None
    platform: Platform
    catalog: Catalog
    note: str


class Collector:
    """Runs what may fail and keeps the problems, so that one bad file does not hide the next one's."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def attempt(self, file: str | None, step: Callable[[], T]) -> T | None:
        """The step's result, or None when the input was malformed."""
        try:
            return step()
        except InputError as error:
            self.problems += [located(problem, file) for problem in error.problems]
            return None

    def finish(self) -> None:
        """Raise everything that was collected."""
        if self.problems:
            raise InputError(self.problems)


def load_models(
    paths: Sequence[str], collector: Collector, *, move_on: Callable[[], object] = unseen
) -> tuple[LoadedModel, ...]:
    """The models of the files that are well-formed; the problems of the others are in the collector. `move_on` is
    called after each file."""
    loaded = []
    for path in paths:
        model = _load(path, collector)
        move_on()
        if model is not None:
            loaded.append(model)
    _check_names(loaded, collector)
    return tuple(replace(model, variants=_variants(model, collector)) for model in loaded)


def _load(path: str, collector: Collector) -> LoadedModel | None:
    descriptor = collector.attempt(path, lambda: load_as(load_descriptor, Path(path), platform=False))
    if descriptor is None:
        return None
    inventory = collector.attempt(path, lambda: build_inventory(descriptor))
    return None if inventory is None else LoadedModel(path, descriptor, inventory)


def _variants(model: LoadedModel, collector: Collector) -> tuple[LoadedModel, ...]:
    """The models that the descriptor names beside itself; what those name in turn is not looked at."""
    folder = Path(model.file).parent
    found = (_load(str(folder / name), collector) for name in model.descriptor.variants)
    return tuple(variant for variant in found if variant is not None)


def load_model(path: str) -> LoadedModel:
    """One model, or all problems of its file."""
    collector = Collector()
    models = load_models([path], collector)
    collector.finish()
    return models[0]


def load_target_platform(file: str | None, region: str | None, collector: Collector) -> LoadedPlatform | None:
    """The platform of `file`, of ./platform.yaml, or defaults; in `region` where one is asked for."""
    if file is None and Path(DEFAULT_PLATFORM_FILE).exists():
        file = DEFAULT_PLATFORM_FILE
    if file is None:
        return default_platform(region or DEFAULT_REGION, given=region is not None)
    path = Path(file)
    platform = collector.attempt(file, lambda: load_as(load_platform, path, platform=True))
    if platform is None:
        return None
    if region is None or region == platform.region:
        catalog = collector.attempt(file, lambda: load_catalog(platform.region))
        if catalog is None:
            return None
        catalog = beside_drivers(catalog, platform.storage.sections)
        return LoadedPlatform(file, platform, catalog, f"platform: {file} ({platform.region})")
    catalog = beside_drivers(catalog_of_option(region), platform.storage.sections)
    network = platform.network.model_copy(update={"availability_zones": zones_of(catalog, region)})
    moved = platform.model_copy(update={"region": region, "network": network})
    return LoadedPlatform(file, moved, catalog, f"platform: {file}, moved to {region} and all its zones by --region")


def zones_of(catalog: Catalog, region: str) -> tuple[str, ...]:
    """Every zone of the region that offers anything in the catalogue, in order of their names."""
    zones = {zone for name in catalog.instance_types for zone in catalog.zones(name, region)}
    return tuple(sorted(zones)[:MAXIMUM_ZONES])


def default_platform(region: str, *, given: bool = False) -> LoadedPlatform:
    """What stands in for a platform file: every zone of the region, every setting at its default."""
    catalog = catalog_of_option(region)
    platform = Platform(name="ai-on-eks", region=region, network=Network(availability_zones=zones_of(catalog, region)))
    origin = "asked for by --region" if given else "the default"
    note = f"platform: no {DEFAULT_PLATFORM_FILE} here; region {region} ({origin}), all its zones, default settings"
    return LoadedPlatform(None, platform, catalog, note)


def catalog_of_option(region: str) -> Catalog:
    """The catalogue of a region named on the command line: an unknown one is wrong usage, not a malformed file."""
    try:
        return load_catalog(region)
    except InputError as error:
        raise UsageError([replace(problem, path="--region") for problem in error.problems]) from None


def _check_names(models: Sequence[LoadedModel], collector: Collector) -> None:
    first: dict[str, str] = {}
    for model in models:
        name = model.descriptor.name
        if name in first:
            collector.problems.append(
                located(
                    Problem(
                        code="duplicate-model-name",
                        message=f"the model of {first[name]} has this name too",
                        path="name",
                        value=name,
                        fix="give each model a name of its own",
                    ),
                    model.file,
                )
            )
        first.setdefault(name, model.file)


def located(problem: Problem, file: str | None) -> Problem:
    """The problem with its file and line, where the layer that found it knew only the path inside the file."""
    if problem.file is not None or file is None:
        return problem
    line = problem.line
    if line is None and problem.path:
        line = read_yaml(Path(file)).line(problem.path)
    return replace(problem, file=file, line=line)
