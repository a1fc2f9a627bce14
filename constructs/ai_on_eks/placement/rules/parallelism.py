"""Can the model be divided this way.

Attention heads are dealt out whole, so tensor parallelism must divide them. Key/value heads may be fewer than ranks:
then each rank keeps a copy, which needs tensor parallelism to be a multiple of them
(vLLM 0.33.0, `ModelConfig.verify_with_parallel_config` and `get_num_kv_heads`).

Feed-forward layers and experts are cut across their width into equal parts: `divide` in vLLM's distributed/utils.py
refuses a remainder. Only the vocabulary is padded; an engine that pads heads or widths too says so (`Engine.pads`).
"""

from __future__ import annotations

from ai_on_eks.catalog.loading import Catalog
from ai_on_eks.descriptors.inventory import Inventory, Sharding, TensorRole
from ai_on_eks.placement.requirements import Requirements
from ai_on_eks.placement.rules.types import Violation
from ai_on_eks.placement.types import Candidate


def divides_heads(candidate: Candidate, requirements: Requirements, _: Catalog) -> Violation | None:
    ranks = candidate.tensor_parallel
    if ranks == 1:
        return None
    engine, inventory = candidate.engine, requirements.inventory
    if not engine.tensor_parallel:
        return Violation(f"{engine.title} {engine.version} has no tensor parallelism")
    heads, key_value_heads = inventory.attention_heads, inventory.key_value_heads
    if heads == 0:
        return Violation(f"a {inventory.architecture} model has no attention heads to divide")
    return None if "heads" in engine.pads else _uneven_heads(heads, key_value_heads, ranks)


def _uneven_heads(heads: int, key_value_heads: int, ranks: int) -> Violation | None:
    if heads % ranks:
        return Violation(f"{heads} attention heads do not divide by tensor parallelism {ranks}")
    if key_value_heads % ranks and ranks % key_value_heads:
        return Violation(f"{key_value_heads} key/value heads neither divide by nor divide tensor parallelism {ranks}")
    return None


def divides_widths(candidate: Candidate, requirements: Requirements, _: Catalog) -> Violation | None:
    ranks = candidate.tensor_parallel
    if "widths" in candidate.engine.pads:
        return None
    uneven = [width for width in sorted(_feed_forward_widths(requirements.inventory)) if width % ranks]
    if not uneven:
        return None
    return Violation(f"a feed-forward width of {uneven[0]:,} does not divide by tensor parallelism {ranks}")


def _feed_forward_widths(inventory: Inventory) -> set[int]:
    """The dimension that is cut: of a split matrix the one that is not the hidden size."""
    return {
        dimension
        for tensor in inventory.tensors
        if tensor.role in (TensorRole.FEED_FORWARD, TensorRole.EXPERT) and tensor.sharding is Sharding.SPLIT
        for dimension in tensor.shape
        if dimension != inventory.hidden_size
    }
