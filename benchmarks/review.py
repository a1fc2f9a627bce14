"""How long `ai-on-eks review` takes on two synthesized folders, and `report` of this project, in a new process.

    python -m benchmarks.review [runs]      after `make synth`

    same        the folder beside itself
    replaced    beside a copy in which every network and cluster is replaced, every model has another image and a node
                more: every part of the review has something to say
    report      the page of this project's models and what was synthesized of them
    bare        an interpreter that does nothing

Alternating. Wanted: a review under 2 s, a report under 3 s. Wall time is as a person waits; processor time is what
holds on a busy machine.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
DEFAULT_RUNS = 7
PARTS = ("cdk.out", "build/manifests", "build/plan.json")


def measure(arguments: list[str]) -> tuple[float, float]:
    """Wall and processor seconds of one process."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "constructs")}
    start = time.perf_counter()
    process = subprocess.Popen(  # noqa: S603 - our own commands
        [sys.executable, *arguments], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 1):
        raise SystemExit(f"{arguments} exited with {process.returncode}")
    return time.perf_counter() - start, usage.ru_utime + usage.ru_stime


def changed_copy(folder: Path) -> Path:
    """The synthesized folder with another address range, cluster name, image and number of nodes."""
    shutil.copytree(ROOT / "cdk.out", folder / "cdk.out", ignore=shutil.ignore_patterns("asset.*"))
    shutil.copytree(ROOT / "build" / "manifests", folder / "build" / "manifests")
    for path in (folder / "cdk.out").glob("*.template.json"):
        template = json.loads(path.read_text(encoding="utf-8"))
        for resource in template["Resources"].values():
            _change(resource)
        path.write_text(json.dumps(template), encoding="utf-8")
    for path in (folder / "build" / "manifests").rglob("*.yaml"):
        path.write_text(path.read_text(encoding="utf-8").replace("image: ", "image: mirror."), encoding="utf-8")
    plan = json.loads((ROOT / "build" / "plan.json").read_text(encoding="utf-8"))
    for one in plan["plans"]:
        one["chosen"]["nodes"] += 1
        one["serving"]["concurrency"] *= 2
    (folder / "build" / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    return folder


def _change(resource: dict[str, Any]) -> None:
    changes = {"AWS::EC2::VPC": {"CidrBlock": "10.99.0.0/16"}, "AWS::EKS::Cluster": {"Name": "another"}}
    resource.get("Properties", {}).update(changes.get(resource["Type"], {}))


def main() -> int:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_RUNS
    if not all((ROOT / part).exists() for part in PARTS):
        raise SystemExit("make synth first")
    with tempfile.TemporaryDirectory() as scratch:
        after = changed_copy(Path(scratch) / "after")
        command = ["-m", "ai_on_eks", "review", "--before", str(ROOT), "--after"]
        subjects = {
            "same": [*command, str(ROOT)],
            "replaced": [*command, str(after)],
            "report": ["-m", "ai_on_eks", "report", "-o", str(Path(scratch) / "report.html")],
            "bare": ["-c", "pass"],
        }
        for arguments in subjects.values():
            measure(arguments)  # the files are in the page cache afterwards
        samples: dict[str, list[tuple[float, float]]] = {name: [] for name in subjects}
        for _ in range(runs):
            for name, arguments in subjects.items():
                samples[name].append(measure(arguments))
    for name, values in samples.items():
        wall = sorted(seconds for seconds, _ in values)
        processor = statistics.median(seconds for _, seconds in values)
        spread = f"{wall[0]:.2f} to {wall[-1]:.2f}"
        sys.stdout.write(f"{name:9} {statistics.median(wall):5.2f} s ({spread}), {processor:.2f} s of processor time\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
