"""Pools and the classes that they name. All good."""

from __future__ import annotations

import copy
from typing import Any

from review_sample import Json, Sample

LOCKED_MEMORY = """MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="//"

--//
Content-Type: text/x-shellscript

#!/bin/bash
mkdir -p /etc/systemd/system/containerd.service.d
printf '[Service]\\nLimitMEMLOCK=infinity\\n' > /etc/systemd/system/containerd.service.d/memory.conf

--//--
"""


def gpu_pool() -> Json:
    """Of Karpenter, with a class called gpu."""
    return {
        "apiVersion": "karpenter.sh/v1",
        "kind": "NodePool",
        "metadata": {"name": "gpu"},
        "spec": {
            "limits": {"nvidia.com/gpu": "16"},
            "disruption": {"consolidationPolicy": "WhenEmpty", "consolidateAfter": "10m"},
            "template": {
                "spec": {
                    "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "gpu"},
                    "taints": [{"key": "nvidia.com/gpu", "effect": "NoSchedule"}],
                    "requirements": [
                        {"key": "node.kubernetes.io/instance-type", "operator": "In", "values": ["g6e.12xlarge"]},
                        {"key": "karpenter.k8s.aws/instance-gpu-count", "operator": "Gt", "values": ["1"]},
                    ],
                }
            },
        },
    }


def gpu_class() -> Json:
    """The class of `gpu_pool`."""
    return {
        "apiVersion": "karpenter.k8s.aws/v1",
        "kind": "EC2NodeClass",
        "metadata": {"name": "gpu"},
        "spec": {
            "role": "node",
            "amiSelectorTerms": [{"alias": "al2023@v20260714"}],
            "metadataOptions": {"httpTokens": "required", "httpPutResponseHopLimit": 1},
            "blockDeviceMappings": [{"deviceName": "/dev/xvda", "ebs": {"encrypted": True, "volumeSize": "300Gi"}}],
        },
    }


def pools() -> Sample:
    """Pools on reservations, of a fixed size and of Auto Mode, each with its class."""

    def pool(name: str, group: str, kind: str, *capacity_types: str, **spec: Any) -> Json:
        whole = gpu_pool()
        whole["metadata"]["name"] = name
        template = whole["spec"]["template"]["spec"]
        template["nodeClassRef"] = {"group": group, "kind": kind, "name": name}
        template["requirements"] = [
            {"key": "node.kubernetes.io/instance-type", "operator": "In", "values": ["p5.48xlarge"]},
            {"key": "karpenter.sh/capacity-type", "operator": "In", "values": [*capacity_types]},
        ]
        whole["spec"]["template"]["metadata"] = {"labels": {"team": "ml"}}
        whole["spec"] |= spec
        return whole

    reserved, fixed = gpu_class(), gpu_class()
    reserved["metadata"]["name"], fixed["metadata"]["name"] = "reserved", "fixed"
    reserved["spec"] |= {
        "subnetSelectorTerms": [{"id": "subnet-1"}, {"tags": {"a": "b", "c": "d"}}],
        "securityGroupSelectorTerms": [{"tags": {"a": "b"}}],
        "capacityReservationSelectorTerms": [{"id": "cr-0123456789abcdef0"}],
        "networkInterfaces": [
            {"networkCardIndex": 0, "deviceIndex": 0, "interfaceType": "interface"},
            {"networkCardIndex": 0, "deviceIndex": 1, "interfaceType": "efa-only"},
            {"networkCardIndex": 1, "deviceIndex": 0, "interfaceType": "efa-only"},
        ],
        "placementGroupSelector": {"name": "near"},
        "userData": LOCKED_MEMORY,
        "tags": {"team": "ml"},
    }
    near = copy.deepcopy(reserved)
    near["metadata"]["name"] = "near"
    del near["spec"]["capacityReservationSelectorTerms"]
    paid_for = copy.deepcopy(reserved)  # and made in no group
    paid_for["metadata"]["name"] = "paid-for"
    del paid_for["spec"]["placementGroupSelector"]
    automatic_class = {
        "apiVersion": "eks.amazonaws.com/v1",
        "kind": "NodeClass",
        "metadata": {"name": "automatic"},
        "spec": {
            "role": "node",
            "subnetSelectorTerms": [{"tags": {"a": "b"}}],
            "securityGroupSelectorTerms": [{"tags": {"a": "b"}}],
            "ephemeralStorage": {"size": "80Gi", "iops": 3000, "throughput": 125},
            "placementGroupSelector": {"id": "pg-1"},
            "advancedNetworking": {"networkInterfaces": reserved["spec"]["networkInterfaces"][:2]},
            "tags": {"team": "ml"},
        },
    }
    karpenter, auto_mode = ("karpenter.k8s.aws", "EC2NodeClass"), ("eks.amazonaws.com", "NodeClass")
    built_in = pool("default", *auto_mode, "on-demand")
    automatic_pool = pool("automatic", *auto_mode, "on-demand", "spot")
    automatic_pool["spec"]["template"]["spec"]["expireAfter"] = "504h"
    bodies = [
        reserved, pool("reserved", *karpenter, "reserved"),
        near, pool("near", *karpenter, "on-demand"), paid_for,
        fixed, pool("fixed", *karpenter, "on-demand", replicas=2, limits={"nodes": 2}),
        automatic_class, automatic_pool, built_in,
    ]  # fmt: skip
    return Sample({}, {"pools.yaml": bodies})
