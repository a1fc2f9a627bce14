"""Which object makes a model's pods, and what it cannot.

    none                Deployment; LeaderWorkerSet where replicas span nodes; RayService where Ray serves
    inference-service   KServe's InferenceService in its standard mode: a Deployment that KServe keeps

The pods are the same in every shape: what was planned is what runs.
"""

from __future__ import annotations

from collections.abc import Iterator

from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.descriptors.schema import Descriptor, Shape
from ai_on_eks.errors import Problem
from ai_on_eks.placement.types import Placement
from ai_on_eks.serving.autoscaling import replica_range
from ai_on_eks.serving.ray_cluster import ENGINE

ALONE = frozenset({Shape.INFERENCE_SERVICE})
"""Shapes whose replicas are one pod each."""

RAY_NAME_CHARACTERS = 47
"""KubeRay refuses longer ones: 53 of a RayCluster, of which it appends six to the name (ray-operator/controllers/ray/
utils/constant.go)."""


def shape_problems(descriptor: Descriptor, platform: Platform, placement: Placement) -> Iterator[Problem]:
    """What was asked for and cannot be made."""
    shape = descriptor.serving.shape
    if shape in ALONE and placement.nodes_per_replica > 1:
        nodes = placement.nodes_per_replica
        yield Problem(
            code="shape-not-served",
            message=f"a replica of {descriptor.name} spans {nodes} nodes, and a pod of this shape has one",
            path="serving.shape",
            value=shape,
            fix="remove serving.shape, or allow instance types of which one holds a replica",
        )
    if placement.engine.name == ENGINE:
        yield from _ray_problems(descriptor, platform, placement)


def _ray_problems(descriptor: Descriptor, platform: Platform, placement: Placement) -> Iterator[Problem]:
    name, title = descriptor.name, placement.engine.title
    if descriptor.serving.shape is not None:
        yield Problem(
            code="shape-not-served",
            message=f"{title} runs in the pods of a RayService alone",
            path="serving.shape",
            value=descriptor.serving.shape,
            fix="remove serving.shape, or constraints.engines",
        )
    least, most = replica_range(descriptor, placement)
    if platform.autoscaling.is_on and least != most:
        yield Problem(
            code="shape-not-served",
            message=f"the replicas of {name} belong to one cluster of Ray, whose pods no autoscaler here counts",
            path="serving.maximum_replicas",
            value=most,
            fix="remove minimum_replicas and maximum_replicas, or constraints.engines",
        )
    if len(name) > RAY_NAME_CHARACTERS:
        yield Problem(
            code="shape-not-served",
            message=f"KubeRay takes names of at most {RAY_NAME_CHARACTERS} characters",
            path="name",
            value=name,
            fix=f"name: {name[:RAY_NAME_CHARACTERS].rstrip('-')}",
        )
