"""The marks of nodes: what they are for, their pool, and the taint that keeps everything but models off.

A plan counts on a whole node beside its DaemonSets. Without a taint CoreDNS or a controller may take the room, and the
model's pod stays pending although its node exists. The node groups set the taint and the pods tolerate it: one function
decides for both.
"""

from __future__ import annotations

from ai_on_eks.catalog.types import InstanceType

ROLE_LABEL = "ai-on-eks/role"
SYSTEM_ROLE, MODEL_ROLE = "system", "model"
"""Whether a node is for cluster services or for models."""

CAPACITY_LABEL = "ai-on-eks/capacity"
"""Its value is the name of the pool of nodes, which pods name where an instance type is in several."""

EFA_LABEL = "ai-on-eks/efa"
EFA_LABEL_VALUE = "present"
"""On nodes that have Elastic Fabric Adapters attached: a type that could have them is started without otherwise."""

TAINT_VALUE = "present"
MODELS_TAINT_KEY = "ai-on-eks/models"
"""On nodes without an accelerator."""


def taint_key(instance_type: InstanceType) -> str:
    """The extended resource's name where there is one, because the API server then tolerates it for every pod that asks
    for a device (ExtendedResourceToleration, Kubernetes 1.36), and operators tolerate it by default."""
    accelerator = instance_type.accelerator
    return accelerator.resource_name if accelerator else MODELS_TAINT_KEY
