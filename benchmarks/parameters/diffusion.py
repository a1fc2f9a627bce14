"""The same for the networks of diffusers, whose configs are the arguments of their classes."""

from __future__ import annotations

import inspect
import json
import random
from collections.abc import Iterator
from typing import Any

import diffusers

from benchmarks.parameters import library, variations
from benchmarks.parameters.bases import BASES
from benchmarks.parameters.compare import WHOLE, Comparison, judge

TERSE = "no documented value"


def has(class_name: str) -> bool:
    """Whether the library has the class, and it is a network rather than a pipeline."""
    return inspect.isclass(getattr(diffusers, class_name, None)) and not class_name.endswith("Pipeline")


def compare_class(class_name: str, number: int, seed: int) -> Iterator[Comparison]:
    """The default, and `number` variations of it."""
    network = getattr(diffusers, class_name)
    usual = _usual(network)
    base = variations.merged(usual, BASES.get(class_name, {}))
    source = random.Random(f"{seed} {class_name}")  # noqa: S311 - no secret
    for turn in range(number + 1):
        config, changes = variations.changed(base, source) if turn else (base, ())
        try:
            expected = library.count(lambda given: network(**given), config)
        except Exception:  # noqa: S112 - whatever it raises: the library has no such network
            continue
        short = {key: value for key, value in config.items() if key not in usual or value != usual[key]}
        for form, one in ((WHOLE, config), (TERSE, short)):
            outcome, told = judge({**one, "_class_name": class_name}, expected, config)
            yield Comparison(class_name, class_name, form, changes, outcome, expected, told)


def _usual(network: Any) -> dict[str, Any]:
    """What the class documents for each of its arguments."""
    arguments = inspect.signature(network.__init__).parameters.values()
    given = {one.name: one.default for one in arguments if one.default is not inspect.Parameter.empty}
    found: dict[str, Any] = json.loads(json.dumps(given))
    return found
