"""The certificate that a gateway ends TLS with, as AWS Certificate Manager describes it.

due           until NotAfter ≤ certificate_days (toolchain.json); a service renews its own before that
fits domain   it has the name *.<domain>, or <model>.<domain> of every model
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from ai_on_eks.catalog.toolchain import toolchain
from ai_on_eks.cli.doctor.checks import Check, skipped
from ai_on_eks.cli.output import counted
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.errors import Problem

NAME = "certificate"
PATH = "gateway.certificate_arn"

ISSUED = "ISSUED"
IMPORTED = "IMPORTED"
UNRENEWED = ("PENDING_VALIDATION", "FAILED")
"""Renewal states in which somebody has to act (ACM API reference, RenewalSummary, 2026-11)."""

VALIDATE_AGAIN = "restore the CNAME records that ACM validates its names by, or answer its mail"
"""By how they were validated at first; a renewal keeps the ARN (ACM user guide, managed renewal, 2026-11)."""


def certificate_unasked(platform: Platform) -> Check:
    """What is told of it where no account is asked."""
    if platform.gateway.certificate_arn is None:
        return skipped(NAME, "the gateway names none")
    return skipped(NAME, "not looked at; --account asks AWS")


def check_certificate(platform: Platform, models: Sequence[str], described: Mapping[str, Any], on: date) -> Check:
    """`described` is DescribeCertificate's answer, `models` the names that callers reach under the domain."""
    if described["Status"] != ISSUED:
        problem = Problem(
            "certificate-not-issued",
            f"the gateway's certificate has the status {described['Status']}",
            path=PATH,
            value=platform.gateway.certificate_arn,
            fix="complete its validation, or name one that is issued",
        )
        return Check(NAME, described["Status"], (problem,))
    begins, ends = described["NotBefore"].date(), described["NotAfter"].date()
    used = counted(len(described.get("InUseBy", ())), "resource")
    found = f"{counted((on - begins).days, 'day')} old, until {ends}, {_renewal_text(described)}, in use by {used}"
    problems = (*_due(described, ends, on), *_unrenewed(described), *_names(platform, models, described))
    return Check(NAME, found, problems)


def _renewal_text(described: Mapping[str, Any]) -> str:
    if described["Type"] == IMPORTED:
        return "imported"
    state = described.get("RenewalSummary", {}).get("RenewalStatus")
    if state is not None:
        return f"renewal {state}"
    return "renewed by ACM" if described.get("RenewalEligibility") == "ELIGIBLE" else "not renewed by ACM as it is"


def _due(described: Mapping[str, Any], ends: date, on: date) -> tuple[Problem, ...]:
    left = (ends - on).days
    if left > toolchain().certificate_days:
        return ()
    if described["Type"] == IMPORTED:
        fix = "import its successor under the same ARN: aws acm import-certificate --certificate-arn ARN"
    elif not described.get("InUseBy"):
        fix = "deploy the gateway: ACM renews only certificates that a service uses"
    else:
        fix = VALIDATE_AGAIN
    when = f"ends on {ends}, in {counted(left, 'day')}" if left >= 0 else f"ended on {ends}"
    return (Problem("certificate-expires", f"the gateway's certificate {when}", path=PATH, value=str(ends), fix=fix),)


def _unrenewed(described: Mapping[str, Any]) -> tuple[Problem, ...]:
    summary = described.get("RenewalSummary", {})
    if summary.get("RenewalStatus") not in UNRENEWED:
        return ()
    reason = summary.get("RenewalStatusReason", "no reason told")
    message = f"ACM does not get the gateway's certificate renewed: {summary['RenewalStatus']}, {reason}"
    value = summary["RenewalStatus"]
    return (Problem("certificate-not-renewed", message, path=PATH, value=value, fix=VALIDATE_AGAIN),)


def _names(platform: Platform, models: Sequence[str], described: Mapping[str, Any]) -> tuple[Problem, ...]:
    domain, names = platform.gateway.domain, tuple(described.get("SubjectAlternativeNames", ()))
    wanted = f"*.{domain}"
    missing = [f"{model}.{domain}" for model in models if f"{model}.{domain}" not in names]
    if wanted in names or (models and not missing):
        return ()
    refused = missing[0] if missing else wanted
    message = f"the gateway's certificate is not of {wanted}, so callers of {refused} refuse it"
    fix = f"name a certificate of {wanted}"
    return (Problem("certificate-of-another-domain", message, path=PATH, value=wanted, allowed=names, fix=fix),)
