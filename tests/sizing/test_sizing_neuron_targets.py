"""Targets of Neuron by name: ranks are logical cores, engines are those that run there."""

from __future__ import annotations

import pytest

from ai_on_eks.catalog.loading import Catalog
from ai_on_eks.cli.targets import TargetOptions, resolve_target
from ai_on_eks.descriptors.architectures import build_inventory
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.descriptors.schema import Architecture, Descriptor, Family, Format, Kind, Source
from ai_on_eks.errors import UsageError
from ai_on_eks.placement.candidates import SUPERSEDED_RULE, engines_for
from ai_on_eks.placement.requirements import Requirements, resolve
from ai_on_eks.placement.types import ANY_INSTANCE_TYPE
from ai_on_eks.units import GIB

LLAMA = {
    "model_type": "llama",
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "vocab_size": 128256,
    "max_position_embeddings": 131072,
    "tie_word_embeddings": False,
}


def descriptor() -> Descriptor:
    return Descriptor(
        name="llama",
        kind=Kind.FOUNDATION,
        source=Source(uri="hf://organisation/model", format=Format.SAFETENSORS),
        architecture=Architecture(family=Family.TRANSFORMER, config=LLAMA),
    )


@pytest.fixture(scope="module")
def requirements(platform: Platform) -> Requirements:
    model = descriptor()
    return resolve(model, build_inventory(model), platform)


@pytest.mark.parametrize(("accelerator", "gib"), [("inferentia2", 16), ("trainium1", 16), ("trainium2", 24)])
def test_given_an_accelerator_when_resolved_then_a_rank_has_the_memory_of_a_logical_core(
    requirements: Requirements, catalog: Catalog, accelerator: str, gib: int
) -> None:
    options = TargetOptions(accelerator=accelerator, tensor_parallel=2, engine="nxd-inference")
    resolved = resolve_target(options, requirements, catalog)
    assert resolved is not None
    assert resolved.target.device_memory_bytes == gib * GIB
    assert resolved.objections == ()


@pytest.mark.parametrize(
    ("instance_type", "cores"), [("inf2.24xlarge", 12), ("trn1.32xlarge", 32), ("trn2.48xlarge", 64)]
)
def test_given_an_instance_type_when_resolved_then_as_many_ranks_as_logical_cores_are_allowed(
    requirements: Requirements, catalog: Catalog, instance_type: str, cores: int
) -> None:
    most = TargetOptions(instance_type=instance_type, tensor_parallel=cores, engine="nxd-inference")
    resolved = resolve_target(most, requirements, catalog)
    assert resolved is not None
    assert resolved.target.tensor_parallel == cores
    more = TargetOptions(instance_type=instance_type, tensor_parallel=cores + 1, engine="nxd-inference")
    with pytest.raises(UsageError) as raised:
        resolve_target(more, requirements, catalog)
    (problem,) = raised.value.problems
    assert problem.fix == f"--tp {cores}"
    assert "logical cores each" in problem.message


def test_given_heads_that_do_not_divide_when_resolved_then_only_an_engine_that_pads_has_no_objection(
    requirements: Requirements, catalog: Catalog
) -> None:
    def objections(engine: str, accelerator: str) -> list[str]:
        options = TargetOptions(accelerator=accelerator, tensor_parallel=12, engine=engine)
        resolved = resolve_target(options, requirements, catalog)
        assert resolved is not None
        return [objection.rule for objection in resolved.objections]

    assert objections("transformers-neuronx", "inferentia2") == []
    assert objections("nxd-inference", "inferentia2") == ["feed-forward-width"]
    assert objections("vllm-neuron", "trainium2") == ["tensor-parallel", "feed-forward-width"]
    assert objections("vllm-neuron", "inferentia2")[0] == "engine-accelerator"


def test_given_no_engine_when_resolved_then_the_first_that_is_deployed_is_asked(
    requirements: Requirements, catalog: Catalog
) -> None:
    resolved = resolve_target(TargetOptions(accelerator="inferentia2"), requirements, catalog)
    assert resolved is not None
    assert resolved.name.engine == "vllm"
    assert [objection.rule for objection in resolved.objections] == ["engine-accelerator"]


def test_given_a_model_when_planned_then_an_engine_that_is_superseded_cannot_be_chosen(catalog: Catalog) -> None:
    kept, rejected = engines_for(descriptor(), catalog)
    assert {"nxd-inference", "vllm-neuron"} <= {engine.name for engine in kept}
    assert [engine.deployed for engine in kept] == sorted((engine.deployed for engine in kept), reverse=True)
    (superseded,) = (one for one in rejected if one.rule == SUPERSEDED_RULE)
    assert superseded.reason == "Transformers NeuronX 2.26 is superseded by nxd-inference"
    assert superseded.instance_type == ANY_INSTANCE_TYPE
    kept, _rejected = engines_for(descriptor(), catalog, superseded=True)
    assert "transformers-neuronx" in {engine.name for engine in kept}
