"""Memory of a logical NeuronCore: heads that are added, a batch that is compiled in, scratch memory in pages."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from ai_on_eks.catalog.engines import find_engine
from ai_on_eks.descriptors.architectures import build_inventory
from ai_on_eks.descriptors.inventory import Inventory
from ai_on_eks.descriptors.schema import (
    Architecture,
    Descriptor,
    Family,
    Format,
    Kind,
    Precision,
    Source,
    WeightPrecision,
)
from ai_on_eks.sizing.neuron import heads_on_rank
from ai_on_eks.sizing.size import size_model
from ai_on_eks.sizing.types import Load, MemoryDemand, Target
from ai_on_eks.units import GIB, MIB

BF16 = Precision(weights=WeightPrecision.BF16)
LLAMA_70B = {
    "model_type": "llama",
    "hidden_size": 8192,
    "intermediate_size": 28672,
    "num_hidden_layers": 80,
    "num_attention_heads": 64,
    "num_key_value_heads": 8,
    "vocab_size": 128256,
    "max_position_embeddings": 8192,
    "tie_word_embeddings": False,
}
LLAMA_8B = LLAMA_70B | {
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
}
DEEPSEEK_V3 = {
    "model_type": "deepseek_v3",
    "hidden_size": 7168,
    "intermediate_size": 18432,
    "moe_intermediate_size": 2048,
    "num_hidden_layers": 61,
    "num_attention_heads": 128,
    "num_key_value_heads": 128,
    "n_routed_experts": 256,
    "n_shared_experts": 1,
    "num_experts_per_tok": 8,
    "first_k_dense_replace": 3,
    "q_lora_rank": 1536,
    "kv_lora_rank": 512,
    "qk_nope_head_dim": 128,
    "qk_rope_head_dim": 64,
    "v_head_dim": 128,
    "vocab_size": 129280,
    "max_position_embeddings": 163840,
    "tie_word_embeddings": False,
}


def inventory(config: dict[str, object]) -> Inventory:
    return build_inventory(
        Descriptor(
            name="model",
            kind=Kind.FOUNDATION,
            source=Source(uri="hf://organisation/model", format=Format.SAFETENSORS),
            architecture=Architecture(family=Family.TRANSFORMER, config=config),
        )
    )


def sized(
    config: dict[str, object],
    *,
    engine: str = "nxd-inference",
    accelerator: str = "inferentia2",
    core_gib: int = 16,
    tensor_parallel: int = 1,
    context: int = 2048,
    batch: int = 1,
) -> MemoryDemand:
    target = Target(core_gib * GIB, tensor_parallel, 1, find_engine(engine).memory, accelerator=accelerator)
    return size_model(inventory(config), BF16, Load(context, batch, batch), target)


@pytest.mark.parametrize(
    ("heads", "key_value_heads", "ranks", "on_rank"),
    [
        (32, 8, 1, 8),  # all of them
        (32, 8, 2, 4),  # divided
        (64, 8, 16, 1),  # each copied to two ranks
        (64, 8, 24, 1),  # each copied to three ranks
        (64, 8, 12, 6),  # 64 padded to 72, and keys and values with them
        (40, 40, 24, 2),  # 40 padded to 48
        (56, 8, 32, 1),
    ],
)
def test_given_heads_when_divided_over_cores_then_a_core_has_so_many(
    heads: int, key_value_heads: int, ranks: int, on_rank: int
) -> None:
    # GIVEN the examples of NxD Inference modules/attention/gqa.py (00612a6)
    assert heads_on_rank(heads, key_value_heads, ranks) == on_rank


def test_given_heads_that_do_not_divide_when_sized_then_keys_and_values_become_multi_head() -> None:
    # GIVEN Llama 3 70B on twelve cores: 13.17 GiB of tensors were logged (aws-neuron/transformers-neuronx#92)
    demand = sized(LLAMA_70B, engine="transformers-neuronx", tensor_parallel=12)
    # THEN weights and cache together are within 2 % of that, and the whole exceeds 16 GiB as it did there
    tensors = (demand.rank.weights_bytes + demand.rank.terms[-1].value_bytes) / GIB
    assert tensors == pytest.approx(13.17, rel=0.02)
    assert demand.rank.kv_bytes_per_token == 80 * 6 * 256 * 2
    assert not demand.fits
    assert "batch of 1 sequence of 2,048 tokens" in demand.reasons[0]


def test_given_heads_that_divide_when_sized_then_nothing_is_added() -> None:
    demand = sized(LLAMA_70B, tensor_parallel=16, context=4096)
    assert demand.rank.kv_bytes_per_token == 80 * 256 * 2
    assert demand.fits
    assert "padded" not in demand.rank.terms[0].formula.replace("heads padded and copied", "")


def test_given_a_batch_when_sized_then_all_of_it_is_allocated_ahead() -> None:
    # GIVEN Llama 3.1 8B on two cores, as published for inf2.xlarge: three sequences of 8,192 tokens
    demand = sized(LLAMA_8B, tensor_parallel=2, context=8192, batch=3)
    assert demand.fits
    assert demand.sequences_per_replica == 3
    assert demand.rank.terms[-1].value_bytes == 3 * 8192 * 32 * 4 * 256 * 2
    # WHEN more is compiled in than there is room for
    larger = sized(LLAMA_8B, tensor_parallel=2, context=8192, batch=24)
    # THEN it does not start, though a part of the batch would have room
    assert not larger.fits
    assert "batch of 24 sequences of 8,192 tokens" in larger.reasons[0]


def test_given_a_rank_when_sized_then_weights_are_as_large_as_the_published_file_of_a_rank() -> None:
    # GIVEN 21.4 GB of weights of each of 64 ranks (NxD Inference contrib/models/DeepSeek-V3/README.md)
    demand = sized(DEEPSEEK_V3, accelerator="trainium2", core_gib=24, tensor_parallel=64, context=512)
    assert demand.rank.weights_bytes / GIB == pytest.approx(21.4, abs=0.05)
    # AND 23.1 GB of the token-generation program with them
    program = demand.rank.weights_bytes + demand.rank.overhead_bytes + demand.rank.terms[-1].value_bytes
    assert program / GIB == pytest.approx(23.1, abs=0.1)
    assert demand.fits


def test_given_a_longer_context_when_sized_then_scratch_memory_grows_by_pages() -> None:
    short, long = (
        sized(DEEPSEEK_V3, accelerator="trainium2", core_gib=24, tensor_parallel=64, context=context)
        for context in (512, 1024)
    )
    assert short.rank.activation_bytes == 512 * MIB
    assert long.rank.activation_bytes == 1024 * MIB
    assert not long.fits


def test_given_one_prompt_at_a_time_when_sized_then_scratch_memory_does_not_grow_with_the_batch() -> None:
    one, many = (
        sized(LLAMA_8B, engine="vllm-neuron", accelerator="trainium2", core_gib=24, tensor_parallel=4, batch=batch)
        for batch in (1, 32)
    )
    assert one.rank.activation_bytes == many.rank.activation_bytes
    whole = sized(LLAMA_8B, accelerator="trainium2", core_gib=24, tensor_parallel=4, batch=32)
    assert whole.rank.activation_bytes > many.rank.activation_bytes


def test_given_an_accelerator_without_a_name_when_sized_then_the_most_demanding_is_assumed() -> None:
    memory = find_engine("nxd-inference").memory
    target = Target(24 * GIB, 8, 1, memory, accelerator="trainium2")
    known = size_model(inventory(LLAMA_8B), BF16, Load(2048, 1), target)
    unknown = size_model(inventory(LLAMA_8B), BF16, Load(2048, 1), replace(target, accelerator=None))
    assert unknown.rank.overhead_bytes > known.rank.overhead_bytes


def test_given_one_rank_when_programs_are_made_then_the_whole_model_stands_in_host_memory() -> None:
    # GIVEN an 8 B model on trn1.2xlarge, 32 GiB: killed at TP 1 (aws-neuron/neuronx-distributed#53)
    whole = sized(LLAMA_8B, accelerator="trainium1", tensor_parallel=1)
    half = sized(LLAMA_8B, accelerator="trainium1", tensor_parallel=2)
    names = [term.name for term in whole.host.terms], [term.name for term in half.host.terms]
    assert "tracing and compiling" in names[0]
    assert "dividing and loading the weights" in names[1]
    assert whole.host.memory_bytes > 32 * GIB > half.host.memory_bytes


def test_given_an_account_when_added_up_then_nothing_is_missing() -> None:
    demand = sized(LLAMA_8B, tensor_parallel=2, context=4096, batch=2)
    rank = demand.rank
    assert sum(term.value_bytes for term in rank.terms) == rank.budget_bytes - rank.headroom_bytes
    names = [term.name for term in rank.terms]
    assert names == [
        "weights",
        "scratch memory (context encoding)",
        "programs and communication",
        "micro-code",
        "transfer descriptors",
        "key/value cache in use",
    ]
    assert all(term.source for term in rank.terms)


@pytest.mark.parametrize("engine", ["nxd-inference", "torch-neuronx", "transformers-neuronx", "vllm-neuron"])
@pytest.mark.parametrize("tensor_parallel", [1, 2, 8, 12, 32])
def test_given_more_to_hold_when_sized_then_a_core_never_takes_less(engine: str, tensor_parallel: int) -> None:
    def used_bytes(context: int, batch: int) -> int:
        demand = sized(LLAMA_8B, engine=engine, tensor_parallel=tensor_parallel, context=context, batch=batch)
        return demand.rank.budget_bytes - demand.rank.headroom_bytes

    steps = [used_bytes(512, 1), used_bytes(4096, 1), used_bytes(4096, 2), used_bytes(16384, 2), used_bytes(16384, 16)]
    assert steps == sorted(steps)


def test_given_weights_in_eight_bits_when_sized_then_a_core_takes_less() -> None:
    target = Target(16 * GIB, 2, 1, find_engine("transformers-neuronx").memory, accelerator="inferentia2")
    model, load = inventory(LLAMA_8B), Load(8192, 4)
    half, whole = (
        size_model(model, Precision(weights=weights), load, target)
        for weights in (WeightPrecision.INT8, WeightPrecision.BF16)
    )
    assert half.rank.weights_bytes < 0.6 * whole.rank.weights_bytes
    assert half.rank.headroom_bytes > whole.rank.headroom_bytes
