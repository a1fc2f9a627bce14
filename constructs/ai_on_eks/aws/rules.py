"""Rules about a synthesized template, by CloudFormation type.

cdk-nag 3.0.2 finds an open cluster by the class that made it, which is not the class of `aws_eks_v2`, and checkov
3.3.30 has an empty check for it: a clean report of either says nothing about our endpoint and logs. These rules read
the template, so it does not matter who wrote it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ai_on_eks.errors import Problem

Template = Mapping[str, Any]
Properties = Mapping[str, Any]

LOG_TYPES = frozenset({"api", "audit", "authenticator", "controllerManager", "scheduler"})

WITHDRAWN_IMAGE_PREFIX = "AL2_"
"""Amazon Linux 2: EKS publishes no image since 2025-11-26 (EKS user guide, eks-ami-deprecation-faqs)."""


def findings(template: Template, file: str | None = None) -> tuple[Problem, ...]:
    """Everything the rules object to, in the template's order."""
    return tuple(
        Problem(code=code, message=message, file=file, path=f"Resources.{name}", fix=fix)
        for name, resource in template.get("Resources", {}).items()
        for rule in RULES.get(resource["Type"], ())
        for code, message, fix in rule(resource.get("Properties", {}), resource)
    )


Finding = tuple[str, str, str]
Rule = Callable[[Properties, Mapping[str, Any]], Iterator[Finding]]


def _cluster_endpoint(properties: Properties, _: Mapping[str, Any]) -> Iterator[Finding]:
    network = properties.get("ResourcesVpcConfig", {})
    if not network.get("EndpointPublicAccess", True):  # CloudFormation's default is public
        return
    cidrs = network.get("PublicAccessCidrs") or ["0.0.0.0/0"]
    for cidr in cidrs:
        if isinstance(cidr, str) and cidr.endswith("/0"):
            yield "eks-endpoint-open", f"the cluster endpoint is open to {cidr}", "make it private or name networks"


def _cluster_logs(properties: Properties, _: Mapping[str, Any]) -> Iterator[Finding]:
    types = properties.get("Logging", {}).get("ClusterLogging", {}).get("EnabledTypes", ())
    missing = LOG_TYPES - {item["Type"] for item in types}
    if missing:
        yield "eks-logs-missing", f"control-plane logs are off: {', '.join(sorted(missing))}", "turn on all five"


def _cluster_secrets(properties: Properties, _: Mapping[str, Any]) -> Iterator[Finding]:
    if not properties.get("EncryptionConfig"):
        yield "eks-secrets-key-missing", "secrets are not encrypted with a key of the account", "set EncryptionConfig"


def _cluster_kept(properties: Properties, resource: Mapping[str, Any]) -> Iterator[Finding]:
    if properties.get("DeletionProtection") is not True:
        yield "eks-deletable", "deletion protection is off", "set DeletionProtection"
    if resource.get("DeletionPolicy") != "Retain" or resource.get("UpdateReplacePolicy") != "Retain":
        yield "eks-not-retained", "the cluster goes with its stack", "set DeletionPolicy and UpdateReplacePolicy"


def _node_image(properties: Properties, _: Mapping[str, Any]) -> Iterator[Finding]:
    image = properties.get("AmiType")
    if image is None:
        yield "node-image-implicit", "EKS would choose the machine image", "set AmiType"
    elif str(image).startswith(WITHDRAWN_IMAGE_PREFIX):
        yield "node-image-withdrawn", f"{image} is no longer published", "use an AL2023 image"


def _node_metadata(properties: Properties, _: Mapping[str, Any]) -> Iterator[Finding]:
    options = properties.get("LaunchTemplateData", {}).get("MetadataOptions", {})
    if options.get("HttpTokens") != "required" or options.get("HttpPutResponseHopLimit") != 1:
        yield "node-metadata-open", "pods could read the node's credentials", "require tokens and one hop"


RULES: Mapping[str, tuple[Rule, ...]] = {
    "AWS::EKS::Cluster": (_cluster_endpoint, _cluster_logs, _cluster_secrets, _cluster_kept),
    "AWS::EKS::Nodegroup": (_node_image,),
    "AWS::EC2::LaunchTemplate": (_node_metadata,),
}
