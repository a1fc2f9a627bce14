"""Private ways to AWS services: what nodes and add-ons call, without NAT and without a public address.

S3 has a gateway endpoint in every network of ours, which costs nothing. Each interface endpoint is billed by hour and
zone, so there is one for what is called and none more.
"""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from ai_on_eks.aws.network import node_subnets
from ai_on_eks.descriptors.platform import CapacityStrategy, Platform
from ai_on_eks.descriptors.platform_monitoring import Monitoring, MonitoringKind

SERVICES: Mapping[str, str] = {
    "ec2": "the VPC CNI attaches interfaces; nodes describe themselves when they join",
    "ec2messages": "Session Manager, the way to a shell on a node",
    "ecr.api": "the right to pull an image",
    "ecr.dkr": "the image's manifest; its layers come from S3",
    "eks": "nodes ask for the cluster when they join",
    "eks-auth": "the Pod Identity agent fetches credentials for pods",
    "logs": "whatever writes to CloudWatch Logs",
    "ssm": "Session Manager, and the parameters of machine images",
    "ssmmessages": "Session Manager",
    "sts": "who a token belongs to",
}
"""By service, why it is needed (EKS user guide, private-clusters; Systems Manager user guide, VPC endpoints;
2026-11)."""

SERVICES_OF_STRATEGY: Mapping[CapacityStrategy, Mapping[str, str]] = {
    CapacityStrategy.KARPENTER: {"sqs": "Karpenter hears of interruptions"}
}
"""What one way of getting nodes calls besides (Karpenter 1.15, private clusters, 2026-10)."""


STORAGE_SERVICES: Mapping[str, str] = {"efs": "elasticfilesystem", "fsx": "fsx"}
"""Whose drivers look at file systems, by section of the platform file. Mounting itself takes the file system's own
interfaces."""


def services(platform: Platform) -> tuple[str, ...]:
    """What nodes, add-ons, storage drivers, the collector and the load balancer's controller of this platform call."""
    named = (SERVICES_OF_STRATEGY.get(strategy, {}) for strategy in platform.capacity.strategies)
    of_strategies = (service for services_named in named for service in services_named)
    of_storage = (service for section, service in STORAGE_SERVICES.items() if section in platform.storage.sections)
    of_gateway = ("elasticloadbalancing",) if platform.gateway.has_load_balancer else ()
    return (*SERVICES, *of_strategies, *of_storage, *_of_monitoring(platform.monitoring), *of_gateway)


def _of_monitoring(monitoring: Monitoring) -> tuple[str, ...]:
    """Where the agent sends metrics to, or Alertmanager its alarms (Amazon Managed Service for Prometheus user guide,
    VPC endpoints, 2026-11)."""
    if monitoring.kind is MonitoringKind.MANAGED:
        return ("aps-workspaces",)
    return ("sns",) if monitoring.is_on and monitoring.alarm_topic is not None else ()


class PrivateEndpoints(Construct):
    """One interface endpoint for each service, in every zone, open to the nodes' addresses alone."""

    def __init__(self, scope: Construct, id: str, *, vpc: ec2.IVpc, platform: Platform) -> None:  # noqa: A002 - CDK's name
        super().__init__(scope, id)
        group = ec2.SecurityGroup(
            self,
            "SecurityGroup",
            vpc=vpc,
            description="HTTPS from the nodes to AWS services",
            allow_all_outbound=False,  # an endpoint answers; it never asks
        )
        for cidr in platform.network.node_ranges:
            group.add_ingress_rule(ec2.Peer.ipv4(cidr), ec2.Port.tcp(443), "nodes and pods")
        for service in services(platform):
            ec2.InterfaceVpcEndpoint(
                self,
                service,
                vpc=vpc,
                service=ec2.InterfaceVpcEndpointAwsService(service),
                subnets=ec2.SubnetSelection(subnets=node_subnets(vpc)),
                security_groups=[group],
                private_dns_enabled=True,  # callers keep the service's public name
                open=False,
            )
