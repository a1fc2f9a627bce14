"""What a synthesis planned, for whoever compares two of them: `build/plan.json` of `make synth`.

The rejections are one for each instance type and engine, the nearest miss: a review asks why a model no longer lies
where it lay, and thousands of divisions of the same type would answer no better.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ai_on_eks.catalog.loading import Catalog
from ai_on_eks.cli.documents.readiness import readiness_mapping
from ai_on_eks.cli.documents.snapshots import snapshot_mapping
from ai_on_eks.cli.output import document
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.serving.types import Workload

SCHEMA = "synth"

UNUSED = ("accepted", "alternatives", "parameters", "suggestions", "variants", "warnings")
"""Of a plan's document what tells nothing about a change."""


def synthesis_document(
    platform: Platform,
    catalog: Catalog,
    body: dict[str, Any],
    servings: Sequence[dict[str, Any]],
    workloads: Sequence[Workload],
) -> dict[str, Any]:
    """The document. `body` is that of `plans_body`; `servings` what is asked of its models, in the same order."""
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
                    **{key: value for key, value in plan.items() if key not in UNUSED},
                    "serving": serving,
                    "readiness": readiness_mapping(starts.get(plan["model"])),
                    "rejected": nearest_by_type(plan["rejected"]),
                }
                for plan, serving in zip(body["plans"], servings, strict=True)
            ],
        },
    )


def nearest_by_type(rejected: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The first of each instance type and engine; they are ordered nearest miss first."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for one in rejected:
        found.setdefault((one["instance_type"], one["engine"]), one)
    kept = ("instance_type", "engine", "rule", "reason", "shortfall")
    return [{key: one[key] for key in kept} for one in found.values()]
