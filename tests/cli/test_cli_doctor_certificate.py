"""The gateway's certificate as the doctor judges it: asked of moto, which imports and issues as ACM does."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import boto3
import pytest
from cli_running import PLATFORM, RESNET, run_here
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from moto import mock_aws
from msgspec.structs import replace

from ai_on_eks.catalog.toolchain import toolchain
from ai_on_eks.cli.checked import Checked, load_checked
from ai_on_eks.cli.doctor.account import check_gateway_certificate
from ai_on_eks.cli.doctor.certificate import VALIDATE_AGAIN, check_certificate
from ai_on_eks.cli.doctor.checks import Check, Verdict
from ai_on_eks.descriptors.platform_gateway import Gateway

DOMAIN = "ai.example.com"
LASTS_DAYS = 400
NOW = datetime.now(UTC).replace(microsecond=0)


def on(day: int) -> date:
    """That many days after the certificate of this test was made."""
    return (NOW + timedelta(days=day)).date()


@pytest.fixture(scope="module")
def checked() -> Checked:
    return load_checked([PLATFORM, RESNET])


@pytest.fixture
def acm(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        yield boto3.client("acm", region_name="us-east-1")


def imported(acm: Any, *names: str) -> str:
    """The ARN of an imported certificate of these names, which lasts `LASTS_DAYS`."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, names[0])])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(hours=1))
        .not_valid_after(NOW + timedelta(days=LASTS_DAYS))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    arn: str = acm.import_certificate(
        Certificate=certificate.public_bytes(serialization.Encoding.PEM),
        PrivateKey=key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain),
    )["CertificateArn"]
    return arn


def checked_with(checked: Checked, arn: str | None) -> Checked:
    gateway = Gateway.model_construct(kind="internal-alb", domain=DOMAIN, certificate_arn=arn)
    platform = checked.target.platform.model_copy(update={"gateway": gateway})
    return replace(checked, target=replace(checked.target, platform=platform))


def asked(checked: Checked, acm: Any, arn: str | None, day: int) -> Check:
    def client(service: str) -> Any:
        assert service == "acm"
        return acm

    return check_gateway_certificate(checked_with(checked, arn), client, on(day))


def codes(check: Check) -> list[str]:
    return [problem.code for problem in check.problems]


def test_given_an_imported_certificate_when_asked_then_age_and_end_are_told(checked: Checked, acm: Any) -> None:
    check = asked(checked, acm, imported(acm, f"*.{DOMAIN}"), 10)
    assert check.verdict is Verdict.GOOD
    assert check.found.endswith(f" days old, until {on(LASTS_DAYS)}, imported, in use by 0 resources")


EXPIRES = ["certificate-expires"]


@pytest.mark.parametrize(("left", "expected"), [(46, []), (45, EXPIRES), (0, EXPIRES), (-1, EXPIRES)])
def test_given_a_certificate_when_it_ends_within_forty_five_days_then_it_is_found(
    left: int, expected: list[str], checked: Checked, acm: Any
) -> None:
    assert toolchain().certificate_days == 45
    check = asked(checked, acm, imported(acm, f"*.{DOMAIN}"), LASTS_DAYS - left)
    assert codes(check) == expected
    assert all("import-certificate" in (problem.fix or "") for problem in check.problems)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("resnet-50.ai.example.com",), []),
        (("*.example.com",), ["certificate-of-another-domain"]),  # a star stands for one label
        (("ai.example.com", "other.ai.example.com"), ["certificate-of-another-domain"]),
    ],
)
def test_given_a_certificate_when_it_names_other_hosts_then_it_is_found(
    names: tuple[str, ...], expected: list[str], checked: Checked, acm: Any
) -> None:
    assert codes(asked(checked, acm, imported(acm, *names), 0)) == expected


def test_given_a_requested_certificate_when_nobody_validated_it_then_it_is_found(checked: Checked, acm: Any) -> None:
    arn = acm.request_certificate(DomainName=f"*.{DOMAIN}", ValidationMethod="DNS")["CertificateArn"]
    check = asked(checked, acm, arn, 0)
    assert (codes(check), check.found) == (["certificate-not-issued"], "PENDING_VALIDATION")


def test_given_an_arn_that_the_account_does_not_have_when_asked_then_that_is_told(checked: Checked, acm: Any) -> None:
    gone = f"arn:aws:acm:us-east-1:123456789012:certificate/{'0' * 8}-0000-4000-8000-{'0' * 12}"
    (problem,) = asked(checked, acm, gone, 0).problems
    assert problem.code == "account-not-asked"
    assert "ResourceNotFoundException" in problem.message


def test_given_a_gateway_without_a_certificate_when_asked_then_acm_is_not(checked: Checked) -> None:
    assert asked(checked, None, None, 0).skipped


ISSUED = {
    "Status": "ISSUED",
    "Type": "AMAZON_ISSUED",
    "NotBefore": NOW,
    "NotAfter": NOW + timedelta(days=LASTS_DAYS),
    "SubjectAlternativeNames": [f"*.{DOMAIN}"],
    "RenewalEligibility": "ELIGIBLE",
    "InUseBy": ["arn:aws:elasticloadbalancing:us-east-1:111122223333:loadbalancer/app/ai/0123456789abcdef"],
}


@pytest.mark.parametrize(
    ("changes", "day", "found", "expected"),
    [
        ({}, 0, "renewed by ACM, in use by 1 resource", []),
        ({"RenewalSummary": {"RenewalStatus": "SUCCESS"}}, 0, "renewal SUCCESS, in use by 1 resource", []),
        (
            {"RenewalSummary": {"RenewalStatus": "FAILED", "RenewalStatusReason": "CAA_ERROR"}},
            LASTS_DAYS - 50,
            "renewal FAILED, in use by 1 resource",
            [("certificate-not-renewed", VALIDATE_AGAIN)],
        ),
        (
            {"RenewalEligibility": "INELIGIBLE", "InUseBy": []},
            LASTS_DAYS - 45,
            "not renewed by ACM as it is, in use by 0 resources",
            [("certificate-expires", "deploy the gateway: ACM renews only certificates that a service uses")],
        ),
        (
            {},
            LASTS_DAYS - 44,
            "renewed by ACM, in use by 1 resource",
            [("certificate-expires", VALIDATE_AGAIN)],
        ),
    ],
)
def test_given_a_certificate_of_amazon_when_described_then_its_renewal_is_judged(
    changes: dict[str, Any], day: int, found: str, expected: list[tuple[str, str]], checked: Checked
) -> None:
    """moto renews nothing, so these answers are of the shapes that the service documents."""
    platform = checked_with(checked, "arn").target.platform
    check = check_certificate(platform, ["resnet-50"], {**ISSUED, **changes}, on(day))
    assert check.found.endswith(found)
    assert [(problem.code, problem.fix) for problem in check.problems] == expected


def test_given_no_account_when_examined_then_the_certificate_is_told_as_not_looked_at(
    capsys: pytest.CaptureFixture[str],
) -> None:
    platform = "docs/examples/traffic/platform.yaml"
    checks = {one["check"]: one for one in run_here(capsys, "doctor", platform, RESNET, "--json").data["checks"]}
    assert checks["certificate"] == {
        "check": "certificate", "verdict": "skipped", "found": "not looked at; --account asks AWS", "findings": [],
    }  # fmt: skip
