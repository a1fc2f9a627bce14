"""AWS' load balancer controller: makes a load balancer of the Gateway before the models, and of nothing else.

It looks at the models' namespace only and makes application load balancers from Gateways only: what it could make of
Services and Ingresses is turned off. The Gateway API's own definitions are no part of its chart; they have to be in
the cluster when it starts (docs/scaling-and-traffic.md).
"""

from __future__ import annotations

from ai_on_eks.aws.helm_release import HelmRelease, Json, pinned_release
from ai_on_eks.aws.platform_tags import PLATFORM_TAG, platform_tags
from ai_on_eks.descriptors.platform import Platform

CHART = "aws-load-balancer-controller"
NAMESPACE = "aws-load-balancer"
SERVICE_ACCOUNT = "aws-load-balancer-controller"
"""The name is set, because a role names it."""

NAMESPACE_LABELS = {f"pod-security.kubernetes.io/{mode}": "baseline" for mode in ("audit", "enforce", "warn")}
"""The chart's pod is all that `restricted` wants but for the capabilities that it drops, which it has no value for in
what was read."""

REPLICAS = 2
"""One works, the other takes over; both answer the webhook."""

RESOURCES = {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "512Mi"}}
"""An assumption: the chart's own comment proposes 100m and 128Mi as a limit for small clusters."""


def release(platform: Platform) -> HelmRelease:
    """The chart at the version whose keys `values` uses."""
    return pinned_release(
        CHART,
        namespace=NAMESPACE,
        namespace_labels=NAMESPACE_LABELS,
        values=values(platform),
    )


def values(platform: Platform) -> Json:
    """The chart's values. It is told the VPC: pods cannot ask the instance's metadata for it."""
    existing = platform.network.existing_vpc
    vpc: Json = {"vpcTags": {PLATFORM_TAG: platform.name}} if existing is None else {"vpcId": existing.vpc_id}
    return {
        "clusterName": platform.name,
        "region": platform.region,
        **vpc,
        "watchNamespace": platform.namespace,
        "replicaCount": REPLICAS,
        "podDisruptionBudget": {"maxUnavailable": 1},
        "resources": RESOURCES,
        "serviceAccount": {"name": SERVICE_ACCOUNT},
        "defaultTags": platform_tags(platform),
        "defaultTargetType": "ip",
        "defaultLoadBalancerScheme": "internal",
        "controllerConfig": {"featureGates": {"ALBGatewayAPI": True, "NLBGatewayAPI": False}},
        "createIngressClassResource": False,
        "ingressClassParams": {"create": False},
        "enableServiceMutatorWebhook": False,
        # A replica that is needed now is worth more than an update that waits for the load balancer.
        "podMutatorWebhookConfig": {"failurePolicy": "Ignore"},
        "enableShield": False,
        "enableWaf": False,
        "enableWafv2": False,
    }
