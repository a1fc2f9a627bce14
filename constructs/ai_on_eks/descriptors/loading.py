"""Descriptors and platform files, from path to checked value."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from ai_on_eks.descriptors.architectures import build_inventory
from ai_on_eks.descriptors.checks import check_descriptor, check_inventory
from ai_on_eks.descriptors.document import Document, named_in
from ai_on_eks.descriptors.documents import read_json, read_yaml
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.descriptors.platform_checks import check_platform
from ai_on_eks.descriptors.profiles import with_profile
from ai_on_eks.descriptors.schema import Descriptor
from ai_on_eks.descriptors.validation import validate
from ai_on_eks.errors import InputError, Problem

CONFIG_PATH = "architecture.config"


def load_descriptor(path: Path) -> Descriptor:
    """The descriptor in `path`. `architecture.config` given as a path is read and becomes the mapping it holds.

    A descriptor that loads also has an inventory: hyper-parameters are checked here, where their lines are known.
    """
    document = read_yaml(path)
    configs: list[Document] = []

    def check(given: Descriptor) -> list[Problem]:
        problems = check_descriptor(given)
        try:
            complete, config = _with_config(given, path)
            configs.extend([config] if config is not None else [])
            paths = {problem.path for problem in problems}
            if "architecture" not in paths:
                inventory = build_inventory(complete)
                problems += [found for found in check_inventory(complete, inventory) if found.path not in paths]
        except InputError as error:
            problems += [_in_config(problem, configs) for problem in error.problems]
        return problems

    given = validate(document, Descriptor, check)
    return _replace_config(given, configs[0].value) if configs else given


def load_platform(path: Path) -> Platform:
    """The platform in `path`, over the profile that it names."""
    return validate(with_profile(read_yaml(path)), Platform, check_platform)


def _with_config(given: Descriptor, path: Path) -> tuple[Descriptor, Document | None]:
    config = given.architecture.config
    if not isinstance(config, str):
        return given, None
    try:
        document = read_json(path.parent / config)
    except InputError as error:
        raise named_in(error, CONFIG_PATH, config) from None
    if not isinstance(document.value, dict):
        message = "holds no mapping of hyper-parameters"
        fix = "name the model's config.json"
        raise InputError(Problem("not-a-mapping", message, document.file, 1, fix=fix))
    return _replace_config(given, document.value), document


def _replace_config(given: Descriptor, config: object) -> Descriptor:
    architecture = given.architecture.model_copy(update={"config": config})
    return given.model_copy(update={"architecture": architecture})


def _in_config(problem: Problem, configs: list[Document]) -> Problem:
    """A problem with a hyper-parameter belongs to the file that the hyper-parameters came from."""
    inside = problem.path is not None and problem.path.startswith(f"{CONFIG_PATH}.")
    if not configs or not inside or problem.path is None:
        return problem
    return replace(problem, file=configs[0].file, path=problem.path.removeprefix(f"{CONFIG_PATH}."))
