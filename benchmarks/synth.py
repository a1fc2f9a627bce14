"""How long a full synthesis of the default platform takes beside a bare CDK app with the same resources.

    python -m benchmarks.synth [runs]

    ours    app.py: plans the models, renders the objects, makes all stacks and judges them by our rules
    bare    bare_app.py, a CDK app without any of that: VPC, cluster with its kubectl function, bucket, applied objects
            and Helm releases by the library's constructs, everything else by plain `CfnResource` with ours' properties

Both by `cdk synth` of the pinned command line, as people call it: new processes, CDK's own template validation on,
alternating. The claim: ours takes at most 1.25 times as long. Beside it the same apps without the command line and
without validation, where the difference between them is all there is.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CDK = ROOT / "node_modules" / ".bin" / "cdk"
DEFAULT_RUNS = 5

WITHOUT_VALIDATION = {"CDK_VALIDATION": "false"}


def seconds(command: list[str], environment: Mapping[str, str]) -> float:
    """Wall time of one process and all that it starts."""
    paths = os.pathsep.join((str(ROOT), str(ROOT / "constructs")))
    start = time.perf_counter()
    subprocess.run(  # noqa: S603 - our own commands
        command, cwd=ROOT, env={**os.environ, "PYTHONPATH": paths, **environment}, check=True, capture_output=True
    )
    return time.perf_counter() - start


def synth(app: str, outdir: Path) -> float:
    """As a user calls it."""
    options = ["--quiet", "--no-lookups", "--no-notices", "--output", str(outdir)]
    return seconds([str(CDK), "synth", *options, "--app", f"{sys.executable} {app}"], {})


def alone(app: str, outdir: Path) -> float:
    """The app by itself."""
    return seconds([sys.executable, *app.split()], {"CDK_OUTDIR": str(outdir), **WITHOUT_VALIDATION})


def resources(folder: Path) -> int:
    """In all templates of a cloud assembly, those of nested stacks too."""
    found = (json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*.template.json"))
    return sum(len(template["Resources"]) for template in found)


def main() -> int:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_RUNS
    with tempfile.TemporaryDirectory() as scratch:
        folders = {name: Path(scratch) / name for name in ("ours", "bare")}
        apps = {"ours": "app.py", "bare": f"benchmarks/bare_app.py {folders['ours']}"}
        for name, app in apps.items():  # a warm-up, and what the bare app reads
            synth(app, folders[name])
        counts = ", ".join(f"{name} {resources(folder)}" for name, folder in folders.items())
        sys.stdout.write(f"resources: {counts}; {runs} runs each, alternating\n")
        for title, run in (("cdk synth", synth), ("the app alone, without validation", alone)):
            taken: dict[str, list[float]] = {name: [] for name in apps}
            for number in range(runs):
                for name, app in apps.items():
                    taken[name].append(run(app, Path(scratch) / f"{run.__name__}-{name}-{number}"))
            figures = {name: statistics.median(values) for name, values in taken.items()}
            spread = ", ".join(
                f"{name} {figures[name]:.2f} s ({min(values):.2f} to {max(values):.2f})"
                for name, values in taken.items()
            )
            sys.stdout.write(f"{title}: {spread}, ratio of medians {figures['ours'] / figures['bare']:.2f}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
