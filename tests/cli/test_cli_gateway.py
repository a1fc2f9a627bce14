"""A load balancer among the pods: a warning of every command that goes on all the same."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from cli_running import LLAMA_8B, run_here, write

from ai_on_eks.cli.findings import platform_warnings
from ai_on_eks.cli.loading import Collector, load_target_platform

NOW = datetime(2026, 11, 29, tzinfo=UTC)
BALANCED: dict[str, Any] = {
    "kind": "internal-alb",
    "domain": "models.example.com",
    "certificate_arn": "arn:aws:acm:us-east-1:111122223333:certificate/12345678-abcd-4bcd-9abc-123456789012",
    "tokens": {"issuer": "https://issuer.example.com", "keys": "https://issuer.example.com/jwks.json"},
}
SUBNETS = {"subnet-0123456789abcdef0": "10.0.224.0/26", "subnet-0123456789abcdef1": "10.0.224.64/26"}
EXISTING = {"kind": "existing", "domain": "a.example", "existing": {"name": "entry", "namespace": "istio"}}


def file_with(folder: Path, gateway: dict[str, Any]) -> str:
    zones = {"availability_zones": ["us-east-1a", "us-east-1b", "us-east-1c"]}
    document = {"name": "demo", "region": "us-east-1", "network": zones, "gateway": gateway}
    return write(folder, "platform.yaml", yaml.safe_dump(document))


def warnings(folder: Path, gateway: dict[str, Any]) -> tuple[str, ...]:
    collector = Collector()
    target = load_target_platform(file_with(folder, gateway), None, collector)
    collector.finish()
    assert target is not None
    return platform_warnings(target, NOW)


def test_given_a_load_balancer_without_subnets_of_its_own_then_that_is_told_with_its_place(tmp_path: Path) -> None:
    (warning,) = warnings(tmp_path, BALANCED)
    assert warning == (
        f"{tmp_path / 'platform.yaml'}: gateway.subnets: the load balancer has no subnets of its own, so network "
        "policies let in whatever lies in its subnets"
    )


@pytest.mark.parametrize("gateway", [{**BALANCED, "subnets": SUBNETS}, EXISTING, {"kind": "none"}])
def test_given_subnets_or_another_gateway_then_nothing_is_told(tmp_path: Path, gateway: dict[str, Any]) -> None:
    assert warnings(tmp_path, gateway) == ()


def test_given_a_plan_then_it_warns_and_is_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answer = run_here(capsys, "plan", LLAMA_8B, "--platform", file_with(tmp_path, BALANCED))
    assert answer.code == 0
    assert "gateway.subnets: the load balancer has no subnets of its own" in answer.err
