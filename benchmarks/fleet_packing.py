"""How long packing many models onto shared nodes takes, what that costs, and how near the least it is.

    python -m benchmarks.fleet_packing [models]

The models cycle through benchmarks/fleet_models.py with other loads and numbers of copies. Each is planned by itself
first, with every placement that a fleet may put it to (shown, not part of the claim); then all are packed, by the call
that `ai-on-eks plan` makes. The claim: 1,000 models in 60 s within 2 % of the bound that is proved in the same run.
"""

from __future__ import annotations

import json
import random
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from ai_on_eks.catalog.loading import load_catalog
from ai_on_eks.descriptors.architectures import build_inventory
from ai_on_eks.descriptors.loading import load_descriptor
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.descriptors.platform_network import Network
from ai_on_eks.placement.fleet.planning import plan_fleet
from ai_on_eks.placement.planning import plan_model
from ai_on_eks.placement.types import Plan
from benchmarks.fleet_models import MODELS, Row, descriptor, name_of

DEFAULT_MODELS = 1000
REGION = "us-east-1"
SEED = 1
LOADS = (1, 1, 1, 2, 2, 4, 8)
"""Multiples of a row's concurrency and throughput; most services are small."""

SPREADING = 0.2
"""Share of the models that must not lie on one node alone."""


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_MODELS
    catalog = load_catalog(REGION)
    platform = Platform(
        name="benchmark",
        region=REGION,
        network=Network(availability_zones=tuple(f"{REGION}{zone}" for zone in "abcdef")),
    )
    start = time.perf_counter()
    plans = []
    with tempfile.TemporaryDirectory() as folder:
        for path in _write(Path(folder), count):
            one = load_descriptor(path)
            plans.append(plan_model(one, build_inventory(one), catalog, platform))
    accepted = sum(len(plan.accepted) for plan in plans)  # computed when somebody looks
    planned_s, cpu_before_s = time.perf_counter() - start, time.process_time()
    start = time.perf_counter()
    fleet = plan_fleet(plans, platform, catalog)
    packed_s, packed_cpu_s = time.perf_counter() - start, time.process_time() - cpu_before_s
    if fleet.usd_per_hour is None or fleet.bound_usd_per_hour is None or fleet.alone_usd_per_hour is None:
        raise SystemExit("a model has no published price")
    saving = fleet.alone_usd_per_hour - fleet.usd_per_hour
    nodes = sum(pool.node_count for pool in fleet.pools)
    replicas = sum(member.placement.replicas for pool in fleet.pools for member in pool.members)
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(
        f"{count} models, {len(_placed(plans))} with a placement: {accepted:,} placements planned one by one in "
        f"{planned_s:.1f} s\n"
        f"packed in {packed_s:.1f} s, {packed_cpu_s:.1f} s of processor time: {replicas:,} replicas, {nodes:,} nodes\n"
        f"{fleet.usd_per_hour:,.2f} $/h; bound {fleet.bound_usd_per_hour:,.2f} $/h; gap {fleet.gap:.4%}\n"
        f"each model on nodes of its own: {fleet.alone_usd_per_hour:,.2f} $/h; "
        f"sharing saves {saving:,.2f} $/h ({saving / fleet.alone_usd_per_hour:.1%})\n"
        f"peak memory of the process {peak_mib:.0f} MiB\n"
    )
    return 0


def _placed(plans: list[Plan]) -> list[Plan]:
    return [plan for plan in plans if plan.chosen is not None]


def _write(folder: Path, count: int) -> list[Path]:
    chance = random.Random(SEED)  # noqa: S311 - loads, not secrets
    paths = []
    for number in range(count):
        row = MODELS[number % len(MODELS)]
        path = folder / f"{number}.yaml"
        path.write_text(json.dumps(_varied(row, number, chance), indent=1), encoding="utf-8")
        paths.append(path)
    return paths


def _varied(row: Row, number: int, chance: random.Random) -> dict[str, Any]:
    written = descriptor(row, f"{name_of(row)}-{number}")
    serving, load = written["serving"], chance.choice(LOADS)
    serving["concurrency"] *= load
    targets = serving.get("targets", {})
    if "items_per_second" in targets:
        serving["targets"] = {**targets, "items_per_second": targets["items_per_second"] * load}
    if chance.random() < SPREADING:
        serving["minimum_replicas"] = 2
    return written


if __name__ == "__main__":
    sys.exit(main())
