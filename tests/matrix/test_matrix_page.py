"""docs/matrix.md is what the plans say. `UPDATE_SNAPSHOTS=1 python -m pytest tests/matrix` writes it anew."""

from __future__ import annotations

import os
from collections.abc import Iterator

from matrix_models import ENTRIES, ROOT, STRATEGIES, Entry, planned

from ai_on_eks.catalog.engines import load_engines
from ai_on_eks.placement.types import Placement, Plan

PAGE = ROOT / "docs" / "matrix.md"

HEAD = """\
# The matrix: models, engines, nodes

Published models of every kind, family, format and size, planned one by one on the default platform and rendered under
every way of getting nodes; {count} of them have a workload. For each the suite checks (`tests/matrix`)

- that planned and rendered again, in this process and in another, its objects are the same bytes;
- that API servers of Kubernetes 1.34, 1.35 and 1.36 take every object and pod by their published schemas, strictly, and
  custom resources by their definitions, and that no object breaks a rule that servers have in code alone;
- that every pod is admitted under Pod Security's level `restricted`;
- that a scheduler places all pods at once on exactly the nodes that the plan buys, by what the strategy really sets on
  them (labels, taints, zones, devices, room beside DaemonSets, pages, disk), and on not one node less; and that it
  places none where one of these is planted wrong.

What the table does not show: no pod of it has been started on a GPU by this version, and prices are on-demand in
us-east-1 (Trainium2: us-east-2).

Nodes: replicas × nodes of a replica × type. TP, PP: tensor and pipeline parallel. M, K, A: managed node groups,
Karpenter, EKS Auto Mode; – where the strategy cannot start these nodes, with the reason below.

| model | parameters, weights | engine | nodes | TP, PP | $/h | M | K | A |
|---|---|---|---|---|---|---|---|---|
"""


def page() -> str:
    """The whole page."""
    rows = [_row(entry) for entry in ENTRIES]
    rendered = sum(bool(planned(entry, STRATEGIES[0]).workloads) for entry in ENTRIES)
    reasons = sorted({reason for entry in ENTRIES for reason in _reasons(entry)})
    kinds = "\n".join(_families())
    return (
        HEAD.format(count=rendered)
        + "\n".join(rows)
        + "\n\n## What a strategy does not start\n\n"
        + "\n".join(reasons)
        + "\n\n## Of each kind\n\n"
        + kinds
        + "\n"
    )


def _row(entry: Entry) -> str:
    found = planned(entry, STRATEGIES[0])
    (plan,) = found.plans
    path = entry.files[0]
    link = path.removeprefix("docs/") if path.startswith("docs/") else f"../{path}"
    bits = plan.descriptor.precision.weights.value if plan.descriptor.precision else "as published"
    cells = [f"[{entry.name}]({link})", f"{_millions(plan.inventory.parameters)} {bits}"]
    if plan.chosen is None or not found.workloads:
        return "| " + " | ".join([*cells, "no workload yet", "–", "–", "–", "–", "–", "–"]) + " |"
    return "| " + " | ".join([*cells, *_placed(plan, plan.chosen), *_marks(entry)]) + " |"


def _placed(plan: Plan, chosen: Placement) -> list[str]:
    nodes = f"{chosen.replicas} × {chosen.nodes_per_replica} × {chosen.instance_type.name}"
    price = "unknown" if chosen.price is None else f"{chosen.price.usd_per_hour * _nodes(chosen):,.2f}"
    engine = load_engines()[chosen.engine.name]
    return [f"{engine.title}", nodes, f"{chosen.tensor_parallel}, {chosen.pipeline_parallel}", price]


def _nodes(chosen: Placement) -> float:
    return chosen.replicas * chosen.nodes_per_replica / chosen.replicas_per_node


def _marks(entry: Entry) -> Iterator[str]:
    for strategy in STRATEGIES:
        yield "✓" if planned(entry, strategy).workloads else "–"


def _reasons(entry: Entry) -> Iterator[str]:
    for strategy in STRATEGIES:
        refusal = planned(entry, strategy).refusal
        if refusal is not None:
            yield f"- {entry.name}, {strategy.value}: [`{refusal}`](errors.md#{refusal})"


def _families() -> Iterator[str]:
    """How many models of each kind and family there are, by the descriptors' own words."""
    counts: dict[str, int] = {}
    for entry in ENTRIES:
        descriptor = planned(entry, STRATEGIES[0]).plans[0].descriptor
        key = f"{descriptor.kind.value}, {descriptor.architecture.family.value}, {descriptor.source.format.value}"
        counts[key] = counts.get(key, 0) + 1
    yield from (f"- {key}: {count}" for key, count in sorted(counts.items()))


def _millions(parameters: int) -> str:
    return f"{parameters / 1e9:,.1f} B" if parameters >= 1e9 else f"{parameters / 1e6:,.0f} M"


def test_the_page_is_what_the_plans_say() -> None:
    if os.environ.get("UPDATE_SNAPSHOTS") == "1":
        PAGE.write_text(page(), encoding="utf-8")

    assert PAGE.read_text(encoding="utf-8") == page()
