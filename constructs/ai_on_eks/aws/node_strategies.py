"""Which way of getting nodes goes with which strategy, and which pools with it: the one place that chooses.

in AWS           NODE_STRATEGIES
in the cluster   NODE_OBJECTS; the controllers that read them are releases of the platform (platform_releases)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ai_on_eks.aws.auto_mode.nodes import auto_mode_nodes
from ai_on_eks.aws.auto_mode.objects import auto_mode_objects
from ai_on_eks.aws.helm_release import Json
from ai_on_eks.aws.karpenter.nodes import karpenter_nodes
from ai_on_eks.aws.karpenter.objects import karpenter_objects
from ai_on_eks.aws.managed_groups import managed_groups
from ai_on_eks.aws.node_groups import NodeGroupSpec
from ai_on_eks.aws.node_needs import NodeStrategy
from ai_on_eks.aws.node_placement import waits_for_group
from ai_on_eks.descriptors.platform import CapacityStrategy, Platform

NODE_STRATEGIES: Mapping[CapacityStrategy, NodeStrategy] = {
    CapacityStrategy.MANAGED_NODE_GROUPS: managed_groups,
    CapacityStrategy.KARPENTER: karpenter_nodes,
    CapacityStrategy.AUTO_MODE: auto_mode_nodes,
}

NodeObjects = Callable[[Platform, Sequence[NodeGroupSpec]], dict[str, Json]]

NODE_OBJECTS: Mapping[CapacityStrategy, NodeObjects] = {
    CapacityStrategy.KARPENTER: karpenter_objects,
    CapacityStrategy.AUTO_MODE: auto_mode_objects,
}


def by_strategy(
    platform: Platform, specs: Sequence[NodeGroupSpec]
) -> dict[CapacityStrategy, tuple[NodeGroupSpec, ...]]:
    """The models' nodes by what starts them; the platform's own strategy first, and there even without any."""
    return {
        strategy: tuple(spec for spec in specs if platform.capacity.strategy_of(spec.pool) is strategy)
        for strategy in platform.capacity.strategies
    }


def node_objects(platform: Platform, specs: Sequence[NodeGroupSpec]) -> dict[str, Json]:
    """Objects by construct id that describe the models' nodes; none where EKS is told of them directly."""
    objects: dict[str, Json] = {}
    for strategy, own in by_strategy(platform, specs).items():
        make = NODE_OBJECTS.get(strategy)
        objects |= make(platform, own) if make else {}
    return objects


def waiting_pools(platform: Platform, specs: Sequence[NodeGroupSpec]) -> tuple[str, ...]:
    """Pools that `node_objects` leaves out, because the name of their placement group is not known; sorted."""
    described = by_strategy(platform, specs).get(CapacityStrategy.KARPENTER, ())
    return tuple(sorted({spec.pool for spec in described if waits_for_group(spec)}))
