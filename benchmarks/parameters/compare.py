"""Configs of one model type, each counted twice: by the library that defines the model, and from the config alone.

A config is put to the reader in up to three forms, all of which the library reads as the same model: with every key of
its class; with sections only where they differ from their class's; and without any key that has its class's value, as
configs published before the key existed. To a form with keys left out, what the reader says is missing is given from
the whole: it may ask, and it must not guess.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any

from msgspec import Struct

from ai_on_eks.descriptors.architectures import relevant_hyperparameters
from ai_on_eks.errors import InputError
from benchmarks.parameters import library, variations
from benchmarks.parameters.bases import BASES

WHOLE = "every key"
FORMS = (("terse sections", False), ("no documented value", True))
MAIN_CLASSES = ("ForCausalLM", "ForConditionalGeneration", "ForMaskedLM", "ForImageClassification", "LMHeadModel")
"""Ends of the classes that see every variation; the others see the first `FEW`."""
FEW = 6


class Outcome(StrEnum):
    """What came of one config."""

    EXACT = "exact"
    REFUSED = "refused"
    OFF = "off"


class Comparison(Struct, frozen=True):
    """One config in one form. `told` is the difference, or why the reader refused."""

    model_type: str
    model_class: str
    form: str
    changes: tuple[str, ...]
    outcome: Outcome
    expected: int
    told: str


def compare_type(model_type: str, number: int, seed: int) -> Iterator[Comparison]:
    """The default, the default with fewer layers, and `number` variations of it, for every class of the model type."""
    config_class = library.config_class(model_type)
    usual = library.as_json(config_class())
    configs = _configs(model_type, config_class, number, random.Random(f"{seed} {model_type}"))  # noqa: S311 - no secret
    for model_class in library.model_classes(model_type):
        is_main = model_class.__name__.endswith(MAIN_CLASSES)
        for config, changes in configs if is_main else configs[:FEW]:
            named = {**config, "architectures": [model_class.__name__]}
            try:
                built = config_class.from_dict(dict(named))
                expected = library.count(model_class, built)
            except Exception:  # noqa: S112 - whatever it raises: the library has no such model
                continue
            for form, one in _forms(config_class, library.as_json(built), usual):
                outcome, told = judge(one, expected, library.as_json(built))
                yield Comparison(model_type, model_class.__name__, form, changes, outcome, expected, told)


def judge(config: Mapping[str, Any], expected: int, whole: Mapping[str, Any]) -> tuple[Outcome, str]:
    """Reads the config. What is missing is given from `whole`, where it says something."""
    try:
        found = relevant_hyperparameters(config)[0].parameters
    except InputError as error:
        missing = [problem.path or "" for problem in error.problems if problem.code == "missing-hyperparameter"]
        asked = [path.split(".")[2:] for path in missing]
        given = _with(config, whole, asked)
        if given != config:
            return judge(given, expected, whole)
        return Outcome.REFUSED, "; ".join(f"{problem.path}: {problem.message}" for problem in error.problems)
    told = f"{found - expected:+} of {expected}"
    return (Outcome.EXACT if found == expected else Outcome.OFF), told


def _configs(
    model_type: str, config_class: Any, number: int, source: random.Random
) -> list[tuple[dict[str, Any], tuple[str, ...]]]:
    own = BASES.get(model_type, {})
    default = _together(library.as_json(config_class(**copy.deepcopy(dict(own)))))
    bases: list[tuple[dict[str, Any], tuple[str, ...]]] = []
    for depth in variations.DEPTHS:
        shallow = variations.merged(own, variations.depths(default, depth))
        try:
            bases.append((_together(library.as_json(config_class(**shallow))), (f"{depth} layers",)))
        except Exception:  # noqa: S112 - whatever it raises: the library has no model of that depth
            continue
    bases = bases or [(default, ())]
    configs = [(default, ()), *bases[3:5]]
    for _ in range(number):
        base, changes = source.choice(bases)
        config, more = variations.changed(base, source)
        configs.append((_together(config), (*changes, *more)))
    return configs


def _forms(
    config_class: Any, whole: dict[str, Any], usual: Mapping[str, Any]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield WHOLE, whole
    for form, top in FORMS:
        short = variations.terse(whole, usual, top=top)
        try:
            is_same = short != whole and library.as_json(config_class.from_dict(copy.deepcopy(short))) == whole
        except Exception:
            is_same = False
        if is_same:
            yield form, short


def _with(config: Mapping[str, Any], whole: Mapping[str, Any], paths: list[list[str]]) -> dict[str, Any]:
    result = copy.deepcopy(dict(config))
    for path in paths:
        target, source = result, whole
        for key in path[:-1]:
            target, source = target.setdefault(key, {}), source.get(key) or {}
        if source.get(path[-1]) is not None:
            target[path[-1]] = source[path[-1]]
    return result


def _together(config: dict[str, Any]) -> dict[str, Any]:
    """With the text part tied where the whole is. Where the two contradict each other, it depends on who loads them."""
    text = config.get("text_config")
    if isinstance(text, dict) and "tie_word_embeddings" in config:
        text["tie_word_embeddings"] = config["tie_word_embeddings"]
    return config
