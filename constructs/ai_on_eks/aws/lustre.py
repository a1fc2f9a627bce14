"""An FSx for Lustre file system that weights are read from.

    security group = TCP 988 and 1018 to 1023 between the file system and itself, and between it and the nodes, both
                     ways; with EFA all traffic instead, for that is what FSx checks
    link           = s3://<model bucket>/models <-> /models in the file system, one way: from the bucket
    for training   = the same of /datasets, and of /finetunes the other way: what is new, changed or deleted there
                     follows in the bucket in FSx's own time, once whoever writes a file is done with it

The L2 is not used: it has no EFA, no metadata configuration, and its security group admits the file system alone.
What the nodes carry is the cluster's security group, which EKS makes with every way out open (EKS user guide,
sec-group-reqs, 2026-11), so only a way in is added to it; for EFA a way out as well, because ranges of addresses do not
cover what EFA sends.
"""

from __future__ import annotations

from typing import Any

from aws_cdk import Aws, CfnResource, CfnTag, RemovalPolicy
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_eks_v2 as eks
from aws_cdk import aws_fsx as fsx
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct
from msgspec import Struct

from ai_on_eks.aws.model_store import MODELS_PREFIX, ModelStore
from ai_on_eks.aws.node_groups import private_subnets
from ai_on_eks.descriptors.platform_storage import FsxForLustre
from ai_on_eks.serving.job_storage import DATASETS_PREFIX, RESULTS_PREFIX
from ai_on_eks.serving.lustre import LustreShape
from ai_on_eks.serving.storage import LustreAddress

LUSTRE_VERSION = "2.15"
"""What the kernels of AL2023 and Bottlerocket for Kubernetes 1.33 and later mount; FSx would choose 2.12 for
PERSISTENT_2 (FSx for Lustre user guide, lustre-client-matrix, 2026-11)."""

DEPLOYMENT_TYPE = "PERSISTENT_2"

BACKUP_RETENTION_DAYS = 7
"""Where the file system is the only copy and the platform file says nothing."""

EVERY_EVENT = ("NEW", "CHANGED", "DELETED")
"""Of files, as FSx names them (FSx API reference, AutoImportPolicy and AutoExportPolicy, 2026-11)."""

S3_ROLE = "aws-service-role/s3.data-source.lustre.fsx.amazonaws.com/AWSServiceRoleForFSxS3Access_*"
"""FSx reads the bucket by a role that it makes for each file system (FSx for Lustre user guide, using-slr, 2026-11)."""


class Traffic(Struct, frozen=True):
    """One kind of traffic that Lustre needs, in all four directions."""

    name: str
    protocol: str
    from_port: int | None = None
    to_port: int | None = None

    @property
    def ports(self) -> dict[str, Any]:
        """In the words of every kind of rule."""
        return {"ip_protocol": self.protocol, "from_port": self.from_port, "to_port": self.to_port}


LUSTRE_TRAFFIC = (Traffic("Lustre", "tcp", 988, 988), Traffic("LustreReply", "tcp", 1018, 1023))
"""FSx for Lustre user guide, limit-access-security-groups, 2026-11."""

EFA_TRAFFIC = (Traffic("All", "-1"),)
"""EFA passes no port filter, and FSx refuses to make the file system without all of it (same page)."""


class LustreFileSystem(Construct):
    """PERSISTENT_2 on SSD, encrypted with a key of the account, kept when its stack goes."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's name
        *,
        settings: FsxForLustre,
        shape: LustreShape,
        vpc: ec2.IVpc,
        cluster: eks.ICluster,
        store: ModelStore,
        name_tag: str,
    ) -> None:
        super().__init__(scope, id)
        self.key = kms.Key(
            self,
            "Key",
            description="FSx for Lustre file system of model weights",
            enable_key_rotation=True,
            removal_policy=RemovalPolicy.RETAIN,
        )
        traffic = EFA_TRAFFIC if settings.efa else LUSTRE_TRAFFIC
        group = _security_group(self, vpc, cluster.cluster_security_group_id, traffic)
        self.resource = fsx.CfnFileSystem(
            self,
            "Resource",
            file_system_type="LUSTRE",
            file_system_type_version=LUSTRE_VERSION,
            storage_type="SSD",
            storage_capacity=shape.size_gib,
            subnet_ids=[subnet.subnet_id for subnet in private_subnets(vpc, (settings.zone,))],
            security_group_ids=[group.attr_group_id],
            kms_key_id=self.key.key_arn,
            lustre_configuration=fsx.CfnFileSystem.LustreConfigurationProperty(
                deployment_type=DEPLOYMENT_TYPE,
                per_unit_storage_throughput=shape.throughput_mbps_per_tib,
                data_compression_type="LZ4",
                efa_enabled=True if settings.efa else None,
                # EFA needs one, and the servers' own choice follows the size.
                metadata_configuration=fsx.CfnFileSystem.MetadataConfigurationProperty(mode="AUTOMATIC"),
                weekly_maintenance_start_time=settings.maintenance_time,
                **_backups(settings),
            ),
            tags=[CfnTag(key="Name", value=name_tag)],
        )
        self.resource.apply_removal_policy(RemovalPolicy.RETAIN)
        if settings.linked_to_model_store:
            self._link(store)
        if settings.training:
            self._link_training(store)
        self.address = LustreAddress(
            file_system_id=self.resource.ref,
            dns_name=self.resource.attr_dns_name,
            mount_name=self.resource.attr_lustre_mount_name,
            zone=settings.zone,
        )

    def _link(self, store: ModelStore) -> None:
        """Names and sizes of the models' files are imported at once and follow the bucket; contents at first use."""
        self._association("Link", MODELS_PREFIX, store, imported=EVERY_EVENT)
        if store.key is not None:
            _let_fsx_decrypt(store.key)

    def _link_training(self, store: ModelStore) -> None:
        """Results are imported as well where they are new: a file system in this one's place goes on where it
        stopped."""
        self._association("DatasetsLink", DATASETS_PREFIX, store, imported=EVERY_EVENT)
        self._association("ResultsLink", RESULTS_PREFIX, store, imported=("NEW",), exported=EVERY_EVENT)

    def _association(
        self,
        id: str,  # noqa: A002 - CDK's name
        prefix: str,
        store: ModelStore,
        *,
        imported: tuple[str, ...],
        exported: tuple[str, ...] = (),
    ) -> None:
        association = fsx.CfnDataRepositoryAssociation
        back = association.AutoExportPolicyProperty(events=list(exported)) if exported else None
        association(
            self,
            id,
            file_system_id=self.resource.ref,
            file_system_path=f"/{prefix}",
            data_repository_path=f"s3://{store.bucket.bucket_name}/{prefix}",
            batch_import_meta_data_on_create=True,
            imported_file_chunk_size=1024,
            s3=association.S3Property(
                auto_import_policy=association.AutoImportPolicyProperty(events=list(imported)),
                auto_export_policy=back,
            ),
        )


def _backups(settings: FsxForLustre) -> dict[str, Any]:
    if settings.linked_to_model_store:
        return {"automatic_backup_retention_days": 0}
    days = settings.backup_retention_days
    days = BACKUP_RETENTION_DAYS if days is None else days
    if days == 0:
        return {"automatic_backup_retention_days": 0}
    return {
        "automatic_backup_retention_days": days,
        "daily_automatic_backup_start_time": settings.backup_time,
        "copy_tags_to_backups": True,
    }


def _let_fsx_decrypt(key: kms.Key) -> None:
    """By condition and not by principal: the role does not exist before the link, and a key policy that names a role
    which is not there is rejected."""
    key.add_to_resource_policy(
        iam.PolicyStatement(
            sid="FsxReadsTheModelBucket",
            principals=[iam.AnyPrincipal()],
            actions=["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"],
            resources=["*"],
            conditions={
                "StringEquals": {"kms:CallerAccount": Aws.ACCOUNT_ID},
                "ArnLike": {"aws:PrincipalArn": f"arn:{Aws.PARTITION}:iam::{Aws.ACCOUNT_ID}:role/{S3_ROLE}"},
            },
        )
    )


def _security_group(
    scope: Construct, vpc: ec2.IVpc, nodes_group_id: str, traffic: tuple[Traffic, ...]
) -> ec2.CfnSecurityGroup:
    """What the file system carries, and what is added to the nodes' group. Its rules for itself stand beside it: a
    group cannot name itself. All of it is kept with the file system, which cannot be reached without."""
    group = ec2.CfnSecurityGroup(
        scope,
        "SecurityGroup",
        group_description="FSx for Lustre file system of model weights",
        vpc_id=vpc.vpc_id,
        security_group_ingress=[
            ec2.CfnSecurityGroup.IngressProperty(
                source_security_group_id=nodes_group_id, description=f"{one.name} from the nodes", **one.ports
            )
            for one in traffic
        ],
        security_group_egress=[
            ec2.CfnSecurityGroup.EgressProperty(
                destination_security_group_id=nodes_group_id, description=f"{one.name} to the nodes", **one.ports
            )
            for one in traffic
        ],
    )
    own = group.attr_group_id
    kept: list[CfnResource] = [group]
    for one in traffic:
        between = f"{one.name} between the file servers"
        kept += [
            ec2.CfnSecurityGroupIngress(
                scope, f"SelfIn{one.name}", group_id=own, source_security_group_id=own, description=between,
                **one.ports,
            ),
            ec2.CfnSecurityGroupEgress(
                scope, f"SelfOut{one.name}", group_id=own, destination_security_group_id=own, description=between,
                **one.ports,
            ),
            ec2.CfnSecurityGroupIngress(
                scope, f"NodesIn{one.name}", group_id=nodes_group_id, source_security_group_id=own,
                description=f"{one.name} from the file system", **one.ports,
            ),
        ]  # fmt: skip
        if one in EFA_TRAFFIC:
            kept.append(
                ec2.CfnSecurityGroupEgress(
                    scope, f"NodesOut{one.name}", group_id=nodes_group_id, destination_security_group_id=own,
                    description=f"{one.name} to the file system", **one.ports,
                )
            )  # fmt: skip
    for resource in kept:
        resource.apply_removal_policy(RemovalPolicy.RETAIN)
    return group
