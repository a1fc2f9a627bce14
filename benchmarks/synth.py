"""How long a full synthesis of the default platform takes beside a bare CDK app with the same resources.

    python -m benchmarks.synth [runs]

    ours    plans the models, renders the objects, makes all stacks and judges them by our rules: what app.py does
    bare    bare_app.py, a CDK app without any of that: VPC, cluster with its kubectl function, bucket, applied objects
            and Helm releases by the library's constructs, everything else by plain `CfnResource` with ours' properties

Both are new processes that start Node by jsii, alternating; CDK's template validation is off in both. The claim: ours
takes at most 1.25 times as long.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DEFAULT_RUNS = 5

BARE = (ROOT / "benchmarks" / "bare_app.py").read_text(encoding="utf-8")

OURS = """
import sys
from pathlib import Path
from threading import Thread
import app
Thread(target=app.load_construct_libraries).start()
deployment, _ = app.read_deployment(str(app.ROOT / "platform.yaml"), app.ROOT / "models")
outdir = Path(sys.argv[1])
from stacks.application import build_app
build_app(deployment, lambda bucket: app.render_charts(deployment, bucket), outdir=str(outdir), validate=False).synth()
app.refuse_findings(deployment, outdir)
app.manifest_files(deployment)
"""


def seconds(script: str, *arguments: Path) -> float:
    """Wall time of one process."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "constructs")))}
    start = time.perf_counter()
    subprocess.run(  # noqa: S603 - our own scripts
        [sys.executable, "-c", script, *map(str, arguments)], cwd=ROOT, env=environment, check=True, capture_output=True
    )
    return time.perf_counter() - start


def resources(folder: Path) -> int:
    """In all templates of a cloud assembly, those of nested stacks too."""
    found = (json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*.template.json"))
    return sum(len(template["Resources"]) for template in found)


def main() -> int:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_RUNS
    with tempfile.TemporaryDirectory() as scratch:
        templates, again = Path(scratch) / "templates", Path(scratch) / "again"
        seconds(OURS, templates)  # also a warm-up
        seconds(BARE, templates, again)
        counts = [resources(folder) for folder in (templates, again)]
        ours, bare = [], []
        for number in range(runs):
            ours.append(seconds(OURS, Path(scratch) / f"ours-{number}"))
            bare.append(seconds(BARE, templates, Path(scratch) / f"bare-{number}"))
    print(f"resources: ours {counts[0]}, bare {counts[1]}; {runs} runs each, alternating")
    for name, values in (("ours", ours), ("bare", bare)):
        print(f"{name}: {min(values):.2f} to {max(values):.2f} s, median {statistics.median(values):.2f} s")
    by_median, by_minimum = statistics.median(ours) / statistics.median(bare), min(ours) / min(bare)
    print(f"ratio of medians {by_median:.2f}, of minima {by_minimum:.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
