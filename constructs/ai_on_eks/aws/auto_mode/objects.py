"""The objects that tell Auto Mode which nodes it may start for models."""

from __future__ import annotations

from collections.abc import Sequence

from ai_on_eks.aws.auto_mode.checks import check_auto_mode
from ai_on_eks.aws.auto_mode.node_class import class_reference, node_class
from ai_on_eks.aws.helm_release import Json
from ai_on_eks.aws.node_groups import NodeGroupSpec
from ai_on_eks.aws.node_pools import node_pool
from ai_on_eks.aws.node_tags import node_tags
from ai_on_eks.descriptors.platform import Platform

EXPIRE_AFTER = "336h"
"""Age at which a node is replaced, Auto Mode's own default; it lets none grow older than 21 days (EKS user guide,
automode, 2026-11)."""

NETWORK_POLICY: Json = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "amazon-vpc-cni", "namespace": "kube-system"},
    "data": {"enable-network-policy-controller": "true"},
}
"""Without it the cluster takes network policies and enforces none (EKS user guide, auto-net-pol, 2026-11)."""


def auto_mode_objects(platform: Platform, specs: Sequence[NodeGroupSpec]) -> dict[str, Json]:
    """The switch of network policies, then a class and a pool for each request, by construct id."""
    check_auto_mode(specs)
    tags = node_tags(platform)
    objects: dict[str, Json] = {"NetworkPolicy": NETWORK_POLICY}
    for spec in specs:
        objects[f"NodeClass-{spec.name}"] = node_class(spec, platform, tags)
        objects[f"NodePool-{spec.name}"] = node_pool(
            spec, class_reference=class_reference(spec), expire_after=EXPIRE_AFTER
        )
    return objects
