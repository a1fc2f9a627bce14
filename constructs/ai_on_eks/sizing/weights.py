"""Bytes of the weights on one rank.

    weights = max over pipeline stages: Σ tensors  count there × bytes(⌈elements ÷ shards⌉)
    shards  = TP for split tensors, min(TP, key/value heads) for keys and values, 1 for replicated ones

    read    = the same, of experts only  1 − (1 − k ÷ E)ⁿ     what a step of n sequences reads

Elements are divided before bytes are taken, because a rank stores whole elements. Which stage holds what is `stages`,
what an engine keeps beside the tensors it loads is `weight_layout`; the fullest rank decides.

Of E experts one token passes k; that one of them is passed by none of n tokens has the chance (1 − k ÷ E)ⁿ if each
chooses alike and independently. A router that prefers some experts touches fewer, so the read is an upper estimate.
"""

from __future__ import annotations

from functools import lru_cache
from math import prod

from ai_on_eks.descriptors.element_format import ElementFormat
from ai_on_eks.descriptors.inventory import Inventory, Sharding, Tensor, TensorRole
from ai_on_eks.descriptors.schema import Precision
from ai_on_eks.sizing.precision import compute_format, weight_format
from ai_on_eks.sizing.stages import StageTensors, stages
from ai_on_eks.sizing.types import Term
from ai_on_eks.sizing.weight_layout import AS_STORED, MXFP4, WeightLayout, kept_bytes
from ai_on_eks.units import ceil_div, format_gib

SOURCE = "tensor shapes of the model; sharding as vLLM's parallel layers divide them (Megatron-LM, arXiv:1909.08053)"

REMEMBERED = 256
"""A plan asks the same few degrees of parallelism again for every instance type; the answers are kept for some models
(16 degrees each), so that memory stays flat over thousands."""


@lru_cache(maxsize=REMEMBERED)
def weights_bytes(
    inventory: Inventory,
    precision: Precision,
    tensor_parallel: int = 1,
    pipeline_parallel: int = 1,
    layout: WeightLayout = AS_STORED,
) -> int:
    """Bytes of the weights on the fullest rank."""
    return max(stage_bytes(inventory, precision, tensor_parallel, pipeline_parallel, layout))


@lru_cache(maxsize=REMEMBERED)
def stage_bytes(
    inventory: Inventory,
    precision: Precision,
    tensor_parallel: int = 1,
    pipeline_parallel: int = 1,
    layout: WeightLayout = AS_STORED,
) -> tuple[int, ...]:
    """Bytes of the weights on a rank of each pipeline stage."""
    has_mxfp4 = any(_is_mxfp4(tensor, precision) for tensor in inventory.tensors)
    divided = stages(inventory, pipeline_parallel, encoders_on_every_stage=layout.encoders_on_every_stage)
    each = {
        id(tensor): _rank_bytes(tensor, inventory, precision, tensor_parallel, layout, has_mxfp4=has_mxfp4)
        for tensor in {id(tensor): tensor for stage in divided for tensor, _count in stage}.values()
    }
    return tuple(sum(count * each[id(tensor)] for tensor, count in stage) for stage in divided)


@lru_cache(maxsize=REMEMBERED)
def weights_read_bytes(
    inventory: Inventory, precision: Precision, sequences: int, tensor_parallel: int = 1, pipeline_parallel: int = 1
) -> int:
    """Bytes of the weights that the fullest rank reads in a step of `sequences` tokens, one of each sequence."""
    read = weights_bytes(inventory, precision, tensor_parallel, pipeline_parallel)
    for tensor, count in _fullest(inventory, precision, tensor_parallel, pipeline_parallel, AS_STORED):
        if tensor.active_count is not None:
            untouched = (1 - tensor.active_count / tensor.count) ** sequences
            read -= int(untouched * count * _stored_bytes(tensor, inventory, precision, tensor_parallel))
    return read


@lru_cache(maxsize=REMEMBERED)
def weights_term(
    inventory: Inventory,
    precision: Precision,
    tensor_parallel: int,
    pipeline_parallel: int,
    layout: WeightLayout = AS_STORED,
) -> Term:
    """The same as a line of the account."""
    parts: dict[tuple[str, int], int] = {}
    stored_bytes = 0
    for tensor, count in _fullest(inventory, precision, tensor_parallel, pipeline_parallel, layout):
        key = (str(tensor_format(tensor, precision)), shards(tensor.sharding, inventory, tensor_parallel))
        parts[key] = parts.get(key, 0) + count * prod(tensor.shape)
        stored_bytes += count * _stored_bytes(tensor, inventory, precision, tensor_parallel)
    formula = " + ".join(
        f"{elements:,} × {bits}" + (f" ÷ {divisor}" if divisor > 1 else "")
        for (bits, divisor), elements in sorted(parts.items())
    )
    value_bytes = weights_bytes(inventory, precision, tensor_parallel, pipeline_parallel, layout)
    if value_bytes > stored_bytes:
        formula += f" + {format_gib(value_bytes - stored_bytes)} that the engine's kernels add (padding, copies)"
    if pipeline_parallel > 1:
        formula += f", on the fullest of {pipeline_parallel} pipeline stages"
    return Term(name="weights", value_bytes=value_bytes, formula=formula, source=SOURCE)


@lru_cache(maxsize=REMEMBERED)
def checkpoint_bytes(inventory: Inventory, precision: Precision) -> tuple[int, int]:
    """The published checkpoint: bytes of what is served of it, and of what is not loaded."""
    served, unserved = (
        sum(tensor.count * tensor_format(tensor, precision).bytes_for(prod(tensor.shape)) for tensor in tensors)
        for tensors in (inventory.tensors, inventory.unserved_tensors)
    )
    return served, unserved


@lru_cache(maxsize=REMEMBERED)
def parameters_of(inventory: Inventory) -> int:
    """`Inventory.parameters`, summed once for all targets."""
    return inventory.parameters


@lru_cache(maxsize=REMEMBERED)
def largest_tensor_bytes(inventory: Inventory, precision: Precision) -> int:
    """The largest single tensor as it is stored: what a loader must be able to hold."""
    return max(
        (tensor_format(tensor, precision).bytes_for(prod(tensor.shape)) for tensor in inventory.tensors), default=0
    )


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


def _fullest(
    inventory: Inventory, precision: Precision, tensor_parallel: int, pipeline_parallel: int, layout: WeightLayout
) -> StageTensors:
    """Tensors of the fullest pipeline stage, each with its count there."""
    filled = stage_bytes(inventory, precision, tensor_parallel, pipeline_parallel, layout)
    divided = stages(inventory, pipeline_parallel, encoders_on_every_stage=layout.encoders_on_every_stage)
    return divided[filled.index(max(filled))]


def _stored_bytes(tensor: Tensor, inventory: Inventory, precision: Precision, tensor_parallel: int) -> int:
    divisor = shards(tensor.sharding, inventory, tensor_parallel)
    return tensor_format(tensor, precision).bytes_for(ceil_div(prod(tensor.shape), divisor))


def _rank_bytes(
    tensor: Tensor,
    inventory: Inventory,
    precision: Precision,
    tensor_parallel: int,
    layout: WeightLayout,
    *,
    has_mxfp4: bool,
) -> int:
    if layout is AS_STORED:
        return _stored_bytes(tensor, inventory, precision, tensor_parallel)
    is_mxfp4 = has_mxfp4 and (_is_mxfp4(tensor, precision) or len(tensor.shape) == 1)
    divisor = shards(tensor.sharding, inventory, tensor_parallel)
    stored, compute = tensor_format(tensor, precision), compute_format(precision)
    return kept_bytes(tensor, stored, compute, divisor, layout, is_mxfp4=is_mxfp4)


def _is_mxfp4(tensor: Tensor, precision: Precision) -> bool:
    return tensor.role is TensorRole.EXPERT and tensor_format(tensor, precision) == MXFP4
