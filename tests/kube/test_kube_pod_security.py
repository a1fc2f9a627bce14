"""Each control of Pod Security's restricted level, violated alone."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from ai_on_eks.kube.pod_security import why_not_restricted

ADMITTED: dict[str, Any] = {
    "securityContext": {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
    "volumes": [{"name": "shm", "emptyDir": {"medium": "Memory"}}, {"name": "config", "configMap": {"name": "x"}}],
    "containers": [
        {
            "name": "engine",
            "ports": [{"containerPort": 8000}],
            "startupProbe": {"httpGet": {"path": "/health", "port": 8000}},
            "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        }
    ],
}


def test_a_pod_that_keeps_every_control_is_admitted() -> None:
    assert why_not_restricted(ADMITTED) == ()


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        ("hostNetwork", True, "hostNetwork is set"),
        ("hostIPC", True, "hostIPC is set"),
        ("volumes.0.hostPath", {"path": "/dev"}, "volume shm is of kind hostPath"),
        ("securityContext.runAsUser", 0, "runAsUser is 0"),
        ("securityContext.sysctls", [], "sysctls is set"),
        ("securityContext.runAsNonRoot", False, "engine: runAsNonRoot is not true"),
        ("securityContext.seccompProfile", {"type": "Unconfined"}, "engine: seccompProfile is none of"),
        ("containers.0.securityContext.privileged", True, "engine: privileged is set"),
        (
            "containers.0.securityContext.allowPrivilegeEscalation",
            True,
            "engine: allowPrivilegeEscalation is",
        ),
        ("containers.0.securityContext.runAsNonRoot", False, "engine: runAsNonRoot is not true"),
        ("containers.0.securityContext.runAsUser", 0, "engine: runAsUser is 0"),
        ("containers.0.securityContext.procMount", "Unmasked", "engine: procMount is set"),
        ("containers.0.securityContext.capabilities", {"drop": ["KILL"]}, "engine: capabilities.drop lacks ALL"),
        ("containers.0.securityContext.capabilities.add", ["IPC_LOCK"], "engine: capabilities.add holds IPC_LOCK"),
        ("containers.0.ports.0.hostPort", 80, "engine: hostPort is set"),
        ("containers.0.startupProbe.httpGet.host", "169.254.169.254", "engine: a probe or hook names a host"),
        ("containers.0.lifecycle", {"preStop": {"httpGet": {"host": "x"}}}, "engine: a probe or hook names a host"),
    ],
)
def test_a_violation_is_the_only_reason(path: str, value: object, reason: str) -> None:
    violating = deepcopy(ADMITTED)
    *steps, last = path.split(".")
    target: Any = violating
    for step in steps:
        target = target[int(step)] if step.isdigit() else target[step]
    target[last] = value

    (only,) = why_not_restricted(violating)
    assert only.startswith(reason)


def test_init_containers_are_judged_too() -> None:
    (first, *_) = why_not_restricted({**ADMITTED, "initContainers": [{"name": "fetch"}]})

    assert first.startswith("fetch: ")


def test_a_capability_to_bind_low_ports_may_be_added() -> None:
    low = deepcopy(ADMITTED)
    low["containers"][0]["securityContext"]["capabilities"]["add"] = ["NET_BIND_SERVICE"]

    assert why_not_restricted(low) == ()
