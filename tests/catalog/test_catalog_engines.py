"""Engine facts: complete, dated, and versioned."""

from __future__ import annotations

import re

import pytest

from ai_on_eks.catalog.engines import find_engine, load_engines
from ai_on_eks.errors import UsageError
from ai_on_eks.units import GIB


def test_given_the_data_when_loaded_then_the_engines_that_are_deployed_are_these() -> None:
    versions = {name: engine.version for name, engine in load_engines().items() if engine.deployed}
    assert versions == {
        "llama-cpp": "11347",
        "nxd-inference": "2.28",
        "sglang": "0.5.23",
        "tei": "1.9",
        "tensorflow-serving": "2.20.0",
        "tensorrt-llm": "1.2.1",
        "torch-neuronx": "2.9",
        "triton": "26.07",
        "vllm": "0.33.0",
        "vllm-neuron": "0.24.0.1.1.0",
        "vllm-omni": "0.28.0",
        "vllm-ray": "0.26.0",
    }


@pytest.mark.parametrize("name", sorted(load_engines()))
def test_given_an_engine_when_read_then_every_figure_has_a_dated_source_or_says_assumption(name: str) -> None:
    engine = load_engines()[name]
    assert re.search(r"\d{4}-\d{2}-\d{2}$", engine.source)
    assert {"overhead", "activation", "memory_fraction", "graphs", "host-server", "host-rank", "host-cache"} <= set(
        engine.memory.sources
    )
    for field, source in engine.memory.sources.items():
        dated = re.search(r"\d{4}-\d{2}-\d{2}", source) or source.startswith("assumption, conservative: ")
        assert dated, f"{field}: {source}"


@pytest.mark.parametrize("name", sorted(load_engines()))
def test_given_an_engine_when_read_then_its_figures_are_plausible(name: str) -> None:
    engine = load_engines()[name]
    assert 0.5 <= engine.memory.memory_fraction <= 1.0
    assert 0 < engine.memory.overhead_bytes <= engine.memory.overhead_bytes_parallel <= 4 * GIB
    assert list(engine.memory.batch_limits) == sorted(engine.memory.batch_limits, reverse=True)
    assert set(engine.architectures) <= {"arm64", "x86_64"}
    assert bool(engine.images) is engine.deployed
    assert not engine.deployed or ("cpu" in engine.images) == bool(engine.cpu_weights)


def test_given_an_engine_without_a_workload_then_it_says_why_unless_its_publisher_has_replaced_it() -> None:
    without = [engine for engine in load_engines().values() if not engine.deployed]
    assert [engine.name for engine in without if not (engine.undeployed or engine.superseded_by)] == []
    assert [engine.name for engine in load_engines().values() if engine.deployed and engine.undeployed] == []


def test_given_tei_when_read_then_every_compute_capability_has_its_own_image() -> None:
    engine = load_engines()["tei"]
    images = engine.images
    assert images["8.6"] == "tei-86"
    assert images["cpu"] == "tei-cpu"
    assert len(set(images.values())) == len(images) == 6
    assert set(engine.withheld_images) == {"7.5", "12.0"}
    assert {"camembert", "gte", "new", "nomic_bert"} <= set(engine.model_types)
    assert engine.heads["text-ranking"] == engine.heads["text-classification"]
    assert set(engine.heads["text-ranking"]) < set(engine.model_types)
    assert not set(engine.withheld_images) & set(images)


@pytest.mark.parametrize(
    ("specification", "fraction", "graphs", "largest_batch"),
    [
        ("vllm", 0.92, True, 16384),
        ("vllm@0.33", 0.92, True, 16384),
        ("vllm@0.33.0", 0.92, True, 16384),
        ("vllm@1.0", 0.92, True, 16384),
        ("vllm@0.27.1", 0.92, True, 8192),
        ("vllm@0.22.0", 0.92, True, 8192),
        ("vllm@0.20.1", 0.92, True, 8192),
        ("vllm@0.19.1", 0.9, False, 8192),
        ("vllm@0.11", 0.9, False, 8192),
        ("vllm@0.10.2", 0.9, False, 8192),
        ("vllm@0.8.5", 0.9, False, 8192),
        ("vllm@0.7.3", 0.9, False, 2048),
        ("vllm@0.6.4", 0.9, False, 2048),
    ],
)
def test_given_a_version_when_looked_up_then_its_memory_behaviour_is_found(
    specification: str, fraction: float, graphs: bool, largest_batch: int
) -> None:
    memory = find_engine(specification).memory
    assert memory.memory_fraction == fraction
    assert bool(memory.graph_bytes_per_layer) is graphs
    assert memory.batch_limits[0].max_batched_tokens == largest_batch


def test_given_another_version_when_looked_up_then_it_has_no_images() -> None:
    assert find_engine("vllm@0.11").images == {}
    assert find_engine("vllm@0.33.0").images == {"nvidia": "vllm"}


@pytest.mark.parametrize(
    ("specification", "code", "fix"),
    [
        ("vlm", "unknown-engine", "did you mean 'vllm'?"),
        ("@0.11", "unknown-engine", "use one of the allowed names, optionally with @version"),
        ("", "unknown-engine", "use one of the allowed names, optionally with @version"),
        ("vllm@0.5", "unknown-engine-version", "use vllm@0.33.0"),
        ("vllm@latest", "unknown-engine-version", "use vllm@0.33.0"),
        ("vllm@", "unknown-engine-version", "use vllm@0.33.0"),
        ("vllm@0.²", "unknown-engine-version", "use vllm@0.33.0"),
    ],
)
def test_given_something_unknown_when_looked_up_then_the_problem_says_what_is_known(
    specification: str, code: str, fix: str
) -> None:
    with pytest.raises(UsageError) as raised:
        find_engine(specification)
    (problem,) = raised.value.problems
    assert (problem.code, problem.value, problem.fix) == (code, specification, fix)
    assert problem.allowed


@pytest.mark.parametrize(
    ("version", "layout", "batches_in_flight", "recurrent_pages", "looks_for_its_share"),
    [
        ("0.6.4", "paged", 1, 1, False),
        ("0.8.5", "paged", 1, 1, False),
        ("0.11", "paged-groups", 1, 1, True),
        ("0.24", "paged-groups", 1, 2, True),
        ("0.25.1", "paged-groups", 1, 2, True),
        ("0.26", "paged-groups", 2, 2, True),
        ("0.33", "paged-groups", 2, 3, True),
    ],
)
def test_given_a_version_of_vllm_when_read_then_its_cache_is_laid_out_as_that_version_does(
    version: str, layout: str, batches_in_flight: int, recurrent_pages: int, looks_for_its_share: bool
) -> None:
    memory = find_engine(f"vllm@{version}").memory

    assert memory.cache_layout == layout
    assert (memory.batches_in_flight, memory.recurrent_pages) == (batches_in_flight, recurrent_pages)
    assert (memory.startup_bytes > 0) is looks_for_its_share
    assert memory.startup_bytes <= memory.startup_bytes_parallel


@pytest.mark.parametrize(
    ("name", "accelerators"),
    [
        ("vllm-neuron", ("trainium2",)),
        ("nxd-inference", ("inferentia2", "trainium1", "trainium2")),
        ("transformers-neuronx", ("inferentia2", "trainium1")),
        ("torch-neuronx", ("inferentia2", "trainium1")),
        ("neuronx-distributed", ("inferentia2", "trainium1", "trainium2")),
    ],
)
def test_given_an_engine_that_compiles_ahead_when_read_then_every_accelerator_has_its_figures(
    name: str, accelerators: tuple[str, ...]
) -> None:
    engine = load_engines()[name]
    assert engine.deployed == bool(engine.by_name)
    assert engine.accelerators == accelerators
    programs = engine.memory.programs
    assert programs is not None
    named = [accelerator for device in programs.devices for accelerator in device.accelerators]
    assert set(accelerators) <= set(named)
    assert len(set(named)) == len(named)
    assert programs.scratch_page_bytes % (512 * 2**20) == 0
    assert {"micro-code", "descriptors", "host-compiler"} <= set(engine.memory.sources)


def test_given_vllm_neuron_then_it_takes_what_its_publisher_has_a_recipe_for() -> None:
    engine = load_engines()["vllm-neuron"]
    assert engine.model_types == ("gpt_oss", "llama", "qwen3", "qwen3_vl")
    assert set(engine.min_compute_capability) == {"bf16", "fp8"}  # MXFP4 and MXFP8 are Trainium3's
    assert engine.accelerators == ("trainium2",)


def test_given_tensorrt_llm_then_it_is_an_entry_of_its_own_and_loads_what_vllm_does() -> None:
    """It is looked at only where it is named, and takes nothing from the entry of vLLM."""
    engine, vllm = load_engines()["tensorrt-llm"], load_engines()["vllm"]
    assert engine.like == "vllm"
    assert set(engine.model_types) < set(vllm.model_types)
    assert not any((engine.spans_nodes, engine.pipeline_parallel, engine.fabric, engine.memory.startup_bytes))
    assert set(engine.schemes) <= set(engine.min_compute_capability)
    assert engine.schemes["nvfp4"] == ("modelopt",)
    assert engine.memory.free_share


def test_given_inferentia2_then_only_engines_of_a_pinned_sdk_run_on_it() -> None:
    found = {name: engine.version for name, engine in load_engines().items() if "inferentia2" in engine.accelerators}
    assert found == {
        "neuronx-distributed": "2.9",
        "nxd-inference": "2.28",
        "torch-neuronx": "2.9",
        "transformers-neuronx": "2.26",
    }
