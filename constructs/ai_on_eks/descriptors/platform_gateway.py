"""The platform file's `gateway`: how requests reach models from outside their namespace, and who may send them."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from ai_on_eks.descriptors import patterns
from ai_on_eks.descriptors.platform_network import Cidr, SubnetId
from ai_on_eks.descriptors.schema import Strict

Domain = Annotated[str, StringConstraints(pattern=patterns.DOMAIN.expression, max_length=200)]
CertificateArn = Annotated[str, StringConstraints(pattern=patterns.CERTIFICATE_ARN.expression)]
TrustStoreArn = Annotated[str, StringConstraints(pattern=patterns.TRUST_STORE_ARN.expression)]
HttpsUrl = Annotated[str, StringConstraints(pattern=patterns.HTTPS_URL.expression, max_length=256)]
Audience = Annotated[str, StringConstraints(pattern=patterns.AUDIENCE.expression)]
ObjectName = Annotated[str, StringConstraints(pattern=patterns.NAMESPACE.expression)]


class GatewayKind(StrEnum):
    NONE = "none"
    INTERNAL_ALB = "internal-alb"
    EXISTING = "existing"


class Tokens(Strict):
    """JSON Web Tokens that the load balancer verifies: signature (RS256), issuer, end, and the audience."""

    issuer: HttpsUrl = Field(description="the `iss` of every token")
    keys: HttpsUrl = Field(description="where the issuer publishes its keys (JWKS), reachable from the internet")
    audience: Audience | None = Field(default=None, description="the `aud` of every token; default: any")


class ExistingGateway(Strict):
    """A Gateway in the cluster whose implementation knows InferencePools, such as Istio or agentgateway."""

    name: ObjectName = Field(
        description="of the Gateway; its pods have the label gateway.networking.k8s.io/gateway-name"
    )
    namespace: ObjectName = Field(description="of the Gateway and of its pods")


class Gateway(Strict):
    """The way in. Nothing is installed and nothing is reachable from outside the cluster unless it is asked for."""

    kind: GatewayKind = Field(
        default=GatewayKind.NONE,
        description="none = models are called inside the cluster, at their Services; internal-alb = an Application "
        "Load Balancer without public address, with TLS, that lets in who proves who they are; existing = a Gateway "
        "that stands already, which brings its own TLS and authentication",
    )
    domain: Domain | None = Field(default=None, description="a model is called at <model>.<domain>")
    certificate_arn: CertificateArn | None = Field(
        default=None, description="certificate of *.<domain>, in the platform's region (internal-alb only)"
    )
    tokens: Tokens | None = Field(default=None, description="callers bring a token (internal-alb only)")
    trust_store_arn: TrustStoreArn | None = Field(
        default=None, description="callers bring a certificate that this trust store verifies (internal-alb only)"
    )
    callers: tuple[Cidr, ...] = Field(
        default=(),
        description="IPv4 ranges that may connect to the load balancer; default: those of the VPC (internal-alb only)",
    )
    subnets: dict[SubnetId, Cidr] = Field(
        default_factory=dict,
        description="subnets for the load balancer and for nothing else, with their IPv4 range: network policies let "
        "in these ranges; default: the private subnets, where a policy cannot tell it from a pod (internal-alb only)",
    )
    existing: ExistingGateway | None = Field(default=None, description="the Gateway (existing only)")

    @property
    def is_on(self) -> bool:
        """Is there a way in?"""
        return self.kind is not GatewayKind.NONE

    @property
    def has_load_balancer(self) -> bool:
        """Does it stand before a load balancer of ours?"""
        return self.kind is GatewayKind.INTERNAL_ALB
