"""Where something can be reached from that could not be reached before.

AWS          the cluster's public endpoint, ranges of security groups, load balancers that face the internet,
             function URLs
Kubernetes   services with a port outside the cluster, ingresses and gateways, what network policies let in
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ai_on_eks.review.intrinsics import text_of
from ai_on_eks.review.rules.assembly import Assembly, KubeObject, Resource
from ai_on_eks.review.rules.values import UNKNOWN, Unknown, dig, items

EXPOSED_SERVICES = frozenset({"LoadBalancer", "NodePort"})
GATEWAYS = ("Gateway", "GRPCRoute", "HTTPRoute", "Ingress", "TCPRoute", "TLSRoute")


def added_openings(before: Assembly, after: Assembly) -> tuple[str, ...]:
    """What is new, in words, sorted."""
    return tuple(sorted(set(_openings(after)) - set(_openings(before))))


def _openings(assembly: Assembly) -> Iterator[str]:
    for cluster in assembly.of_type("AWS::EKS::Cluster"):
        yield from _cluster_endpoint(cluster)
    for group in assembly.of_type("AWS::EC2::SecurityGroup"):
        for rule in items(group.get("SecurityGroupIngress")):
            yield _ingress(group.name, rule)
    for ingress in assembly.of_type("AWS::EC2::SecurityGroupIngress"):
        yield _ingress(_named(ingress.get("GroupId")), ingress.properties)
    for balancer in assembly.of_type("AWS::ElasticLoadBalancingV2::LoadBalancer"):
        if balancer.get("Scheme") != "internal":
            yield f"load balancer {balancer.name} faces the internet"
    for url in assembly.of_type("AWS::Lambda::Url"):
        yield f"function URL {url.name}, authentication {_shown(url.get('AuthType'))}"
    for one in assembly.objects:
        yield from _of_object(one)


def _cluster_endpoint(cluster: Resource) -> Iterator[str]:
    access = cluster.get("ResourcesVpcConfig")
    if dig(access, "EndpointPublicAccess") is not False:
        for cidr in items(dig(access, "PublicAccessCidrs")) or ("0.0.0.0/0",):
            yield f"cluster {cluster.name}: public endpoint, open to {_shown(cidr)}"


def _ingress(group: str, rule: Any) -> str:
    sources = ("CidrIp", "CidrIpv6", "SourceSecurityGroupId", "SourcePrefixListId", "SourceSecurityGroupName")
    source = next((_named(dig(rule, key)) for key in sources if dig(rule, key) is not None), "anywhere")
    first, last = dig(rule, "FromPort"), dig(rule, "ToPort")
    ports = (
        "every port" if first is None else f"port {_shown(first)}" + ("" if last == first else f" to {_shown(last)}")
    )
    return f"security group {group}: {_shown(dig(rule, 'IpProtocol'))}, {ports}, from {source}"


def _of_object(one: KubeObject) -> Iterator[str]:
    name = f"{one.namespace}/{one.name}"
    if one.kind == "Service" and one.get("spec", "type") in EXPOSED_SERVICES:
        yield f"service {name} of type {_shown(one.get('spec', 'type'))}"
    elif one.kind in GATEWAYS:
        yield f"{one.kind} {name}"
    elif one.kind == "NetworkPolicy":
        for rule in items(one.get("spec", "ingress")):
            peers = [text_of(peer) for peer in items(dig(rule, "from"))] or ["anywhere"]
            ports = [str(dig(port, "port")) for port in items(dig(rule, "ports"))] or ["every port"]
            for peer in peers:
                for port in ports:
                    yield f"network policy {name}: port {port} from {peer}"


def _named(value: Any) -> str:
    return value.resource or "another stack's" if isinstance(value, Unknown) else _shown(value)


def _shown(value: Any) -> str:
    return "unknown" if value is UNKNOWN or isinstance(value, Unknown) else str(value)
