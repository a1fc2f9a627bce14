"""PersistentVolumes of the drivers that weights are read through: what a driver only tells when a pod waits for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ai_on_eks.review.rules.assembly import KubeObject
from ai_on_eks.review.rules.rule import Rule
from ai_on_eks.review.rules.values import Unknown, is_known, items

S3, EFS, FSX = "s3.csi.aws.com", "efs.csi.aws.com", "fsx.csi.aws.com"
DRIVERS = (S3, EFS, FSX)


def _driver(volume: KubeObject) -> str | None:
    driver = volume.get("spec", "csi", "driver")
    return driver if driver in DRIVERS else None


def _options(volume: KubeObject) -> Mapping[str, str]:
    """Mount options by name; Mountpoint's may be written with a blank or an equals sign."""
    found = [str(one).replace("=", " ", 1).partition(" ") for one in items(volume.get("spec", "mountOptions"))]
    return {name.strip().removeprefix("--"): value.strip() for name, _, value in found}


def _attribute(volume: KubeObject, key: str) -> Any:
    return volume.get("spec", "csi", "volumeAttributes", key)


def _s3_region(volume: KubeObject) -> Iterator[str]:
    if _driver(volume) == S3 and not _options(volume).get("region"):
        yield "the driver would ask the node's metadata service for the region"


def _s3_throughput(volume: KubeObject) -> Iterator[str]:
    if _driver(volume) == S3 and not _options(volume).get("maximum-throughput-gbps"):
        yield "Mountpoint reads at 10 Gbit/s where it cannot tell the instance type"


def _s3_cache(volume: KubeObject) -> Iterator[str]:
    if _driver(volume) != S3:
        return
    if "cache" in _options(volume):
        yield "version 2 of the driver ignores the path and caches without a limit"
    kind = _attribute(volume, "cache")
    if kind == "emptyDir" and _attribute(volume, "cacheEmptyDirSizeLimit") is None:
        yield "the cache may fill the node's disk"
    if kind == "ephemeral":
        wanted = ("cacheEphemeralStorageClassName", "cacheEphemeralStorageResourceRequest")
        missing = [key for key in wanted if _attribute(volume, key) is None]
        if missing:
            yield f"an ephemeral cache without {', '.join(missing)}"
    if kind is not None and not isinstance(kind, Unknown) and kind not in ("emptyDir", "ephemeral"):
        yield f"the driver has no cache of kind {kind}"


def _s3_bucket(volume: KubeObject) -> Iterator[str]:
    if _driver(volume) == S3 and _attribute(volume, "bucketName") is None:
        yield "no bucketName"


def _s3_others(volume: KubeObject) -> Iterator[str]:
    options = _options(volume)
    if _driver(volume) == S3 and "uid" in options and "allow-other" not in options:
        yield f"user {options['uid']} owns the files and may not open the mount"


def _efs_tls(volume: KubeObject) -> Iterator[str]:
    if _driver(volume) == EFS and _attribute(volume, "encryptInTransit") in ("false", False):
        yield "encryptInTransit is off"


def _efs_handle(volume: KubeObject) -> Iterator[str]:
    handle = volume.get("spec", "csi", "volumeHandle")
    if _driver(volume) == EFS and isinstance(handle, str) and handle.count(":") not in (0, 2):
        yield f"{handle} is not file system:folder:access point"


def _lustre_address(volume: KubeObject) -> Iterator[str]:
    if _driver(volume) != FSX:
        return
    missing = [key for key in ("dnsname", "mountname") if _attribute(volume, key) is None]
    if missing:
        yield f"no {', '.join(missing)}"


def _lustre_zone(volume: KubeObject) -> Iterator[str]:
    if _driver(volume) == FSX and volume.get("spec", "nodeAffinity") is None:
        yield "pods may land in a zone that the file system does not lie in"


def _static(volume: KubeObject) -> Iterator[str]:
    if _driver(volume) is None:
        return
    if volume.get("spec", "storageClassName") not in (None, ""):
        yield "a storage class stands on a volume that nobody provisions"
    if volume.get("spec", "claimRef") is None:
        yield "any claim of the cluster may take the volume"


def _claim_class(claim: KubeObject) -> Iterator[str]:
    if claim.get("spec", "volumeName") is not None and claim.get("spec", "storageClassName") != "":
        yield "the cluster's default storage class takes the claim, and it never binds to the volume it names"


def _kept(volume: KubeObject) -> Iterator[str]:
    policy = volume.get("spec", "persistentVolumeReclaimPolicy")
    if _driver(volume) is not None and policy not in (None, "Retain"):
        yield f"the reclaim policy is {policy}"


def _handle_twice(volume: KubeObject) -> Iterator[str]:
    """Of Mountpoint alone: the other drivers tell volumes of one file system apart by more than the handle."""
    if _driver(volume) != S3:
        return
    handle = volume.get("spec", "csi", "volumeHandle")
    same = [
        one
        for one in volume.assembly.of_kind("PersistentVolume")
        if _driver(one) == S3 and one.get("spec", "csi", "volumeHandle") == handle
    ]
    if is_known(handle) and same and same[0] is not volume:
        yield f"{same[0].name} has the same handle"


_VOLUME = ("PersistentVolume",)

RULES = (
    Rule(
        "volume-s3-region", _VOLUME, "a mount of a bucket without its region",
        "With a hop limit of 1 the driver cannot ask the node's metadata, and the mount fails.",
        "add the mount option region", _s3_region,
    ),
    Rule(
        "volume-s3-throughput", _VOLUME, "a mount of a bucket without its bandwidth",
        "For the same reason Mountpoint takes 10 Gbit/s for granted, a tenth of what a large node has.",
        "add the mount option maximum-throughput-gbps", _s3_throughput,
    ),
    Rule(
        "volume-s3-cache", _VOLUME, "a cache that version 2 of the driver does not have, or without a limit",
        "The node's disk fills up and its pods are evicted.",
        "use the attributes cache and cacheEmptyDirSizeLimit", _s3_cache,
    ),
    Rule(
        "volume-s3-bucket", _VOLUME, "a mount of no bucket", "The mount fails.", "add the attribute bucketName",
        _s3_bucket,
    ),
    Rule(
        "volume-s3-others", _VOLUME, "a mount of a bucket that its own user may not open",
        "Pods that do not run as root get permission denied.", "add the mount option allow-other", _s3_others,
    ),
    Rule(
        "volume-s3-handle-twice", _VOLUME, "two mounts of buckets with one handle",
        "Kubernetes mounts one of the two, and pods of the other wait for ever.", "give each a handle of its own",
        _handle_twice,
    ),
    Rule(
        "volume-efs-tls", _VOLUME, "an EFS volume that is mounted without TLS", "Weights can be read on the way.",
        "remove encryptInTransit: false", _efs_tls,
    ),
    Rule(
        "volume-efs-handle", _VOLUME, "an EFS handle that the driver cannot read", "The mount fails.",
        "write fs-…::fsap-…", _efs_handle,
    ),
    Rule(
        "volume-lustre-address", _VOLUME, "a Lustre volume without its name in the network or its mount name",
        "The driver refuses the one and takes `fsx` for the other, which no PERSISTENT_2 file system is called.",
        "add the attributes dnsname and mountname", _lustre_address,
    ),
    Rule(
        "volume-lustre-zone", _VOLUME, "a Lustre volume that names no zone",
        "Reads from another zone are slow and charged for.", "add nodeAffinity with the file system's zone",
        _lustre_zone,
    ),
    Rule(
        "volume-static", _VOLUME, "a static volume that is not reserved for its claim, or has a storage class",
        "Another claim binds to it, or its own never does.", "add claimRef, and storageClassName: ''", _static,
    ),
    Rule(
        "volume-kept", _VOLUME, "a volume of shared storage that goes with its claim",
        "Deleting a claim must not touch a file system that others read.",
        "set persistentVolumeReclaimPolicy to Retain", _kept,
    ),
    Rule(
        "claim-class", ("PersistentVolumeClaim",), "a claim that names a volume and a storage class",
        "The API server adds the default class, and the claim never binds.", "set storageClassName to ''",
        _claim_class,
    ),
)  # fmt: skip
