"""Which object makes a model's pods, and what it cannot.

    none                Deployment; LeaderWorkerSet where replicas span nodes
    inference-service   KServe's InferenceService in its standard mode: a Deployment that KServe keeps

The pods are the same in every shape: what was planned is what runs.
"""

from __future__ import annotations

from ai_on_eks.descriptors.schema import Descriptor, Shape
from ai_on_eks.errors import Problem
from ai_on_eks.placement.types import Placement

ALONE = frozenset({Shape.INFERENCE_SERVICE})
"""Shapes whose replicas are one pod each."""


def shape_problems(descriptor: Descriptor, placement: Placement) -> tuple[Problem, ...]:
    """What was asked for and cannot be made."""
    shape = descriptor.serving.shape
    if shape in ALONE and placement.nodes_per_replica > 1:
        nodes = placement.nodes_per_replica
        return (
            Problem(
                code="shape-not-served",
                message=f"a replica of {descriptor.name} spans {nodes} nodes, and a pod of this shape has one",
                path="serving.shape",
                value=shape,
                fix="remove serving.shape, or allow instance types of which one holds a replica",
            ),
        )
    return ()
