"""Resources that hold what cannot be made again."""

from __future__ import annotations

from collections.abc import Iterator

from ai_on_eks.review.rules.assembly import Resource
from ai_on_eks.review.rules.rule import Rule
from ai_on_eks.review.rules.values import Unknown

STATEFUL = ("AWS::EKS::Cluster", "AWS::EFS::FileSystem", "AWS::FSx::FileSystem", "AWS::S3::Bucket", "AWS::KMS::Key")
KEPT = frozenset({"Retain", "RetainExceptOnCreate", "Snapshot"})


def _not_retained(resource: Resource) -> Iterator[str]:
    for policy in ("DeletionPolicy", "UpdateReplacePolicy"):
        if resource.raw.get(policy) not in KEPT:
            yield f"{policy} is {resource.raw.get(policy, 'Delete')}"


def _key_rotation(key: Resource) -> Iterator[str]:
    rotation = key.get("EnableKeyRotation")
    symmetric = key.get("KeySpec") in (None, "SYMMETRIC_DEFAULT")
    if symmetric and rotation not in (True, "true") and not isinstance(rotation, Unknown):
        yield "the key is never rotated"


def _log_retention(group: Resource) -> Iterator[str]:
    if group.get("RetentionInDays") is None:
        yield "the log is kept for ever"


RULES = (
    Rule(
        "stateful-not-retained", STATEFUL, "a cluster, file system, bucket or key goes with its stack",
        "A deleted stack or a replaced resource takes the data with it.",
        "set DeletionPolicy and UpdateReplacePolicy to Retain", _not_retained,
    ),
    Rule(
        "kms-rotation-off", ("AWS::KMS::Key",), "a key without yearly rotation",
        "Auditors ask for it and it costs nothing to whoever uses the key.", "set EnableKeyRotation", _key_rotation,
    ),
    Rule(
        "log-retention-missing", ("AWS::Logs::LogGroup",), "a log group without an end",
        "Control-plane and flow logs grow and are paid for until somebody looks.", "set RetentionInDays",
        _log_retention,
    ),
)  # fmt: skip
