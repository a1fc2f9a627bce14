from __future__ import annotations

import json
from typing import Any

import pytest
from aws_cdk import Stack
from aws_templates import all_of, imported_cluster, only, template_of, vpc

from ai_on_eks.aws.lustre import LustreFileSystem
from ai_on_eks.aws.model_store import ModelStore
from ai_on_eks.descriptors.platform_storage import FsxForLustre
from ai_on_eks.serving.lustre import LustreShape

ZONE = "us-east-1b"
NODES = "sg-1"
DIRECTIONS = ("servers in", "servers out", "from nodes", "to nodes", "nodes in")
LUSTRE_PORTS = {("tcp", 988, 988), ("tcp", 1018, 1023)}


def template(*, existing_bucket: str | None = None, **changes: Any) -> dict[str, Any]:
    def build(stack: Stack) -> None:
        LustreFileSystem(
            stack,
            "Lustre",
            settings=FsxForLustre(zone=ZONE, **changes),
            shape=LustreShape(2400, 500),
            vpc=vpc(stack),
            cluster=imported_cluster(stack),
            store=ModelStore(stack, "ModelStore", existing_bucket=existing_bucket, keep_replaced_days=30),
            name_tag="ai-models",
        )

    return template_of(build)


@pytest.fixture(scope="module")
def linked() -> dict[str, Any]:
    return template()


@pytest.fixture(scope="module")
def fast() -> dict[str, Any]:
    return template(efa=True, throughput_mbps_per_tib=500)


def ports(rule: dict[str, Any]) -> tuple[str, int | None, int | None]:
    return rule["IpProtocol"], rule.get("FromPort"), rule.get("ToPort")


def opened(document: dict[str, Any]) -> dict[str, set[tuple[str, int | None, int | None]]]:
    """What may flow, by direction: between the servers, to and from the nodes."""
    ((group_id, group),) = (
        item
        for item in all_of(document, "AWS::EC2::SecurityGroup").items()
        if item[1]["Properties"]["GroupDescription"].startswith("FSx")
    )
    own = {"Fn::GetAtt": [group_id, "GroupId"]}
    ins = [item["Properties"] for item in all_of(document, "AWS::EC2::SecurityGroupIngress").values()]
    outs = [item["Properties"] for item in all_of(document, "AWS::EC2::SecurityGroupEgress").values()]
    inline = group["Properties"]
    return {
        "servers in": {ports(r) for r in ins if r["GroupId"] == own and r["SourceSecurityGroupId"] == own},
        "servers out": {ports(r) for r in outs if r["GroupId"] == own and r["DestinationSecurityGroupId"] == own},
        "from nodes": {ports(r) for r in inline["SecurityGroupIngress"] if r["SourceSecurityGroupId"] == NODES},
        "to nodes": {ports(r) for r in inline["SecurityGroupEgress"] if r["DestinationSecurityGroupId"] == NODES},
        "nodes in": {ports(r) for r in ins if r["GroupId"] == NODES and r["SourceSecurityGroupId"] == own},
        "nodes out": {ports(r) for r in outs if r["GroupId"] == NODES and r["DestinationSecurityGroupId"] == own},
    }


def test_the_file_system_is_what_fsx_makes_and_al2023_mounts(linked: dict[str, Any]) -> None:
    resource = only(linked, "AWS::FSx::FileSystem")
    properties = resource["Properties"]
    assert properties["FileSystemType"] == "LUSTRE"
    assert properties["FileSystemTypeVersion"] == "2.15"
    assert (properties["StorageType"], properties["StorageCapacity"]) == ("SSD", 2400)
    assert properties["KmsKeyId"]["Fn::GetAtt"][0].startswith("LustreKey")
    assert properties["LustreConfiguration"] == {
        "AutomaticBackupRetentionDays": 0,
        "DataCompressionType": "LZ4",
        "DeploymentType": "PERSISTENT_2",
        "MetadataConfiguration": {"Mode": "AUTOMATIC"},
        "PerUnitStorageThroughput": 500,
        "WeeklyMaintenanceStartTime": "7:04:00",
    }
    assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("Retain", "Retain")


def test_it_lies_in_the_named_zone_alone(linked: dict[str, Any]) -> None:
    (reference,) = only(linked, "AWS::FSx::FileSystem")["Properties"]["SubnetIds"]
    subnet = linked["Resources"][reference["Ref"]]["Properties"]
    assert (subnet["AvailabilityZone"], subnet["MapPublicIpOnLaunch"]) == (ZONE, False)


def test_lustres_ports_are_open_both_ways_between_servers_and_to_the_nodes(linked: dict[str, Any]) -> None:
    """988 alone mounts and then hangs; 1021 to 1023 alone works until a server answers from 1018."""
    assert opened(linked) == {**dict.fromkeys(DIRECTIONS, LUSTRE_PORTS), "nodes out": set()}


def test_efa_opens_everything_between_servers_and_nodes_and_keeps_its_throughput(fast: dict[str, Any]) -> None:
    assert opened(fast) == {direction: {("-1", None, None)} for direction in (*DIRECTIONS, "nodes out")}
    assert only(fast, "AWS::FSx::FileSystem")["Properties"]["LustreConfiguration"]["EfaEnabled"] is True


def test_what_a_kept_file_system_is_reached_through_is_kept_too(linked: dict[str, Any]) -> None:
    """GIVEN a file system that outlives its stack WHEN its group went THEN it could not be mounted, or the stack
    could not be deleted."""
    kinds = ("AWS::EC2::SecurityGroup", "AWS::EC2::SecurityGroupIngress", "AWS::EC2::SecurityGroupEgress")
    found = [item for kind in kinds for name, item in all_of(linked, kind).items() if name.startswith("Lustre")]
    assert len(found) == 1 + 4 + 2
    assert {item["DeletionPolicy"] for item in found} == {"Retain"}


def test_no_rule_names_an_address(linked: dict[str, Any], fast: dict[str, Any]) -> None:
    groups = [
        item["Properties"]
        for document in (linked, fast)
        for item in all_of(document, "AWS::EC2::SecurityGroup").values()
    ]
    assert not [one for group in groups for one in group.get("SecurityGroupIngress", []) if "CidrIp" in one]


def test_the_bucket_is_linked_one_way_and_its_key_lets_fsx_read(linked: dict[str, Any]) -> None:
    link = only(linked, "AWS::FSx::DataRepositoryAssociation")["Properties"]
    assert link["FileSystemPath"] == "/models"
    assert link["DataRepositoryPath"]["Fn::Join"][1][-1] == "/models"
    assert link["S3"] == {"AutoImportPolicy": {"Events": ["NEW", "CHANGED", "DELETED"]}}
    assert link["BatchImportMetaDataOnCreate"] is True
    (store_key,) = [
        item["Properties"]["KeyPolicy"]["Statement"]
        for name, item in all_of(linked, "AWS::KMS::Key").items()
        if name.startswith("ModelStore")
    ]
    (statement,) = [one for one in store_key if one.get("Sid") == "FsxReadsTheModelBucket"]
    assert statement["Action"] == ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"]
    assert statement["Condition"]["StringEquals"] == {"kms:CallerAccount": {"Ref": "AWS::AccountId"}}
    assert "AWSServiceRoleForFSxS3Access_*" in json.dumps(statement["Condition"]["ArnLike"])


def test_an_existing_bucket_is_linked_and_no_key_of_it_touched() -> None:
    document = template(existing_bucket="weights-of-ours")
    link = only(document, "AWS::FSx::DataRepositoryAssociation")["Properties"]
    assert link["DataRepositoryPath"] == "s3://weights-of-ours/models"
    assert [name for name in all_of(document, "AWS::KMS::Key") if not name.startswith("Lustre")] == []


@pytest.mark.parametrize(
    ("changes", "backups"),
    [
        (
            {},
            {"AutomaticBackupRetentionDays": 7, "CopyTagsToBackups": True, "DailyAutomaticBackupStartTime": "03:00"},
        ),
        (
            {"backup_retention_days": 30, "backup_time": "01:30"},
            {"AutomaticBackupRetentionDays": 30, "CopyTagsToBackups": True, "DailyAutomaticBackupStartTime": "01:30"},
        ),
        ({"backup_retention_days": 0}, {"AutomaticBackupRetentionDays": 0}),
    ],
)
def test_without_a_link_the_file_system_is_backed_up(changes: dict[str, Any], backups: dict[str, Any]) -> None:
    document = template(linked_to_model_store=False, **changes)
    assert not all_of(document, "AWS::FSx::DataRepositoryAssociation")
    configuration = only(document, "AWS::FSx::FileSystem")["Properties"]["LustreConfiguration"]
    assert {key: value for key, value in configuration.items() if "Backup" in key} == backups


def test_a_file_system_for_training_shows_data_and_writes_results_back() -> None:
    document = template(training=True, size_gib=2400)
    links = {one["Properties"]["FileSystemPath"]: one["Properties"] for one in links_of(document)}
    every = {"Events": ["NEW", "CHANGED", "DELETED"]}
    assert {path: one["S3"] for path, one in links.items()} == {
        "/models": {"AutoImportPolicy": every},
        "/datasets": {"AutoImportPolicy": every},
        "/finetunes": {"AutoImportPolicy": {"Events": ["NEW"]}, "AutoExportPolicy": every},
    }
    assert all(one["DataRepositoryPath"]["Fn::Join"][1][-1] == path for path, one in links.items())


def test_one_that_is_not_for_training_shows_models_alone(linked: dict[str, Any]) -> None:
    assert [one["Properties"]["FileSystemPath"] for one in links_of(linked)] == ["/models"]


def links_of(document: dict[str, Any]) -> list[dict[str, Any]]:
    return list(all_of(document, "AWS::FSx::DataRepositoryAssociation").values())
