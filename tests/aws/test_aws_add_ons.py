"""Add-ons by settings: which there are, in which version, and no pin that does nothing."""

from __future__ import annotations

from typing import Any

import pytest
from aws_templates import all_of, imported_cluster, samples, template_of

from ai_on_eks.aws.addon_specs import all_addons, cluster_addons, node_addons, unused_pins
from ai_on_eks.aws.addons import ClusterAddons
from ai_on_eks.catalog.versions import components
from ai_on_eks.descriptors.platform import Capacity, CapacityStrategy, Cluster, Platform
from ai_on_eks.descriptors.platform_add_ons import AddOns


def with_addons(**settings: Any) -> Platform:
    return samples.platform(cluster=Cluster(add_ons=AddOns(**settings)))


def template(platform: Platform) -> dict[str, Any]:
    return template_of(
        lambda stack: ClusterAddons(stack, "ClusterAddons", cluster=imported_cluster(stack), platform=platform)
    )


def installed(platform: Platform) -> dict[str, Any]:
    document = template(platform)
    properties = [item["Properties"] for item in all_of(document, "AWS::EKS::Addon").values()]
    return {item["AddonName"]: item.get("AddonVersion") for item in properties}


def test_eks_chooses_the_versions_of_the_default_add_ons() -> None:
    assert installed(samples.platform()) == {"coredns": None, "eks-node-monitoring-agent": None}


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({"metrics_server": True}, {"coredns", "eks-node-monitoring-agent", "metrics-server"}),
        ({"node_monitoring": False}, {"coredns"}),
    ],
)
def test_add_ons_come_and_go_by_settings(settings: dict[str, Any], names: set[str]) -> None:
    assert set(installed(with_addons(**settings))) == names


def test_a_pinned_version_reaches_its_add_on_alone() -> None:
    platform = with_addons(versions={"coredns": "v1.14.3-eksbuild.16", "vpc-cni": "v1.22.4-eksbuild.3"})
    assert installed(platform) == {"coredns": "v1.14.3-eksbuild.16", "eks-node-monitoring-agent": None}
    assert {spec.name: spec.version for spec in node_addons(platform)} == {
        "eks-pod-identity-agent": None,
        "kube-proxy": None,
        "vpc-cni": "v1.22.4-eksbuild.3",
    }
    assert unused_pins(platform) == []


def test_a_pin_for_what_is_not_installed_is_told_with_what_is() -> None:
    (problem,) = unused_pins(with_addons(versions={"metrics-server": "v0.9.0-eksbuild.10"}))
    assert (problem.code, problem.path) == ("add-on-not-installed", "cluster.add_ons.versions.metrics-server")
    assert "vpc-cni" in problem.allowed
    assert unused_pins(with_addons(metrics_server=True, versions={"metrics-server": "v0.9.0-eksbuild.10"})) == []


def test_every_add_on_is_in_the_matrix_and_none_stands_in_both_groups() -> None:
    everything = with_addons(metrics_server=True)
    names = [spec.name for spec in all_addons(everything)]
    assert len(names) == len(set(names))
    assert set(names) <= set(components())


def test_what_nodes_of_auto_mode_bring_is_not_installed_whatever_is_asked() -> None:
    asked = with_addons(metrics_server=True)
    auto = asked.model_copy(update={"capacity": Capacity(strategy=CapacityStrategy.AUTO_MODE)})
    assert node_addons(auto) == ()
    assert [spec.name for spec in cluster_addons(auto)] == ["metrics-server"]
