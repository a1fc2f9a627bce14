"""Which pipeline stage holds which tensors.

    layers of a stage = ⌊layers ÷ PP⌋, one more for each of the (layers mod PP) stages before the last one
    first stage       = embedding, encoders of images and sound, its layers
    last stage        = its layers, everything else outside the layers: final norm, head; a tied embedding once more

The remainder goes to the stages before the last, counted from the end, because the last one has a head to compute: of
61 layers on 4 stages 15, 15, 16 and 15. Read from vLLM 0.33.0 (distributed/utils.py, get_pp_indices; model_executor/
models/utils.py; models/interfaces.py, _mark_tower_model), 2026-11-24. Older versions load encoders on every stage.
"""

from __future__ import annotations

from bisect import bisect_left
from functools import lru_cache
from itertools import accumulate, pairwise

from ai_on_eks.descriptors.inventory import Inventory, Item, Tensor, TensorRole

StageTensors = tuple[tuple[Tensor, int], ...]
"""Tensors of a stage, each with its count there."""


@lru_cache(maxsize=64)
def stage_bounds(layers: int, pipeline_parallel: int) -> tuple[tuple[int, int], ...]:
    """The first layer of each stage, and the one behind its last."""
    each, remainder = divmod(layers, pipeline_parallel)
    before_last = range(pipeline_parallel - 1 - remainder, pipeline_parallel - 1)
    sizes = (each + (stage in before_last) for stage in range(pipeline_parallel))
    return tuple(pairwise(accumulate(sizes, initial=0)))


@lru_cache(maxsize=64)
def stages(
    inventory: Inventory, pipeline_parallel: int, *, encoders_on_every_stage: bool = False
) -> tuple[StageTensors, ...]:
    """The tensors of every stage; one that has none of a tensor does not list it."""
    if pipeline_parallel == 1:
        return (tuple((tensor, tensor.count) for tensor in inventory.tensors),)
    found: list[list[tuple[Tensor, int]]] = [[] for _ in range(pipeline_parallel)]
    bounds = stage_bounds(inventory.layers, pipeline_parallel)
    is_tied = inventory.item is Item.TOKEN and not any(_is_head(tensor) for tensor in inventory.tensors)
    for tensor in inventory.tensors:
        if _is_in_layers(tensor):
            counts = _counts(tensor, bounds)
        elif tensor.role is TensorRole.VISION:
            counts = [tensor.count] * pipeline_parallel if encoders_on_every_stage else _only(tensor, 0, len(bounds))
        elif tensor.role is TensorRole.EMBEDDING:
            counts = _only(tensor, 0, len(bounds))
            counts[-1] = tensor.count if is_tied else 0
        else:
            counts = _only(tensor, -1, len(bounds))
        for stage, count in zip(found, counts, strict=True):
            if count:
                stage.append((tensor, count))
    return tuple(tuple(stage) for stage in found)


def _is_in_layers(tensor: Tensor) -> bool:
    return tensor.role is not TensorRole.VISION and ("*" in tensor.name or tensor.count > 1)


def _is_head(tensor: Tensor) -> bool:
    return tensor.role is TensorRole.HEAD


def _only(tensor: Tensor, stage: int, number: int) -> list[int]:
    counts = [0] * number
    counts[stage] = tensor.count
    return counts


def _counts(tensor: Tensor, bounds: tuple[tuple[int, int], ...]) -> list[int]:
    """How many of a tensor each stage has. What is beyond the last layer, as in a stack of its own, is the last's."""
    ends = [end for _start, end in bounds[:-1]]
    if tensor.layers is None:
        total = max(1, tensor.count // tensor.per_layer)
        below = [min(end, total) for end in ends]
    else:
        numbers = sorted(tensor.layers)
        total = len(numbers)
        below = [bisect_left(numbers, end) for end in ends]
    counts = [(end - start) * tensor.per_layer for start, end in pairwise((0, *below, total))]
    counts[-1] += tensor.count - total * tensor.per_layer
    return counts
