from __future__ import annotations

from typing import Any

import pytest
from aws_cdk import Stack
from aws_templates import all_of, imported_cluster, only, samples, template_of, vpc

from ai_on_eks.aws.efs import SharedFileSystem
from ai_on_eks.aws.network import PlatformNetwork
from ai_on_eks.descriptors.platform_network import NatGateways, Network
from ai_on_eks.descriptors.platform_storage import ElasticFileSystem
from ai_on_eks.descriptors.schema import Storage

CLAIMS = [samples.claim(Storage.EFS, name) for name in ("llama", "resnet")]


def template(network: Network | None = None, **changes: Any) -> dict[str, Any]:
    def build(stack: Stack) -> None:
        place = (
            vpc(stack) if network is None else PlatformNetwork(stack, "Network", network=network, flow_logs_days=90).vpc
        )
        SharedFileSystem(
            stack,
            "Efs",
            settings=ElasticFileSystem(**changes),
            claims=CLAIMS,
            vpc=place,
            cluster=imported_cluster(stack),
            name_tag="ai-models",
        )

    return template_of(build)


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    return template()


def test_it_is_elastic_encrypted_backed_up_and_kept(made: dict[str, Any]) -> None:
    system = only(made, "AWS::EFS::FileSystem")
    properties = system["Properties"]
    assert properties["Encrypted"] is True
    assert properties["KmsKeyId"]["Fn::GetAtt"][0].startswith("EfsKey")
    assert (properties["ThroughputMode"], properties["PerformanceMode"]) == ("elastic", "generalPurpose")
    assert properties["BackupPolicy"] == {"Status": "ENABLED"}
    assert (system["DeletionPolicy"], system["UpdateReplacePolicy"]) == ("Retain", "Retain")


def test_backups_can_be_left_out() -> None:
    assert only(template(backups=False), "AWS::EFS::FileSystem")["Properties"]["BackupPolicy"] == {"Status": "DISABLED"}


def test_only_access_points_are_mounted_over_tls_and_never_as_root(made: dict[str, Any]) -> None:
    allow, deny = only(made, "AWS::EFS::FileSystem")["Properties"]["FileSystemPolicy"]["Statement"]
    assert allow["Effect"] == "Allow"
    assert allow["Action"] == ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"]
    assert allow["Condition"]["Null"] == {"elasticfilesystem:AccessPointArn": "false"}
    assert allow["Condition"]["Bool"] == {"elasticfilesystem:AccessedViaMountTarget": "true"}
    assert (deny["Effect"], deny["Action"]) == ("Deny", "*")
    assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_each_model_sees_its_own_folder_as_user_1000(made: dict[str, Any]) -> None:
    points = [item["Properties"] for item in all_of(made, "AWS::EFS::AccessPoint").values()]
    assert [point["RootDirectory"]["Path"] for point in points] == ["/models/llama", "/models/resnet"]
    for point in points:
        assert point["PosixUser"] == {"Uid": "1000", "Gid": "1000"}
        assert point["RootDirectory"]["CreationInfo"] == {
            "OwnerUid": "1000",
            "OwnerGid": "1000",
            "Permissions": "0750",
        }


def test_every_zone_has_a_mount_target_named_after_it(made: dict[str, Any]) -> None:
    """GIVEN a zone in front of the others WHEN it is added THEN the targets of those stay what they are."""
    targets = all_of(made, "AWS::EFS::MountTarget")
    zones = {
        name: made["Resources"][target["Properties"]["SubnetId"]["Ref"]]["Properties"]["AvailabilityZone"]
        for name, target in targets.items()
    }
    assert sorted(zones.values()) == list(samples.ZONES)
    assert all(zone.replace("-", "") in name for name, zone in zones.items())


def test_nfs_is_open_to_the_nodes_alone_and_nothing_goes_out(made: dict[str, Any]) -> None:
    (group,) = [
        item["Properties"]
        for item in all_of(made, "AWS::EC2::SecurityGroup").values()
        if item["Properties"]["GroupDescription"].startswith("EFS")
    ]
    (rule,) = [item["Properties"] for item in all_of(made, "AWS::EC2::SecurityGroupIngress").values()]
    assert (rule["IpProtocol"], rule["FromPort"], rule["ToPort"]) == ("tcp", 2049, 2049)
    assert rule["SourceSecurityGroupId"] == "sg-1"
    assert "SecurityGroupIngress" not in group
    assert [one["CidrIp"] for one in group["SecurityGroupEgress"]] == ["255.255.255.255/32"]
    assert not all_of(made, "AWS::EC2::SecurityGroupEgress")


def test_a_network_without_nat_has_its_mount_targets_too() -> None:
    document = template(Network(availability_zones=samples.ZONES, nat_gateways=NatGateways.NONE))
    assert len(all_of(document, "AWS::EFS::MountTarget")) == 3
