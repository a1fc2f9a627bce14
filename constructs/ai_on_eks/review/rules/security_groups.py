"""What a security group admits, from its own rules and from those that stand beside it.

Answers are "may": an unknown rule, port or group may admit anything, so that a closed port is only told where it is
certain.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ai_on_eks.review.rules.assembly import Resource
from ai_on_eks.review.rules.values import Unknown, dig, may_be, may_refer, number, possible_items

TYPE = "AWS::EC2::SecurityGroup"


def groups_of(resource: Resource, references: Any) -> list[Resource] | None:
    """The groups that the references name; None where one of them stands elsewhere or there is none."""
    groups = [resource.template.follow(one, TYPE) for one in possible_items(references)]
    known = [group for group in groups if group]
    return known if known and len(known) == len(groups) else None


def rules_of(group: Resource, direction: str = "Ingress") -> list[Any]:
    """Every rule that may belong to the group, in it or as a resource of its own."""
    return [
        *possible_items(group.get(f"SecurityGroup{direction}")),
        *(
            one.properties
            for one in group.template.of_type(f"{TYPE}{direction}")
            if may_refer(one.get("GroupId"), group.name)
        ),
    ]


def may_reach_itself(group: Resource, direction: str) -> bool:
    """Whether all traffic between members may pass, in one direction."""
    other = "SourceSecurityGroupId" if direction == "Ingress" else "DestinationSecurityGroupId"
    return any(
        may_refer(dig(rule, other), group.name) and may_be(dig(rule, "IpProtocol"), "-1", -1)
        for rule in rules_of(group, direction)
    )


def may_admit(groups: Sequence[Resource], port: int) -> bool:
    """Whether TCP to the port may come in."""
    return any(_admits(rule, port) for group in groups for rule in rules_of(group))


def may_release(groups: Sequence[Resource], port: int) -> bool:
    """Whether TCP to the port may go out. A group without a rule of its own lets everything out."""
    return any(
        group.get("SecurityGroupEgress") is None or any(_admits(rule, port) for rule in rules_of(group, "Egress"))
        for group in groups
    )


def _admits(rule: Any, port: int) -> bool:
    if may_be(dig(rule, "IpProtocol"), "-1", -1):
        return True
    bounds = (dig(rule, "FromPort"), dig(rule, "ToPort"))
    if any(isinstance(bound, Unknown) for bound in bounds):
        return True
    first, last = map(number, bounds)
    return (
        dig(rule, "IpProtocol") in ("tcp", "6", 6) and first is not None and last is not None and first <= port <= last
    )
