"""Accelerators: facts by name, and which of them EC2 means by its own device names."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ai_on_eks.catalog.mig import load_mig_profiles, mig_profiles
from ai_on_eks.catalog.reading import quantity, read
from ai_on_eks.catalog.types import Accelerator, Vendor
from ai_on_eks.units import MIB


class Facts(Struct, frozen=True):
    """One entry of accelerators.json. `complete` = everything is known that an estimate needs."""

    accelerator: Accelerator
    complete: bool
    ec2: Mapping[str, Any]
    link_by_family: Mapping[str, float]

    def matches(self, device: Mapping[str, Any]) -> bool:
        named = self.ec2["name"] == device["name"]
        return named and all(device.get(key) == value for key, value in self.ec2.items())

    def in_family(self, family: str) -> Accelerator:
        """The accelerator as one instance family wires it."""
        if family not in self.link_by_family:
            return self.accelerator
        return replace(self.accelerator, link_bytes_per_second=self.link_by_family[family])


def load_facts() -> Mapping[str, Facts]:
    """Every accelerator by name, sorted."""
    entries, divisions = read("accelerators.json")["accelerators"], load_mig_profiles()
    return MappingProxyType({name: _facts(name, entries[name], divisions.get(name)) for name in sorted(entries)})


def find(facts: Mapping[str, Facts], device: Mapping[str, Any]) -> Facts:
    """The facts about a device that EC2 names; about an unknown one, only what EC2 says."""
    for known in facts.values():
        if known.matches(device):
            return known
    return _unknown(device)


def _facts(name: str, entry: Mapping[str, Any], division: Mapping[str, Any] | None) -> Facts:
    flops, capability = entry["dense_tflops"], entry["compute_capability"]
    usable_memory_bytes = _known(entry["usable_memory"])
    accelerator = Accelerator(
        name=name,
        vendor=Vendor(entry["vendor"]),
        title=entry["title"],
        memory_bytes=int(usable_memory_bytes),
        bandwidth_bytes_per_second=_known(entry["bandwidth"]),
        dense_flops=MappingProxyType({kind: value * 1e12 for kind, value in (flops or {}).items()}),
        link_bytes_per_second=_known(entry["link_bandwidth"]),
        link=entry["link"],
        link_source=entry.get("link_source", ""),
        compute_capability=(capability[0], capability[1]) if capability else None,
        resource_name=entry["resource_name"] or "",
        source=f"{entry['source']} ({entry['date']})",
        mig_profiles=mig_profiles(division, usable_memory_bytes),
        cores=entry.get("cores", 1),
        cores_per_rank=entry.get("cores_per_rank", 1),
        joined_counts=tuple(entry.get("joined_counts", ())),
        generation=entry.get("generation", ""),
        link_domain=entry.get("link_domain", 0),
    )
    complete = all(entry[key] is not None for key in ("usable_memory", "bandwidth", "dense_tflops", "resource_name"))
    links = {family: quantity(text) for family, text in entry.get("link_bandwidth_by_family", {}).items()}
    return Facts(accelerator, complete, entry["ec2"], links)


def _known(text: str | None) -> float:
    """0 stands for 'not published': `Facts.complete` says so, and such a type is never served."""
    return quantity(text) if text is not None else 0.0


def _unknown(device: Mapping[str, Any]) -> Facts:
    title = f"{device['manufacturer']} {device['name']}"
    accelerator = Accelerator(
        name="-".join("".join(letter if letter.isalnum() else " " for letter in title.lower()).split()),
        vendor=Vendor.OTHER,
        title=title,
        memory_bytes=device["memory_mib"] * MIB,
        bandwidth_bytes_per_second=0.0,
        dense_flops=MappingProxyType({}),
        link_bytes_per_second=0.0,
        link="",
        compute_capability=None,
        resource_name="",
        source="EC2 DescribeInstanceTypes",
    )
    return Facts(accelerator, False, device, {})
