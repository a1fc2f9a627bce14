"""NodeClass (eks.amazonaws.com/v1): how an instance of one capacity request starts in Auto Mode.

Image, metadata service and encryption are Auto Mode's own. It puts images and pods on the type's NVMe disks where
`ephemeralStorage.size` is less than these hold, and else on a volume of that size (EKS user guide,
automode-learn-instances, 2026-11); so the size here is small where the disks carry everything.
"""

from __future__ import annotations

from collections.abc import Mapping

from ai_on_eks.aws.auto_mode.names import node_role_name
from ai_on_eks.aws.helm_release import Json
from ai_on_eks.aws.launch_template import (
    ROOT_VOLUME_BESIDE_LOCAL_DISKS_GIB,
    root_volume_performance,
    uses_local_disks,
)
from ai_on_eks.aws.node_groups import NodeGroupSpec
from ai_on_eks.aws.node_places import security_group_terms, subnet_terms
from ai_on_eks.descriptors.platform import Platform

API_GROUP = "eks.amazonaws.com"
KIND = "NodeClass"


def class_reference(spec: NodeGroupSpec) -> Json:
    """What the request's pool names."""
    return {"group": API_GROUP, "kind": KIND, "name": spec.name}


def node_class(spec: NodeGroupSpec, platform: Platform, tags: Mapping[str, str]) -> Json:
    """The class of one capacity request; a reservation belongs to one request alone, so no class is shared."""
    reserved = (
        {} if spec.reservation_id is None else {"capacityReservationSelectorTerms": [{"id": spec.reservation_id}]}
    )
    placed = {} if spec.placement_group is None else {"placementGroupSelector": {"name": spec.placement_group}}
    return {
        "apiVersion": f"{API_GROUP}/v1",
        "kind": KIND,
        "metadata": {"name": spec.name},
        "spec": {
            "role": node_role_name(platform),
            "subnetSelectorTerms": subnet_terms(platform),
            "securityGroupSelectorTerms": security_group_terms(platform),
            **reserved,
            **placed,
            "networkPolicy": "DefaultAllow",
            "networkPolicyEventLogs": "Disabled",
            "ephemeralStorage": _storage(spec),
            "tags": dict(tags),
        },
    }


def _storage(spec: NodeGroupSpec) -> Json:
    """Sized and tuned as in `aws.launch_template`, where the reasons stand."""
    local_disks = uses_local_disks(spec.instance_type, spec.root_volume_gib)
    iops, throughput = root_volume_performance(unpacks_images=not local_disks)
    size_gib = ROOT_VOLUME_BESIDE_LOCAL_DISKS_GIB if local_disks else spec.root_volume_gib
    return {"size": f"{size_gib}Gi", "iops": iops, "throughput": throughput}
