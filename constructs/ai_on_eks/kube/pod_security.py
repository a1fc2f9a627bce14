"""Would Pod Security's level `restricted` admit this pod? Answered without a cluster.

The models' namespace enforces that level, and what it refuses is refused at the ReplicaSet: the Deployment is applied,
no pod appears and no error reaches whoever applied it. The controls are those of
kubernetes.io/docs/concepts/security/pod-security-standards for Linux pods (2026-11). Windows, AppArmor, SELinux,
procMount and sysctls are not looked at but refused where set: no workload here sets them.
"""

from __future__ import annotations

from collections.abc import Iterator

from ai_on_eks.serving.types import Json

VOLUME_KINDS = frozenset(
    {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
)
SECCOMP_PROFILES = ("RuntimeDefault", "Localhost")
ADDABLE_CAPABILITIES = frozenset({"NET_BIND_SERVICE"})

_HOST_NAMESPACES = ("hostNetwork", "hostPID", "hostIPC")
_UNJUDGED_POD_FIELDS = ("appArmorProfile", "seLinuxOptions", "sysctls", "windowsOptions")
_UNJUDGED_CONTAINER_FIELDS = ("appArmorProfile", "procMount", "seLinuxOptions", "windowsOptions")
_HANDLERS = ("startupProbe", "readinessProbe", "livenessProbe")


def why_not_restricted(pod_spec: Json) -> tuple[str, ...]:
    """Every control the pod violates; empty means it is admitted."""
    pod_context: Json = pod_spec.get("securityContext", {})
    reasons = [*_pod(pod_spec, pod_context)]
    for container in (*pod_spec.get("initContainers", ()), *pod_spec["containers"]):
        reasons += [f"{container['name']}: {reason}" for reason in _container(container, pod_context)]
    return tuple(reasons)


def _pod(pod_spec: Json, context: Json) -> Iterator[str]:
    for field in _HOST_NAMESPACES:
        if pod_spec.get(field):
            yield f"{field} is set"
    for field in _UNJUDGED_POD_FIELDS:
        if field in context:
            yield f"{field} is set"
    if context.get("runAsUser") == 0:
        yield "runAsUser is 0"
    for volume in pod_spec.get("volumes", ()):
        kinds = sorted(set(volume) - {"name"} - VOLUME_KINDS)
        if kinds:
            yield f"volume {volume['name']} is of kind {', '.join(kinds)}"


def _container(container: Json, pod_context: Json) -> Iterator[str]:
    context: Json = container.get("securityContext", {})
    if context.get("privileged"):
        yield "privileged is set"
    if context.get("allowPrivilegeEscalation") is not False:
        yield "allowPrivilegeEscalation is not false"
    if context.get("runAsNonRoot", pod_context.get("runAsNonRoot")) is not True:
        yield "runAsNonRoot is not true"
    if context.get("runAsUser") == 0:
        yield "runAsUser is 0"
    seccomp: Json = context.get("seccompProfile") or pod_context.get("seccompProfile") or {}
    if seccomp.get("type") not in SECCOMP_PROFILES:
        yield f"seccompProfile is none of {', '.join(SECCOMP_PROFILES)}"
    for field in _UNJUDGED_CONTAINER_FIELDS:
        if field in context:
            yield f"{field} is set"
    yield from _capabilities(context.get("capabilities", {}))
    yield from _host_reach(container)


def _capabilities(capabilities: Json) -> Iterator[str]:
    if "ALL" not in capabilities.get("drop", ()):
        yield "capabilities.drop lacks ALL"
    added = sorted(set(capabilities.get("add", ())) - ADDABLE_CAPABILITIES)
    if added:
        yield f"capabilities.add holds {', '.join(added)}"


def _host_reach(container: Json) -> Iterator[str]:
    """Ports of the node, and probes sent to another host (refused since version 1.34 of the standard)."""
    if any(port.get("hostPort") for port in container.get("ports", ())):
        yield "hostPort is set"
    handlers = [container.get(name, {}) for name in _HANDLERS] + list(container.get("lifecycle", {}).values())
    if any(handler.get(kind, {}).get("host") for handler in handlers for kind in ("httpGet", "tcpSocket")):
        yield "a probe or hook names a host"
