"""Which nodes reach FSx for Lustre by Elastic Fabric Adapter, read from `data/lustre_efa.json`."""

from __future__ import annotations

from collections.abc import Mapping

from ai_on_eks.catalog.reading import read
from ai_on_eks.catalog.types import InstanceType

FILE = "lustre_efa.json"


def why_not_by_efa(instance_type: InstanceType) -> str | None:
    """What keeps a node of this type with adapters from being such a client; None where nothing does."""
    data, family = read(FILE), instance_type.family
    if instance_type.efa_interfaces == 0:
        return "has no Elastic Fabric Adapter"
    if family in data["excluded_families"]:
        return "is of a family that FSx leaves out"
    version = data["nitro_versions"].get(family)
    if version is None:
        return "is of a family whose Nitro version is not known"
    if version < data["least_nitro_version"]:
        return f"is of Nitro version {version}, and FSx asks for {data['least_nitro_version']}"
    return None


def lustre_adapters(instance_type: InstanceType) -> int:
    """Adapters of a node that Lustre takes, as AWS's own set-up does: more are faster, and each is a connection. 0 for
    a type that is no such client."""
    if why_not_by_efa(instance_type) is not None:
        return 0
    data = read(FILE)
    of_the_kind = data["adapters_of_one_card" if instance_type.network_cards <= 1 else "adapters_of_several_cards"]
    wanted: int = data["adapters"].get(instance_type.name, of_the_kind)
    return min(wanted, instance_type.efa_interfaces)


def most_connections() -> int:
    """Adapters of all clients together that one file system takes."""
    return int(read(FILE)["most_connections"])


def peer_credits() -> int:
    """Messages to one server that an adapter has under way at most."""
    return int(read(FILE)["peer_credits"])


def least_module_versions(instance_type: InstanceType) -> Mapping[str, str]:
    """Kernel modules whose version matters on this type, with the lowest that will do."""
    versions = read(FILE)["least_module_versions"]
    network = versions["kefalnd"].get(instance_type.family)
    return {"efa": versions["efa"], **({} if network is None else {"kefalnd": network})}
