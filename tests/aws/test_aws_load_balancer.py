"""The load balancer controller: installed where a gateway of ours is asked for, and may touch what is the cluster's."""

from __future__ import annotations

import json
from typing import Any

from aws_templates import all_of, imported_cluster, only, samples, template_of

from ai_on_eks.aws import load_balancer_chart
from ai_on_eks.aws.load_balancer_role import admit_controller
from ai_on_eks.aws.vpc_endpoints import services
from ai_on_eks.descriptors.platform_gateway import Gateway, GatewayKind, Tokens
from ai_on_eks.descriptors.platform_network import ExistingVpc, Network

GATEWAY = Gateway(
    kind=GatewayKind.INTERNAL_ALB,
    domain="models.example.com",
    certificate_arn="arn:aws:acm:us-east-1:111122223333:certificate/12345678-abcd-4bcd-9abc-123456789012",
    tokens=Tokens(issuer="https://issuer.example.com", keys="https://issuer.example.com/jwks.json"),
)
MOST_POLICY_CHARACTERS = 10_240
"""Of a role's inline policies together (IAM user guide, quotas)."""


def statements() -> dict[str, dict[str, Any]]:
    template = template_of(lambda stack: admit_controller(stack, cluster=imported_cluster(stack), name="ai"))
    document = only(template, "AWS::IAM::Policy")["Properties"]["PolicyDocument"]
    assert len(json.dumps(document)) < MOST_POLICY_CHARACTERS
    return {one["Sid"]: one for one in document["Statement"]}


def test_it_is_installed_with_a_load_balancer_and_otherwise_not() -> None:
    def names(**changes: Any) -> set[str]:
        return {release.name for release in samples.deployment(**changes).helm_releases()}

    assert load_balancer_chart.CHART in names(gateway=GATEWAY)
    assert load_balancer_chart.CHART not in names()
    assert "elasticloadbalancing" in services(samples.platform(gateway=GATEWAY))
    assert "elasticloadbalancing" not in services(samples.platform())


def test_it_makes_nothing_but_internal_load_balancers_of_gateways_of_the_models() -> None:
    values = load_balancer_chart.values(samples.platform(gateway=GATEWAY, namespace="llms"))
    assert values["watchNamespace"] == "llms"
    assert values["defaultLoadBalancerScheme"] == "internal"
    assert values["controllerConfig"]["featureGates"] == {"ALBGatewayAPI": True, "NLBGatewayAPI": False}
    off = ("createIngressClassResource", "enableServiceMutatorWebhook", "enableShield", "enableWaf", "enableWafv2")
    assert [values[name] for name in off] == [False] * len(off)
    assert values["defaultTags"] == {"ai-on-eks/platform": "ai", "team": "ml"}


def test_it_is_told_the_vpc_since_pods_cannot_ask_the_instance() -> None:
    assert load_balancer_chart.values(samples.platform(gateway=GATEWAY))["vpcTags"] == {"ai-on-eks/platform": "ai"}
    subnets = {zone: f"subnet-0123456789abcdef{index}" for index, zone in enumerate(samples.ZONES)}
    existing = ExistingVpc(vpc_id="vpc-0123456789abcdef0", cidr="10.20.0.0/16", private_subnet_ids=subnets)
    network = Network(availability_zones=samples.ZONES, existing_vpc=existing)
    values = load_balancer_chart.values(samples.platform(gateway=GATEWAY, network=network))
    assert values["vpcId"] == "vpc-0123456789abcdef0"
    assert "vpcTags" not in values


def test_a_mirror_holds_its_chart_and_image() -> None:
    found = samples.deployment(gateway=GATEWAY, image_mirror=samples.MIRROR).helm_releases()
    (release,) = [one for one in found if one.name == load_balancer_chart.CHART]
    assert release.repository == f"oci://{samples.MIRROR}/aws.github.io/eks-charts"
    assert release.values["image"]["repository"] == (
        f"{samples.MIRROR}/public.ecr.aws/eks/aws-load-balancer-controller"
    )


def test_what_it_makes_carries_the_clusters_tag_and_what_it_changes_has_it() -> None:
    found = statements()
    of_request = {"aws:RequestTag/elbv2.k8s.aws/cluster": "ai"}
    for sid in ("Make", "TagWhatIsMade", "MakeGroup", "TagGroup"):
        assert of_request.items() <= found[sid]["Condition"]["StringEquals"].items(), sid
    for sid in ("Change", "ChangeGroup"):
        assert found[sid]["Condition"] == {"StringEquals": {"aws:ResourceTag/elbv2.k8s.aws/cluster": "ai"}}, sid
    opened = {"StringEquals": {"aws:ResourceTag/kubernetes.io/cluster/ai": "owned"}}
    assert found["OpenNodes"]["Condition"] == opened


def test_nothing_but_reading_is_on_everything() -> None:
    for sid, statement in statements().items():
        assert (statement["Resource"] == "*") == (sid == "Read"), sid
        actions = statement["Action"]
        for action in [actions] if isinstance(actions, str) else actions:
            assert "*" not in action
            assert not action.startswith(("wafv2:", "waf-regional:", "shield:", "cognito-idp:", "acm:"))


def test_only_application_load_balancers_and_names_of_its_own_are_reached() -> None:
    for sid in ("Make", "Change", "Listen", "TagListeners"):
        text = json.dumps(statements()[sid]["Resource"])
        assert "/net/" not in text, sid
        assert "k8s-*" in text, sid


def test_only_its_own_pods_have_the_role() -> None:
    template = template_of(lambda stack: admit_controller(stack, cluster=imported_cluster(stack), name="ai"))
    (association,) = all_of(template, "AWS::EKS::PodIdentityAssociation").values()
    assert association["Properties"]["Namespace"] == load_balancer_chart.NAMESPACE
    assert association["Properties"]["ServiceAccount"] == load_balancer_chart.SERVICE_ACCOUNT
    (policy,) = all_of(template, "AWS::IAM::Policy")
    assert policy in association["DependsOn"]
