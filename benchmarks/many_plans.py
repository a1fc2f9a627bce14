"""How long planning many models in one process takes, and whether its memory grows.

    python -m benchmarks.many_plans [descriptors]

Descriptors are generated from the families of `benchmarks.many_sizes` with other depths, vocabularies, contexts, loads
and constraints; no two are alike. Counted are making the inventory and the plan: the choice with its warnings. Reading
YAML is `many_sizes`' subject. Memory is the process' peak after a tenth of the plans and after all of them.
"""

from __future__ import annotations

import random
import resource
import sys
import time
from collections import Counter

from ai_on_eks.catalog.loading import load_catalog
from ai_on_eks.cli.loading import default_platform
from ai_on_eks.descriptors.architectures import build_inventory
from ai_on_eks.descriptors.schema import Descriptor
from ai_on_eks.placement.planning import plan_model
from benchmarks.many_sizes import descriptor_of

DEFAULT_DESCRIPTORS = 10_000
CONTEXTS = (2048, 4096, 8192, 32768)
LOADS = ({"concurrency": 1}, {"concurrency": 16}, {"concurrency": 128}, {"requests_per_second": 2.0})
FAMILIES = ((), (), (), ("g5", "g6", "g6e"), ("p5", "p5en", "p4d"), ("inf2", "trn1"))


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_DESCRIPTORS
    platform, catalog = default_platform("us-east-1").platform, load_catalog("us-east-1")
    descriptors = [_descriptor(number) for number in range(count)]
    spent_s, early_mib = 0.0, 0.0
    engines: Counter[str] = Counter()
    for number, descriptor in enumerate(descriptors):
        if number == count // 10:
            early_mib = _peak_mib()
        start = time.process_time()
        plan = plan_model(descriptor, build_inventory(descriptor), catalog, platform)
        spent_s += time.process_time() - start
        engines[plan.chosen.engine.name if plan.chosen else "nothing fits"] += 1
    chosen = ", ".join(f"{name} {number}" for name, number in sorted(engines.items()))
    sys.stdout.write(
        f"{count} plans: {spent_s:.1f} s of processor time, {1000 * spent_s / count:.2f} ms each ({chosen}); "
        f"peak memory {early_mib:.0f} MiB after a tenth of them, {_peak_mib():.0f} MiB after all\n"
    )
    return 0


def _descriptor(number: int) -> Descriptor:
    choose = random.Random(number)  # noqa: S311 - a choice, no secret
    body = descriptor_of(number)
    if body["kind"] == "foundation":
        context = choose.choice(CONTEXTS) if "t5" not in str(body["architecture"]) else 512
        body["serving"] = {"context_tokens": context, **choose.choice(LOADS)}
    body["constraints"] = {"instance_families": choose.choice(FAMILIES)}
    return Descriptor.model_validate(body, strict=False)


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    sys.exit(main())
