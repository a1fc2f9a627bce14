"""How long engines start, as data: there for every engine that is served, plausible, with sources."""

from __future__ import annotations

import re

import pytest

from ai_on_eks.catalog.engine_start import engine_start
from ai_on_eks.catalog.engines import load_engines
from ai_on_eks.catalog.reading import read
from ai_on_eks.serving.engines import ENGINES

ENTRIES = read("engine_start.json")["engines"]

ON_NEURON = {"nxd-inference", "torch-neuronx", "vllm-neuron"}
"""They compile whole models ahead of the first answer."""


def test_every_engine_that_is_served_is_listed_and_no_other() -> None:
    assert set(ENTRIES) == set(ENGINES)
    assert set(ENTRIES) <= set(load_engines())


@pytest.mark.parametrize("name", ENTRIES)
def test_an_engine_starts_in_a_time_that_is_possible(name: str) -> None:
    """An engine imports its libraries in seconds to a minute; nothing but Neuron's compiler takes more than minutes."""
    found = engine_start(name)
    assert 0 <= found.process_seconds <= 120
    assert 0 <= found.warm_up_seconds <= (1800 if name in ON_NEURON else 180)
    assert found.process_seconds + found.warm_up_seconds >= 10
    assert (found.compiled_warm_up_seconds is not None) == (name in ON_NEURON)
    if found.compiled_warm_up_seconds is not None:
        assert 0 < found.compiled_warm_up_seconds < found.warm_up_seconds / 2


@pytest.mark.parametrize("name", ENTRIES)
def test_a_figure_has_its_day_and_its_source_or_is_called_an_assumption(name: str) -> None:
    entry = ENTRIES[name]
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", entry["date"])
    source = entry["source"]
    assert re.search(r"assumption|\(.*guide.*\)|^as [a-z-]+$", source)
    if source.startswith("as "):
        other = ENTRIES[source.removeprefix("as ")]
        same = ("process", "warm_up", "compiled_warm_up")
        assert [entry.get(key) for key in same] == [other.get(key) for key in same]
