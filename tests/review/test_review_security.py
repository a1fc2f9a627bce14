"""New findings, permissions, openings, images without a digest."""

from __future__ import annotations

import copy
from pathlib import Path

from review_sides import Json, deployment, resource, side, template

from ai_on_eks.review.security import SecurityChange, security_change
from ai_on_eks.review.statements import Permission, added_permissions

DIGEST = "@sha256:" + "a" * 64


def policy(*statements: Json) -> dict[str, Json]:
    document = {"Version": "2012-10-17", "Statement": list(statements)}
    return {"ai": template({"Reader": resource("AWS::IAM::Policy", {"PolicyName": "p", "PolicyDocument": document})})}


BUCKET = {"Fn::Join": ["", [{"Fn::GetAtt": ["Store", "Arn"]}, "/models/*"]]}


def allow(*actions: str, resources: object = BUCKET, **further: Json) -> Json:
    return {"Effect": "Allow", "Action": list(actions), "Resource": resources, **further}


def test_given_one_more_action_in_a_statement_when_compared_then_it_alone_is_new() -> None:
    (found,) = added_permissions(policy(allow("s3:GetObject")), policy(allow("s3:GetObject", "s3:PutObject")))
    assert found == Permission("ai/Reader", "Allow", "s3:PutObject", "${Store.Arn}/models/*")
    assert found.service == "s3"


def test_given_a_statement_split_in_two_when_compared_then_nothing_is_new() -> None:
    one, two = policy(allow("s3:GetObject", "s3:ListBucket")), policy(allow("s3:ListBucket"), allow("s3:GetObject"))
    assert added_permissions(one, two) == ()


def test_given_a_condition_that_is_gone_when_compared_then_the_permission_is_new() -> None:
    condition = {"StringEquals": {"aws:SourceAccount": "111122223333"}}
    (found,) = added_permissions(policy(allow("s3:GetObject", Condition=condition)), policy(allow("s3:GetObject")))
    assert found.condition == ""


def test_given_a_denial_that_is_gone_when_compared_then_it_is_told() -> None:
    denial = {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}
    (found,) = added_permissions(policy(denial), policy())
    assert (found.effect, found.action) == ("Deny", "s3:*")


def test_given_exceptions_when_compared_then_they_are_told_as_such() -> None:
    statement = {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}
    (found,) = added_permissions(policy(), policy(statement))
    assert (found.action, found.resource) == ("everything but iam:*", "*")


def test_given_a_trust_and_a_managed_policy_when_added_then_both_are_told() -> None:
    role = resource(
        "AWS::IAM::Role",
        {
            "AssumeRolePolicyDocument": {
                "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "111122223333"}}]
            },
            "ManagedPolicyArns": ["arn:aws:iam::aws:policy/AdministratorAccess"],
        },
    )
    found = added_permissions({"ai": template({})}, {"ai": template({"Role": role})})
    assert [(one.action, one.resource, one.principal) for one in found] == [
        ("(managed policy)", "arn:aws:iam::aws:policy/AdministratorAccess", ""),
        ("sts:AssumeRole", "(itself)", "{AWS: 111122223333}"),
    ]


def cluster(*, public: bool) -> dict[str, Json]:
    network = {"EndpointPublicAccess": public, "EndpointPrivateAccess": True}
    return {
        "ai": template({"Cluster": resource("AWS::EKS::Cluster", {"Version": "1.36", "ResourcesVpcConfig": network})})
    }


def test_given_an_endpoint_that_opens_when_compared_then_opening_and_finding_are_new(tmp_path: Path) -> None:
    change = security_change(
        side(tmp_path, "before", cluster(public=False)), side(tmp_path, "after", cluster(public=True))
    )
    assert change.openings == ("cluster Cluster: public endpoint, open to 0.0.0.0/0",)
    assert [(one.rule, one.place) for one in change.added] == [("eks-endpoint-open", "ai Resources.Cluster")]
    back = security_change(
        side(tmp_path, "before", cluster(public=True)), side(tmp_path, "after", cluster(public=False))
    )
    assert (back.openings, back.added, [one.rule for one in back.resolved]) == ((), (), ["eks-endpoint-open"])


def test_given_ports_and_services_when_opened_then_each_is_told(tmp_path: Path) -> None:
    group = resource("AWS::EC2::SecurityGroup", {"SecurityGroupIngress": []})
    opened = copy.deepcopy(group)
    rule = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIp": "0.0.0.0/0"}
    opened["Properties"]["SecurityGroupIngress"].append(rule)
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec": {"type": "ClusterIP"}}
    loose = {**service, "spec": {"type": "LoadBalancer"}}
    policy_before = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "a", "namespace": "models"},
        "spec": {"ingress": [{"from": [{"podSelector": {}}], "ports": [{"port": 8000}]}]},
    }
    policy_after = copy.deepcopy(policy_before)
    policy_after["spec"]["ingress"][0]["from"].append({"ipBlock": {"cidr": "0.0.0.0/0"}})  # type: ignore[index]
    change = security_change(
        side(tmp_path, "before", {"ai": template({"G": group})}, objects=[service, policy_before]),
        side(tmp_path, "after", {"ai": template({"G": opened})}, objects=[loose, policy_after]),
    )
    assert change.openings == (
        "network policy models/a: port 8000 from {ipBlock: {cidr: 0.0.0.0/0}}",
        "security group G: tcp, port 22, from 0.0.0.0/0",
        "service default/a of type LoadBalancer",
    )


def test_given_an_image_that_loses_its_digest_when_compared_then_it_is_told(tmp_path: Path) -> None:
    change = security_change(
        side(tmp_path, "before", objects=[deployment("a", f"r.io/vllm:v1{DIGEST}"), deployment("b", "r.io/tei:v1")]),
        side(tmp_path, "after", objects=[deployment("a", "r.io/vllm:v1"), deployment("b", "r.io/tei:v1")]),
    )
    assert change.unpinned == ("Deployment models/a: r.io/vllm:v1",)


def violation(rule: str) -> Json:
    return {
        "ruleName": rule,
        "description": "what is wrong",
        "severity": "error",
        "violatingConstructs": [{"constructPath": "ai/Cluster"}],
    }


def reported(tmp_path: Path, before: list[Json] | None, after: list[Json] | None) -> SecurityChange:
    return security_change(side(tmp_path, "before", violations=before), side(tmp_path, "after", violations=after))


def test_given_reports_of_cdks_scanners_when_compared_then_new_ones_are_told(tmp_path: Path) -> None:
    change = reported(tmp_path, [violation("W1")], [violation("W1"), violation("W2")])
    assert [(one.scanner, one.rule, one.place) for one in change.added] == [("checker", "W2", "ai/Cluster")]
    assert change.silent == ()


def test_given_a_side_without_a_report_when_compared_then_it_is_told_and_nothing_is_called_new(tmp_path: Path) -> None:
    change = reported(tmp_path, None, [violation("W2")])
    assert (change.added, len(change.silent)) == ((), 1)
