"""Bytes of the weights on one rank.

    weights = Σ tensors  ⌈count ÷ PP⌉ × bytes(⌈elements ÷ shards⌉)
    shards  = TP for split tensors, min(TP, key/value heads) for keys and values, 1 for replicated ones

    read    = the same, of experts only  1 − (1 − k ÷ E)ⁿ     what a step of n sequences reads

Elements are divided before bytes are taken, because a rank stores whole elements. Pipeline stages share the repeated
layers; of the tensors outside them the first stage holds the embedding and the last one the rest, and the larger of the
two is counted: the fullest rank decides. A layer's experts stay together on its stage.

Of E experts one token passes k; that one of them is passed by none of n tokens has the chance (1 − k ÷ E)ⁿ if each
chooses alike and independently. A router that prefers some experts touches fewer, so the read is an upper estimate.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from math import prod

from ai_on_eks.descriptors.element_format import ElementFormat
from ai_on_eks.descriptors.inventory import Inventory, Item, Sharding, Tensor, TensorRole
from ai_on_eks.descriptors.schema import Precision
from ai_on_eks.sizing.precision import compute_format, weight_format
from ai_on_eks.sizing.types import Term
from ai_on_eks.units import ceil_div

SOURCE = "tensor shapes of the model; sharding as vLLM's parallel layers divide them (Megatron-LM, arXiv:1909.08053)"

REMEMBERED = 256
"""A plan asks the same few degrees of parallelism again for every instance type; the answers are kept for some models
(16 degrees each), so that memory stays flat over thousands."""


@lru_cache(maxsize=REMEMBERED)
def weights_bytes(
    inventory: Inventory, precision: Precision, tensor_parallel: int = 1, pipeline_parallel: int = 1
) -> int:
    """Bytes of the weights on the fullest rank."""
    tensors = rank_tensors(inventory, pipeline_parallel)
    return sum(_tensor_bytes(tensor, count, inventory, precision, tensor_parallel) for tensor, count in tensors)


@lru_cache(maxsize=REMEMBERED)
def weights_read_bytes(
    inventory: Inventory, precision: Precision, sequences: int, tensor_parallel: int = 1, pipeline_parallel: int = 1
) -> int:
    """Bytes of the weights that the fullest rank reads in a step of `sequences` tokens, one of each sequence."""
    read = weights_bytes(inventory, precision, tensor_parallel, pipeline_parallel)
    for tensor, count in rank_tensors(inventory, pipeline_parallel):
        if tensor.active_count is not None:
            untouched = (1 - tensor.active_count / tensor.count) ** sequences
            read -= int(untouched * _tensor_bytes(tensor, count, inventory, precision, tensor_parallel))
    return read


@lru_cache(maxsize=REMEMBERED)
def weights_term(inventory: Inventory, precision: Precision, tensor_parallel: int, pipeline_parallel: int) -> Term:
    """The same as a line of the account."""
    parts: dict[tuple[str, int], int] = {}
    for tensor, count in rank_tensors(inventory, pipeline_parallel):
        key = (str(tensor_format(tensor, precision)), shards(tensor.sharding, inventory, tensor_parallel))
        parts[key] = parts.get(key, 0) + count * prod(tensor.shape)
    formula = " + ".join(
        f"{elements:,} × {bits}" + (f" ÷ {divisor}" if divisor > 1 else "")
        for (bits, divisor), elements in sorted(parts.items())
    )
    if pipeline_parallel > 1:
        formula += f", of one of {pipeline_parallel} pipeline stages"
    return Term(
        name="weights",
        value_bytes=weights_bytes(inventory, precision, tensor_parallel, pipeline_parallel),
        formula=formula,
        source=SOURCE,
    )


@lru_cache(maxsize=REMEMBERED)
def largest_tensor_bytes(inventory: Inventory, precision: Precision) -> int:
    """The largest single tensor as it is stored: what a loader must be able to hold."""
    return max(
        (tensor_format(tensor, precision).bytes_for(prod(tensor.shape)) for tensor in inventory.tensors), default=0
    )


def rank_tensors(inventory: Inventory, pipeline_parallel: int) -> tuple[tuple[Tensor, int], ...]:
    """Tensors of the fullest pipeline stage, each with its count there."""
    if pipeline_parallel == 1:
        return tuple((tensor, tensor.count) for tensor in inventory.tensors)
    layers = [
        (tensor, _stage_count(tensor, inventory.layers, pipeline_parallel))
        for tensor in inventory.tensors
        if _repeats(tensor)
    ]
    single = [tensor for tensor in inventory.tensors if not _repeats(tensor)]
    first = [tensor for tensor in single if tensor.role is TensorRole.EMBEDDING]
    last = [tensor for tensor in single if tensor.role is not TensorRole.EMBEDDING]
    if inventory.item is Item.TOKEN and not any(tensor.role is TensorRole.HEAD for tensor in single):
        last += first  # tied: the last stage needs the embedding as its head
    fullest = max(first, last, key=_elements)
    return (*layers, *((tensor, tensor.count) for tensor in fullest))


def tensor_format(tensor: Tensor, precision: Precision) -> ElementFormat:
    """The checkpoint's own format where it says one. Elsewhere quantization leaves embeddings, norms and the like in
    the data type that computes."""
    if tensor.stored is not None:
        return tensor.stored
    return weight_format(precision) if tensor.quantizable else compute_format(precision)


def shards(sharding: Sharding, inventory: Inventory, tensor_parallel: int) -> int:
    """Into how many parts tensor parallelism divides a tensor."""
    if sharding is Sharding.REPLICATED:
        return 1
    if sharding is Sharding.KEY_VALUE:
        return min(tensor_parallel, max(1, inventory.key_value_heads))
    return tensor_parallel


def _tensor_bytes(tensor: Tensor, count: int, inventory: Inventory, precision: Precision, tensor_parallel: int) -> int:
    divisor = shards(tensor.sharding, inventory, tensor_parallel)
    return count * tensor_format(tensor, precision).bytes_for(ceil_div(prod(tensor.shape), divisor))


def _stage_count(tensor: Tensor, layers: int, pipeline_parallel: int) -> int:
    """Experts are counted by layers: a stage may consist of sparse ones only."""
    if tensor.per_layer == 1:
        return ceil_div(tensor.count, pipeline_parallel)
    return min(tensor.count, tensor.per_layer * ceil_div(layers, pipeline_parallel))


def _repeats(tensor: Tensor) -> bool:
    return "*" in tensor.name or tensor.count > 1


def _elements(tensors: Iterable[Tensor]) -> int:
    return sum(tensor.parameters for tensor in tensors)
