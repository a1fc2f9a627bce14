"""Pages of a shared pool, held to what vLLM logged of models whose layers keep different things."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from ai_on_eks.catalog.engines import find_engine, load_engines
from ai_on_eks.catalog.types import EngineMemory
from ai_on_eks.descriptors.architectures import build_inventory, family_of
from ai_on_eks.descriptors.inventory import (
    Activations,
    Inventory,
    Item,
    KeyValueState,
    Operations,
    RecurrentState,
    State,
)
from ai_on_eks.descriptors.schema import (
    Architecture,
    CachePrecision,
    Descriptor,
    Format,
    Kind,
    Precision,
    Source,
    WeightPrecision,
)
from ai_on_eks.sizing.cache import kv_bytes_per_token
from ai_on_eks.sizing.cache_layout import CacheLayout, cache_layout
from ai_on_eks.units import GIB

BF16 = Precision(weights=WeightPrecision.BF16)
FP8_CACHE = Precision(weights=WeightPrecision.BF16, kv_cache=CachePrecision.FP8)


def inventory(*states: State) -> Inventory:
    return Inventory(
        architecture="states",
        item=Item.TOKEN,
        tensors=(),
        states=states,
        operations=Operations(1),
        activations=Activations(1),
        layers=64,
        hidden_size=2048,
    )


def layout(
    model: Inventory,
    precision: Precision,
    version: str,
    tensor_parallel: int = 1,
    pipeline_parallel: int = 1,
    *,
    max_batched_tokens: int = 2048,
    **changes: object,
) -> CacheLayout:
    engine: EngineMemory = replace(find_engine(f"vllm@{version}").memory, **changes)
    return cache_layout(
        model, precision, engine, tensor_parallel, pipeline_parallel, max_batched_tokens=max_batched_tokens
    )


# Qwen3.6-35B-A3B: 10 of 40 layers attend with 2 heads of 256; 30 gated delta nets of 32 heads of 128 × 128 in float32
# and a convolution over 3 tokens of 8,192 channels (its published config).
QWEN3_6_35B = inventory(
    KeyValueState(10, 2, 256, 256),
    RecurrentState(30, 3 * 8192, 16, name="convolution"),
    RecurrentState(30, 32 * 128 * 128, 32, bits=32),
)
# Qwen3.6-27B with its layer that predicts three tokens ahead: 16 + 1 layers attend with 4 heads of 256, 48 gated delta
# nets of 48 heads; the convolution remembers the tokens that may be taken back.
QWEN3_6_27B = inventory(
    KeyValueState(17, 4, 256, 256),
    RecurrentState(48, (3 + 3) * 10240, 16, name="convolution"),
    RecurrentState(48, 48 * 128 * 128, 48, bits=32),
)
# Gemma-4-12B: 8 layers attend to everything with 1 head of 512, 40 to the last 1,024 tokens with 8 heads of 256.
GEMMA_4_12B = inventory(KeyValueState(8, 1, 512, 512), KeyValueState(40, 8, 256, 256, window_tokens=1024))


@pytest.mark.parametrize(
    ("pool_gib", "logged_tokens"),
    [
        (6.01, 569_878),  # noonghunna/club-3090#652, 2026: vLLM 0.24.0, RTX 5090, NVFP4 with an FP8 cache
        (5.98, 567_978),  # noonghunna/club-3090#612, 2026
    ],
)
def test_given_gated_delta_nets_when_laid_out_then_tokens_are_those_logged(pool_gib: float, logged_tokens: int) -> None:
    assert layout(QWEN3_6_35B, FP8_CACHE, "0.24").tokens(int(pool_gib * GIB), 131_072) == logged_tokens


def test_given_speculation_and_two_ranks_when_laid_out_then_a_block_is_one_step_of_the_logged_tokens() -> None:
    # noonghunna/club-3090#91, #295 and #294, 2026: vLLM 0.20.1, two RTX 3090, FP8 cache, 262,144 tokens, three tokens
    # predicted: 2 + 3 pages of each recurrent state. 619,479, 620,944 and 622,408 tokens were logged.
    pages = layout(QWEN3_6_27B, FP8_CACHE, "0.20.1", 2, recurrent_pages=5)
    block_bytes = 17 * 1600 * 2 * 256 * 2
    logged = [pages.tokens(blocks * block_bytes, 262_144) for blocks in (423, 424, 425)]

    assert logged == [619_479, 620_944, 622_408]


def test_given_windows_when_laid_out_then_tokens_are_those_logged() -> None:
    # noonghunna/club-3090 calibration/gemma-4-12b.yml, 2026: 8.16 GiB per rank of two, 384,019 tokens, 2.93 sequences
    tokens = layout(GEMMA_4_12B, BF16, "0.26", 2).tokens(int(8.16 * GIB), 131_072)
    assert tokens == pytest.approx(384_019, rel=0.001)


@pytest.mark.parametrize(("version", "needed_gib"), [("0.25", 45.79), ("0.26", 70.79)])
def test_given_gemma_4_31b_when_batches_are_large_then_the_versions_need_what_was_reported(
    version: str, needed_gib: float
) -> None:
    # vllm-project/vllm#49878, 2026-07-26: 262,144 tokens in batches of 32,768; 0.26 counts two of them beside a window
    model = inventory(KeyValueState(10, 4, 512, 512), KeyValueState(50, 16, 256, 256, window_tokens=1024))
    sequence_gib = layout(model, BF16, version, max_batched_tokens=32_768).sequence_bytes(262_144) / GIB
    assert round(sequence_gib, 2) == needed_gib


def test_given_one_kind_of_layer_when_laid_out_then_a_sequence_takes_its_blocks_and_one_is_held_back() -> None:
    model = inventory(KeyValueState(32, 8, 128, 128))
    pages = layout(model, BF16, "0.33")
    block_bytes = 16 * 131_072

    assert pages.sequence_bytes(1601) == 101 * block_bytes
    assert pages.reserved_bytes == block_bytes
    assert pages.sequences(101 * block_bytes, 1601) == 0
    assert pages.sequences(102 * block_bytes, 1601) == 1
    assert pages.tokens(101 * block_bytes, 1601) == 1601


def test_given_latent_and_indexer_when_laid_out_then_they_share_blocks_and_ranks_divide_nothing() -> None:
    # DeepSeek-V3.2: a latent of 512 + 64 in bf16 and an indexer's keys of 128 B with a scale of 4 B, 61 layers
    model = inventory(
        KeyValueState(61, 1, 512, 64, is_replicated=True, name="latent"),
        KeyValueState(61, 1, 132, 0, is_replicated=True, bits=8, name="indexer keys"),
    )
    one, eight = (layout(model, BF16, "0.33", ranks) for ranks in (1, 8))

    assert one.sequence_bytes(16) == 16 * 61 * (576 * 2 + 132)
    assert one.sequence_bytes(4096) == eight.sequence_bytes(4096)
    assert "1 × 16 tokens of indexer keys and latent" in one.term(1, 16).formula


def test_given_more_heads_than_ranks_when_laid_out_then_heads_are_copied() -> None:
    model = inventory(KeyValueState(32, 8, 128, 128))
    sizes = [layout(model, BF16, "0.33", ranks).sequence_bytes(4096) for ranks in (1, 2, 8, 16)]
    assert [sizes[0] // size for size in sizes] == [1, 2, 8, 8]


def test_given_almost_as_many_layers_of_each_kind_when_laid_out_then_groups_are_as_large_as_the_larger() -> None:
    # gpt-oss-20b with a draft layer: 13 layers see everything and 12 the last 128 tokens, two groups of 13
    model = inventory(KeyValueState(13, 8, 64, 64), KeyValueState(12, 8, 64, 64, window_tokens=128))
    pages = layout(model, BF16, "0.25", max_batched_tokens=8192)

    assert pages.reserved_bytes == 13 * 16 * 8 * 128 * 2
    assert pages.sequence_bytes(131_072) // pages.reserved_bytes == 131_072 // 16 + (127 + 8192 + 15) // 16 + 1


def test_given_widths_that_do_not_divide_when_laid_out_then_the_narrower_page_is_padded() -> None:
    model = inventory(KeyValueState(10, 4, 96, 96), KeyValueState(10, 4, 128, 128, window_tokens=512))
    pages = layout(model, BF16, "0.33")

    assert pages.reserved_bytes == 10 * 16 * 4 * 256 * 2
    assert pages.sequence_bytes(100_000) > layout(inventory(KeyValueState(10, 4, 96, 96)), BF16, "0.33").sequence_bytes(
        100_000
    )


def test_given_only_recurrent_layers_when_laid_out_then_a_sequence_is_one_page_however_long() -> None:
    pages = layout(inventory(RecurrentState(48, 5120 * 16, 1), RecurrentState(48, 5120 * 3, 1)), BF16, "0.33")

    assert pages.sequence_bytes(1) == pages.sequence_bytes(1_000_000) == 48 * 5120 * (16 + 3) * 2
    assert pages.sequences(10 * 48 * 5120 * 19 * 2, 4096) == 9


def test_given_an_input_of_constant_length_when_laid_out_then_its_pages_do_not_grow() -> None:
    # Whisper large: 32 layers attend to the output and to the 1,500 positions of the input
    model = inventory(KeyValueState(32, 20, 64, 64), KeyValueState(32, 20, 64, 64, fixed_tokens=1500))
    pages = layout(model, BF16, "0.33")
    blocks = [pages.sequence_bytes(context) // pages.reserved_bytes for context in (16, 448)]
    assert blocks == [1 + 94, 28 + 94]


def test_given_stages_when_laid_out_then_a_block_holds_the_layers_of_the_fullest() -> None:
    model = inventory(KeyValueState(61, 8, 128, 128))
    assert layout(model, BF16, "0.33", 1, 4).reserved_bytes == 16 * 16 * 8 * 256 * 2


def test_given_the_first_engine_generation_when_laid_out_then_windows_save_nothing() -> None:
    windows = layout(GEMMA_4_12B, BF16, "0.6.4").sequence_bytes(8192)
    model = inventory(KeyValueState(8, 1, 512, 512), KeyValueState(40, 8, 256, 256))
    assert windows == layout(model, BF16, "0.6.4").sequence_bytes(8192)


@pytest.mark.parametrize("version", ["0.6.4", "0.11", "0.33"])
@pytest.mark.parametrize("model", [QWEN3_6_35B, GEMMA_4_12B])
def test_given_states_in_another_order_when_laid_out_then_nothing_changes(model: Inventory, version: str) -> None:
    turned = replace(model, states=model.states[::-1])
    first, second = (layout(each, BF16, version) for each in (model, turned))

    assert first.sequence_bytes(5000) == second.sequence_bytes(5000)
    assert first.tokens(10 * GIB, 5000) == second.tokens(10 * GIB, 5000)


def test_given_one_of_a_thing_when_the_line_is_written_then_it_is_singular() -> None:
    formula = layout(inventory(KeyValueState(1, 1, 128, 128)), BF16, "0.33").term(1, 16).formula
    assert formula == (
        "(1 sequence × 1 block + 1) × 8,192 B; a sequence: 1 × 16 tokens of keys and values "
        "(1 layer × 1 head × (128 + 128) × 16 bit)"
    )


# DeepSeek-V4-Flash (its published config): 43 layers with a window of 128 tokens, 21 with an entry for 4 tokens and an
# indexer, 20 with an entry for 128; entries in the making in float32.
DEEPSEEK_V4_FLASH = inventory(
    KeyValueState(43, 1, 512, 0, window_tokens=128, is_replicated=True, name="window"),
    KeyValueState(21, 1, 512, 0, tokens_per_entry=4, is_replicated=True, name="entries"),
    KeyValueState(21, 1, 2048, 0, window_tokens=8, is_replicated=True, bits=32, name="unfinished entries"),
    KeyValueState(21, 1, 132, 0, tokens_per_entry=4, is_replicated=True, bits=8, name="indexer keys"),
    KeyValueState(21, 1, 512, 0, window_tokens=8, is_replicated=True, bits=32, name="unfinished keys"),
    KeyValueState(20, 1, 512, 0, tokens_per_entry=128, is_replicated=True, name="long entries"),
    KeyValueState(20, 1, 1024, 0, window_tokens=128, is_replicated=True, bits=32, name="unfinished long entries"),
)


def test_given_compressed_latents_when_laid_out_then_pages_stand_side_by_side_in_five_groups() -> None:
    pages = layout(DEEPSEEK_V4_FLASH, FP8_CACHE, "0.26", 2, max_batched_tokens=8192)
    window, whole, unfinished, long_unfinished = 2 * 259, 474, 4099, 2065

    # widest group: 21 pages of 64 × 584 B and of 64 × 132 B, 20 of 2 × 584 B, each in whole steps of 576 B
    assert pages.reserved_bytes == 21 * (65 + 15) * 576 + 20 * 3 * 576
    blocks = pages.sequence_bytes(121_344) // pages.reserved_bytes
    assert blocks == window + whole + unfinished + long_unfinished
    # vllm-project/vllm#51041 (0.26, H20, TP 2): about 150,000 tokens in 7.7 GiB at 121,344 tokens
    assert pages.tokens(int(7.7 * GIB), 121_344) == pytest.approx(150_000, rel=0.07)


@pytest.mark.parametrize(("cache", "expected"), [(BF16, 1152), (FP8_CACHE, 656)])
def test_given_an_indexer_when_the_cache_has_8_bit_then_latents_are_packed(cache: Precision, expected: int) -> None:
    # vLLM 0.33.0 model_executor/layers/attention/mla_attention.py: 512 + 4 × 4 + 2 × 64 bytes of a token of a layer
    model = inventory(
        KeyValueState(61, 1, 512, 64, is_replicated=True, name="latent"),
        KeyValueState(61, 1, 132, 0, is_replicated=True, bits=8, name="indexer keys"),
    )
    assert kv_bytes_per_token(model, cache) == 61 * (expected + 132)


def test_given_no_indexer_when_the_cache_has_8_bit_then_latents_are_halved() -> None:
    model = inventory(KeyValueState(61, 1, 512, 64, is_replicated=True, name="latent"))
    assert kv_bytes_per_token(model, FP8_CACHE) == 61 * 576


@pytest.mark.parametrize(
    ("config", "cache", "version", "written_down"),
    [("nvidia__Qwen3.6-35B-A3B-NVFP4.json", FP8_CACHE, "0.24", QWEN3_6_35B)],
)
def test_given_a_published_config_when_laid_out_then_it_is_the_model_held_to_the_logs(
    shared: Path, config: str, cache: Precision, version: str, written_down: Inventory
) -> None:
    path = shared / "truth" / "configs" / config
    if not path.exists():
        pytest.skip(f"{config} is not among the published configs beside the repository")
    document = json.loads(path.read_text(encoding="utf-8"))
    read = build_inventory(
        Descriptor(
            name="published",
            kind=Kind.FOUNDATION,
            source=Source(uri="hf://organisation/model", format=Format.SAFETENSORS),
            architecture=Architecture(family=family_of(document), config=document),
        )
    )
    tokens = [layout(each, cache, version).tokens(6 * GIB, 131_072) for each in (read, written_down)]
    assert tokens[0] == tokens[1]


@pytest.mark.parametrize("name", sorted(load_engines()))
def test_given_any_engine_when_its_layout_is_asked_for_then_it_is_known_and_holds_what_it_says(name: str) -> None:
    model = inventory(KeyValueState(32, 8, 128, 128))
    pages = cache_layout(model, BF16, load_engines()[name].memory)
    each = pages.sequence_bytes(4096)

    assert each >= 4096 * 131_072
    assert pages.sequences(3 * each + pages.reserved_bytes, 4096) == 3
    assert pages.term(3, 4096).value_bytes == 3 * each + pages.reserved_bytes
