"""EC2NodeClass (karpenter.k8s.aws/v1): how an instance of one capacity request starts.

The same disks, interfaces, metadata service and tags as the launch template of a managed node group, in Karpenter's
words. The bootstrap configuration is Karpenter's own. Nodes that exchange over EFA stand in one zone, in a cluster
placement group (see `aws.node_placement`) and in the security group that EKS makes, which has the rules EFA needs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ai_on_eks.aws.bottlerocket import DATA_DEVICE, OS_DEVICE, bottlerocket_user_data
from ai_on_eks.aws.helm_release import Json
from ai_on_eks.aws.karpenter.names import instance_profile_name
from ai_on_eks.aws.launch_template import (
    HOP_LIMIT,
    ROOT_DEVICE,
    ROOT_VOLUME_BESIDE_LOCAL_DISKS_GIB,
    root_volume_performance,
    uses_local_disks,
)
from ai_on_eks.aws.node_groups import NodeGroupSpec
from ai_on_eks.aws.node_places import security_group_terms, subnet_terms
from ai_on_eks.aws.user_data import al2023_user_data
from ai_on_eks.catalog.efa import efa_interfaces
from ai_on_eks.catalog.node_images import image_alias
from ai_on_eks.descriptors.platform import OperatingSystem, Platform

API_GROUP = "karpenter.k8s.aws"
KIND = "EC2NodeClass"

SYSTEM_VOLUME_GIB = 4
"""Of Bottlerocket's read-only volume; Karpenter's own default (Karpenter 1.15, NodeClasses)."""


def class_reference(spec: NodeGroupSpec) -> Json:
    """What the request's pool names."""
    return {"group": API_GROUP, "kind": KIND, "name": spec.name}


def node_class(spec: NodeGroupSpec, platform: Platform, tags: Mapping[str, str]) -> Json:
    """The class of one capacity request; a reservation belongs to one request alone, so no class is shared."""
    local_disks = uses_local_disks(spec.instance_type, spec.root_volume_gib)
    selected: dict[str, Any] = {}
    if spec.reservation_id is not None:
        selected["capacityReservationSelectorTerms"] = [{"id": spec.reservation_id}]
    if local_disks:
        selected["instanceStorePolicy"] = "RAID0"
    if spec.efa:
        selected["networkInterfaces"] = [
            {"networkCardIndex": one.card, "deviceIndex": one.device, "interfaceType": one.kind}
            for one in efa_interfaces(spec.instance_type)
        ]
    if spec.placement_group is not None:
        selected["placementGroupSelector"] = {"name": spec.placement_group}
    user_data = _user_data(spec)
    if user_data is not None:
        selected["userData"] = user_data
    return {
        "apiVersion": f"{API_GROUP}/v1",
        "kind": KIND,
        "metadata": {"name": spec.name},
        "spec": {
            "instanceProfile": instance_profile_name(platform),
            "amiSelectorTerms": [{"alias": image_alias(platform.capacity.operating_system)}],
            "subnetSelectorTerms": subnet_terms(platform),
            "securityGroupSelectorTerms": security_group_terms(platform),
            **selected,
            "blockDeviceMappings": _volumes(spec, local_disks=local_disks),
            "metadataOptions": {
                "httpEndpoint": "enabled",
                "httpProtocolIPv6": "disabled",
                "httpTokens": "required",
                "httpPutResponseHopLimit": HOP_LIMIT,
            },
            "tags": {**tags, "Name": f"{platform.name}-{spec.name}"},
        },
    }


def _user_data(spec: NodeGroupSpec) -> str | None:
    """The disks are Karpenter's to arrange, by the policy; the rest of a node's start is as everywhere."""
    if spec.system is OperatingSystem.BOTTLEROCKET:
        return bottlerocket_user_data(spec.instance_type, local_disks=False, partition=spec.partition, efa=spec.efa)
    return al2023_user_data(spec.instance_type, local_disks=False, efa=spec.efa, lustre_over_efa=spec.lustre_over_efa)


def _volumes(spec: NodeGroupSpec, *, local_disks: bool) -> list[Json]:
    """On Bottlerocket the system has a volume of its own, and the node's is the other."""
    if spec.system is not OperatingSystem.BOTTLEROCKET:
        return [_root_volume(spec, ROOT_DEVICE, local_disks=local_disks)]
    system = {
        "volumeType": "gp3",
        "volumeSize": f"{SYSTEM_VOLUME_GIB}Gi",
        "encrypted": True,
        "deleteOnTermination": True,
    }
    return [{"deviceName": OS_DEVICE, "ebs": system}, _root_volume(spec, DATA_DEVICE, local_disks=local_disks)]


def _root_volume(spec: NodeGroupSpec, device: str, *, local_disks: bool) -> Json:
    """Sized and tuned as in `aws.launch_template`, where the reasons stand."""
    size_gib = ROOT_VOLUME_BESIDE_LOCAL_DISKS_GIB if local_disks else spec.root_volume_gib
    iops, throughput = root_volume_performance(unpacks_images=not local_disks)
    return {
        "deviceName": device,
        "rootVolume": True,
        "ebs": {
            "volumeType": "gp3",
            "volumeSize": f"{size_gib}Gi",
            "iops": iops,
            "throughput": throughput,
            "encrypted": True,
            "deleteOnTermination": True,
        },
    }
