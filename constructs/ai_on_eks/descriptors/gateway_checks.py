"""What has to agree between the platform file's `gateway` and the rest of it."""

from __future__ import annotations

from collections.abc import Iterator

from ai_on_eks.descriptors.network_checks import check_range
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.descriptors.platform_gateway import Gateway, GatewayKind
from ai_on_eks.errors import Problem

NEEDED = {
    GatewayKind.NONE: (),
    GatewayKind.INTERNAL_ALB: ("domain", "certificate_arn"),
    GatewayKind.EXISTING: ("domain", "existing"),
}
OPTIONAL = {
    GatewayKind.NONE: (),
    GatewayKind.INTERNAL_ALB: ("tokens", "trust_store_arn", "callers", "subnets"),
    GatewayKind.EXISTING: (),
}
LEAST_SUBNETS = 2
"""Of an Application Load Balancer, each in another zone (Elastic Load Balancing user guide, subnets, 2026-11)."""


def check_gateway(platform: Platform) -> Iterator[Problem]:
    """Contradictions; a setting without effect is one."""
    gateway = platform.gateway
    yield from _settings(gateway)
    if gateway.kind is GatewayKind.INTERNAL_ALB:
        yield from _authentication(gateway)
        yield from _regions(platform)
    if 0 < len(gateway.subnets) < LEAST_SUBNETS:
        yield Problem(
            "gateway-incomplete",
            "an application load balancer stands in two zones at least",
            path="gateway.subnets",
            value=len(gateway.subnets),
            allowed=(f"at least {LEAST_SUBNETS}",),
            fix="name a subnet in another zone, or remove them all",
        )
    for subnet, value in gateway.subnets.items():
        problem = check_range(f"gateway.subnets.{subnet}", value)
        if problem is not None:
            yield problem
    for index, value in enumerate(gateway.callers):
        path = f"gateway.callers[{index}]"
        problem = check_range(path, value)
        if problem is not None:
            yield problem
        elif value.endswith("/0"):
            message, fix = "lets every address connect that is routed to the VPC", "write the ranges of your callers"
            yield Problem("open-to-the-internet", message, path=path, value=value, fix=fix)


def _settings(gateway: Gateway) -> Iterator[Problem]:
    kind, given = gateway.kind, gateway.model_fields_set - {"kind"}
    for name in NEEDED[kind]:
        if getattr(gateway, name) is None:
            yield Problem(
                "gateway-incomplete",
                f"a gateway of kind {kind.value} needs {name}",
                path=f"gateway.{name}",
                fix=f"add gateway.{name}",
            )
    for name in sorted(given - {*NEEDED[kind], *OPTIONAL[kind]}):
        yield Problem(
            "setting-without-effect",
            f"nothing reads it with gateway.kind: {kind.value}",
            path=f"gateway.{name}",
            fix="remove it, or set another gateway.kind",
        )


def _authentication(gateway: Gateway) -> Iterator[Problem]:
    """Engines know no users, so what stands before them has to."""
    if gateway.tokens is None and gateway.trust_store_arn is None:
        yield Problem(
            "gateway-without-authentication",
            "whoever reaches the load balancer could call every model",
            path="gateway.tokens",
            fix="add gateway.tokens {issuer, keys}, or gateway.trust_store_arn",
        )


def _regions(platform: Platform) -> Iterator[Problem]:
    """A load balancer takes certificates and trust stores of its own region."""
    for name in ("certificate_arn", "trust_store_arn"):
        arn = getattr(platform.gateway, name)
        if arn is not None and arn.split(":")[3] != platform.region:
            yield Problem(
                "region-mismatch",
                f"it lies in {arn.split(':')[3]}, and the load balancer in {platform.region}",
                path=f"gateway.{name}",
                value=arn,
                fix=f"name one in {platform.region}",
            )
