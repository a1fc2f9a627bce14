"""Can the model be divided this way.

Attention heads are dealt out whole, so tensor parallelism must divide them. Key/value heads may be fewer than ranks:
then each rank keeps a copy, which needs tensor parallelism to be a multiple of them
(vLLM 0.33.0, `ModelConfig.verify_with_parallel_config` and `get_num_kv_heads`).

Feed-forward layers and experts are cut across their width into equal parts: `divide` in vLLM's distributed/utils.py
refuses a remainder. Only the vocabulary is padded; an engine that pads heads or widths too says so (`Engine.pads`).
A part of a quantized width must hold whole groups of weights that share a scale (vLLM 0.33.0, quantization/auto_awq.py,
gptq.py and fp8.py: "not aligned with the quantized weight shape", `validate_fp8_block_shape`). Experts that are dealt
out whole are not cut at all; each rank then has as many as the next (fused_moe `determine_expert_map`).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from math import isqrt

from ai_on_eks.catalog.loading import Catalog
from ai_on_eks.descriptors.inventory import Inventory, Sharding, Tensor, TensorRole
from ai_on_eks.descriptors.schema import Precision
from ai_on_eks.placement.requirements import Requirements
from ai_on_eks.placement.types import Candidate
from ai_on_eks.placement.violations import Violation, stated
from ai_on_eks.sizing.weight_layout import MXFP4
from ai_on_eks.sizing.weights import tensor_format

FEWER_RANKS = "allow accelerators with more memory, so that fewer ranks do"

LONGEST_GROUP = 1024
"""Elements that share a scale along a row: 16 (NVFP4) to 128 (AWQ, GPTQ), some 256 or 1024. More are a square block of
rows and columns, as FP8's 128 × 128."""


def divides_heads(candidate: Candidate, requirements: Requirements, _: Catalog) -> Violation | None:
    ranks = candidate.tensor_parallel
    if ranks == 1:
        return None
    engine, inventory = candidate.engine, requirements.inventory
    if not engine.tensor_parallel:
        return stated(f"{engine.title} {engine.version} has no tensor parallelism")
    heads, key_value_heads = inventory.attention_heads, inventory.key_value_heads
    if heads == 0:
        return stated(f"a {inventory.architecture} model has no attention heads to divide")
    return None if "heads" in engine.pads else _uneven_heads(heads, key_value_heads, ranks)


def divides_widths(candidate: Candidate, requirements: Requirements, _: Catalog) -> Violation | None:
    ranks = candidate.tensor_parallel
    if ranks == 1 or "widths" in candidate.engine.pads:
        return None
    cut = _cut_tensors(requirements.inventory, with_experts=candidate.division.expert_parallel == 1)
    uneven = min((width for _tensor, width in cut if width % ranks), default=None)
    if uneven is None:
        return None
    return stated(f"a feed-forward width of {uneven:,} does not divide by tensor parallelism {ranks}", FEWER_RANKS)


def divides_groups(candidate: Candidate, requirements: Requirements, _: Catalog) -> Violation | None:
    ranks = candidate.tensor_parallel
    if ranks == 1 or "widths" in candidate.engine.pads:
        return None
    inventory, precision = requirements.inventory, requirements.precision
    for tensor, width in _cut_tensors(inventory, with_experts=candidate.division.expert_parallel == 1):
        group = _group(tensor, precision)
        if group and width // ranks % group:
            parts = f"{width:,} divided by tensor parallelism {ranks} are {width // ranks:,}"
            return stated(f"{parts}, no whole number of groups of {group} weights that share a scale", FEWER_RANKS)
    return None


def divides_layers(candidate: Candidate, requirements: Requirements, _: Catalog) -> Violation | None:
    stages, inventory = candidate.pipeline_parallel, requirements.inventory
    if stages == 1:
        return None
    if not inventory.states:
        return stated(f"a {inventory.architecture} model keeps no cache, and only decoders are divided into stages")
    if any(getattr(state, "fixed_tokens", None) is not None for state in inventory.states):
        return stated("a decoder that attends to an encoder is not divided into stages")
    if stages > inventory.layers:
        return stated(f"{inventory.layers} layers do not make {stages} stages", "allow accelerators with more memory")
    return None


def divides_experts(candidate: Candidate, requirements: Requirements, _: Catalog) -> Violation | None:
    ranks = candidate.division.expert_parallel
    if ranks == 1:
        return None
    experts = max(
        (tensor.per_layer for tensor in requirements.inventory.tensors if tensor.role is TensorRole.EXPERT), default=0
    )
    if experts % ranks == 0:
        return None
    return stated(f"{experts} experts do not divide by {ranks} ranks", FEWER_RANKS)


def _uneven_heads(heads: int, key_value_heads: int, ranks: int) -> Violation | None:
    if heads % ranks:
        return stated(f"{heads} attention heads do not divide by tensor parallelism {ranks}", FEWER_RANKS)
    if key_value_heads % ranks and ranks % key_value_heads:
        reason = f"{key_value_heads} key/value heads neither divide by nor divide tensor parallelism {ranks}"
        return stated(reason, FEWER_RANKS)
    return None


@lru_cache(maxsize=64)
def _cut_tensors(inventory: Inventory, *, with_experts: bool) -> tuple[tuple[Tensor, int], ...]:
    return tuple(_each_cut_tensor(inventory, with_experts=with_experts))


def _each_cut_tensor(inventory: Inventory, *, with_experts: bool) -> Iterator[tuple[Tensor, int]]:
    """Tensors that are cut, each with the dimension: of a split matrix the one that is not the hidden size."""
    roles = (TensorRole.FEED_FORWARD, TensorRole.EXPERT) if with_experts else (TensorRole.FEED_FORWARD,)
    for tensor in inventory.tensors:
        if tensor.role in roles and tensor.sharding is Sharding.SPLIT:
            for dimension in tensor.shape:
                if dimension != inventory.hidden_size:
                    yield tensor, dimension


def _group(tensor: Tensor, precision: Precision) -> int:
    """Weights along the cut that share a scale; 0 where any number does. Kernels for MXFP4 pad what is left over."""
    element = tensor_format(tensor, precision)
    size = element.group_elements
    if not size or element == MXFP4 or size in tensor.shape:  # a scale for each row or column
        return 0
    if size <= LONGEST_GROUP:
        return size
    side = isqrt(size)
    return side if side * side == size else 0
