"""Security groups, subnets, flow logs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ai_on_eks.review.rules.assembly import Resource
from ai_on_eks.review.rules.rule import Rule
from ai_on_eks.review.rules.values import Unknown, dig, is_known, items


def _open_group(group: Resource) -> Iterator[str]:
    for rule in items(group.get("SecurityGroupIngress")):
        yield from _open(rule)


def _open_rule(rule: Resource) -> Iterator[str]:
    yield from _open(rule.properties)


def _open(rule: Any) -> Iterator[str]:
    for key in ("CidrIp", "CidrIpv6"):
        cidr = dig(rule, key)
        if isinstance(cidr, str) and is_known(cidr) and cidr.endswith("/0"):
            yield f"anyone at {cidr} may connect{_ports(rule)}"


def _ports(rule: Any) -> str:
    first, last = dig(rule, "FromPort"), dig(rule, "ToPort")
    if first is None or not is_known([first, last]):
        return ""
    return f" to port {first}" if first == last else f" to ports {first}-{last}"


def _public_subnet(subnet: Resource) -> Iterator[str]:
    if subnet.get("MapPublicIpOnLaunch") in (True, "true"):
        yield "every instance in the subnet gets a public address"


def _flow_logs(vpc: Resource) -> Iterator[str]:
    logged = [log.get("ResourceId") for log in vpc.template.assembly.of_type("AWS::EC2::FlowLog")]
    if not any(isinstance(one, Unknown) and one.resource in (vpc.name, None) for one in logged):
        yield "nothing records who talks to whom"


def _vpc_names(vpc: Resource) -> Iterator[str]:
    for key, default in (("EnableDnsSupport", True), ("EnableDnsHostnames", False)):
        value = vpc.get(key)
        value = default if value is None else value
        if value not in (True, "true") and not isinstance(value, Unknown):
            yield f"{key} is off"


RULES = (
    Rule(
        "security-group-open", ("AWS::EC2::SecurityGroup",), "a security group that lets every address in",
        "Serving engines have no authentication of their own.", "name a network or another security group", _open_group,
    ),
    Rule(
        "security-rule-open", ("AWS::EC2::SecurityGroupIngress",), "an ingress rule for every address",
        "Serving engines have no authentication of their own.", "name a network or another security group", _open_rule,
    ),
    Rule(
        "subnet-public-addresses", ("AWS::EC2::Subnet",), "a subnet that hands out public addresses",
        "Whatever starts there is on the internet.", "set MapPublicIpOnLaunch to false", _public_subnet,
    ),
    Rule(
        "vpc-flow-logs-missing", ("AWS::EC2::VPC",), "a VPC without flow logs",
        "What left the network cannot be told afterwards.", "add AWS::EC2::FlowLog", _flow_logs,
    ),
    Rule(
        "vpc-names-off", ("AWS::EC2::VPC",), "DNS support or host names are off",
        "A private cluster endpoint and interface endpoints do not resolve.", "turn both on", _vpc_names,
    ),
)  # fmt: skip
