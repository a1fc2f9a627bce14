"""From the placements of fine-tuning jobs to the nodes that are asked for.

    pools        one for each instance type and way of buying; its jobs run one after the other, so it is as large as
                 the largest of them; its zones are those that every one of them may stand in
    root volume  as for models: images × 2 + what a pod may write + a margin, within the kubelet's thresholds

A controller starts the nodes when a job is admitted and ends them after it. Managed node groups would keep them all the
time, which nobody wants of nodes that train now and then.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import ceil

from ai_on_eks.descriptors.fine_tune import FineTuneJob
from ai_on_eks.descriptors.platform import Capacity, CapacityStrategy
from ai_on_eks.errors import Problem
from ai_on_eks.placement.capacity import ROOT_VOLUME_MARGIN_GIB, ROOT_VOLUME_STEP_GIB, USABLE_SHARE
from ai_on_eks.placement.training import TrainingPlacement, TrainingPlan
from ai_on_eks.placement.types import CapacityRequest
from ai_on_eks.units import GIB, ceil_div


def pool_name(job: FineTuneJob, placement: TrainingPlacement) -> str:
    """Of the nodes' capacity label."""
    bought_as = job.constraints.capacity_type.value
    ending = "" if bought_as == "on-demand" else f"-{bought_as}"
    return f"jobs-{placement.instance_type.name.replace('.', '-')}{ending}"


def training_requests(
    plans: Iterable[TrainingPlan], image_bytes: int, temporary_bytes: int
) -> tuple[CapacityRequest, ...]:
    """One request a pool, by name. `temporary_bytes` of disk beside what sizing counts."""
    pools: dict[str, list[tuple[FineTuneJob, TrainingPlacement]]] = {}
    for plan in plans:
        if plan.chosen is not None:
            pools.setdefault(pool_name(plan.job, plan.chosen), []).append((plan.job, plan.chosen))
    return tuple(_request(name, members, image_bytes, temporary_bytes) for name, members in sorted(pools.items()))


def _request(
    name: str, members: Sequence[tuple[FineTuneJob, TrainingPlacement]], image_bytes: int, temporary_bytes: int
) -> CapacityRequest:
    placements = [placement for _job, placement in members]
    efa = any(placement.nodes > 1 for placement in placements)
    zones = tuple(zone for zone in placements[0].zones if all(zone in other.zones for other in placements))
    disk_bytes = max(placement.memory.disk_bytes for placement in placements) + temporary_bytes
    needed_gib = ceil((ceil_div(2 * image_bytes + disk_bytes, GIB) + ROOT_VOLUME_MARGIN_GIB) / USABLE_SHARE)
    return CapacityRequest(
        name=name,
        instance_type=placements[0].instance_type,
        capacity_type=members[0][0].constraints.capacity_type.value,
        nodes=max(placement.nodes for placement in placements),
        zones=zones[:1] if efa else zones,
        root_volume_gib=ceil_div(needed_gib, ROOT_VOLUME_STEP_GIB) * ROOT_VOLUME_STEP_GIB,
        models=tuple(sorted(job.name for job, _placement in members)),
        pool=name,
        efa=efa,
    )


def idle_pools(capacity: Capacity, requests: Iterable[CapacityRequest]) -> list[Problem]:
    """Pools of jobs whose nodes would run all the time."""
    groups = CapacityStrategy.MANAGED_NODE_GROUPS
    return [
        Problem(
            code="jobs-without-controller",
            message=f"{request.nodes} × {request.instance_type.name} would run all the time for {names}",
            path=f"capacity.pool_strategies.{request.pool}",
            value=groups.value,
            allowed=(CapacityStrategy.KARPENTER.value, CapacityStrategy.AUTO_MODE.value),
            fix=f"set capacity.pool_strategies.{request.pool} to {CapacityStrategy.KARPENTER.value}",
        )
        for request in requests
        if capacity.strategy_of(request.pool) is groups
        for names in (", ".join(request.models),)
    ]
