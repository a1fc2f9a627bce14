"""What DaemonSets take of every node before a model's pod gets anything.

    free for a model = allocatable − Σ over DaemonSets on that node

Placement refuses what does not fit into this and serving requests within it; both read the one table in
`data/daemonsets.json`. The scheduler itself only counts *requests*, and several of these request nothing: their use is
reserved all the same, or a pod that asks for every remaining byte would push the node into eviction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ai_on_eks.catalog.model import Catalog
from ai_on_eks.catalog.reading import read
from ai_on_eks.catalog.types import InstanceType, Vendor
from ai_on_eks.units import MIB


class DaemonSet(Struct, frozen=True):
    """One pod that runs on every node it is meant for.

    cpu_millicores, memory_bytes  the request where there is one, else the use we set aside
    vendor                        None = every node, else only nodes with that vendor's accelerators
    efa                           only nodes of types with Elastic Fabric Adapters, attached or not
    source                        where the figure is published, or `assumption` and its reason
    """

    name: str
    cpu_millicores: int
    memory_bytes: int
    vendor: Vendor | None
    efa: bool
    source: str


@cache
def load_daemonsets() -> tuple[DaemonSet, ...]:
    """Every DaemonSet, by name."""
    return tuple(_daemonset(name, entry) for name, entry in sorted(read("daemonsets.json")["daemonsets"].items()))


@cache
def load_drivers() -> Mapping[str, DaemonSet]:
    """Those of storage drivers, by the section of the platform file that brings them."""
    return {name: _daemonset(name, entry) for name, entry in sorted(read("daemonsets.json")["drivers"].items())}


def beside_drivers(catalog: Catalog, sections: Iterable[str]) -> Catalog:
    """The catalogue of a platform with these drivers on every node: what they take, no model can be planned on."""
    drivers = [load_drivers()[section] for section in sections]
    if not drivers:
        return catalog
    millicores = sum(one.cpu_millicores for one in drivers)
    memory_bytes = sum(one.memory_bytes for one in drivers)
    types = {
        name: replace(
            kind,
            allocatable_cpu_millicores=max(0, kind.allocatable_cpu_millicores - millicores),
            allocatable_memory_bytes=max(0, kind.allocatable_memory_bytes - memory_bytes),
            max_pods=max(0, kind.max_pods - len(drivers)),
        )
        for name, kind in catalog.instance_types.items()
    }
    return replace(catalog, instance_types=MappingProxyType(types))


def _daemonset(name: str, entry: Mapping[str, Any]) -> DaemonSet:
    return DaemonSet(
        name=name,
        cpu_millicores=entry["cpu_millicores"],
        memory_bytes=entry["memory_mib"] * MIB,
        vendor=Vendor(entry["vendor"]) if entry["vendor"] else None,
        efa=entry.get("efa", False),
        source=entry["source"],
    )


def daemonsets_on(instance_type: InstanceType) -> tuple[DaemonSet, ...]:
    """Those that run on a node of this type, by name."""
    vendor = instance_type.accelerator.vendor if instance_type.accelerator else None
    return _daemonsets_on(vendor, has_efa=instance_type.efa_interfaces > 0)


def reserved_by_daemonsets(instance_type: InstanceType) -> tuple[int, int]:
    """Processor time in millicores and memory in bytes that no model may request on a node of this type."""
    vendor = instance_type.accelerator.vendor if instance_type.accelerator else None
    return _reserved(vendor, has_efa=instance_type.efa_interfaces > 0)


@cache
def _daemonsets_on(vendor: Vendor | None, *, has_efa: bool) -> tuple[DaemonSet, ...]:
    return tuple(one for one in load_daemonsets() if one.vendor in (None, vendor) and (has_efa or not one.efa))


@cache
def _reserved(vendor: Vendor | None, *, has_efa: bool) -> tuple[int, int]:
    daemonsets = _daemonsets_on(vendor, has_efa=has_efa)
    return (
        sum(daemonset.cpu_millicores for daemonset in daemonsets),
        sum(daemonset.memory_bytes for daemonset in daemonsets),
    )
