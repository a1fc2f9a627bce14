"""The chart of what models' nodes are started from."""

from __future__ import annotations

from collections.abc import Mapping

from cdk8s import Chart
from constructs import Construct

from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.kube.nodes import NodeObjects
from ai_on_eks.serving.types import Json


class NodesChart(Chart):
    """Applied before any model and removed after the last, while what starts nodes still runs."""

    def __init__(self, scope: Construct, id: str, *, platform: Platform, objects: Mapping[str, Json]) -> None:  # noqa: A002 - the constructs' own name
        super().__init__(scope, id)
        self.nodes = NodeObjects(self, "Nodes", platform=platform, objects=objects)
