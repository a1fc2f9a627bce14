"""What happens to Kubernetes objects and which pods start anew."""

from __future__ import annotations

import json
from pathlib import Path

from review_sides import Json, deployment, placed, planned, resource, side, template

from ai_on_eks.review.objects import Fate, ObjectChanges, object_changes


def compared(tmp_path: Path, before: list[Json], after: list[Json], plan: Json | None = None) -> ObjectChanges:
    return object_changes(side(tmp_path, "before", objects=before), side(tmp_path, "after", objects=after, plan=plan))


def test_given_the_same_objects_when_compared_then_nothing_happens(tmp_path: Path) -> None:
    assert compared(tmp_path, [deployment("a", "i:1")], [deployment("a", "i:1")]) == ObjectChanges((), ())


def test_given_another_image_when_compared_then_its_pods_roll_and_the_time_is_the_plan_s(tmp_path: Path) -> None:
    found = compared(
        tmp_path,
        [deployment("a", "i:1")],
        [deployment("a", "i:2")],
        planned(placed("a", "g6.xlarge", 1, ready_seconds=312)),
    )
    (change,) = found.changes
    assert (change.fate, change.paths) == (Fate.CHANGED, ("spec.template.spec.containers[0].image",))
    (rollout,) = found.rollouts
    assert (rollout.model, rollout.replicas, rollout.interrupts, rollout.seconds_to_ready) == ("a", 1, True, 312.0)


def test_given_two_replicas_when_they_roll_then_one_answers(tmp_path: Path) -> None:
    found = compared(tmp_path, [deployment("a", "i:1", replicas=2)], [deployment("a", "i:2", replicas=2)])
    assert [(one.interrupts, one.seconds_to_ready) for one in found.rollouts] == [(False, None)]


def test_given_more_replicas_when_nothing_of_the_pod_differs_then_nothing_rolls(tmp_path: Path) -> None:
    found = compared(tmp_path, [deployment("a", "i:1")], [deployment("a", "i:1", replicas=2)])
    assert ([one.paths for one in found.changes], found.rollouts) == ([("spec.replicas",)], ())


def test_given_objects_that_come_and_go_when_compared_then_both_are_told(tmp_path: Path) -> None:
    found = compared(tmp_path, [deployment("a", "i:1")], [deployment("b", "i:1")])
    assert [(one.fate, one.name) for one in found.changes] == [(Fate.REMOVED, "a"), (Fate.ADDED, "b")]


def test_given_a_recreated_deployment_when_it_rolls_then_nothing_answers(tmp_path: Path) -> None:
    def recreated(image: str) -> Json:
        one = deployment("a", image, replicas=3)
        one["spec"]["strategy"] = {"type": "Recreate"}
        return one

    assert compared(tmp_path, [recreated("i:1")], [recreated("i:2")]).rollouts[0].interrupts is True


def test_given_an_object_in_a_template_and_rendered_when_read_then_it_counts_once(tmp_path: Path) -> None:
    one = deployment("a", "i:1")
    manifest = resource("Custom::AWSCDK-EKS-KubernetesResource", {"Manifest": json.dumps([one])})
    read = side(tmp_path, "side", {"ai": template({"M": manifest})}, objects=[one, deployment("b", "i:1")])
    assert sorted(one.name for one in read.assembly.objects) == ["a", "b"]


def test_given_the_digest_of_another_plan_and_nothing_else_when_compared_then_it_is_only_counted(
    tmp_path: Path,
) -> None:
    def labelled(digest: str) -> Json:
        one = deployment("a", "i:1")
        one["metadata"]["labels"]["ai-on-eks/plan-digest"] = digest
        return one

    found = compared(tmp_path, [labelled("1")], [labelled("2")])
    assert (found.changes, found.rollouts, found.relabelled) == ((), (), 1)


def test_given_an_object_of_the_cluster_when_compared_then_it_has_no_namespace(tmp_path: Path) -> None:
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "monitoring"}}
    (change,) = compared(tmp_path, [], [namespace]).changes
    assert (change.kind, change.namespace, change.name) == ("Namespace", "", "monitoring")
