"""Which fields differ, and what may be shown of them."""

from __future__ import annotations

from typing import Any

import pytest

from ai_on_eks.drift.comparing import differences
from ai_on_eks.drift.readiness import not_ready
from ai_on_eks.drift.secrets import HIDDEN, shown


def found(rendered: Any, live: Any, *, whole: bool = True) -> list[tuple[str, str | None, str | None]]:
    objects = [{"metadata": {}, "spec": value} for value in (rendered, live)]
    return [(one.path, one.rendered, one.live) for one in differences(objects[0], objects[1], whole=whole)]


@pytest.mark.parametrize(
    ("rendered", "live", "expected"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 2}, [("spec.a", "1", "2")]),
        ({"a": 1}, {"a": "1"}, [("spec.a", "1", "1")]),
        ({"a": True}, {"a": 1}, [("spec.a", "true", "1")]),
        ({"a": 1}, {}, [("spec.a", "1", None)]),
        ({}, {"a": 1}, [("spec.a", None, "1")]),
        ({"a": {}}, {}, []),
        ({}, {"a": []}, []),
        ({"a": [1, 2]}, {"a": [1, 3]}, [("spec.a[1]", "2", "3")]),
        ({"a": [1]}, {"a": [1, 3]}, [("spec.a[1]", None, "3")]),
        ({"a": [{"name": "x", "v": 1}]}, {"a": [{"name": "x", "v": 2}]}, [("spec.a[x].v", "1", "2")]),
        (
            {"a": [{"name": "x"}, {"name": "y"}]},
            {"a": [{"name": "y"}, {"name": "x"}]},
            [("spec.a (order)", '["x", "y"]', '["y", "x"]')],
        ),
        ({"a": [{"name": "x"}]}, {"a": []}, [("spec.a[x]", '{"name": "x"}', None)]),
        ({"a": {"b.c/d": 1}}, {"a": {"b.c/d": 2}}, [("spec.a[b.c/d]", "1", "2")]),
        ({"a": {"b": 1}}, {"a": 3}, [("spec.a", '{"b": 1}', "3")]),
    ],
)
def test_every_difference_is_told_with_its_path(rendered: Any, live: Any, expected: list[Any]) -> None:
    assert found(rendered, live) == expected


def test_of_rendered_fields_alone_the_servers_own_are_not_looked_at() -> None:
    assert found({"a": {"b": 1}}, {"a": {"b": 1, "c": 2}, "d": 3}, whole=False) == []
    assert found({"a": [1]}, {"a": [1, 2]}, whole=False) == [("spec.a[1]", None, "2")]


@pytest.mark.parametrize(("rendered", "live"), [("1024Mi", "1Gi"), ("2000m", "2"), ("1", 1), ("5120Mi", "5Gi")])
def test_amounts_are_compared_by_their_value_and_only_amounts(rendered: str, live: Any) -> None:
    assert found({"limits": {"memory": rendered}}, {"limits": {"memory": live}}, whole=False) == []
    assert len(found({"args": {"memory": rendered}}, {"args": {"memory": live}}, whole=False)) == 1


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("spec.replicas", 3, "3"),
        ("spec.hostNetwork", True, "true"),
        ("spec.args[2]", "--max-num-batched-tokens=8192", "--max-num-batched-tokens=8192"),
        ("spec.env[TOKENIZER].value", "fast", "fast"),
        ("spec.env[HF_TOKEN].value", "x", HIDDEN),
        ("spec.env[API_KEY].value", "x", HIDDEN),
        ("data.password", "x", HIDDEN),
        ("spec.args[2]", "--api-key=x", HIDDEN),
        ("spec.args[2]", "hf_abcdefghijkl", HIDDEN),
        ("spec.url", "https://me:word@host.example", HIDDEN),
        ("spec.env", [{"name": "DB_PASSWORD", "value": "x"}], f'[{{"name": "DB_PASSWORD", "value": "{HIDDEN}"}}]'),
        ("spec.args", ["--token", "x", "y"], f'["--token", "{HIDDEN}", "y"]'),
    ],
)
def test_what_is_named_or_looks_like_a_credential_is_hidden(path: str, value: Any, expected: str) -> None:
    assert shown(path, value) == expected


def test_the_argument_after_one_that_announces_a_credential_is_hidden() -> None:
    rendered, live = {"args": ["--api-key", "old"]}, {"args": ["--api-key", "new"]}
    assert found(rendered, live) == [("spec.args[1]", HIDDEN, HIDDEN)]


def test_a_variable_that_only_the_cluster_has_is_told_without_its_value() -> None:
    rendered: dict[str, Any] = {"env": []}
    live = {"env": [{"name": "X", "value": "mine"}]}
    assert found(rendered, live) == [("spec.env[X]", None, HIDDEN)]


def test_a_long_text_is_shown_by_its_digest() -> None:
    assert shown("data.x", "line\n" * 100).startswith("(500 characters, sha256 ")


@pytest.mark.parametrize(
    ("live", "reasons"),
    [
        ({"kind": "Deployment", "spec": {"replicas": 2}, "status": {"availableReplicas": 2}}, []),
        ({"kind": "Deployment", "spec": {"replicas": 2}, "status": {}}, ["0 of 2 replicas are ready"]),
        ({"kind": "LeaderWorkerSet", "spec": {"replicas": 2}, "status": {"readyReplicas": 1}},
         ["1 of 2 replicas are ready"]),
        ({"kind": "DaemonSet", "status": {"desiredNumberScheduled": 3, "numberReady": 1}},
         ["1 of 3 nodes have a pod that is ready"]),
        ({"kind": "DaemonSet", "status": {"desiredNumberScheduled": 0}}, []),
        ({"kind": "PersistentVolumeClaim", "status": {"phase": "Pending"}}, ["its phase is Pending"]),
        ({"kind": "PersistentVolume", "status": {"phase": "Bound"}}, []),
        ({"kind": "Namespace", "status": {"phase": "Terminating"}}, ["its phase is Terminating"]),
        ({"kind": "NodePool", "status": {"conditions": [{"type": "Ready", "status": "False", "reason": "R"}]}},
         ["Ready is False: R"]),
        ({"kind": "NodePool", "status": {"conditions": [{"type": "Ready", "status": "True"}]}}, []),
        ({"kind": "Deployment", "status": {"observedGeneration": 0}},
         ["its controller has not seen the last change yet"]),
        ({"kind": "ConfigMap"}, []),
        ({"kind": "LLMInferenceService", "metadata": {"namespace": "models"}, "spec": {"replicas": 2},
          "status": {"appliedConfigs": [{"name": "p", "namespace": "models"}]}}, []),
        ({"kind": "LLMInferenceService", "metadata": {"namespace": "models"},
          "status": {"appliedConfigs": [{"name": "p", "namespace": "kserve"}]}},
         ["its pods are made with kserve/p, which was not rendered"]),
    ],
)  # fmt: skip
def test_an_objects_own_status_says_whether_it_works(live: dict[str, Any], reasons: list[str]) -> None:
    answer = not_ready({"metadata": {"generation": 1}, **live})
    assert [one.reason for one in answer] == reasons


def test_an_object_that_is_being_deleted_is_said_to_be_and_nothing_else() -> None:
    live = {"kind": "Namespace", "metadata": {"deletionTimestamp": "now"}, "status": {"phase": "Terminating"}}
    assert [one.reason for one in not_ready(live)] == ["is being deleted"]
