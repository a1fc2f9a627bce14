"""An EFS file system that weights are copied to once and read from by every replica.

    policy         = mount through an access point, over a mount target, with TLS; nothing else and nobody as root
    access point   = one a model: its folder as the root, and every file user 1000's, whoever writes it
    mount targets  = one in the private subnet of every zone; TCP 2049 from the nodes

The L2 is not used: its mount targets are numbered, so that a zone in front of the others would replace them all.
"""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import RemovalPolicy
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_efs as efs
from aws_cdk import aws_eks_v2 as eks
from aws_cdk import aws_kms as kms
from constructs import Construct

from ai_on_eks.aws.network import node_subnets
from ai_on_eks.descriptors.platform_storage import ElasticFileSystem
from ai_on_eks.serving.storage import EfsAddress
from ai_on_eks.serving.types import WeightsClaim

NFS_PORT = 2049

OWNER_ID = 1000
"""Of every file behind an access point, whatever a pod runs as: EFS puts it in the place of the pod's own. It cannot be
changed, only replaced, and folders that are there keep the old one."""

DIRECTORY_PERMISSIONS = "0750"


class SharedFileSystem(Construct):
    """Elastic, encrypted with a key of the account, kept when its stack goes."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's name
        *,
        settings: ElasticFileSystem,
        claims: Sequence[WeightsClaim],
        vpc: ec2.IVpc,
        cluster: eks.ICluster,
        name_tag: str,
    ) -> None:
        super().__init__(scope, id)
        self.key = kms.Key(
            self,
            "Key",
            description="EFS file system of model weights",
            enable_key_rotation=True,
            removal_policy=RemovalPolicy.RETAIN,
        )
        self.resource = efs.CfnFileSystem(
            self,
            "Resource",
            encrypted=True,
            kms_key_id=self.key.key_arn,
            performance_mode="generalPurpose",  # the only one that elastic throughput has
            throughput_mode="elastic",
            backup_policy=efs.CfnFileSystem.BackupPolicyProperty(status="ENABLED" if settings.backups else "DISABLED"),
            file_system_policy=_policy(),
            file_system_tags=[efs.CfnFileSystem.ElasticFileSystemTagProperty(key="Name", value=name_tag)],
        )
        self.resource.apply_removal_policy(RemovalPolicy.RETAIN)
        group = _security_group(self, vpc, cluster.cluster_security_group_id)
        for subnet in node_subnets(vpc):
            efs.CfnMountTarget(
                self,
                f"MountTarget-{subnet.availability_zone}",
                file_system_id=self.resource.ref,
                subnet_id=subnet.subnet_id,
                security_groups=[group.security_group_id],
            )
        self.address = EfsAddress(
            file_system_id=self.resource.ref,
            access_points={claim.name: self._access_point(claim).attr_access_point_id for claim in claims},
        )

    def _access_point(self, claim: WeightsClaim) -> efs.CfnAccessPoint:
        owner = str(OWNER_ID)
        return efs.CfnAccessPoint(
            self,
            f"AccessPoint-{claim.name}",
            file_system_id=self.resource.ref,
            posix_user=efs.CfnAccessPoint.PosixUserProperty(uid=owner, gid=owner),
            root_directory=efs.CfnAccessPoint.RootDirectoryProperty(
                path=f"/{claim.folder}",
                creation_info=efs.CfnAccessPoint.CreationInfoProperty(
                    owner_uid=owner, owner_gid=owner, permissions=DIRECTORY_PERMISSIONS
                ),
            ),
        )


def _policy() -> dict[str, object]:
    """The statements name no resource: they hold for the file system that they are part of. Nodes mount without IAM
    credentials, so the first admits everybody who has a way to a mount target, which the security group decides."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "MountThroughAnAccessPoint",
                "Effect": "Allow",
                "Principal": {"AWS": "*"},
                "Action": ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"],
                "Condition": {
                    "Bool": {"elasticfilesystem:AccessedViaMountTarget": "true"},
                    "Null": {"elasticfilesystem:AccessPointArn": "false"},
                },
            },
            {
                "Sid": "RefuseWithoutTls",
                "Effect": "Deny",
                "Principal": {"AWS": "*"},
                "Action": "*",
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            },
        ],
    }


def _security_group(scope: Construct, vpc: ec2.IVpc, nodes_group_id: str) -> ec2.SecurityGroup:
    """A mount target answers and never calls, so nothing may go out."""
    group = ec2.SecurityGroup(
        scope, "SecurityGroup", vpc=vpc, allow_all_outbound=False, description="EFS mount targets of model weights"
    )
    nodes = ec2.SecurityGroup.from_security_group_id(scope, "Nodes", nodes_group_id, mutable=False)
    group.add_ingress_rule(nodes, ec2.Port.tcp(NFS_PORT), "NFS from the nodes")
    return group
