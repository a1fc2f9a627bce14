"""How long a plan takes in a process that has planned before.

    python benchmarks/warm_plan.py [rounds]

The models of this repository and three harder ones, each against the whole catalogue with every engine and division:

    first    a model this process has not seen: its choice, warnings included
    again    the same model once more, with what sizing remembers of it
    all      the choice and everything that was not chosen: accepted placements, the front, every rejection in words

Processor time of this process, the least of the rounds: what others do on the machine is not in it. A bare loop of the
same run stands beside it, because machines differ and ratios travel.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from msgspec.structs import replace

from ai_on_eks.catalog.loading import Catalog, load_catalog
from ai_on_eks.descriptors.architectures import build_inventory
from ai_on_eks.descriptors.documents import parse_yaml, validate
from ai_on_eks.descriptors.inventory import Inventory
from ai_on_eks.descriptors.loading import load_descriptor, load_platform
from ai_on_eks.descriptors.platform import PlannedEngines, Platform
from ai_on_eks.descriptors.schema import Descriptor
from ai_on_eks.placement.planning import plan_model
from ai_on_eks.placement.types import Plan

ROOT = Path(__file__).resolve().parents[1]
DEFAULT_ROUNDS = 7
LOOP = 100_000

HARDER = """
name: {name}
kind: foundation
source: {{uri: hf://organisation/model, format: safetensors}}
architecture: {{family: transformer, parameters: {parameters}}}
"""


def main() -> int:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_ROUNDS
    platform = load_platform(ROOT / "platform.yaml").model_copy(update={"engines": PlannedEngines.ANY})
    catalog = load_catalog(platform.region)
    loop_ms = _least_ms(rounds, _loop)
    print(
        f"{len(catalog.instance_types)} instance types, {len(catalog.engines)} engines; "
        f"a loop of {LOOP:,} steps takes {loop_ms:.1f} ms"
    )
    print(f"{'ms of processor time':34} {'first':>7} {'again':>7} {'all':>7}")
    for descriptor in _descriptors():
        figures = _measure(descriptor, build_inventory(descriptor), catalog, platform, rounds)
        print(f"{descriptor.name:34} " + " ".join(f"{figure:7.1f}" for figure in figures))
    return 0


def _measure(
    descriptor: Descriptor, inventory: Inventory, catalog: Catalog, platform: Platform, rounds: int
) -> tuple[float, float, float]:
    numbers = iter(range(rounds))

    def plan(model: Inventory) -> Plan:
        return plan_model(descriptor, model, catalog, platform)

    return (
        _least_ms(rounds, lambda: plan(_unseen(inventory, next(numbers)))),
        _least_ms(rounds, lambda: plan(inventory)),
        _least_ms(rounds, lambda: _read(plan(inventory))),
    )


def _descriptors() -> Iterator[Descriptor]:
    for path in sorted((ROOT / "models").glob("*.yaml")):
        yield load_descriptor(path)
    for name, parameters in (
        ("a-billion", 10**9),
        ("thirty-billion", 3 * 10**10),
        ("four-hundred-billion", 4 * 10**11),
    ):
        text = HARDER.format(name=name, parameters=parameters)
        yield validate(parse_yaml(text, f"{name}.yaml"), Descriptor)


def _unseen(inventory: Inventory, number: int) -> Inventory:
    """The model with another limit of its context: equal in every size, and unknown to every memory."""
    return replace(inventory, max_context_tokens=10_000_000 - number)


def _read(plan: Plan) -> int:
    return len(plan.accepted) + len(plan.alternatives) + sum(len(one.reason) for one in plan.rejected)


def _loop() -> None:
    total = 0
    for number in range(LOOP):
        total += number


def _least_ms(rounds: int, work: Callable[[], object]) -> float:
    least = float("inf")
    for _ in range(rounds):
        start = time.process_time()
        work()
        least = min(least, time.process_time() - start)
    return 1000 * least


if __name__ == "__main__":
    sys.exit(main())
