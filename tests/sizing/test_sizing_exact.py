"""Exact figures of models whose sizes are known, and the account's own sums."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from sizing_inventories import BGE_LARGE, LLAMA_3_1_8B, LLAMA_3_70B, QWEN3_0_6B

from ai_on_eks.catalog.engines import find_engine, load_engines
from ai_on_eks.catalog.types import EngineMemory
from ai_on_eks.descriptors.inventory import Inventory
from ai_on_eks.descriptors.schema import CachePrecision, Precision, Storage, WeightPrecision
from ai_on_eks.errors import InputError
from ai_on_eks.sizing.cache import kv_bytes_per_token
from ai_on_eks.sizing.precision import compute_data_type
from ai_on_eks.sizing.size import batch_limit, size_model
from ai_on_eks.sizing.types import Load, Target
from ai_on_eks.sizing.weights import weights_bytes
from ai_on_eks.units import GIB, MIB

VLLM = load_engines()["vllm"].memory
TEI = load_engines()["tei"].memory
BF16 = Precision(weights=WeightPrecision.BF16)
H100_BYTES = 81079 * MIB
L4_BYTES = 22888 * MIB


def target(memory_bytes: int, tensor_parallel: int = 1, engine: EngineMemory = VLLM, **settings: object) -> Target:
    base = Target(memory_bytes, tensor_parallel, 1, engine)
    return replace(base, **settings)


@pytest.mark.parametrize(
    ("inventory", "weights", "tensor_parallel", "expected"),
    [
        (LLAMA_3_1_8B, WeightPrecision.BF16, 1, 16_060_522_496),
        (LLAMA_3_1_8B, WeightPrecision.FP32, 1, 32_121_044_992),
        (LLAMA_3_70B, WeightPrecision.BF16, 1, 141_107_412_992),
        # a quarter of everything but the norms: (141,107,412,992 − 2 × 161 × 8192) ÷ 4 + 2 × 161 × 8192
        (LLAMA_3_70B, WeightPrecision.BF16, 4, 35_278_831_616),
        # embedding, head and norms stay in 16 bit: 68,451,041,280 + 2 × (2 × 128,256 × 8192 + 161 × 8192)
        (LLAMA_3_70B, WeightPrecision.FP8, 1, 72_656_371_712),
        (QWEN3_0_6B, WeightPrecision.BF16, 1, 1_192_099_840),
    ],
)
def test_given_known_model_when_weighed_then_bytes_are_exact(
    inventory: Inventory, weights: WeightPrecision, tensor_parallel: int, expected: int
) -> None:
    assert weights_bytes(inventory, Precision(weights=weights), tensor_parallel) == expected


@pytest.mark.parametrize(
    ("inventory", "cache", "tensor_parallel", "expected"),
    [
        (LLAMA_3_1_8B, CachePrecision.AUTO, 1, 131_072),
        (LLAMA_3_1_8B, CachePrecision.FP8, 1, 65_536),
        (LLAMA_3_1_8B, CachePrecision.AUTO, 8, 16_384),
        (LLAMA_3_1_8B, CachePrecision.AUTO, 16, 16_384),  # 8 heads: beyond TP 8 every rank keeps one
        (LLAMA_3_70B, CachePrecision.AUTO, 1, 327_680),
        (LLAMA_3_70B, CachePrecision.AUTO, 4, 81_920),
        (BGE_LARGE, CachePrecision.AUTO, 1, 0),
    ],
)
def test_given_known_model_when_cache_is_counted_then_bytes_per_token_are_exact(
    inventory: Inventory, cache: CachePrecision, tensor_parallel: int, expected: int
) -> None:
    precision = Precision(weights=WeightPrecision.BF16, kv_cache=cache)
    assert kv_bytes_per_token(inventory, precision, tensor_parallel) == expected


def test_given_four_bit_weights_when_weighed_then_scales_are_counted() -> None:
    quantized = sum(tensor.parameters for tensor in LLAMA_3_1_8B.tensors if tensor.quantizable)
    other = LLAMA_3_1_8B.parameters - quantized

    def size(weights: WeightPrecision) -> int:
        return weights_bytes(LLAMA_3_1_8B, Precision(weights=weights))

    assert size(WeightPrecision.INT4) == quantized // 2 + quantized // 128 * 20 // 8 + 2 * other
    assert size(WeightPrecision.MXFP4) == quantized // 2 + quantized // 32 + 2 * other
    assert size(WeightPrecision.NVFP4) == quantized // 2 + quantized // 16 + 2 * other


def test_given_8b_on_h100_when_sized_then_every_line_is_exact() -> None:
    demand = size_model(LLAMA_3_1_8B, BF16, Load(16384, 16), target(H100_BYTES, accelerator="h100"))
    rank = demand.rank

    assert (rank.max_batched_tokens, rank.max_sequences) == (8192, 1024)
    assert rank.budget_bytes == int(H100_BYTES * 0.92)
    assert rank.weights_bytes == 16_060_522_496
    sampled, hidden = (3.5 + 1.0625) * 1024 * 128256 * 4, (8192 + 2 * 1024) * 4096 * 2
    assert rank.activation_bytes == sampled + hidden + 36 * MIB
    assert rank.overhead_bytes == 150_323_855 + 32 * 15 * MIB
    assert rank.kv_cache_bytes == (rank.budget_bytes - rank.weights_bytes - rank.activation_bytes - rank.overhead_bytes)
    assert rank.kv_cache_tokens == rank.kv_cache_bytes // (16 * 131_072) * 16
    assert demand.sequences_per_replica == rank.kv_cache_tokens // 16384
    # the engine holds back one block of 16 tokens
    assert rank.headroom_bytes == rank.kv_cache_bytes - (16 * 16384 + 16) * 131_072
    assert demand.fits
    assert demand.reasons == ()


def test_given_any_target_when_sized_then_terms_sum_to_the_account() -> None:
    rank = size_model(LLAMA_3_70B, BF16, Load(32768, 8), target(H100_BYTES, 4)).rank
    *fixed, cache = (term.value_bytes for term in rank.terms)

    assert sum(fixed) == rank.weights_bytes + rank.activation_bytes + rank.overhead_bytes
    assert rank.budget_bytes - sum(fixed) - cache == rank.headroom_bytes
    assert all(term.formula and term.source for term in rank.terms)


def test_given_too_small_a_device_when_sized_then_reason_names_the_shortfall() -> None:
    demand = size_model(LLAMA_3_70B, BF16, Load(32768, 8), target(H100_BYTES))

    assert not demand.fits
    assert demand.sequences_per_replica == 0
    assert demand.rank.kv_cache_bytes == 0
    (reason,) = demand.reasons
    assert reason.startswith("131.42 GiB of weights, ")
    assert "10.00 GiB of cache for one sequence of 32,768 tokens exceed 72.84 GiB (0.92 × 79.18 GiB) by " in reason
    assert reason.endswith(f"{-demand.rank.headroom_bytes / GIB:.2f} GiB")


def test_given_context_between_blocks_when_sized_then_sequences_hold_whole_blocks() -> None:
    base = target(H100_BYTES)
    exact = size_model(LLAMA_3_1_8B, BF16, Load(1600, 1), base)
    one_more = size_model(LLAMA_3_1_8B, BF16, Load(1601, 1), base)

    assert exact.rank.headroom_bytes - one_more.rank.headroom_bytes == 16 * 131_072


@pytest.mark.parametrize(
    ("memory_gib", "accelerator", "expected"),
    [
        (178, "b200", (16384, 1024)),
        (79, "h100", (8192, 1024)),
        (79, "NVIDIA A100 80GB", (2048, 256)),
        (79, None, (8192, 1024)),
        (22, "a10g", (2048, 256)),
    ],
)
def test_given_device_when_limits_are_looked_up_then_size_and_name_decide(
    memory_gib: int, accelerator: str | None, expected: tuple[int, int]
) -> None:
    limit = batch_limit(VLLM, memory_gib * GIB, accelerator)
    assert limit is not None
    assert (limit.max_batched_tokens, limit.max_sequences) == expected


def test_given_older_engine_when_sized_then_its_own_behaviour_applies() -> None:
    def rank_of(specification: str) -> tuple[float, int]:
        demand = size_model(
            LLAMA_3_1_8B, BF16, Load(4096, 1), target(L4_BYTES, engine=find_engine(specification).memory)
        )
        return demand.rank.memory_fraction, demand.rank.overhead_bytes

    assert rank_of("vllm") == (0.92, 150_323_855 + 32 * 15 * MIB)
    assert rank_of("vllm@0.11") == (0.9, 150_323_855)


def test_given_memory_fraction_when_sized_then_it_replaces_the_engines_own() -> None:
    demand = size_model(LLAMA_3_1_8B, BF16, Load(4096, 1), target(H100_BYTES, memory_fraction=0.5))
    assert demand.rank.budget_bytes == H100_BYTES // 2


def test_given_encoder_when_sized_then_batch_and_attention_decide() -> None:
    def activation(weights: WeightPrecision, batch: int, *, on_cpu: bool = False) -> int:
        where = target(L4_BYTES, engine=TEI, on_cpu=on_cpu)
        demand = size_model(BGE_LARGE, Precision(weights=weights), Load(512, 64, batch), where)
        assert demand.fits
        assert demand.sequences_per_replica == batch
        assert demand.rank.kv_cache_tokens == 0
        return demand.rank.activation_bytes

    values, scores = 32 * 512 * 8192, 2 * 32 * 16 * 512**2
    assert activation(WeightPrecision.FP16, 32) == 2 * values
    assert activation(WeightPrecision.FP16, 64) == 4 * values
    assert activation(WeightPrecision.FP32, 32) == 4 * (values + scores)
    assert activation(WeightPrecision.FP16, 32, on_cpu=True) == 2 * (values + scores)


def test_given_encoder_on_cpu_when_sized_then_container_memory_is_the_budget() -> None:
    fp32 = Precision(weights=WeightPrecision.FP32)
    demand = size_model(
        BGE_LARGE, fp32, Load(512, 8, 8), target(16 * GIB, engine=TEI, on_cpu=True, memory_fraction=0.5)
    )

    assert demand.rank.budget_bytes == 16 * GIB
    assert demand.host.memory_bytes == demand.rank.budget_bytes - demand.rank.headroom_bytes
    assert demand.host.shared_memory_bytes == 0


def test_given_replica_of_four_ranks_when_sized_then_host_counts_every_rank_and_shared_memory() -> None:
    host = size_model(LLAMA_3_70B, BF16, Load(32768, 8), target(H100_BYTES, 4, accelerator="h100")).host

    assert host.shared_memory_bytes == 6 * GIB
    assert host.loading_buffer_bytes == 2 * GIB
    assert host.memory_bytes == (2 + 4 * 4 + 4 * 2 + 6) * GIB + 4 * 1024 * 32768 * 4
    assert host.memory_bytes + host.ephemeral_bytes == sum(term.value_bytes for term in host.terms)
    assert all(term.source for term in host.terms)


def test_given_tensor_above_the_least_buffer_when_sized_then_the_buffer_holds_it() -> None:
    host = size_model(LLAMA_3_70B, Precision(weights=WeightPrecision.FP32), Load(4096, 1), target(H100_BYTES, 8)).host
    assert host.loading_buffer_bytes == 128256 * 8192 * 4


@pytest.mark.parametrize(
    ("engine", "storage", "stored_bytes_per_parameter"),
    [
        (VLLM, Storage.S3, 0),
        (VLLM, Storage.NODE, 2),
        (VLLM, Storage.FSX, 0),
        (TEI, Storage.S3, 4),  # the checkpoint is float32 and cast when loaded
        (TEI, Storage.EFS, 0),
    ],
)
def test_given_storage_when_sized_then_disk_holds_weights_only_where_they_are_copied(
    engine: EngineMemory, storage: Storage, stored_bytes_per_parameter: int
) -> None:
    fp16 = Precision(weights=WeightPrecision.FP16)
    host = size_model(BGE_LARGE, fp16, Load(512, 8, 8), target(L4_BYTES, engine=engine), storage=storage).host
    expected = engine.host.cache_bytes + 50 * MIB + stored_bytes_per_parameter * BGE_LARGE.parameters
    assert host.ephemeral_bytes == expected


def test_given_unknown_scheme_when_weighed_then_the_problem_lists_what_is_known() -> None:
    with pytest.raises(InputError) as raised:
        weights_bytes(LLAMA_3_1_8B, Precision(weights=WeightPrecision.INT4, scheme="my-own"))
    (problem,) = raised.value.problems
    assert problem.code == "unknown-quantization-scheme"
    assert problem.allowed == ("auto-round", "awq", "bitsandbytes", "compressed-tensors", "gptq")


@pytest.mark.parametrize(
    ("weights", "expected"), [("fp32", "fp32"), ("fp16", "fp16"), ("bf16", "bf16"), ("fp8", "bf16"), ("int4", "bf16")]
)
def test_given_precision_when_asked_then_quantized_weights_compute_in_bf16(weights: str, expected: str) -> None:
    assert compute_data_type(Precision(weights=WeightPrecision(weights))) == expected
