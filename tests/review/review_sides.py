"""Folders as `make synth` writes them, small and by hand."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from ai_on_eks.review.side import Side, read_side

Json = dict[str, Any]

NETWORK, CLUSTER = "ai-network", "ai-cluster"


def resource(type_: str, properties: Json | None = None, **further: Any) -> Json:
    return {"Type": type_, "Properties": properties or {}, **further}


def template(resources: Mapping[str, Json], exports: Mapping[str, Any] | None = None) -> Json:
    outputs = {
        f"Output{i}": {"Value": value, "Export": {"Name": name}}
        for i, (name, value) in enumerate((exports or {}).items())
    }
    return {"Resources": dict(resources), **({"Outputs": outputs} if outputs else {})}


def write_side(
    folder: Path,
    templates: Mapping[str, Json],
    *,
    objects: Sequence[Json] = (),
    plan: Json | None = None,
    violations: Sequence[Json] | None = None,
    region: str = "us-east-1",
) -> Path:
    """A project folder; files that a synthesis of an older version lacks are left out where nothing is given."""
    cdk_out = folder / "cdk.out"
    cdk_out.mkdir(parents=True, exist_ok=True)
    artifacts: Json = {}
    for stack, body in templates.items():
        (cdk_out / f"{stack}.template.json").write_text(json.dumps(body), encoding="utf-8")
        artifacts[stack] = {"type": "aws:cloudformation:stack", "environment": f"aws://unknown-account/{region}"}
    (cdk_out / "manifest.json").write_text(json.dumps({"artifacts": artifacts}), encoding="utf-8")
    if violations is not None:
        report = {"pluginReports": [{"pluginName": "checker", "violations": list(violations)}]}
        (cdk_out / "validation-report.json").write_text(json.dumps(report), encoding="utf-8")
    manifests = folder / "build" / "manifests"
    manifests.mkdir(parents=True, exist_ok=True)
    (manifests / "objects.yaml").write_text(yaml.safe_dump_all(objects, explicit_start=True), encoding="utf-8")
    if plan is not None:
        (folder / "build" / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    return folder


def side(tmp_path: Path, name: str, templates: Mapping[str, Json] | None = None, **further: Any) -> Side:
    return read_side(write_side(tmp_path / name, templates or {}, **further))


def placed(
    model: str,
    instance_type: str,
    usd_per_hour: float | None,
    *,
    nodes: int = 1,
    accepted: Sequence[Json] = (),
    rejected: Sequence[Json] = (),
    serving: Json | None = None,
    ready_seconds: float = 250.0,
    weights_bytes: int = 16 * 2**30,
) -> Json:
    """One model's plan, with what a review reads of it."""
    price = (
        None if usd_per_hour is None else {"usd_per_hour": usd_per_hour, "region": "us-east-1", "date": "2026-07-20"}
    )
    return {
        "model": model,
        "chosen": {
            "instance_type": instance_type,
            "nodes": nodes,
            "replicas": nodes,
            "accelerator": "l4" if instance_type.startswith("g6.") else "rtx-pro-6000",
            "accelerators_per_replica": 1,
            "tensor_parallel": 1,
            "pipeline_parallel": 1,
            "engine": "vllm",
            "usd_per_hour": None if usd_per_hour is None else nodes * usd_per_hour,
            "price": price,
            "per_accelerator": {"weights_bytes": weights_bytes, "activation_bytes": 2**29, "overhead_bytes": 2**29},
        },
        "in_fleet": {"usd_per_hour": None if usd_per_hour is None else nodes * usd_per_hour},
        "why": f"{instance_type} is the cheapest",
        "serving": serving or {"context_tokens": 4096, "concurrency": 4},
        "readiness": {"total_seconds": ready_seconds, "terms": []},
        "accepted": list(accepted),
        "rejected": list(rejected),
    }


def planned(*plans: Json) -> Json:
    return {"schema": "ai-on-eks/synth/v1", "plans": list(plans)}


def deployment(name: str, image: str, *, replicas: int = 1, namespace: str = "models") -> Json:
    """A model's Deployment as it is rendered: the old pod goes before the new one comes."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace, "labels": {"ai-on-eks/model": name}},
        "spec": {
            "replicas": replicas,
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}},
            "template": {"metadata": {}, "spec": {"containers": [{"name": "engine", "image": image}]}},
        },
    }
