"""Planted faults in what keeps data: file systems, volumes, buckets and queues."""

from __future__ import annotations

from typing import Any

import review_samples as samples
from review_faults import GONE, Fault, added, changed, without
from review_sample import Sample

LUSTRE, BUCKET = "AWS::FSx::FileSystem", "AWS::S3::Bucket"
ALLOWED = "Properties.PolicyDocument.Statement.0"
LINK = "AWS::FSx::DataRepositoryAssociation"
AUTO, FAR = samples.automatic, samples.distributed


def link(path: str) -> dict[str, Any]:
    properties = {"FileSystemId": {"Ref": "Lustre"}, "FileSystemPath": path, "DataRepositoryPath": "s3://weights"}
    return samples.one(LINK, properties)


def with_oldest() -> Sample:
    """With a file system of the first kind, which takes no link."""
    sample = samples.distributed()
    oldest = {
        "FileSystemType": "LUSTRE",
        "FileSystemTypeVersion": "2.15",
        "StorageCapacity": 2400,
        "SubnetIds": ["subnet-1"],
        "LustreConfiguration": {"DeploymentType": "SCRATCH_1"},
    }
    next(iter(sample.templates.values()))["Resources"]["Oldest"] = samples.retained(LUSTRE, oldest)
    return sample


def lustre(code: str, path: str, *values: Any, name: str = "Lustre") -> list[Fault]:
    return changed(code, LUSTRE, f"Properties.{path}", *values, sample=FAR, name=name)


STORAGE_FAULTS = [
    *lustre("fsx-deployment-unknown", "LustreConfiguration.DeploymentType", "PERSISTENT_3", name="Scratch"),
    *lustre("fsx-throughput", "LustreConfiguration.PerUnitStorageThroughput", 333, 200, GONE),
    *lustre("fsx-throughput", "LustreConfiguration.PerUnitStorageThroughput", 125, name="Scratch"),
    *lustre("fsx-size", "StorageCapacity", 1100, 3600, 4800, 6000),
    *lustre("fsx-link", "LustreConfiguration.AutomaticBackupRetentionDays", 7),
    *changed("fsx-link", LINK, "Properties.FileSystemId", {"Ref": "Oldest"}, sample=with_oldest),
    *(
        added("fsx-link", FAR, f"a second link to {path}", LinkAgain=link(path))
        for path in ("/models", "/", "/models/llama")
    ),
    added("fsx-link", FAR, "nine links", **{f"Link{number}": link(f"/other{number}") for number in range(8)}),
    *changed(
        "fsx-ports",
        "AWS::EC2::SecurityGroup",
        "Properties.SecurityGroupEgress",
        [{"IpProtocol": "tcp", "FromPort": 988, "ToPort": 988}],
        sample=FAR,
        name="LustreGroup",
    ),
    *lustre("fsx-size", "StorageCapacity", 3600, name="Scratch"),
    *lustre("fsx-version", "FileSystemTypeVersion", "2.10", "2.12", GONE),
    *lustre("fsx-s3-link", "LustreConfiguration.ImportPath", "s3://bucket"),
    *lustre("fsx-s3-link", "LustreConfiguration.AutoImportPolicy", "NEW"),
    *lustre("fsx-subnets", "SubnetIds", ["subnet-1", "subnet-2"], []),
    *lustre("fsx-efa", "LustreConfiguration.MetadataConfiguration", GONE),
    *lustre("fsx-efa", "LustreConfiguration.EfaEnabled", True, name="Scratch"),
    *lustre("fsx-key-missing", "KmsKeyId", GONE),
    *changed(
        "fsx-ports",
        "AWS::EC2::SecurityGroup",
        "Properties.SecurityGroupIngress.1.FromPort",
        1021,
        sample=FAR,
        name="LustreGroup",
    ),
    *changed(
        "fsx-ports",
        "AWS::EC2::SecurityGroup",
        "Properties.SecurityGroupIngress.0",
        GONE,
        sample=FAR,
        name="LustreGroup",
    ),
    *changed("stateful-not-retained", LUSTRE, "DeletionPolicy", GONE, sample=FAR),
    *changed("stateful-not-retained", "AWS::EFS::FileSystem", "UpdateReplacePolicy", "Delete", sample=FAR),
    *changed("stateful-not-retained", BUCKET, "DeletionPolicy", "Delete"),
    *changed("efs-unencrypted", "AWS::EFS::FileSystem", "Properties.Encrypted", GONE, False, sample=FAR),
    *changed("efs-bursting", "AWS::EFS::FileSystem", "Properties.ThroughputMode", GONE, "bursting", sample=FAR),
    *changed("efs-modes", "AWS::EFS::FileSystem", "Properties.ThroughputMode", "elastik", "provisioned", sample=FAR),
    *changed("efs-modes", "AWS::EFS::FileSystem", "Properties.PerformanceMode", "maxIO", "fast", sample=FAR),
    *changed("efs-modes", "AWS::EFS::FileSystem", "Properties.ProvisionedThroughputInMibps", 100, sample=FAR),
    *changed("efs-tls-missing", "AWS::EFS::FileSystem", "Properties.FileSystemPolicy", GONE, sample=FAR),
    *changed(
        "efs-tls-missing", "AWS::EFS::FileSystem", "Properties.FileSystemPolicy.Statement.0.Effect", "Allow", sample=FAR
    ),
    added(
        "efs-mount-target-twice",
        FAR,
        "a second target in the subnet",
        SharedTargetAgain={
            "Type": "AWS::EFS::MountTarget",
            "Properties": {"FileSystemId": {"Ref": "Shared"}, "SubnetId": "subnet-1"},
        },
    ),
    *changed(
        "efs-port",
        "AWS::EC2::SecurityGroup",
        "Properties.SecurityGroupIngress.0.ToPort",
        2048,
        sample=FAR,
        name="SharedGroup",
    ),
    *changed("ebs-unencrypted", "AWS::EC2::Volume", "Properties.Encrypted", GONE, False, sample=FAR),
    *changed("s3-encryption-missing", BUCKET, "Properties.BucketEncryption", GONE),
    *changed("s3-public", BUCKET, "Properties.PublicAccessBlockConfiguration", GONE),
    *changed("s3-public", BUCKET, "Properties.PublicAccessBlockConfiguration.BlockPublicPolicy", False),
    Fault("s3-tls-missing", "no policy", samples.ours, without("AWS::S3::BucketPolicy")),
    *changed("s3-tls-missing", "AWS::S3::BucketPolicy", f"{ALLOWED}.Condition", GONE),
    *changed("s3-versions-off", BUCKET, "Properties.VersioningConfiguration", GONE, {"Status": "Suspended"}),
    *changed("sqs-unencrypted", "AWS::SQS::Queue", "Properties.SqsManagedSseEnabled", False, sample=AUTO),
    Fault("sqs-tls-missing", "no policy", AUTO, without("AWS::SQS::QueuePolicy")),
]
