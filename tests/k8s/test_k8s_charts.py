"""The charts of this repository's own models and platform, byte for byte.

`UPDATE_SNAPSHOTS=1 python -m pytest tests/k8s` writes the snapshots anew; read the difference before you commit it.
"""

from __future__ import annotations

import os
from pathlib import Path

import cdk8s
import pytest
from real_models import MODELS, real_platform, real_workload

from ai_on_eks.kube.render import render_manifests
from ai_on_eks.kube.yaml_text import to_yaml
from ai_on_eks.serving.storage import StorageAddresses
from k8s.models import ModelChart
from k8s.platform import PlatformChart

SNAPSHOTS = Path(__file__).parent / "snapshots"
BUCKET = "example-model-bucket"


def _rendered(name: str) -> str:
    app = cdk8s.Testing.app()
    chart: cdk8s.Chart
    if name == "platform":
        chart = PlatformChart(app, "platform", platform=real_platform(), model_bucket=BUCKET)
    else:
        chart = ModelChart(app, "model", workload=real_workload(name), platform=real_platform())
    return to_yaml(chart.to_json())


@pytest.mark.parametrize("name", ["platform", *MODELS])
def test_chart_is_its_snapshot(name: str) -> None:
    rendered = _rendered(name)
    path = SNAPSHOTS / f"{name}.yaml"
    if os.environ.get("UPDATE_SNAPSHOTS") == "1":
        path.write_text(rendered, encoding="utf-8")

    assert rendered == path.read_text(encoding="utf-8")


def test_every_snapshot_belongs_to_a_chart() -> None:
    assert {path.stem for path in SNAPSHOTS.iterdir()} == {"platform", *MODELS}


def test_files_and_charts_hold_the_same_objects() -> None:
    workloads = [real_workload(model) for model in MODELS]

    files = render_manifests(workloads, real_platform(), StorageAddresses(bucket=BUCKET))

    assert files == {f"{name}.yaml": _rendered(name) for name in ["platform", *MODELS]}
