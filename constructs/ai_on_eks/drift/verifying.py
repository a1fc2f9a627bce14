"""Live objects against rendered ones: one answer for each object, and for what nobody rendered.

An object is compared with what the API server would store in its place (`Depth.WHOLE`), so that its defaults count for
neither side and a field that somebody added is seen. Where the server refuses to answer that (no permission, a field
that cannot change, a webhook that is down) the rendered fields are compared with what is there (`Depth.RENDERED`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from typing import Any

from ai_on_eks.drift.cluster import NEVER_READ, Cluster, RefusedError, Resource
from ai_on_eks.drift.comparing import differences
from ai_on_eks.drift.readiness import not_ready
from ai_on_eks.drift.types import Compared, Depth, Finding, Identity, Json, Kind
from ai_on_eks.serving.ownership import MANAGED_BY, MANAGED_BY_LABEL, PART_OF_LABEL

REQUESTS_AT_ONCE = 8

OWNED_KINDS = (
    ("v1", "ConfigMap"),
    ("v1", "Namespace"),
    ("v1", "PersistentVolume"),
    ("v1", "PersistentVolumeClaim"),
    ("v1", "Service"),
    ("v1", "ServiceAccount"),
    ("apps/v1", "DaemonSet"),
    ("apps/v1", "Deployment"),
    ("autoscaling/v2", "HorizontalPodAutoscaler"),
    ("batch/v1", "Job"),
    ("eks.amazonaws.com/v1", "NodeClass"),
    ("gateway.k8s.aws/v1", "ListenerRuleConfiguration"),
    ("gateway.k8s.aws/v1", "LoadBalancerConfiguration"),
    ("gateway.k8s.aws/v1", "TargetGroupConfiguration"),
    ("gateway.networking.k8s.io/v1", "Gateway"),
    ("gateway.networking.k8s.io/v1", "GatewayClass"),
    ("gateway.networking.k8s.io/v1", "HTTPRoute"),
    ("inference.networking.k8s.io/v1", "InferencePool"),
    ("jobset.x-k8s.io/v1alpha2", "JobSet"),
    ("karpenter.k8s.aws/v1", "EC2NodeClass"),
    ("karpenter.sh/v1", "NodePool"),
    ("keda.sh/v1alpha1", "ScaledObject"),
    ("keda.sh/v1alpha1", "TriggerAuthentication"),
    ("kueue.x-k8s.io/v1beta2", "ClusterQueue"),
    ("kueue.x-k8s.io/v1beta2", "LocalQueue"),
    ("kueue.x-k8s.io/v1beta2", "ResourceFlavor"),
    ("leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet"),
    ("monitoring.coreos.com/v1", "PodMonitor"),
    ("monitoring.coreos.com/v1", "PrometheusRule"),
    ("networking.k8s.io/v1", "NetworkPolicy"),
    ("policy/v1", "PodDisruptionBudget"),
    ("ray.io/v1", "RayService"),
    ("rbac.authorization.k8s.io/v1", "Role"),
    ("rbac.authorization.k8s.io/v1", "RoleBinding"),
    ("resource.k8s.io/v1", "ResourceClaimTemplate"),
    ("scheduling.k8s.io/v1", "PriorityClass"),
    ("secrets-store.csi.x-k8s.io/v1", "SecretProviderClass"),
    ("serving.kserve.io/v1alpha2", "LLMInferenceService"),
    ("serving.kserve.io/v1alpha2", "LLMInferenceServiceConfig"),
    ("serving.kserve.io/v1beta1", "InferenceService"),
    ("storage.k8s.io/v1", "StorageClass"),
)
"""Kinds that are rendered for some platform or model: among all of them is looked for what nobody rendered."""

ENDING_KINDS = frozenset({"Job", "JobSet"})
"""Kinds that the cluster removes by itself some time after they are done: that one is not there says nothing."""

CARRIED: Mapping[str, Sequence[str]] = {
    "Deployment": ("replicas",),
    "LeaderWorkerSet": ("replicas",),
    "PersistentVolume": ("claimRef",),
    "PersistentVolumeClaim": ("storageClassName", "volumeName"),
    "Service": ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"),
}
"""Fields of `spec` that the cluster gives where they are not rendered: addresses, volumes, an autoscaler's replicas."""


def verify(
    cluster: Cluster, objects: Mapping[Identity, Json], *, move_on: Callable[[], object] = lambda: None
) -> tuple[Compared, ...]:
    """Every rendered object in the order given, then what nobody rendered. `move_on` is called after each object."""
    compared: list[Compared] = []
    for api_version, kind in _kinds(objects):
        cluster.resource(api_version, kind)  # asked for once, before there are several who would
    with ThreadPoolExecutor(REQUESTS_AT_ONCE) as pool:
        answers = pool.map(lambda item: _compared(cluster, *item), objects.items())
        extra = pool.map(lambda kind: tuple(_extra(cluster, objects, *kind)), _kinds(objects))
        for answer in answers:
            compared.append(answer)
            move_on()
        return (*compared, *(one for found in extra for one in found))


def _kinds(objects: Mapping[Identity, Json]) -> list[tuple[str, str]]:
    rendered = {(one.api_version, one.kind) for one in objects if one.kind not in NEVER_READ}
    return sorted(rendered | set(OWNED_KINDS))


def _compared(cluster: Cluster, identity: Identity, manifest: Json) -> Compared:
    if identity.kind in NEVER_READ:
        return Compared(identity, Depth.NONE)
    resource = cluster.resource(identity.api_version, identity.kind)
    if resource is None:
        reason = f"the cluster serves no {identity.kind} of {identity.api_version}"
        return Compared(identity, Depth.NONE, (Finding(Kind.MISSING, reason=reason),))
    try:
        live = cluster.get(resource, identity.namespace, identity.name)
    except RefusedError as refused:
        return Compared(identity, Depth.NONE, (_unreadable(refused),))
    if live is None and identity.kind in ENDING_KINDS:
        return Compared(identity, Depth.NONE)
    if live is None:
        return Compared(identity, Depth.NONE, (Finding(Kind.MISSING, reason="the cluster has no such object"),))
    depth, found = _differences(cluster, resource, manifest, live)
    return Compared(identity, depth, (*found, *not_ready(live)))


def _differences(cluster: Cluster, resource: Resource, manifest: Json, live: Json) -> tuple[Depth, tuple[Finding, ...]]:
    try:
        stored = cluster.replaced(resource, _in_place_of(manifest, live))
    except RefusedError:
        return Depth.RENDERED, differences(manifest, live, whole=False)
    expected = {**stored, "metadata": manifest["metadata"]}
    return Depth.WHOLE, differences(expected, live, whole=True)


def _in_place_of(manifest: Json, live: Json) -> Json:
    """The manifest with what only the cluster knows of the object: its version, other owners' marks, its addresses."""
    there = live["metadata"]
    metadata = {**there, **manifest["metadata"]}
    for part in ("labels", "annotations"):
        metadata[part] = {**(there.get(part) or {}), **(manifest["metadata"].get(part) or {})}
    result = {**deepcopy(manifest), "metadata": metadata}
    given, spec = live.get("spec") or {}, result.get("spec", {})
    for field in CARRIED.get(manifest["kind"], ()):
        if field in given:
            spec[field] = _completed(spec.get(field), given[field])
    return {**result, "spec": spec} if spec else result


def _completed(rendered: Any, given: Any) -> Any:
    """What the cluster gave, where nothing was rendered, and around what was."""
    if isinstance(rendered, dict) and isinstance(given, dict):
        return {**given, **rendered}
    return given if rendered is None else rendered


def _extra(cluster: Cluster, objects: Mapping[Identity, Json], api_version: str, kind: str) -> Iterator[Compared]:
    """Objects with the platform's labels that nobody rendered. What a controller made of another object is its own."""
    resource = cluster.resource(api_version, kind)
    if resource is None:
        return
    for selector in _selectors(objects):
        try:
            for one in cluster.listed(resource, selector):
                identity = Identity.of({**one, "apiVersion": api_version, "kind": kind})
                owners = one["metadata"].get("ownerReferences") or ()
                if identity not in objects and not any(owner.get("controller") for owner in owners):
                    reason = "carries the platform's labels, and nobody rendered it"
                    yield Compared(identity, Depth.NONE, (Finding(Kind.EXTRA, reason=reason),))
        except RefusedError as refused:
            yield Compared(Identity(api_version, kind, "", "*"), Depth.NONE, (_unreadable(refused),))


def _selectors(objects: Mapping[Identity, Json]) -> list[str]:
    """What selects the objects of each platform that the folder holds."""
    labels = [manifest["metadata"].get("labels") or {} for manifest in objects.values()]
    platforms = {one.get(PART_OF_LABEL) for one in labels if one.get(MANAGED_BY_LABEL) == MANAGED_BY}
    return [f"{MANAGED_BY_LABEL}={MANAGED_BY},{PART_OF_LABEL}={name}" for name in sorted(map(str, platforms - {None}))]


def _unreadable(refused: RefusedError) -> Finding:
    return Finding(Kind.UNREADABLE, reason=f"the API server answers {refused}")
