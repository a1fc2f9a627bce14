"""The objects that tell Karpenter which nodes it may start."""

from __future__ import annotations

from collections.abc import Sequence

from ai_on_eks.aws.helm_release import Json
from ai_on_eks.aws.karpenter.node_class import class_reference, node_class
from ai_on_eks.aws.node_groups import NodeGroupSpec
from ai_on_eks.aws.node_placement import waits_for_group
from ai_on_eks.aws.node_pools import node_pool
from ai_on_eks.aws.node_tags import node_tags
from ai_on_eks.descriptors.platform import Platform

EXPIRE_AFTER = "720h"
"""Age at which a node is replaced, Karpenter's own default: a month, so that nothing depends on a node's age."""


def karpenter_objects(platform: Platform, specs: Sequence[NodeGroupSpec]) -> dict[str, Json]:
    """A class and a pool for each request, by construct id; a class stands before the pool that names it. What waits
    for its placement group has neither."""
    tags = node_tags(platform)
    objects: dict[str, Json] = {}
    for spec in specs:
        if waits_for_group(spec):
            continue
        objects[f"NodeClass-{spec.name}"] = node_class(spec, platform, tags)
        objects[f"NodePool-{spec.name}"] = node_pool(
            spec, class_reference=class_reference(spec), expire_after=EXPIRE_AFTER
        )
    return objects
