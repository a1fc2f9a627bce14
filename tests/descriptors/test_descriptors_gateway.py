"""The platform file's `gateway` and what has to agree with it, from text to problems."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from ai_on_eks.descriptors.loading import load_descriptor, load_platform
from ai_on_eks.errors import InputError

ARN = "arn:aws:acm:{}:111122223333:certificate/12345678-abcd-4bcd-9abc-123456789012"
TOKENS = {"issuer": "https://issuer.example.com", "keys": "https://issuer.example.com/jwks.json"}
BALANCED: dict[str, Any] = {
    "kind": "internal-alb",
    "domain": "models.example.com",
    "certificate_arn": ARN.format("us-east-1"),
    "tokens": TOKENS,
}
SUBNET = "subnet-0123456789abcdef0"
OTHER = "subnet-0123456789abcdef1"
TRUST_STORE = "arn:aws:elasticloadbalancing:{}:111122223333:truststore/callers/0123456789abcdef"


def load(folder: Path, gateway: dict[str, Any]) -> Any:
    document = {
        "name": "demo",
        "region": "us-east-1",
        "network": {"availability_zones": ["us-east-1a", "us-east-1b"]},
        "gateway": gateway,
    }
    path = folder / "platform.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return load_platform(path).gateway


def problems(folder: Path, gateway: dict[str, Any]) -> set[tuple[str, str | None]]:
    with pytest.raises(InputError) as raised:
        load(folder, gateway)
    return {(problem.code, problem.path) for problem in raised.value.problems}


def without(*names: str) -> dict[str, Any]:
    return {name: value for name, value in BALANCED.items() if name not in names}


@pytest.mark.parametrize(
    "gateway",
    [
        {},
        {"kind": "none"},
        BALANCED,
        {**without("tokens"), "trust_store_arn": TRUST_STORE.format("us-east-1")},
        {**BALANCED, "callers": ["10.0.0.0/16"], "subnets": {SUBNET: "10.0.224.0/26", OTHER: "10.0.224.64/26"}},
        {"kind": "existing", "domain": "a.example", "existing": {"name": "entry", "namespace": "istio"}},
    ],
)
def test_what_fits_together_is_taken(tmp_path: Path, gateway: dict[str, Any]) -> None:
    assert load(tmp_path, gateway).kind == gateway.get("kind", "none")


@pytest.mark.parametrize(
    ("gateway", "expected"),
    [
        (without("domain"), ("gateway-incomplete", "gateway.domain")),
        (without("certificate_arn"), ("gateway-incomplete", "gateway.certificate_arn")),
        ({"kind": "existing", "domain": "a.example"}, ("gateway-incomplete", "gateway.existing")),
        (without("tokens"), ("gateway-without-authentication", "gateway.tokens")),
        ({**BALANCED, "certificate_arn": ARN.format("eu-west-1")}, ("region-mismatch", "gateway.certificate_arn")),
        (
            {**BALANCED, "trust_store_arn": TRUST_STORE.format("eu-west-1")},
            ("region-mismatch", "gateway.trust_store_arn"),
        ),
        ({**BALANCED, "subnets": {SUBNET: "10.0.224.0/26"}}, ("gateway-incomplete", "gateway.subnets")),
        ({**BALANCED, "callers": ["0.0.0.0/0"]}, ("open-to-the-internet", "gateway.callers[0]")),
        ({"kind": "none", "domain": "a.example"}, ("setting-without-effect", "gateway.domain")),
        (
            {"kind": "existing", "domain": "a.example", "existing": {"name": "entry", "namespace": "istio"},
             "tokens": TOKENS},
            ("setting-without-effect", "gateway.tokens"),
        ),
        ({**BALANCED, "domain": "Models.example.com"}, ("bad-pattern", "gateway.domain")),
        ({**BALANCED, "certificate_arn": "arn:aws:acm:us-east-1"}, ("bad-pattern", "gateway.certificate_arn")),
        ({**BALANCED, "tokens": {**TOKENS, "keys": "http://a.example"}}, ("bad-pattern", "gateway.tokens.keys")),
    ],
)  # fmt: skip
def test_what_does_not_is_told_where_it_stands(
    tmp_path: Path, gateway: dict[str, Any], expected: tuple[str, str]
) -> None:
    assert expected in problems(tmp_path, gateway)


def test_a_model_that_sleeps_and_must_have_copies_is_a_contradiction(tmp_path: Path) -> None:
    source = Path(__file__).resolve().parents[2] / "docs" / "examples" / "traffic" / "llama-3-1-8b-instruct.yaml"
    text = source.read_text(encoding="utf-8")
    assert load_descriptor(source).serving.replicas_without_load == 0
    path = tmp_path / "model.yaml"
    path.write_text(text.replace("scale_to_zero: true", "scale_to_zero: true\n  minimum_replicas: 2"), encoding="utf-8")
    with pytest.raises(InputError) as raised:
        load_descriptor(path)
    assert ("contradiction", "serving.minimum_replicas") in {(one.code, one.path) for one in raised.value.problems}
