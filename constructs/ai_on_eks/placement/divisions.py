"""Over which ranks a replica may be divided: degrees of parallelism, and nodes.

    on one node    every tensor-parallel degree from 1 to the ranks of a node
                   on devices of several cores: 1, and every number of cores on whole devices
                   with pipeline stages where degree and stages divide the node's ranks
    on n nodes     tensor parallelism in a node × n stages, and over all of them at once     n = 2, 3, 4, 6, 8
                   fewer ranks a stage and more stages where the heads do not divide
    experts        of each division with several ranks a stage also one that deals out whole experts

All degrees up to the ranks of a GPU node are listed, not only powers of two: a rule that says why 3 does not work is
worth more than silence. Over several nodes there are too many for that, and only what fills the nodes is listed.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from ai_on_eks.catalog.types import Engine, InstanceType
from ai_on_eks.performance.machine import Division
from ai_on_eks.placement.types import ranks_per_accelerator, ranks_per_node

NODE_COUNTS = (2, 3, 4, 6, 8)
"""Nodes of one replica. Eight of eight accelerators hold any model that is published; more nodes fail together more
often than they serve."""

LARGEST_LISTED_DEGREE = 8
"""Up to so many ranks every degree is listed."""


def divisions(instance_type: InstanceType, engine: Engine, *, has_experts: bool) -> tuple[Division, ...]:
    """Every division of a replica over nodes of the type that the engine could make, in a fixed order."""
    accelerator = instance_type.accelerator
    return _divisions(
        ranks_per_node(instance_type),
        ranks_per_accelerator(accelerator) if accelerator else 1,
        has_stages=engine.pipeline_parallel,
        spans_nodes=engine.spans_nodes and accelerator is not None,
        has_experts=has_experts and engine.expert_parallel,
    )


@lru_cache(maxsize=256)
def _divisions(
    ranks: int, cores: int, *, has_stages: bool, spans_nodes: bool, has_experts: bool
) -> tuple[Division, ...]:
    found: list[Division] = []
    for plain in (*_on_one_node(ranks, cores, has_stages=has_stages), *_on_several(ranks, spans_nodes, has_stages)):
        found.append(plain)
        if has_experts and plain.tensor_parallel > 1:
            found.append(
                Division(
                    tensor_parallel=plain.tensor_parallel,
                    pipeline_parallel=plain.pipeline_parallel,
                    expert_parallel=plain.tensor_parallel,
                    nodes=plain.nodes,
                )
            )
    return tuple(found)


def _on_one_node(ranks: int, cores: int, *, has_stages: bool) -> Iterator[Division]:
    for degree in _degrees(ranks, cores):
        yield Division(tensor_parallel=degree)
    if not has_stages:
        return
    for degree in _divisors(ranks):
        for stages in _divisors(ranks // degree):
            if stages > 1:
                yield Division(tensor_parallel=degree, pipeline_parallel=stages)


def _on_several(ranks: int, spans_nodes: bool, has_stages: bool) -> Iterator[Division]:
    if not spans_nodes:
        return
    for nodes in NODE_COUNTS:
        if has_stages:
            for degree in reversed(_divisors(ranks)):
                yield Division(tensor_parallel=degree, pipeline_parallel=ranks // degree * nodes, nodes=nodes)
        yield Division(tensor_parallel=ranks * nodes, nodes=nodes)


def _degrees(ranks: int, cores: int) -> tuple[int, ...]:
    if ranks <= LARGEST_LISTED_DEGREE and cores == 1:
        return tuple(range(1, ranks + 1))
    in_device = [2**power for power in range(cores.bit_length()) if 2**power < cores]
    return tuple(dict.fromkeys((1, *in_device, *range(cores, ranks + 1, cores))))


def _divisors(number: int) -> tuple[int, ...]:
    return tuple(each for each in range(1, number + 1) if number % each == 0)
