"""Paths out of a node: network, EFA, local disks and EBS, as EC2 sells them."""

from __future__ import annotations

import pytest

from ai_on_eks.catalog.loading import build_catalog

CATALOG = build_catalog("us-east-1", {})


def test_given_any_type_then_more_for_a_while_is_never_less_than_for_good() -> None:
    for kind in CATALOG.instance_types.values():
        assert kind.network_burst_gbps >= kind.network_gbps, kind.name
        assert kind.ebs_burst_bytes_per_second >= kind.ebs_baseline_bytes_per_second, kind.name


def test_given_a_served_type_then_every_path_has_a_width() -> None:
    for kind in CATALOG.instance_types.values():
        if kind.served:
            assert 0 < kind.pod_network_gbps <= kind.network_gbps, kind.name
            assert kind.ebs_baseline_bytes_per_second > 1e7, kind.name


def test_given_efa_then_it_has_no_more_adapters_than_cards_and_never_no_bandwidth() -> None:
    for kind in CATALOG.instance_types.values():
        assert (kind.efa_interfaces > 0) == (kind.efa_gbps > 0), kind.name
        if kind.network_cards:
            assert kind.efa_interfaces <= kind.network_cards, kind.name
        if kind.efa_interfaces:
            assert 25 <= kind.efa_gbps / kind.efa_interfaces <= 400, kind.name


def test_given_local_disks_then_count_and_bytes_go_together() -> None:
    for kind in CATALOG.instance_types.values():
        if kind.served:
            assert (kind.local_nvme_disks > 0) == (kind.local_nvme_bytes > 0), kind.name
            assert kind.local_nvme_bytes <= kind.local_nvme_disks * 7.6e12, kind.name


@pytest.mark.parametrize(
    ("name", "sustained", "burst", "pods", "efa"),
    [
        ("g6.2xlarge", 5, 10, 5, 0),
        ("g6e.48xlarge", 400, 400, 400, 400),  # four cards of 400 share 400
        ("p5.48xlarge", 3200, 3200, 100, 3200),  # pods have one card of 32
        ("p6-b200.48xlarge", 3200, 3200, 200, 3200),
        ("p6-b300.48xlarge", 6400, 6400, 350, 6400),  # the 17th card is slower and carries no EFA
        ("trn1.32xlarge", 800, 800, 100, 800),
        ("m7i.large", 0.781, 12.5, 0.781, 0),
    ],
)
def test_given_a_type_then_its_network_is_as_sold(
    name: str, sustained: float, burst: float, pods: float, efa: float
) -> None:
    kind = CATALOG.instance_types[name]
    assert (kind.network_gbps, kind.network_burst_gbps, kind.pod_network_gbps, kind.efa_gbps) == (
        sustained,
        burst,
        pods,
        efa,
    )


@pytest.mark.parametrize(
    ("name", "disks", "terabytes", "ebs_megabytes_per_s", "ebs_burst"),
    [("g6.xlarge", 1, 0.25, 125, 625), ("p5.48xlarge", 8, 30.4, 10000, 10000), ("inf2.xlarge", 0, 0, 156.25, 1250)],
)
def test_given_a_type_then_its_storage_is_as_sold(
    name: str, disks: int, terabytes: float, ebs_megabytes_per_s: float, ebs_burst: float
) -> None:
    kind = CATALOG.instance_types[name]
    assert (kind.local_nvme_disks, kind.local_nvme_bytes) == (disks, terabytes * 1e12)
    assert kind.ebs_baseline_bytes_per_second == ebs_megabytes_per_s * 1e6
    assert kind.ebs_burst_bytes_per_second == ebs_burst * 1e6


def test_given_fractional_types_then_nodes_show_no_accelerator() -> None:
    hidden = {kind.name for kind in CATALOG.instance_types.values() if kind.accelerator and not kind.shows_accelerator}
    assert hidden == {"g6f.2xlarge", "g6f.4xlarge", "g6f.large", "g6f.xlarge", "gr6f.4xlarge"}
    assert not CATALOG.instance_types["m7i.large"].shows_accelerator
    assert CATALOG.instance_types["g6.xlarge"].shows_accelerator
    shares = [
        CATALOG.instance_types[f"g6f.{size}"].accelerator_share for size in ("large", "xlarge", "2xlarge", "4xlarge")
    ]
    assert shares == [0.125, 0.125, 0.25, 0.5]
