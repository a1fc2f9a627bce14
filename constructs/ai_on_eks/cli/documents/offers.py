"""What EC2 offers: instance types and accelerators."""

from __future__ import annotations

from typing import Any

from ai_on_eks.catalog.loading import Catalog
from ai_on_eks.catalog.types import Accelerator, InstanceType
from ai_on_eks.cli.documents.prices import price_mapping


def instance_type_mapping(instance_type: InstanceType, catalog: Catalog, region: str) -> dict[str, Any]:
    """One instance type in one region. The catalogue's 0 where a figure is not published is null here."""
    accelerator = instance_type.accelerator
    return {
        "instance_type": instance_type.name,
        "family": instance_type.family,
        "vcpus": instance_type.vcpus,
        "memory_bytes": instance_type.memory_bytes,
        "architecture": instance_type.architecture,
        "accelerator": accelerator.name if accelerator else None,
        "accelerator_count": instance_type.accelerator_count,
        "accelerator_memory_bytes": instance_type.accelerator_memory_bytes or None,
        "network_gbps": instance_type.network_gbps or None,
        "network_cards": instance_type.network_cards or None,
        "efa_interfaces": instance_type.efa_interfaces,
        "local_nvme_bytes": instance_type.local_nvme_bytes,
        "max_pods": instance_type.max_pods or None,
        # Both follow from the number of pods: unknown with it.
        "allocatable_cpu_millicores": instance_type.allocatable_cpu_millicores if instance_type.max_pods else None,
        "allocatable_memory_bytes": instance_type.allocatable_memory_bytes if instance_type.max_pods else None,
        "ami_type": instance_type.ami_type,
        "purchase_routes": [route.value for route in instance_type.purchase_routes],
        "zones": list(catalog.zones(instance_type.name, region)),
        "price": price_mapping(instance_type.price),
        "served": instance_type.served,
        "not_served_reason": instance_type.not_served_reason,
    }


def accelerator_mapping(accelerator: Accelerator) -> dict[str, Any]:
    """One kind of device. The catalogue's 0 and empty text mean that a figure is not published: null here."""
    capability = accelerator.compute_capability
    return {
        "accelerator": accelerator.name,
        "title": accelerator.title,
        "vendor": accelerator.vendor.value,
        "memory_bytes": accelerator.memory_bytes or None,
        "bandwidth_bytes_per_second": accelerator.bandwidth_bytes_per_second or None,
        "dense_flops": dict(accelerator.dense_flops),
        "link": accelerator.link or None,
        "link_bytes_per_second": accelerator.link_bytes_per_second or None,
        "compute_capability": None if capability is None else f"{capability[0]}.{capability[1]}",
        "resource_name": accelerator.resource_name or None,
        "source": accelerator.source,
    }
