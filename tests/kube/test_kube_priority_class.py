"""Larger replicas find room before smaller ones."""

from __future__ import annotations

from kube_samples import platform, workload

from ai_on_eks.kube.manifests import platform_manifests, priorities_of
from ai_on_eks.kube.render import render_manifests


def test_given_workloads_when_listed_then_each_share_has_one_class() -> None:
    workloads = [workload(priority=4), workload(priority=1), workload(priority=4), workload()]
    assert priorities_of(workloads) == (1, 4)


def test_given_shares_when_made_then_a_larger_one_has_a_higher_value_and_none_is_the_default() -> None:
    manifests = platform_manifests(platform(), None, (1, 4))
    assert list(manifests) == ["Resource", "DefaultDeny", "PriorityClass-1", "PriorityClass-4"]
    one, four = manifests["PriorityClass-1"], manifests["PriorityClass-4"]
    assert 0 < one["value"] < four["value"] < 1_000_000_000  # the system's classes begin above
    assert one["globalDefault"] is four["globalDefault"] is False
    assert four["metadata"]["name"] == "ai-on-eks-share-4"


def test_given_a_model_with_a_priority_when_rendered_then_its_class_is_applied_before_it() -> None:
    files = render_manifests([workload(priority=2)], platform())
    assert next(iter(files)) == "platform.yaml"
    assert "name: ai-on-eks-share-2\n" in files["platform.yaml"]
    assert "PriorityClass" not in render_manifests([workload()], platform())["platform.yaml"]
