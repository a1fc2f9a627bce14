"""Where adapters lie on the cards of a node."""

from __future__ import annotations

import pytest

from ai_on_eks.catalog.efa import Interface, efa_interfaces
from ai_on_eks.catalog.loading import load_catalog
from ai_on_eks.catalog.types import InstanceType
from ai_on_eks.errors import InputError

TYPES = load_catalog("us-east-1").instance_types
WITH_EFA = sorted(name for name, kind in TYPES.items() if kind.served and kind.efa_interfaces)


@pytest.mark.parametrize("name", WITH_EFA)
def test_every_adapter_has_a_place_of_its_own_and_the_node_an_address(name: str) -> None:
    kind = TYPES[name]
    interfaces = efa_interfaces(kind)
    assert interfaces[0] == Interface(0, 0, "interface")
    assert sum(one.kind == "efa-only" for one in interfaces) == kind.efa_interfaces
    assert len({(one.card, one.device) for one in interfaces}) == len(interfaces)
    assert {one.card for one in interfaces} == set(range(kind.network_cards))
    assert all(one.device == (1 if one.card == 0 else 0) for one in interfaces[1:])


@pytest.mark.parametrize(
    ("name", "adapters"),
    [
        ("g6e.48xlarge", 4),
        ("p4d.24xlarge", 4),
        ("p5.48xlarge", 32),
        ("p5en.48xlarge", 16),
        ("p6-b200.48xlarge", 8),
        ("p6-b300.48xlarge", 16),
        ("trn1.32xlarge", 8),
        ("trn2.48xlarge", 16),
    ],
)
def test_there_are_as_many_as_the_type_has(name: str, adapters: int) -> None:
    assert len(efa_interfaces(TYPES[name])) == adapters + 1


def test_a_first_card_without_an_adapter_carries_the_nodes_own_interface_alone() -> None:
    """GIVEN p6-b300, which has 17 cards and 16 adapters."""
    on_first = [one for one in efa_interfaces(TYPES["p6-b300.48xlarge"]) if one.card == 0]
    assert on_first == [Interface(0, 0, "interface")]


@pytest.mark.parametrize("kind", [TYPES["inf2.48xlarge"], TYPES["g6e.xlarge"], TYPES["p6e-gb200.36xlarge"]])
def test_a_type_without_adapters_or_with_unknown_cards_is_refused(kind: InstanceType) -> None:
    with pytest.raises(InputError) as caught:
        efa_interfaces(kind)
    (problem,) = caught.value.problems
    assert (problem.code, problem.value) == ("efa-not-possible", kind.name)
