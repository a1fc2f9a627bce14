"""Blocks that hold pages of several sizes side by side: vLLM's layout of compressed latents (DeepSeek-V4).

    page       = ⌈block tokens ÷ tokens per entry × entry ÷ alignment⌉ × alignment
    bucket     = the kinds that keep as many tokens as each other in blocks of as many
    repeats    = layers of a group: of all numbers from the layers of the largest bucket of several page sizes on, the
                 one that leaves the fewest layers of the buckets empty
    groups     = ⌈layers ÷ repeats⌉ of a bucket whose kinds have as many layers as each other; else 1
    block      = max over groups Σ pages of its layers

The tokens of a block are those the kernels take: 256 of what is kept whole, 64 of the window of uncompressed tokens,
and of entries in the making (kept in 32 bit) half their window, at most 8, so that their pages are about as large.

Read from vLLM 0.33.0 (v1/core/kv_cache_planning.py, models/deepseek_v4, v1/attention/backends/mla), 2026-11-24. For
DeepSeek-V4-Flash it yields the five groups of vllm-project/vllm#51041 and 140,000 tokens in 7.7 GiB, where about
150,000 were reported.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from ai_on_eks.units import ceil_div

WHOLE_BLOCK_TOKENS = 256
WINDOW_BLOCK_TOKENS = 64
LARGEST_UNFINISHED_BLOCK_TOKENS = 8

PAGE_ALIGNMENT_BYTES = 576
"""Of pages in the packed FP8 format; 512 in others, which no published server default uses for these models."""


class Bucket(Struct, frozen=True):
    """Kinds of one group or several equal ones. `pages` = layers by bytes of their page, of the whole model."""

    pages: Mapping[int, int]
    groups: int = 1

    @property
    def is_balanced(self) -> bool:
        return len(set(self.pages.values())) == 1

    @property
    def layers(self) -> int:
        """Layers of the commonest page size."""
        return max(self.pages.values())


def block_tokens(window_tokens: int | None, *, is_unfinished: bool) -> int:
    """Tokens of a block, by what is kept."""
    if window_tokens is None:
        return WHOLE_BLOCK_TOKENS
    if is_unfinished:
        return max(1, min(window_tokens // 2, LARGEST_UNFINISHED_BLOCK_TOKENS))
    return WINDOW_BLOCK_TOKENS


def page_bytes(tokens: int, tokens_per_entry: int, entry_bytes: int) -> int:
    """Bytes of one layer's page."""
    entries = max(1, tokens // tokens_per_entry)
    return ceil_div(entries * entry_bytes, PAGE_ALIGNMENT_BYTES) * PAGE_ALIGNMENT_BYTES


def grouped(buckets: Sequence[Bucket]) -> tuple[Bucket, ...]:
    """Every bucket with the number of its groups."""
    least = max((bucket.layers for bucket in buckets if bucket.is_balanced and len(bucket.pages) > 1), default=0)
    if not least:
        return tuple(buckets)
    repeats = _repeats([bucket.layers for bucket in buckets if bucket.is_balanced], least)
    return tuple(
        Bucket(bucket.pages, ceil_div(bucket.layers, repeats)) if bucket.is_balanced else bucket for bucket in buckets
    )


def block_bytes(buckets: Sequence[Bucket], pipeline_parallel: int) -> int:
    """Bytes of one block on the fullest stage: the widest group's pages."""
    return max(
        sum(
            page * ceil_div(ceil_div(layers, bucket.groups), pipeline_parallel) for page, layers in bucket.pages.items()
        )
        for bucket in buckets
    )


def _repeats(layers: Sequence[int], least: int) -> int:
    """The number that pads the layers least; of equals the largest."""
    numbers = range(least, max(layers) + 1)
    return min(numbers, key=lambda number: (sum(-count % number for count in layers), -number))
