"""Who reaches the cluster's API server: the VPC always, the outside only by named networks."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network

from aws_cdk import aws_eks_v2 as eks

from ai_on_eks.errors import InputError, Problem

EVERYWHERE_PREFIX = 0


def endpoint_access(public_access_cidrs: Sequence[str]) -> eks.EndpointAccess:
    """Private; private plus the networks given. Raises InputError for a malformed network or the whole internet."""
    problems = [
        problem for index, cidr in enumerate(public_access_cidrs) if (problem := _cidr_problem(index, cidr)) is not None
    ]
    if problems:
        raise InputError(problems)
    if not public_access_cidrs:
        return eks.EndpointAccess.PRIVATE
    return eks.EndpointAccess.PUBLIC_AND_PRIVATE.only_from(*sorted(set(public_access_cidrs)))


def _cidr_problem(index: int, cidr: str) -> Problem | None:
    path = f"cluster.public_access_cidrs[{index}]"
    try:
        network = IPv4Network(cidr)
    except ValueError as error:
        return Problem(
            code="cluster-endpoint-cidr-invalid",
            message=f"not an IPv4 network: {str(error).lower()}",
            path=path,
            value=cidr,
            fix="write the network address with its prefix, such as 198.51.100.0/24",
        )
    if network.prefixlen > EVERYWHERE_PREFIX:
        return None
    return Problem(
        code="cluster-endpoint-open",
        message="the cluster endpoint would be open to the whole internet",
        path=path,
        value=cidr,
        fix="name the networks of your offices or runners, or leave the list empty for a private endpoint",
    )
