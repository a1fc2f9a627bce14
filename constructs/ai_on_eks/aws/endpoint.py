"""Who reaches the cluster's API server: the VPC always, the outside only by named networks."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import aws_eks_v2 as eks

from ai_on_eks.errors import InputError, Problem

EVERYWHERE = "/0"


def endpoint_access(public_access_cidrs: Sequence[str]) -> eks.EndpointAccess:
    """Private, or private plus the networks given.

    Raises InputError for the whole internet. The platform file's check says the same; this one stands where the
    endpoint is made, so that no other way to make a platform can forget it.
    """
    problems = [
        Problem(
            code="open-to-the-internet",
            message="opens the cluster's endpoint to the whole internet",
            path=f"cluster.public_access_cidrs[{index}]",
            value=cidr,
            fix="write the ranges of your own network, or remove the key for a private endpoint",
        )
        for index, cidr in enumerate(public_access_cidrs)
        if cidr.endswith(EVERYWHERE)
    ]
    if problems:
        raise InputError(problems)
    if not public_access_cidrs:
        return eks.EndpointAccess.PRIVATE
    return eks.EndpointAccess.PUBLIC_AND_PRIVATE.only_from(*sorted(set(public_access_cidrs)))
