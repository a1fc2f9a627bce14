"""Memory that a node with adapters sets aside for them is not offered to its pods."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from placement_changes import only

from ai_on_eks.catalog.daemonsets import reserved_by_daemonsets
from ai_on_eks.catalog.efa import HUGE_PAGES_BYTES
from ai_on_eks.catalog.loading import Catalog
from ai_on_eks.descriptors.architectures import build_inventory
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.descriptors.schema import Descriptor
from ai_on_eks.placement.planning import plan_model
from ai_on_eks.placement.requirements import resolve
from ai_on_eks.placement.rules.memory import host_memory


@pytest.mark.parametrize(("nodes", "adapters", "is_set_aside"), [(2, 4, True), (1, 4, False), (2, 0, False)])
def test_given_memory_that_just_fits_when_replicas_span_nodes_with_adapters_then_huge_pages_are_missing(
    nodes: int,
    adapters: int,
    is_set_aside: bool,
    models: dict[str, Descriptor],
    catalog: Catalog,
    platform: Platform,
) -> None:
    # GIVEN a replica that takes all that its node offers beside the DaemonSets
    model = models["llama-3-1-8b-instruct"]
    inventory = build_inventory(model)
    placement = plan_model(model, inventory, only(catalog, ["g6e.xlarge"]), platform).chosen
    assert placement is not None
    instance_type = replace(placement.instance_type, efa_interfaces=adapters)
    _cpu, reserved_bytes = reserved_by_daemonsets(instance_type)
    host = replace(placement.memory.host, memory_bytes=instance_type.allocatable_memory_bytes - reserved_bytes)
    full = replace(
        placement,
        instance_type=instance_type,
        nodes_per_replica=nodes,
        memory=replace(placement.memory, host=host),
    )

    # THEN it lacks the huge pages, and only there
    violation = host_memory(full, resolve(model, inventory, platform))
    assert (violation is not None) is is_set_aside
    if violation is not None:
        assert violation.words.shortfall == f"{HUGE_PAGES_BYTES / 2**30:.2f} GiB"
