"""What a synthesis planned, for whoever compares two of them: `build/plan.json` of `make synth`.

Of each instance type with each engine there is one line: the best placement that every rule accepts, or the nearest
miss. A review asks why a model no longer lies where it lay, and a thousand divisions would answer no better.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ai_on_eks.catalog.loading import Catalog
from ai_on_eks.cli.documents.readiness import readiness_mapping
from ai_on_eks.cli.documents.snapshots import snapshot_mapping
from ai_on_eks.cli.output import document
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.placement.types import Placement, Plan
from ai_on_eks.serving.types import Workload

SCHEMA = "synth"

UNUSED = ("alternatives", "parameters", "suggestions", "variants", "warnings")
"""Of a plan's document what tells nothing about a change."""


def synthesis_document(
    platform: Platform,
    catalog: Catalog,
    body: dict[str, Any],
    plans: Sequence[Plan],
    workloads: Sequence[Workload],
) -> dict[str, Any]:
    """The document. `body` is that of `plans_body` for these plans."""
    starts = {workload.name: workload.start for workload in workloads}
    return document(
        SCHEMA,
        {
            "platform": {
                "name": platform.name,
                "region": platform.region,
                "namespace": platform.namespace,
                "kubernetes_version": platform.cluster.kubernetes_version,
                "delivery": platform.delivery.mode.value,
            },
            "catalog": snapshot_mapping(catalog),
            "total_usd_per_hour": body["total_usd_per_hour"],
            "fleet": body["fleet"],
            "plans": [
                {
                    **{key: value for key, value in mapping.items() if key not in UNUSED},
                    "serving": plan.descriptor.serving.model_dump(mode="json"),
                    "readiness": readiness_mapping(starts.get(plan.descriptor.name)),
                    "accepted": best_by_type(plan),
                    "rejected": nearest_by_type(plan, mapping["rejected"]),
                }
                for plan, mapping in zip(plans, body["plans"], strict=True)
            ],
        },
    )


def best_by_type(plan: Plan) -> list[dict[str, Any]]:
    """The first accepted placement of each instance type and engine, best first."""
    found: dict[tuple[str, str], Placement] = {}
    for one in plan.accepted:
        found.setdefault((one.instance_type.name, one.engine.name), one)
    return [
        {"instance_type": name, "engine": engine, "nodes": one.nodes, "usd_per_hour": one.usd_per_hour}
        for (name, engine), one in found.items()
    ]


def nearest_by_type(plan: Plan, rejected: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The first rejection of each instance type and engine that no placement is accepted of, nearest miss first."""
    accepted = {(one.instance_type.name, one.engine.name) for one in plan.accepted}
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for one in rejected:
        key = (one["instance_type"], one["engine"])
        if key not in accepted:
            found.setdefault(key, one)
    kept = ("instance_type", "engine", "rule", "reason", "shortfall")
    return [{key: one[key] for key in kept} for one in found.values()]
