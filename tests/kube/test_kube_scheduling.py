"""Would the pod run on the node? Every mismatch alone, then what the scheduler adds up."""

from __future__ import annotations

from copy import deepcopy
from fractions import Fraction
from typing import Any

import pytest
from kube_samples import POD_SPEC

from ai_on_eks.kube.scheduling import pod_requests, why_unschedulable

ALLOCATABLE: dict[str, str | int] = {"cpu": "3920m", "memory": "14162Mi", "nvidia.com/gpu": 1}
LABELS = {"node.kubernetes.io/instance-type": "g6.xlarge", "cores": "4"}
TAINTS = [{"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}]
RESERVE = {"cpu": "150m", "memory": "500Mi"}


def _reasons(pod_spec: dict[str, Any]) -> tuple[str, ...]:
    return why_unschedulable(pod_spec, ALLOCATABLE, LABELS, TAINTS, RESERVE)


def _resources(pod_spec: dict[str, Any], **requests: str) -> dict[str, Any]:
    changed = deepcopy(pod_spec)
    changed["containers"][0]["resources"] = {"requests": {name.replace("_", "/"): v for name, v in requests.items()}}
    return changed


def test_a_pod_that_fits_has_no_reason() -> None:
    assert _reasons(POD_SPEC) == ()


def test_a_pod_may_take_all_that_is_left_and_not_a_byte_more() -> None:
    free = (14162 - 500) * 2**20

    assert _reasons(_resources(POD_SPEC, memory=str(free), cpu="3770m")) == ()
    assert _reasons(_resources(POD_SPEC, memory=str(free + 1), cpu="3771m")) == (
        "cpu: asks for 3.771, the node has 3.77 free",
        f"memory: asks for {free + 1}, the node has {free} free",
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        pytest.param(
            {"nodeSelector": {"node.kubernetes.io/instance-type": "g6.2xlarge"}},
            "node selector node.kubernetes.io/instance-type=g6.2xlarge: "
            "the node has node.kubernetes.io/instance-type=g6.xlarge",
            id="wrong label",
        ),
        pytest.param(
            {"nodeSelector": {"ai-on-eks/pool": "gpu"}},
            "node selector ai-on-eks/pool=gpu: the node has no label ai-on-eks/pool",
            id="missing label",
        ),
        pytest.param(
            {"tolerations": []}, "taint nvidia.com/gpu=present:NoSchedule is not tolerated", id="none tolerated"
        ),
        pytest.param(
            {"tolerations": [{"key": "nvidia.com/gpu", "value": "true", "effect": "NoSchedule"}]},
            "taint nvidia.com/gpu=present:NoSchedule is not tolerated",
            id="toleration of another value",
        ),
        pytest.param(
            {"tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoExecute"}]},
            "taint nvidia.com/gpu=present:NoSchedule is not tolerated",
            id="toleration of another effect",
        ),
    ],
)
def test_a_planted_mismatch_is_the_only_reason(change: dict[str, Any], reason: str) -> None:
    assert _reasons({**POD_SPEC, **change}) == (reason,)


def test_more_devices_than_the_node_has() -> None:
    assert _reasons(_resources(POD_SPEC, **{"nvidia.com_gpu": "2"})) == (
        "nvidia.com/gpu: asks for 2, the node has 1 free",
    )


def test_a_device_the_node_does_not_know() -> None:
    assert _reasons(_resources(POD_SPEC, **{"aws.amazon.com_neuron": "1"})) == (
        "aws.amazon.com/neuron: asks for 1, the node has 0 free",
    )


def test_all_reasons_are_told_at_once() -> None:
    broken = {**_resources(POD_SPEC, memory="1Ti"), "nodeSelector": {"a": "b"}, "tolerations": []}

    assert len(_reasons(broken)) == 3


@pytest.mark.parametrize(
    "toleration",
    [
        {"operator": "Exists"},
        {"key": "nvidia.com/gpu", "operator": "Exists"},
        {"key": "nvidia.com/gpu", "value": "present"},
        {"key": "nvidia.com/gpu", "operator": "Equal", "value": "present", "effect": "NoSchedule"},
    ],
)
def test_tolerations_that_let_the_pod_in(toleration: dict[str, str]) -> None:
    assert _reasons({**POD_SPEC, "tolerations": [toleration]}) == ()


def test_a_preference_of_the_node_repels_nobody() -> None:
    taints = [{"key": "x", "value": "", "effect": "PreferNoSchedule"}]

    assert why_unschedulable(POD_SPEC, ALLOCATABLE, LABELS, taints, {}) == ()


@pytest.mark.parametrize(
    ("expression", "matches"),
    [
        ({"key": "cores", "operator": "In", "values": ["2", "4"]}, True),
        ({"key": "cores", "operator": "In", "values": ["8"]}, False),
        ({"key": "cores", "operator": "NotIn", "values": ["4"]}, False),
        ({"key": "absent", "operator": "NotIn", "values": ["4"]}, True),
        ({"key": "cores", "operator": "Exists"}, True),
        ({"key": "absent", "operator": "Exists"}, False),
        ({"key": "absent", "operator": "DoesNotExist"}, True),
        ({"key": "cores", "operator": "Gt", "values": ["3"]}, True),
        ({"key": "cores", "operator": "Gt", "values": ["4"]}, False),
        ({"key": "cores", "operator": "Lt", "values": ["5"]}, True),
        ({"key": "absent", "operator": "Lt", "values": ["5"]}, False),
    ],
)
def test_required_affinity(expression: dict[str, Any], matches: bool) -> None:
    terms = [{"matchExpressions": [expression]}]

    assert (_reasons(_with_affinity(terms)) == ()) is matches


def test_affinity_terms_are_alternatives_and_expressions_are_not() -> None:
    met = {"key": "cores", "operator": "Exists"}
    unmet = {"key": "absent", "operator": "Exists"}

    assert _reasons(_with_affinity([{"matchExpressions": [unmet]}, {"matchExpressions": [met]}])) == ()
    assert _reasons(_with_affinity([{"matchExpressions": [met, unmet]}])) == (
        "node affinity: absent Exists (the node has no label absent)",
    )
    assert _reasons(_with_affinity([{}])) == ("node affinity: an empty term matches no node",)


def test_an_unknown_operator_is_a_defect_and_not_a_mismatch() -> None:
    with pytest.raises(ValueError, match="Near"):
        _reasons(_with_affinity([{"matchExpressions": [{"key": "cores", "operator": "Near"}]}]))


def _with_affinity(terms: list[dict[str, Any]]) -> dict[str, Any]:
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
    return {**POD_SPEC, "affinity": {"nodeAffinity": required}}


def _cpu(value: str, **more: Any) -> dict[str, Any]:
    return {"resources": {"requests": {"cpu": value}}, **more}


@pytest.mark.parametrize(
    ("pod_spec", "cores"),
    [
        pytest.param({"containers": [_cpu("1"), _cpu("500m")]}, Fraction(3, 2), id="containers add up"),
        pytest.param({"containers": [_cpu("1")], "initContainers": [_cpu("3"), _cpu("2")]}, 3, id="largest counts"),
        pytest.param(
            {"containers": [_cpu("1")], "initContainers": [_cpu("2", restartPolicy="Always")]}, 3, id="sidecars stay"
        ),
        pytest.param(
            {"containers": [_cpu("1")], "initContainers": [_cpu("2", restartPolicy="Always"), _cpu("5")]},
            7,
            id="an init container runs beside earlier sidecars",
        ),
        pytest.param(
            {"containers": [_cpu("1")], "initContainers": [_cpu("5"), _cpu("2", restartPolicy="Always")]},
            5,
            id="and not beside later ones",
        ),
        pytest.param({"containers": [{"resources": {"limits": {"cpu": 2}}}]}, 2, id="a limit is a request"),
        pytest.param({"containers": [_cpu("1")], "overhead": {"cpu": "250m"}}, Fraction(5, 4), id="overhead adds"),
    ],
)
def test_what_a_pod_asks_for(pod_spec: dict[str, Any], cores: int | Fraction) -> None:
    assert pod_requests(pod_spec)["cpu"] == cores
