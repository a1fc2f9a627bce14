"""The objects that models' nodes are started from as a construct."""

from __future__ import annotations

from collections.abc import Mapping

from constructs import Construct

from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.kube.api_object import api_object
from ai_on_eks.kube.manifests import node_manifests
from ai_on_eks.serving.types import Json


class NodeObjects(Construct):
    """Node classes and pools, or whatever else the platform's strategy describes its nodes by."""

    def __init__(self, scope: Construct, id: str, *, platform: Platform, objects: Mapping[str, Json]) -> None:  # noqa: A002 - the constructs' own name
        super().__init__(scope, id)
        for key, manifest in node_manifests(platform, objects).items():
            api_object(self, key, manifest)
