"""Which scheduler places a pod, and of which version the second one is."""

from __future__ import annotations

import pytest

from ai_on_eks.catalog.loading import load_catalog
from ai_on_eks.catalog.schedulers import NEURON_SCHEDULER, scheduler_name, second_scheduler_tag
from ai_on_eks.errors import InputError


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("inf2.xlarge", NEURON_SCHEDULER),
        ("trn1.32xlarge", NEURON_SCHEDULER),
        ("trn2.48xlarge", NEURON_SCHEDULER),
        ("g6e.xlarge", None),
        ("m7i.large", None),
    ],
)
def test_devices_that_have_to_be_joined_go_through_the_second_scheduler(name: str, expected: str | None) -> None:
    assert scheduler_name(load_catalog("us-east-1").instance_type(name)) == expected


@pytest.mark.parametrize("version", ["1.34", "1.35", "1.36"])
def test_the_second_scheduler_is_of_the_clusters_minor_version(version: str) -> None:
    assert second_scheduler_tag(version).startswith(f"v{version}.")


def test_a_version_without_a_scheduler_is_told_with_those_that_have_one() -> None:
    with pytest.raises(InputError) as caught:
        second_scheduler_tag("1.99")
    (problem,) = caught.value.problems
    assert (problem.code, problem.path) == ("second-scheduler-unknown", "cluster.kubernetes_version")
    assert problem.allowed == ("1.34", "1.35", "1.36")
