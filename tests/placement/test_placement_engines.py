"""Which engines load a model at all."""

from __future__ import annotations

from typing import Any

import pytest

from ai_on_eks.catalog.loading import Catalog
from ai_on_eks.descriptors.architectures import known_model_types
from ai_on_eks.descriptors.schema import Descriptor, Kind
from ai_on_eks.placement.candidates import engines_for


def _with_config(llama: Descriptor, config: dict[str, Any] | None, **update: Any) -> Descriptor:
    architecture = llama.architecture.model_copy(
        update={"config": config, "parameters": None if config else 8_000_000_000}
    )
    return llama.model_copy(update={"architecture": architecture, **update})


@pytest.mark.parametrize("model_type", ["t5", "recurrent_gemma", "minimax"])
def test_given_a_model_type_that_vllm_does_not_load_then_it_is_rejected_with_that_reason(
    catalog: Catalog, llama: Descriptor, model_type: str
) -> None:
    kept, rejected = engines_for(_with_config(llama, {"model_type": model_type}), catalog)
    reasons = {one.engine: one.reason for one in rejected}
    assert "vllm" not in {engine.name for engine in kept}
    assert reasons["vllm"] == f"vLLM {catalog.engines['vllm'].version} does not load model type '{model_type}'"


@pytest.mark.parametrize("model_type", ["llama", "qwen3_5_moe", "nemotron_h", "deepseek_v3", "gemma4"])
def test_given_a_model_type_that_vllm_loads_then_it_is_kept(
    catalog: Catalog, llama: Descriptor, model_type: str
) -> None:
    kept, _rejected = engines_for(_with_config(llama, {"model_type": model_type}), catalog)
    assert "vllm" in {engine.name for engine in kept}


def test_given_only_a_size_then_no_model_type_is_held_against_it(catalog: Catalog, llama: Descriptor) -> None:
    kept, _rejected = engines_for(_with_config(llama, None), catalog)
    assert "vllm" in {engine.name for engine in kept}


def test_given_the_catalogue_then_every_model_type_an_engine_loads_can_be_read(catalog: Catalog) -> None:
    known = set(known_model_types())
    for engine in catalog.engines.values():
        assert set(engine.model_types) <= known
        assert list(engine.model_types) == sorted(engine.model_types)


@pytest.mark.parametrize(
    ("kind", "task", "model_type", "reason"),
    [
        (Kind.TASK_SPECIFIC, "text-ranking", "xlm-roberta", None),
        (Kind.TASK_SPECIFIC, "text-ranking", "modernbert", None),
        (Kind.TASK_SPECIFIC, "text-classification", "deberta-v2", None),
        (Kind.EMBEDDING, "text-ranking", "bert", None),
        (Kind.EMBEDDING, "sentence-similarity", "distilbert", None),
        (Kind.EMBEDDING, None, "qwen3", None),
        (Kind.EMBEDDING, "text-ranking", "qwen3", "does not load the head of model type 'qwen3' for text-ranking"),
        (
            Kind.TASK_SPECIFIC,
            "text-classification",
            "distilbert",
            "does not load the head of model type 'distilbert' for text-classification",
        ),
        (
            Kind.TASK_SPECIFIC,
            "token-classification",
            "bert",
            "serves task text-classification, text-ranking of task-specific models, not token-classification",
        ),
        (
            Kind.TASK_SPECIFIC,
            None,
            "bert",
            "serves task text-classification, text-ranking of task-specific models, not an unnamed one",
        ),
    ],
)
def test_given_a_head_then_tei_takes_those_that_it_loads(
    catalog: Catalog, llama: Descriptor, kind: Kind, task: str | None, model_type: str, reason: str | None
) -> None:
    kept, rejected = engines_for(_with_config(llama, {"model_type": model_type}, kind=kind, task=task), catalog)
    reasons = {one.engine: one.reason for one in rejected}
    assert ("tei" in {engine.name for engine in kept}) is (reason is None)
    assert reasons.get("tei") == (None if reason is None else f"Text Embeddings Inference 1.9 {reason}")


def test_given_a_head_of_unknown_shape_then_no_model_type_is_held_against_it(
    catalog: Catalog, llama: Descriptor
) -> None:
    ranker = _with_config(llama, None, kind=Kind.TASK_SPECIFIC, task="text-ranking")
    assert "tei" in {engine.name for engine in engines_for(ranker, catalog)[0]}


@pytest.mark.parametrize(
    ("model_type", "task", "kept_by"),
    [
        ("qwen3", "text-ranking", {"vllm"}),
        ("llama", "text-classification", {"vllm"}),
        ("bert", "text-ranking", {"tei"}),
        ("qwen3", "token-classification", set()),
        ("falcon", "text-ranking", set()),
    ],
)
def test_given_a_head_on_a_decoder_then_vllm_takes_it(
    catalog: Catalog, llama: Descriptor, model_type: str, task: str, kept_by: set[str]
) -> None:
    kept, _rejected = engines_for(
        _with_config(llama, {"model_type": model_type}, kind=Kind.TASK_SPECIFIC, task=task), catalog
    )
    assert {engine.name for engine in kept if engine.deployed} == kept_by
