"""The account that is deployed to: who asks, what CDK needs there, whether its quotas hold what was planned, and how
long the gateway's certificate lasts.

    needed vCPUs of a quota = Σ nodes · vCPUs, over all pools that count against it and the system nodes

Reserved capacity counts against no quota. What else runs in the account is not known here, so a quota that is just
enough for the plan alone is not called too small.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from ai_on_eks.catalog.toolchain import toolchain
from ai_on_eks.cli.checked import Checked
from ai_on_eks.cli.doctor.certificate import NAME as CERTIFICATE
from ai_on_eks.cli.doctor.certificate import certificate_unasked, check_certificate
from ai_on_eks.cli.doctor.checks import Check
from ai_on_eks.cli.output import counted
from ai_on_eks.errors import Problem, UsageError

BOOTSTRAP_VERSION = "/cdk-bootstrap/hnb659fds/version"
"""Where CDK's default bootstrap stack says which version it is (parameter BootstrapVersion of every template)."""

Client = Callable[[str], Any]


def client_in(region: str) -> Client:
    """Clients of the machine's own credentials. Only this asks an account for anything, and only when it is told to."""
    try:
        import boto3  # noqa: PLC0415 - slow to import, and only this needs it
    except ModuleNotFoundError:
        problem = Problem(
            code="missing-dependency",
            message="asking an account needs the Python module boto3",
            value="boto3",
            fix="pip install 'ai-on-eks[account]'",
        )
        raise UsageError(problem) from None
    session = boto3.Session(region_name=region)
    return session.client  # type: ignore[no-any-return]


def check_account(checked: Checked, client: Client, on: date) -> list[Check]:
    """Credentials first; without them nothing else is asked."""
    credentials = check_credentials(checked, client)
    if any(problem.code == "account-not-asked" for problem in credentials.problems):
        return [credentials]
    return [
        credentials,
        check_bootstrap(client),
        *check_quotas(checked, client),
        check_gateway_certificate(checked, client, on),
    ]


def check_credentials(checked: Checked, client: Client) -> Check:
    """Who asks, and whether it is the platform's account."""
    name, wanted = "credentials", checked.target.platform.account
    identity = _asked(name, lambda: client("sts").get_caller_identity())
    if isinstance(identity, Check):
        return identity
    found = f"account {identity['Account']}"
    if wanted in {None, identity["Account"]}:
        return Check(name, found)
    problem = Problem(
        "account-differs",
        f"these credentials are of account {identity['Account']}, the platform is of {wanted}",
        file=checked.target.file,
        path="account",
        value=wanted,
        fix="use credentials of that account (AWS_PROFILE), or change the platform's",
    )
    return Check(name, found, (problem,))


def check_bootstrap(client: Client) -> Check:
    """The stack that CDK deploys through."""
    name, least = "bootstrap", toolchain().least_bootstrap
    answer = _asked(name, lambda: client("ssm").get_parameters(Names=[BOOTSTRAP_VERSION]))
    if isinstance(answer, Check):
        return answer
    found = next((int(parameter["Value"]) for parameter in answer["Parameters"]), None)
    if found is not None and found >= least:
        return Check(name, f"version {found}")
    problem = Problem(
        "not-bootstrapped",
        f"templates need version {least} of CDK's bootstrap stack, here is {found or 'none'}",
        value=found,
        fix='make cdk ARGS="bootstrap"',
    )
    return Check(name, "none" if found is None else f"version {found}", (problem,))


def needed_vcpus(checked: Checked) -> Mapping[str, int]:
    """By quota code, of everything that is bought by the hour."""
    capacity, needed = checked.target.platform.capacity, dict[str, int]()
    system = checked.target.catalog.instance_type(capacity.system_nodes.instance_type)
    counts = [(system.vcpu_quota_code, system.vcpus * capacity.system_nodes.count)]
    for pool in checked.fleet.pools:
        kind = pool.instance_type
        code = kind.spot_vcpu_quota_code if pool.capacity_type == "spot" else kind.vcpu_quota_code
        counts += [(code, kind.vcpus * group.nodes) for group in pool.groups if group.reservation_id is None]
    for code, vcpus in counts:
        if code is not None:
            needed[code] = needed.get(code, 0) + vcpus
    return dict(sorted(needed.items()))


def check_quotas(checked: Checked, client: Client) -> list[Check]:
    """Each quota that the plan counts against, as the account has it now."""
    region = checked.target.platform.region
    return [_check_quota(code, vcpus, region, client) for code, vcpus in needed_vcpus(checked).items()]


def _check_quota(code: str, needed: int, region: str, client: Client) -> Check:
    name = f"quota {code}"
    answer = _asked(name, lambda: client("service-quotas").get_service_quota(ServiceCode="ec2", QuotaCode=code))
    if isinstance(answer, Check):
        return answer
    allowed = int(answer["Quota"]["Value"])
    found = f"{needed:,} of {counted(allowed, 'vCPU')} planned: {answer['Quota']['QuotaName']}"
    if needed <= allowed:
        return Check(name, found)
    problem = Problem(
        "quota-too-small",
        f"the plan needs {needed:,} vCPUs, the account may run {allowed:,}",
        path=f"capacity.quotas.{code}",
        value=allowed,
        fix=f"aws service-quotas request-service-quota-increase --region {region} --service-code ec2 "
        f"--quota-code {code} --desired-value {needed}, or set {code} in capacity.quotas to plan within it",
    )
    return Check(name, found, (problem,))


def check_gateway_certificate(checked: Checked, client: Client, on: date) -> Check:
    """The one that the platform file names, if it names one."""
    platform = checked.target.platform
    arn = platform.gateway.certificate_arn
    if arn is None:
        return certificate_unasked(platform)
    answer = _asked(CERTIFICATE, lambda: client("acm").describe_certificate(CertificateArn=arn))
    if isinstance(answer, Check):
        return answer
    models = [model.descriptor.name for model in checked.models]
    return check_certificate(platform, models, answer["Certificate"], on)


def _asked(name: str, ask: Callable[[], Any]) -> Any | Check:
    """The answer, or the check that says why there is none: one refusal does not hide the other answers."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - as above

    try:
        return ask()
    except (BotoCoreError, ClientError) as error:
        reason = " ".join(str(error).split())
        fix = "configure credentials (aws configure sso, AWS_PROFILE) that may read this, or leave --account out"
        return Check(name, "no answer", (Problem("account-not-asked", f"{name}: {reason}", fix=fix),))
