"""What goes with what: every pair is told, no pair that is not known passes, and the data is what is installed."""

from __future__ import annotations

import re
from datetime import date
from importlib.metadata import version as installed_version
from pathlib import Path

import pytest

from ai_on_eks.catalog.reading import read
from ai_on_eks.catalog.versions import (
    Component,
    Kind,
    chart,
    check_kubernetes,
    components,
    kubectl_layer,
    kubernetes_versions,
    mismatches,
    numbers,
)
from ai_on_eks.descriptors import patterns
from ai_on_eks.descriptors.platform import Cluster
from ai_on_eks.errors import InputError

REPOSITORY = Path(__file__).parents[2]
COMPONENTS = list(components().values())
EVERY_MINOR = [f"1.{minor}" for minor in range(20, 60)]


def test_the_platform_file_accepts_exactly_the_versions_of_the_matrix() -> None:
    form = re.compile(patterns.KUBERNETES_VERSION.expression)
    assert [minor for minor in EVERY_MINOR if form.fullmatch(minor)] == list(kubernetes_versions())
    words = patterns.KUBERNETES_VERSION.words
    assert f"{kubernetes_versions()[0]} to {kubernetes_versions()[-1]}" in words
    assert Cluster().kubernetes_version == kubernetes_versions()[-1]


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda component: component.name)
def test_every_component_says_something_of_every_version(component: Component) -> None:
    assert tuple(component.least) == kubernetes_versions()
    assert component.source.strip()
    assert date.fromisoformat(component.date) <= date.fromisoformat(read("versions.json")["kubernetes"]["date"])
    assert (component.kind is Kind.CHART) == (component.repository is not None) == (component.version is not None)


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda component: component.name)
def test_a_component_is_never_allowed_to_be_older_on_a_newer_cluster(component: Component) -> None:
    least = [numbers(one) for one in component.least.values() if one is not None]
    assert least == sorted(least)
    assert len(least) in {0, len(kubernetes_versions())}


@pytest.mark.parametrize("kubernetes", kubernetes_versions())
def test_what_this_package_installs_goes_with_every_version(kubernetes: str) -> None:
    assert mismatches(kubernetes, {component.name: component.version for component in COMPONENTS}) == []


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda component: component.name)
def test_what_was_seen_as_a_default_passes_its_own_matrix(component: Component) -> None:
    for kubernetes, seen in component.seen.items():
        assert mismatches(kubernetes, {component.name: seen}) == []


@pytest.mark.parametrize(
    ("name", "version", "kubernetes", "fault"),
    [
        ("karpenter", "1.12.1", "1.36", "needs 1.13.0 or newer"),
        ("karpenter", "1.8.2", "1.35", "needs 1.9.0 or newer"),
        ("gpu-operator", "v25.10.1", "1.35", "needs 26.3.0 or newer"),
        ("nvidia-device-plugin", "0.19.2", "1.36", "needs 0.19.3 or newer"),
        ("vpc-cni", "v1.18.4-eksbuild.1", "1.36", "needs 1.18.5 or newer"),
        ("kube-proxy", "v1.36.0-eksbuild.21", "1.35", "takes 1.35 at most"),
        ("kube-proxy", "v1.32.9-eksbuild.1", "1.36", "needs 1.33.0 or newer"),
        ("aws-mountpoint-s3-csi-driver", "v1.15.0-eksbuild.1", "1.34", "needs 2.0.0 or newer"),
        ("karpenter", "1.15.0", "1.37", "known to run on 1.34, 1.35, 1.36"),
        ("coredns", None, "1.33", "known to run on 1.34, 1.35, 1.36"),
    ],
)
def test_a_pair_outside_the_matrix_names_both_sides(
    name: str, version: str | None, kubernetes: str, fault: str
) -> None:
    (problem,) = mismatches(kubernetes, {name: version})
    assert (problem.code, problem.path) == ("versions-do-not-match", "cluster.kubernetes_version")
    assert problem.message.startswith(f"{name} {version or 'of any version'} does not go with Kubernetes {kubernetes}")
    assert fault in problem.message


def test_every_mismatch_is_told_at_once() -> None:
    assert len(mismatches("1.36", {"karpenter": "1.6.0", "gpu-operator": "v25.3.0", "coredns": None})) == 2


@pytest.mark.parametrize("kubernetes", ["1.35", "1.36"])
def test_kubectl_serves_the_versions_one_minor_away(kubernetes: str) -> None:
    assert kubectl_layer(kubernetes).kubectl == "1.36"


def test_kubectl_two_minors_away_is_refused_with_the_versions_it_serves() -> None:
    with pytest.raises(InputError) as caught:
        kubectl_layer("1.34")
    (problem,) = caught.value.problems
    assert (problem.code, problem.allowed) == ("versions-do-not-match", ("1.35", "1.36"))
    assert "delivery.mode to render" in str(problem.fix)


def test_the_layers_of_the_matrix_are_those_that_are_installed() -> None:
    layers = [kubectl_layer(version) for version in ("1.35", "1.36")]
    requirements = (REPOSITORY / "requirements.txt").read_text(encoding="utf-8").splitlines()
    for layer in layers:
        assert f"{layer.package}=={layer.version}" in requirements
        assert installed_version(layer.package) == layer.version
    assert {layer.kubectl for layer in layers} == set(read("versions.json")["kubectl"]["layers"])


def test_a_version_past_standard_support_is_refused() -> None:
    for version in kubernetes_versions():
        check_kubernetes(version)
    with pytest.raises(InputError) as caught:
        check_kubernetes("1.33")
    assert caught.value.problems[0].allowed == kubernetes_versions()


def test_a_chart_has_a_repository_and_a_pinned_version_and_an_add_on_has_none() -> None:
    assert chart("gpu-operator") == ("https://helm.ngc.nvidia.com/nvidia", "v26.7.0")
    with pytest.raises(ValueError, match="vpc-cni is no chart"):
        chart("vpc-cni")


def test_a_text_without_a_number_is_a_defect_of_the_data() -> None:
    assert numbers("v1.22.4-eksbuild.3") == (1, 22, 4)
    with pytest.raises(ValueError, match="latest"):
        numbers("latest")
