"""Metrics of engines as data: complete, plausible, and there for every engine that is deployed."""

from __future__ import annotations

import re

import pytest
from msgspec.structs import astuple

from ai_on_eks.catalog.engine_metrics import engine_metrics
from ai_on_eks.catalog.engines import load_engines
from ai_on_eks.catalog.reading import read

PREFIXES = {
    "vllm": "vllm:",
    "sglang": "sglang:",
    "tei": "te_",
    "vllm-omni": "vllm_omni:",
    "vllm-ray": "ray_vllm_",
    "tensorflow-serving": ":tensorflow:serving:",
    "tensorrt-llm": "trtllm_",
    "torch-neuronx": "traced_",
    "triton": "nv_inference_",
    "llama-cpp": "llamacpp:",
}

WITHOUT_QUEUE = ["tensorflow-serving", "tensorrt-llm"]
"""Engines that tell how long requests wait, or nothing of it, and not how many do."""


def test_every_deployed_engine_tells_how_many_requests_wait() -> None:
    deployed = [name for name, engine in load_engines().items() if engine.deployed]
    assert deployed
    assert [name for name in deployed if engine_metrics(name).waiting is None] == WITHOUT_QUEUE


@pytest.mark.parametrize("engine", PREFIXES)
def test_names_are_metrics_of_that_engine(engine: str) -> None:
    names = [name for name in astuple(engine_metrics(engine)) if isinstance(name, str)]
    assert names
    named = re.compile(r'[a-z_:0-9]+(\{[a-z_]+=~?"[A-Za-z_|]+"\})?')
    assert all(named.fullmatch(name) and name.startswith(PREFIXES[engine]) for name in names)


def test_every_entry_has_its_source() -> None:
    entries = read("engine_metrics.json")["engines"]
    assert {name for name, entry in entries.items() if "same_as" not in entry} == set(PREFIXES)
    assert {entry["same_as"] for entry in entries.values() if "same_as" in entry} <= set(PREFIXES)
    assert all(entry["source"] and re.fullmatch(r"20\d\d-\d\d-\d\d", entry["date"]) for entry in entries.values())


def test_an_engine_nobody_lists_tells_nothing() -> None:
    assert set(astuple(engine_metrics("diffusers"))) == {None, 1.0}


def test_the_plugin_of_neuron_tells_what_vllm_tells() -> None:
    assert engine_metrics("vllm-neuron") == engine_metrics("vllm")
