"""Accounts of memory: per accelerator, per node, term by term."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ai_on_eks.sizing.types import HostMemory, RankMemory, Term


def rank_mapping(rank: RankMemory, *, terms: bool = True) -> dict[str, Any]:
    """What one accelerator (or, on CPU, one container) holds."""
    mapping: dict[str, Any] = {
        "memory_bytes": rank.memory_bytes,
        "memory_fraction": rank.memory_fraction,
        "budget_bytes": rank.budget_bytes,
        "weights_bytes": rank.weights_bytes,
        "activation_bytes": rank.activation_bytes,
        "overhead_bytes": rank.overhead_bytes,
        "kv_cache_bytes": rank.kv_cache_bytes,
        "kv_bytes_per_token": rank.kv_bytes_per_token,
        "kv_cache_tokens": rank.kv_cache_tokens,
        "headroom_bytes": rank.headroom_bytes,
        "max_batched_tokens": rank.max_batched_tokens,
        "max_sequences": rank.max_sequences,
    }
    return {**mapping, "terms": term_mappings(rank.terms)} if terms else mapping


def host_mapping(host: HostMemory, *, terms: bool = True) -> dict[str, Any]:
    """What a replica's container needs of its node."""
    mapping: dict[str, Any] = {
        "memory_bytes": host.memory_bytes,
        "shared_memory_bytes": host.shared_memory_bytes,
        "ephemeral_bytes": host.ephemeral_bytes,
    }
    return {**mapping, "terms": term_mappings(host.terms)} if terms else mapping


def term_mappings(terms: Iterable[Term]) -> list[dict[str, Any]]:
    """Each line of an account with its formula and where the formula comes from."""
    return [
        {"name": term.name, "value_bytes": term.value_bytes, "formula": term.formula, "source": term.source}
        for term in terms
    ]
