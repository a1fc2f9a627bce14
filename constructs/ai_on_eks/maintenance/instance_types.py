"""What EC2 answered about one instance type, reduced to the facts the catalogue uses.

    answer of DescribeInstanceTypes -> selected? -> record (flat, JSON-ready; nothing is computed but sums)

A record says only what EC2 said. Wrong answers are mended at load time by `catalog/data/corrections.json`, where each
correction carries its reason, so that a refresh never hides one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

GENERAL_FAMILIES = tuple(f"{kind}{generation}" for kind in "cmr" for generation in ("7a", "7g", "7i", "8a", "8g", "8i"))
"""Families without an accelerator that the catalogue carries: system nodes and CPU serving, x86-64 and arm64. Their
siblings with local disks, more network or a lower price at a lower baseline serve no model better."""

ACCELERATED_WITHOUT_INFO = ("trn2u",)
"""Accelerated families for which EC2 answers no accelerator section (seen 2026-11 in moto 5.2.5's copy)."""

_ACCELERATOR_SECTIONS = ("GpuInfo", "NeuronInfo", "InferenceAcceleratorInfo", "FpgaInfo", "MediaAcceleratorInfo")

Record = dict[str, Any]


def selected(answer: Mapping[str, Any]) -> bool:
    """Whether the catalogue carries this type: anything with an accelerator, and the general families."""
    family = str(answer["InstanceType"]).partition(".")[0]
    return family in GENERAL_FAMILIES + ACCELERATED_WITHOUT_INFO or any(key in answer for key in _ACCELERATOR_SECTIONS)


def record(answer: Mapping[str, Any]) -> Record:
    """The facts of one type. Sizes keep EC2's own units (MiB, GB, Gbps), which the names carry."""
    network = answer["NetworkInfo"]
    cards = network["NetworkCards"]
    default_card = next(card for card in cards if card["NetworkCardIndex"] == network["DefaultNetworkCardIndex"])
    return {
        "accelerators": _accelerators(answer),
        "architectures": sorted(answer["ProcessorInfo"]["SupportedArchitectures"]),
        "clock_ghz": answer["ProcessorInfo"].get("SustainedClockSpeedInGhz"),
        "cores": answer["VCpuInfo"]["DefaultCores"],
        "default_card_gbps": default_card["BaselineBandwidthInGbps"],
        "default_card_interfaces": default_card["MaximumNetworkInterfaces"],
        "ebs_baseline_mbps": _ebs(answer, "BaselineBandwidthInMbps"),
        "ebs_burst_mbps": _ebs(answer, "MaximumBandwidthInMbps"),
        "efa_interfaces": network.get("EfaInfo", {}).get("MaximumEfaInterfaces", 0),
        "ipv4_per_interface": network["Ipv4AddressesPerInterface"],
        "memory_mib": answer["MemoryInfo"]["SizeInMiB"],
        "network_baseline_gbps": round(sum(card["BaselineBandwidthInGbps"] for card in cards), 3),
        "network_burst_gbps": round(sum(card["PeakBandwidthInGbps"] for card in cards), 3),
        "network_cards": network["MaximumNetworkCards"],
        "network_performance": network["NetworkPerformance"],
        "nvme_disks": sum(disk["Count"] for disk in _nvme(answer).get("Disks", ())),
        "nvme_gb": int(_nvme(answer).get("TotalSizeInGB", 0)),
        "threads_per_core": answer["VCpuInfo"]["DefaultThreadsPerCore"],
        "usage_classes": sorted(answer["SupportedUsageClasses"]),
        "vcpus": answer["VCpuInfo"]["DefaultVCpus"],
    }


def _nvme(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    storage: Mapping[str, Any] = answer.get("InstanceStorageInfo", {})
    return storage if storage.get("NvmeSupport") in ("required", "supported") else {}


def _ebs(answer: Mapping[str, Any], key: str) -> int | None:
    """Of the dedicated path to EBS, in Mbit/s; None for the few old types without one."""
    limit: int | None = answer["EbsInfo"].get("EbsOptimizedInfo", {}).get(key)
    return limit


def _accelerators(answer: Mapping[str, Any]) -> list[Record]:
    """One entry per device model. Inferentia is answered twice (Neuron and the older inference section): once here."""
    devices = [
        _device("gpu", gpu["Manufacturer"], gpu) | {"partition": gpu.get("GpuPartitionSize", 1.0)}
        for gpu in answer.get("GpuInfo", {}).get("Gpus", ())
    ]
    neuron = answer.get("NeuronInfo", {}).get("NeuronDevices", ())
    devices += [_device("neuron", "AWS", device) | {"cores": device["CoreInfo"]["Count"]} for device in neuron]
    sections = [("fpga", answer.get("FpgaInfo", {}).get("Fpgas", ()))]
    sections.append(("media", answer.get("MediaAcceleratorInfo", {}).get("Accelerators", ())))
    if not neuron:
        sections.append(("inference", answer.get("InferenceAcceleratorInfo", {}).get("Accelerators", ())))
    for kind, members in sections:
        devices += [_device(kind, member["Manufacturer"], member) for member in members]
    return sorted(devices, key=lambda device: (device["kind"], device["name"]))


def _device(kind: str, manufacturer: str, answer: Mapping[str, Any]) -> Record:
    return {
        "count": answer["Count"],
        "kind": kind,
        "manufacturer": manufacturer,
        "memory_mib": answer["MemoryInfo"]["SizeInMiB"],
        "name": answer["Name"],
    }
