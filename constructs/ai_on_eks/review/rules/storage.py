"""Buckets, EFS, volumes and queues: encrypted, private, over TLS."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ai_on_eks.review.rules.assembly import Resource
from ai_on_eks.review.rules.rule import Rule
from ai_on_eks.review.rules.security_groups import groups_of, may_admit
from ai_on_eks.review.rules.values import Unknown, dig, items, may_be, may_refer, possible_items

PUBLIC_ACCESS_BLOCKS = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
NFS_PORT = 2049
THROUGHPUT_MODES = ("bursting", "elastic", "provisioned")
PERFORMANCE_MODES = ("generalPurpose", "maxIO")


def _bucket_encryption(bucket: Resource) -> Iterator[str]:
    rules = bucket.get("BucketEncryption", "ServerSideEncryptionConfiguration")
    if isinstance(rules, Unknown):
        return
    algorithms = [dig(rule, "ServerSideEncryptionByDefault", "SSEAlgorithm") for rule in items(rules)]
    if not any(isinstance(one, Unknown) or one in ("aws:kms", "aws:kms:dsse") for one in algorithms):
        yield "objects are not encrypted with a key of the account"


def _bucket_public(bucket: Resource) -> Iterator[str]:
    block = bucket.get("PublicAccessBlockConfiguration")
    if isinstance(block, Unknown):
        return
    off = [key for key in PUBLIC_ACCESS_BLOCKS if dig(block, key) in (None, False, "false")]
    if off:
        yield f"{', '.join(off)} is off"


def _bucket_tls(bucket: Resource) -> Iterator[str]:
    policies = [
        one.get("PolicyDocument")
        for one in bucket.template.of_type("AWS::S3::BucketPolicy")
        if may_refer(one.get("Bucket"), bucket.name)
    ]
    if not any(_may_demand_tls(policy) for policy in policies):
        yield "no policy denies requests without TLS"


def _queue_tls(queue: Resource) -> Iterator[str]:
    policies = [
        one.get("PolicyDocument")
        for one in queue.template.of_type("AWS::SQS::QueuePolicy")
        if any(may_refer(ref, queue.name) for ref in possible_items(one.get("Queues")))
    ]
    if not any(_may_demand_tls(policy) for policy in policies):
        yield "no policy denies requests without TLS"


def _may_demand_tls(policy: Any) -> bool:
    return any(
        may_be(dig(statement, "Effect"), "Deny")
        and may_be(dig(statement, "Condition", "Bool", "aws:SecureTransport"), "false", False)
        for statement in possible_items(dig(policy, "Statement"))
    )


def _bucket_versions(bucket: Resource) -> Iterator[str]:
    status = bucket.get("VersioningConfiguration", "Status")
    if status != "Enabled" and not isinstance(status, Unknown):
        yield "an overwritten object is gone"


def _unencrypted(resource: Resource) -> Iterator[str]:
    encrypted = resource.get("Encrypted")
    if encrypted not in (True, "true") and not isinstance(encrypted, Unknown):
        yield "data lies in the clear"


def _queue_encryption(queue: Resource) -> Iterator[str]:
    if queue.get("SqsManagedSseEnabled") in (False, "false") and queue.get("KmsMasterKeyId") is None:
        yield "encryption is turned off"


def _mount_target(target: Resource) -> Iterator[str]:
    groups = groups_of(target, target.get("SecurityGroups"))
    if groups and not may_admit(groups, NFS_PORT):
        yield f"port {NFS_PORT} is closed"


def _elastic(system: Resource) -> Iterator[str]:
    mode = system.get("ThroughputMode")
    if mode in (None, "bursting"):
        yield "throughput grows with what is stored, a few MiB/s at first"


def _efs_modes(system: Resource) -> Iterator[str]:
    """What EFS takes together (EFS API reference, CreateFileSystem, 2026-11)."""
    mode, performance = system.get("ThroughputMode"), system.get("PerformanceMode")
    provisioned = system.get("ProvisionedThroughputInMibps")
    if mode is not None and not may_be(mode, *THROUGHPUT_MODES):
        yield f"EFS has no throughput mode {mode}"
    if performance is not None and not may_be(performance, *PERFORMANCE_MODES):
        yield f"EFS has no performance mode {performance}"
    if mode == "elastic" and performance == "maxIO":
        yield "elastic throughput has the performance mode generalPurpose alone"
    if mode == "provisioned" and provisioned is None:
        yield "provisioned throughput without ProvisionedThroughputInMibps"
    if isinstance(mode, str) and mode in ("elastic", "bursting") and provisioned is not None:
        yield f"{mode} throughput takes no ProvisionedThroughputInMibps"


def _efs_tls(system: Resource) -> Iterator[str]:
    policy = system.get("FileSystemPolicy")
    if not isinstance(policy, Unknown) and not _may_demand_tls(policy):
        yield "no policy denies mounts without TLS"


def _mount_target_twice(target: Resource) -> Iterator[str]:
    key = (target.get("FileSystemId"), target.get("SubnetId"))
    same = [
        one
        for one in target.template.of_type("AWS::EFS::MountTarget")
        if (one.get("FileSystemId"), one.get("SubnetId")) == key
    ]
    if same[0] is not target and all(not isinstance(one, Unknown) or one.resource for one in key):
        yield f"{same[0].name} is in the same subnet"


RULES = (
    Rule(
        "s3-encryption-missing", ("AWS::S3::Bucket",), "a bucket without a key of the account",
        "Access to the weights cannot be withdrawn by key.", "set SSEAlgorithm to aws:kms", _bucket_encryption,
    ),
    Rule(
        "s3-public", ("AWS::S3::Bucket",), "a bucket that may become public",
        "One wrong policy publishes the weights.", "turn on all four of PublicAccessBlockConfiguration",
        _bucket_public,
    ),
    Rule(
        "s3-tls-missing", ("AWS::S3::Bucket",), "a bucket that answers without TLS",
        "Weights and credentials can be read on the way.", "deny aws:SecureTransport false in a bucket policy",
        _bucket_tls,
    ),
    Rule(
        "s3-versions-off", ("AWS::S3::Bucket",), "a bucket without versions",
        "Overwritten weights cannot be rolled back.", "set VersioningConfiguration", _bucket_versions,
    ),
    Rule(
        "efs-unencrypted", ("AWS::EFS::FileSystem",), "an EFS file system without encryption",
        "It cannot be encrypted later.", "set Encrypted", _unencrypted,
    ),
    Rule(
        "efs-bursting", ("AWS::EFS::FileSystem",), "an EFS file system in bursting mode",
        "A new one reads weights at a few MiB/s once its credits are used.", "set ThroughputMode to elastic", _elastic,
    ),
    Rule(
        "efs-mount-target-twice", ("AWS::EFS::MountTarget",), "two mount targets of one file system in one subnet",
        "EFS makes one a zone; the second fails.", "remove one of the two", _mount_target_twice,
    ),
    Rule(
        "efs-modes", ("AWS::EFS::FileSystem",), "modes that EFS does not have, or not together",
        "EFS rejects the file system.", "use elastic with generalPurpose and no ProvisionedThroughputInMibps",
        _efs_modes,
    ),
    Rule(
        "efs-tls-missing", ("AWS::EFS::FileSystem",), "an EFS file system that is mounted without TLS",
        "Weights can be read on the way.", "deny aws:SecureTransport false in FileSystemPolicy", _efs_tls,
    ),
    Rule(
        "efs-port", ("AWS::EFS::MountTarget",), "a mount target that closes NFS", "Mounts hang.",
        "open TCP 2049 to the nodes", _mount_target,
    ),
    Rule(
        "ebs-unencrypted", ("AWS::EC2::Volume",), "a volume without encryption", "It cannot be encrypted later.",
        "set Encrypted", _unencrypted,
    ),
    Rule(
        "sqs-unencrypted", ("AWS::SQS::Queue",), "a queue without encryption",
        "Events tell which instances run what.", "remove SqsManagedSseEnabled: false", _queue_encryption,
    ),
    Rule(
        "sqs-tls-missing", ("AWS::SQS::Queue",), "a queue that answers without TLS",
        "A forged interruption drains nodes.", "deny aws:SecureTransport false in a queue policy", _queue_tls,
    ),
)  # fmt: skip
