"""Which way of getting nodes goes with which `capacity.strategy`: the one place that chooses."""

from __future__ import annotations

from collections.abc import Mapping

from ai_on_eks.aws.managed_groups import managed_groups
from ai_on_eks.aws.node_needs import NodeStrategy
from ai_on_eks.descriptors.platform import CapacityStrategy

NODE_STRATEGIES: Mapping[CapacityStrategy, NodeStrategy] = {CapacityStrategy.MANAGED_NODE_GROUPS: managed_groups}
