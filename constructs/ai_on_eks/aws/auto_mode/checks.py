"""What Auto Mode cannot do for a capacity request; nothing but a pod that stays pending would tell.

Of a fabric not even that: since 2026-07 a NodeClass takes EFA interfaces (`advancedNetworking.networkInterfaces`, EKS
user guide, device-management-efa). How much memory a container of an ordinary user may lock there, and whether huge
pages are set aside, EKS does not say. Where too little may be locked, an adapter cannot be used: the replica ends, or
goes on by TCP and is slow without an error.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ai_on_eks.aws.node_groups import NodeGroupSpec
from ai_on_eks.catalog.auto_mode import auto_mode_families, auto_mode_starts
from ai_on_eks.errors import InputError, Problem

OTHER_STRATEGY = "set capacity.strategy to karpenter or managed-node-groups"


def check_auto_mode(specs: Sequence[NodeGroupSpec]) -> None:
    """Raise InputError with everything that keeps Auto Mode from starting these nodes as they were planned."""
    problems = [problem for spec in specs for problem in _problems(spec)]
    if problems:
        raise InputError(problems)


def _problems(spec: NodeGroupSpec) -> Iterator[Problem]:
    path, name = f"capacity request {spec.name}", spec.instance_type.name
    if not auto_mode_starts(spec.instance_type):
        yield Problem(
            code="auto-mode-type-unsupported",
            message=f"EKS Auto Mode starts no {name}",
            path=path,
            value=name,
            allowed=auto_mode_families(),
            fix=f"name other families in constraints.instance_families, or {OTHER_STRATEGY}",
        )
    if spec.partition is not None:
        yield Problem(
            code="auto-mode-undivided",
            message=f"the plan divides the accelerators of {name}, and EKS Auto Mode's device plugin cannot be told to",
            path=path,
            value=name,
            fix=f"remove constraints.accelerator_sharing, or {OTHER_STRATEGY}",
        )
    if spec.efa:
        yield Problem(
            code="auto-mode-fabric",
            message=f"replicas span nodes of {name}, and EKS does not say whether pods that are not root can use EFA "
            "under EKS Auto Mode",
            path=path,
            value=name,
            fix=f"let a replica fit on one node, or {OTHER_STRATEGY}",
        )
