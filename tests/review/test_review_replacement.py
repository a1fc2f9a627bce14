"""What a deployment would make anew, delete, let go of, or be refused."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER
from review_sides import CLUSTER, NETWORK, Json, resource, template

from ai_on_eks.errors import UsageError
from ai_on_eks.review import create_only
from ai_on_eks.review.create_only import REGION, facts, stateful_types, updates_of
from ai_on_eks.review.replacement import LEFT_BEHIND, Action, Destruction, destructions

Templates = dict[str, Json]

VPC_EXPORT = "ai-network:Vpc"


def before() -> Templates:
    """A network and a cluster in it, from stack to stack by an export."""
    kept = {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}
    return {
        NETWORK: template(
            {
                "Vpc": resource("AWS::EC2::VPC", {"CidrBlock": "10.0.0.0/16", "InstanceTenancy": "default"}),
                "Subnet": resource("AWS::EC2::Subnet", {"VpcId": {"Ref": "Vpc"}, "CidrBlock": "10.0.0.0/20"}),
                "Routes": resource("AWS::EC2::RouteTable", {"VpcId": {"Ref": "Vpc"}}),
            },
            {VPC_EXPORT: {"Ref": "Vpc"}},
        ),
        CLUSTER: template(
            {
                "Group": resource(
                    "AWS::EC2::SecurityGroup",
                    {"GroupDescription": "control plane", "VpcId": {"Fn::ImportValue": VPC_EXPORT}},
                ),
                "Cluster": resource(
                    "AWS::EKS::Cluster",
                    {
                        "Name": "ai",
                        "Version": "1.36",
                        "KubernetesNetworkConfig": {"IpFamily": "ipv4"},
                        "ResourcesVpcConfig": {"SecurityGroupIds": [{"Fn::GetAtt": ["Group", "GroupId"]}]},
                        "AccessConfig": {"AuthenticationMode": "API"},
                    },
                    **kept,
                ),
                "Addon": resource("AWS::EKS::Addon", {"ClusterName": {"Ref": "Cluster"}, "AddonName": "coredns"}),
            }
        ),
    }


def after(**changes: Any) -> Templates:
    """As before, but for properties by `Resource__Path__Below`."""
    changed = copy.deepcopy(before())
    for place, value in changes.items():
        name, *path, last = place.split("__")
        (holder,) = [one["Resources"][name] for one in changed.values() if name in one["Resources"]]
        target = holder["Properties"]
        for step in path:
            target = target.setdefault(step, {})
        target[last] = value
    return changed


def found(changed: Templates) -> dict[str, Destruction]:
    return {one.logical_id: one for one in destructions(before(), changed)}


def test_given_nothing_changed_when_compared_then_nothing_is_destroyed() -> None:
    assert destructions(before(), before()) == ()


def test_given_a_property_that_can_be_updated_when_changed_then_nothing_is_destroyed() -> None:
    assert found(after(Cluster__Version="1.37", Addon__ResolveConflicts="OVERWRITE")) == {}


def test_given_a_create_only_property_when_changed_then_the_resource_is_replaced() -> None:
    (cluster,) = (
        one for one in found(after(Cluster__KubernetesNetworkConfig__IpFamily="ipv6")).values() if not one.cause
    )
    assert (cluster.logical_id, cluster.action) == ("Cluster", Action.REPLACED)
    assert cluster.properties == ("KubernetesNetworkConfig/IpFamily",)
    assert (cluster.kept, cluster.affects, cluster.certain) == (True, "every Kubernetes object", True)


def test_given_a_fixed_name_when_the_resource_is_replaced_then_it_is_told_that_the_name_is_taken() -> None:
    cluster = found(after(Cluster__KubernetesNetworkConfig__IpFamily="ipv6"))["Cluster"]
    assert cluster.notes == ("CloudFormation refuses it while the name stays: Name ai",)
    assert found(after(Cluster__Name="other"))["Cluster"].notes == ()


def test_given_a_replaced_resource_when_others_name_it_at_creation_then_they_are_replaced_too_in_every_stack() -> None:
    destroyed = found(after(Vpc__CidrBlock="10.1.0.0/16"))
    assert {name: one.cause for name, one in destroyed.items()} == {
        "Vpc": None,
        "Subnet": f"{NETWORK}/Vpc",
        "Routes": f"{NETWORK}/Vpc",
        "Group": f"{NETWORK}/Vpc",
    }
    assert destroyed["Vpc"].notes == (f"CloudFormation refuses it while {CLUSTER} imports it",)
    assert destroyed["Group"].properties == ("VpcId",)


def test_given_a_replaced_cluster_when_an_add_on_names_it_then_the_add_on_goes_along() -> None:
    assert found(after(Cluster__Name="other"))["Addon"].cause == f"{CLUSTER}/Cluster"


def test_given_what_holds_data_when_listed_then_it_comes_first() -> None:
    listed = destructions(before(), after(Vpc__CidrBlock="10.1.0.0/16"))
    assert [one.affects is None for one in listed] == sorted(one.affects is None for one in listed)
    assert listed[-1].logical_id == "Routes"


def test_given_a_property_that_replaces_for_some_values_when_changed_then_it_is_told_as_uncertain() -> None:
    vpc = found(after(Vpc__InstanceTenancy="dedicated"))["Vpc"]
    assert (vpc.action, vpc.certain, vpc.properties) == (Action.REPLACED, False, ("InstanceTenancy",))
    assert not found(after(Vpc__InstanceTenancy="dedicated"))["Subnet"].certain


@pytest.mark.parametrize(
    ("change", "value", "why"),
    [
        ("Cluster__Version", "1.35", "a cluster cannot go back to an older Kubernetes version: 1.36 to 1.35"),
        ("Cluster__AccessConfig__AuthenticationMode", "CONFIG_MAP", "access entries cannot be turned off again"),
    ],
)
def test_given_an_update_that_the_service_refuses_when_compared_then_it_is_told(
    change: str, value: str, why: str
) -> None:
    cluster = found(after(**{change: value}))["Cluster"]
    assert cluster.action is Action.REFUSED
    assert cluster.notes[0].startswith(why)


def test_given_a_file_system_that_shrinks_when_compared_then_it_is_refused_and_growing_is_not() -> None:
    def sized(capacity: object) -> Templates:
        return {"s": template({"Fs": resource("AWS::FSx::FileSystem", {"StorageCapacity": capacity})})}

    (shrunk,) = destructions(sized(2400), sized(1200))
    assert (shrunk.action, shrunk.notes) == (Action.REFUSED, ("a file system only grows: 2400 to 1200",))
    assert destructions(sized(1200), sized(2400)) == ()
    assert destructions(sized(1200), sized({"Ref": "Capacity"})) == ()


def test_given_another_type_under_the_same_id_when_compared_then_it_is_refused() -> None:
    changed = after()
    changed[NETWORK]["Resources"]["Routes"] = resource("AWS::EC2::NetworkAcl", {"VpcId": {"Ref": "Vpc"}})
    assert found(changed)["Routes"].action is Action.REFUSED


def renamed(stack: str, old: str, new: str) -> Templates:
    """The logical id and everything that names it, as CDK would write a renamed construct."""
    changed = after()
    text = json.dumps(changed[stack]).replace(f'"{old}"', f'"{new}"')
    changed[stack] = json.loads(text)
    return changed


def test_given_a_new_name_when_type_and_properties_are_the_same_then_it_is_a_rename() -> None:
    destroyed = found(renamed(NETWORK, "Vpc", "Network"))
    assert (destroyed["Vpc"].action, destroyed["Vpc"].into) == (Action.RENAMED, f"{NETWORK}/Network")
    assert destroyed["Subnet"].action is Action.REPLACED, "it names another network now"


def test_given_two_renamed_resources_that_name_each_other_when_compared_then_both_are_renames() -> None:
    changed = renamed(NETWORK, "Vpc", "Network")
    resources = changed[NETWORK]["Resources"]
    resources["Part"] = resources.pop("Subnet")
    destroyed = found(changed)
    assert {name: destroyed[name].into for name in ("Vpc", "Subnet")} == {
        "Vpc": f"{NETWORK}/Network",
        "Subnet": f"{NETWORK}/Part",
    }


def test_given_other_properties_when_an_id_is_gone_then_it_is_a_removal() -> None:
    changed = after()
    changed[NETWORK]["Resources"]["Table"] = resource("AWS::EC2::RouteTable", {"VpcId": "vpc-1"})
    del changed[NETWORK]["Resources"]["Routes"]
    assert (found(changed)["Routes"].action, found(changed)["Routes"].into) == (Action.REMOVED, None)


def test_given_a_resource_in_another_stack_when_compared_then_it_has_moved() -> None:
    changed = after()
    changed["ai-other"] = template({"Routes": changed[NETWORK]["Resources"].pop("Routes")})
    changed["ai-other"]["Resources"]["Routes"]["Properties"] = {"VpcId": {"Fn::ImportValue": VPC_EXPORT}}
    assert (found(changed)["Routes"].action, found(changed)["Routes"].into) == (Action.MOVED, "ai-other/Routes")


def test_given_a_stack_that_is_gone_when_compared_then_it_is_told_that_cdk_leaves_it() -> None:
    changed = after()
    changed["ai-renamed"] = changed.pop(CLUSTER)
    cluster = found(changed)["Cluster"]
    assert (cluster.action, cluster.into) == (Action.MOVED, "ai-renamed/Cluster")
    assert (cluster.kept, cluster.notes) == (True, (LEFT_BEHIND,))


def test_given_removed_resources_when_they_are_kept_then_it_is_told() -> None:
    changed = after()
    resources = changed[CLUSTER]["Resources"]
    del resources["Cluster"], resources["Addon"]
    destroyed = found(changed)
    assert {name: one.kept for name, one in destroyed.items()} == {"Cluster": True, "Addon": False}


def test_given_a_custom_resource_when_its_properties_change_then_nothing_is_known_to_be_replaced() -> None:
    assert updates_of("Custom::Anything").is_known is False
    one, other = ({"s": template({"C": resource("Custom::Anything", {"A": value})})} for value in ("1", "2"))
    assert destructions(one, other) == ()


@pytest.mark.parametrize("type_", sorted({*stateful_types(), "AWS::EKS::Nodegroup", "AWS::Lambda::LayerVersion"}))
def test_the_schemas_are_read_as_cfn_lint_reads_them(type_: str) -> None:
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, type_).schema
    named = {path.removeprefix("/properties/") for path in schema.get("createOnlyProperties", ())}
    ours = {*updates_of(type_).create_only} - {*facts()["create_only"].get(type_, ())}
    assert {path for path in named if not any(path.startswith(f"{one}/") for one in named)} == ours


def test_given_no_schemas_when_asked_then_it_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    create_only._schemas.cache_clear()
    with pytest.raises(UsageError) as raised:
        create_only._schemas()
    create_only._schemas.cache_clear()
    (problem,) = raised.value.problems
    assert (problem.code, problem.fix) == ("missing-dependency", "pip install 'ai-on-eks[review]'")


def test_the_schemas_know_every_type_of_the_facts() -> None:
    named = {*stateful_types(), *facts()["create_only"], *(one["type"] for one in facts()["refused"])}
    assert [type_ for type_ in sorted(named) if not updates_of(type_).is_known] == []
    assert [one for one in facts()["refused"] if not one["source"].strip()] == []
