"""Which object makes a model's pods, and what it cannot.

    none                Deployment; LeaderWorkerSet where replicas span nodes; RayService where Ray serves
    inference-service   KServe's InferenceService in its standard mode: a Deployment that KServe keeps
    llm-inference-service   KServe's LLMInferenceService: a LeaderWorkerSet that KServe keeps, of as many pods as a
                            replica has nodes

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

LLM_ENGINES = frozenset({"vllm"})
"""Engines that an LLMInferenceService is written for: KServe's own Service of it leads to port 8000, and what is built
around it speaks vLLM's API (pkg/controller/v1alpha2/llmisvc/workload.go, 0.20)."""

LLM_NAME_CHARACTERS = 47
"""A pod is called `<model>-kserve-mn-<replica>-<node>`, which is the name of its host as well: 63 characters, of which
two numbers of two digits are left room for."""

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
            fix="set serving.shape to llm-inference-service, or allow instance types of which one holds a replica"
            if placement.engine.name in LLM_ENGINES
            else "remove serving.shape, or allow instance types of which one holds a replica",
        )
    if shape is Shape.LLM_INFERENCE_SERVICE:
        yield from _llm_problems(descriptor, placement)
    if placement.engine.name == ENGINE:
        yield from _ray_problems(descriptor, platform, placement)


def _llm_problems(descriptor: Descriptor, placement: Placement) -> Iterator[Problem]:
    name, engine = descriptor.name, placement.engine
    if engine.name not in LLM_ENGINES and engine.name != ENGINE:
        yield Problem(
            code="shape-not-served",
            message=f"{engine.title} was chosen for {name}, and an LLMInferenceService is for vLLM alone",
            path="serving.shape",
            value=descriptor.serving.shape,
            allowed=(Shape.INFERENCE_SERVICE,) if placement.nodes_per_replica == 1 else (),
            fix="remove serving.shape, or set constraints.engines to [vllm] where vLLM serves the model",
        )
    yield from _long_name(name, LLM_NAME_CHARACTERS, "an LLMInferenceService may have a name")


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
    yield from _long_name(name, RAY_NAME_CHARACTERS, "KubeRay takes a name")


def _long_name(name: str, most_characters: int, what: str) -> Iterator[Problem]:
    if len(name) > most_characters:
        yield Problem(
            code="shape-not-served",
            message=f"{what} of at most {most_characters} characters",
            path="name",
            value=name,
            fix=f"name: {name[:most_characters].rstrip('-')}",
        )
