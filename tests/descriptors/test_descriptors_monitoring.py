"""Contradictions in `monitoring` and `budget` of a platform file, each with its path."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from ai_on_eks.descriptors.loading import load_platform
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.errors import InputError

TOPIC = "arn:aws:sns:us-east-1:111122223333:alarms"
WORKSPACE = "ws-12345678-abcd-4bcd-9abc-123456789012"
RENDER = {"delivery": {"mode": "render"}}


def load(folder: Path, **settings: Any) -> Platform:
    path = folder / "platform.yaml"
    network = {"availability_zones": ["us-east-1a", "us-east-1b"]}
    path.write_text(yaml.safe_dump({"name": "ai", "region": "us-east-1", "network": network, **settings}))
    return load_platform(path)


@pytest.mark.parametrize(
    ("settings", "code", "path"),
    [
        (
            {"monitoring": {"kind": "in-cluster", "managed_grafana": "saml"}},
            "setting-without-effect",
            "monitoring.managed_grafana",
        ),
        ({"monitoring": {"alarm_topic": TOPIC}}, "setting-without-effect", "monitoring.alarm_topic"),
        (
            {"monitoring": {"kind": "managed", "existing_workspace": WORKSPACE, "alarm_topic": TOPIC}},
            "setting-without-effect",
            "monitoring.alarm_topic",
        ),
        (
            {"monitoring": {"kind": "managed", "retention_days": 30}},
            "setting-without-effect",
            "monitoring.retention_days",
        ),
        (
            {"monitoring": {"kind": "in-cluster", "existing_workspace": WORKSPACE}},
            "setting-without-effect",
            "monitoring.existing_workspace",
        ),
        (
            {"monitoring": {"kind": "in-cluster", "alarm_topic": TOPIC.replace("us-east-1", "eu-west-1")}},
            "region-mismatch",
            "monitoring.alarm_topic",
        ),
        ({"monitoring": {"kind": "managed"}, **RENDER}, "workspace-unknown", "monitoring.existing_workspace"),
        ({"monitoring": {"kind": "in-cluster", "alarm_topic": "alarms"}}, "bad-pattern", "monitoring.alarm_topic"),
        ({"budget": {"usd_per_month": 100, "emails": []}}, "out-of-range", "budget.emails"),
        ({"budget": {"usd_per_month": 100, "emails": ["a@b.io", "nobody"]}}, "bad-pattern", "budget.emails[1]"),
    ],
)
def test_a_contradiction_is_told_with_its_place(tmp_path: Path, settings: dict[str, Any], code: str, path: str) -> None:
    with pytest.raises(InputError) as raised:
        load(tmp_path, **settings)
    assert [(problem.code, problem.path) for problem in raised.value.problems] == [(code, path)]


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"monitoring": {"kind": "in-cluster", "alarm_topic": TOPIC}},
        {"monitoring": {"kind": "managed", "alarm_topic": TOPIC}},
        {"monitoring": {"kind": "managed", "existing_workspace": WORKSPACE}, **RENDER},
        {"budget": {"usd_per_month": 100, "emails": ["platform@example.com"]}},
    ],
)
def test_what_agrees_is_read(tmp_path: Path, settings: dict[str, Any]) -> None:
    assert load(tmp_path, **settings).name == "ai"
