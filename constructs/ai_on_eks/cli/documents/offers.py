"""What EC2 offers: instance types and accelerators."""

from __future__ import annotations

from typing import Any

from ai_on_eks.catalog.loading import Catalog
from ai_on_eks.catalog.types import Accelerator, InstanceType, MigProfile
from ai_on_eks.cli.documents.prices import price_mapping


def instance_type_mapping(instance_type: InstanceType, catalog: Catalog, region: str) -> dict[str, Any]:
    """One instance type in one region. The catalogue's 0 where a figure is not published is null here."""
    return {
        "instance_type": instance_type.name,
        "family": instance_type.family,
        "vcpus": instance_type.vcpus,
        "memory_bytes": instance_type.memory_bytes,
        "architecture": instance_type.architecture,
        "max_pods": instance_type.max_pods or None,
        # Both follow from the number of pods: unknown with it.
        "allocatable_cpu_millicores": instance_type.allocatable_cpu_millicores if instance_type.max_pods else None,
        "allocatable_memory_bytes": instance_type.allocatable_memory_bytes if instance_type.max_pods else None,
        **_accelerators(instance_type),
        **_paths(instance_type),
        "ami_type": instance_type.ami_type,
        "bottlerocket_ami_type": instance_type.bottlerocket_ami_type,
        "zones": list(catalog.zones(instance_type.name, region)),
        "purchase_routes": [route.value for route in instance_type.purchase_routes],
        "price": price_mapping(instance_type.price),
        "spot_price": price_mapping(instance_type.spot_price),
        "capacity_block_price": price_mapping(instance_type.capacity_block_price),
        "vcpu_quota_code": instance_type.vcpu_quota_code,
        "spot_vcpu_quota_code": instance_type.spot_vcpu_quota_code,
        "served": instance_type.served,
        "not_served_reason": instance_type.not_served_reason,
    }


def accelerator_mapping(accelerator: Accelerator) -> dict[str, Any]:
    """One kind of device. The catalogue's 0 and empty text mean that a figure is not published: null here."""
    return {
        "accelerator": accelerator.name,
        "title": accelerator.title,
        "vendor": accelerator.vendor.value,
        "generation": accelerator.generation or None,
        "memory_bytes": accelerator.memory_bytes or None,
        "bandwidth_bytes_per_second": accelerator.bandwidth_bytes_per_second or None,
        "dense_flops": dict(accelerator.dense_flops),
        **_link(accelerator),
        "link_source": accelerator.link_source or None,
        "compute_capability": _capability(accelerator),
        "cores": accelerator.cores,
        "cores_per_rank": accelerator.cores_per_rank,
        "resource_name": accelerator.resource_name or None,
        "mig_profiles": [_mig_profile(profile) for profile in accelerator.mig_profiles],
        "source": accelerator.source,
    }


def _accelerators(instance_type: InstanceType) -> dict[str, Any]:
    accelerator = instance_type.accelerator
    return {
        "accelerator": accelerator.name if accelerator else None,
        "accelerator_count": instance_type.accelerator_count,
        "accelerator_share": instance_type.accelerator_share if accelerator else None,
        "accelerator_memory_bytes": instance_type.accelerator_memory_bytes or None,
        "compute_capability": _capability(accelerator) if accelerator else None,
        **(_link(accelerator) if accelerator else {"link": None, "link_bytes_per_second": None}),
        "resource_name": accelerator.resource_name or None if accelerator else None,
        "shows_accelerator": instance_type.shows_accelerator,
        "mig_profiles": [profile.name for profile in accelerator.mig_profiles] if accelerator else [],
    }


def _paths(instance_type: InstanceType) -> dict[str, Any]:
    return {
        "network_gbps": instance_type.network_gbps or None,
        "network_burst_gbps": instance_type.network_burst_gbps or None,
        "pod_network_gbps": instance_type.pod_network_gbps or None,
        "network_cards": instance_type.network_cards or None,
        "efa_interfaces": instance_type.efa_interfaces,
        "efa_gbps": instance_type.efa_gbps,
        "ebs_baseline_bytes_per_second": instance_type.ebs_baseline_bytes_per_second or None,
        "ebs_burst_bytes_per_second": instance_type.ebs_burst_bytes_per_second or None,
        "local_nvme_disks": instance_type.local_nvme_disks,
        "local_nvme_bytes": instance_type.local_nvme_bytes,
    }


def _link(accelerator: Accelerator) -> dict[str, Any]:
    return {
        "link": accelerator.link or None,
        "link_bytes_per_second": accelerator.link_bytes_per_second or None,
    }


def _capability(accelerator: Accelerator) -> str | None:
    capability = accelerator.compute_capability
    return None if capability is None else f"{capability[0]}.{capability[1]}"


def _mig_profile(profile: MigProfile) -> dict[str, Any]:
    return {
        "name": profile.name,
        "compute_slices": profile.compute_slices,
        "memory_slices": profile.memory_slices,
        "most_per_device": profile.most_per_device,
        "memory_bytes": profile.memory_bytes or None,
    }
