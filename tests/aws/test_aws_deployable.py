"""Everything that AWS would not take of a platform is told at once, and nothing of a platform that it takes."""

from __future__ import annotations

import pytest
from aws_templates import samples

from ai_on_eks.aws.deployable import check_deployable
from ai_on_eks.descriptors.platform import Cluster
from ai_on_eks.descriptors.platform_add_ons import AddOns
from ai_on_eks.descriptors.platform_network import Network
from ai_on_eks.errors import InputError


def test_a_platform_that_aws_takes_has_no_problem() -> None:
    check_deployable(samples.platform())
    check_deployable(samples.platform(cluster=Cluster(kubernetes_version="1.34"), **samples.rendered()))


def test_ranges_zones_versions_and_pins_are_told_together() -> None:
    network = Network(availability_zones=samples.ZONES, cidr="10.0.0.0/20", zone_ids={"us-east-1b": "use1-az3"})
    pinned = AddOns(versions={"metrics-server": "v0.9.0-eksbuild.10"})
    platform = samples.platform(network=network, cluster=Cluster(kubernetes_version="1.34", add_ons=pinned))
    with pytest.raises(InputError) as caught:
        check_deployable(platform)
    assert {problem.code for problem in caught.value.problems} == {
        "add-on-not-installed",
        "network-cidr-size",
        "zone-without-control-plane",
        "versions-do-not-match",
    }
