"""Charts and their images out of a mirror: all of them, or an error that names the chart."""

from __future__ import annotations

import json

import pytest
from aws_templates import samples

from ai_on_eks.aws.helm_release import HelmRelease
from ai_on_eks.aws.mirror import mirrored
from ai_on_eks.catalog.chart_images import image_repositories
from ai_on_eks.catalog.versions import Kind, components
from ai_on_eks.descriptors.platform import Capacity, CapacityStrategy
from ai_on_eks.errors import InputError

MIRROR = samples.MIRROR


def release(chart: str, repository: str = "https://charts.example.com/stable") -> HelmRelease:
    return HelmRelease(
        name=chart,
        repository=repository,
        chart=chart,
        version="1.0.0",
        namespace="system",
        namespace_labels={},
        values={"operator": {"resources": {}}, "daemonsets": {"labels": {}}},
    )


def test_chart_and_images_keep_the_name_of_their_registry_below_the_mirror() -> None:
    moved = mirrored(release("gpu-operator"), MIRROR)
    assert moved.repository == f"oci://{MIRROR}/charts.example.com/stable"
    assert moved.values["operator"] == {"resources": {}, "repository": f"{MIRROR}/nvcr.io/nvidia"}
    assert moved.values["daemonsets"] == {"labels": {}}
    assert moved.version == "1.0.0"


def test_every_image_that_is_known_of_a_chart_is_replaced() -> None:
    charts = [one.name for one in components().values() if one.kind is Kind.CHART]
    for chart in charts:
        known = image_repositories(chart)
        assert known is not None, chart
        text = json.dumps(mirrored(release(chart), MIRROR).values)
        assert sorted(text.count(f'"{MIRROR}/{place}"') > 0 for place in known.values()) == [True] * len(known)


def test_a_chart_whose_images_are_not_known_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        mirrored(release("some-chart"), MIRROR)
    (problem,) = caught.value.problems
    assert (problem.code, problem.path) == ("chart-images-unknown", "image_mirror")
    assert "some-chart" in problem.message


def test_the_releases_of_a_platform_come_from_its_mirror_and_only_then() -> None:
    requests = (samples.request(), samples.request(samples.neuron_type()))
    karpenter = {"capacity": Capacity(strategy=CapacityStrategy.KARPENTER)}
    public = samples.deployment(*requests, **karpenter).helm_releases()
    private = samples.deployment(*requests, image_mirror=MIRROR, **karpenter).helm_releases()
    assert [one.chart for one in public] == [one.chart for one in private]
    assert len(private) == 4
    assert not [one for one in public if MIRROR in one.repository + json.dumps(one.values)]
    assert all(one.repository.startswith(f"oci://{MIRROR}/") for one in private)
