"""What objects have to know of what AWS makes: the storage of the weights, the workspace of the metrics, and where
nodes are placed.

Every value may be a token of CDK: ids and names are known once the file system has been made.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field


class LustreAddress(Struct, frozen=True):
    """Where a Lustre client finds an FSx file system. `mount_name` is FSx's own name for its root."""

    file_system_id: str
    dns_name: str
    mount_name: str
    zone: str


class EfsAddress(Struct, frozen=True):
    """An EFS file system and the access point of each claim on it."""

    file_system_id: str
    access_points: Mapping[str, str]


class StorageAddresses(Struct, frozen=True):
    """Of everything a platform's models can be read from; None = the platform has none, or its id is not known yet.

    region            of the bucket
    metrics           where the workspace that CDK makes is asked for them
    placement_groups  names by pool, of nodes that a controller starts near each other
    """

    bucket: str | None = None
    region: str | None = None
    fsx: LustreAddress | None = None
    efs: EfsAddress | None = None
    metrics: str | None = None
    placement_groups: Mapping[str, str] = field(default_factory=dict)


UNKNOWN = StorageAddresses()
"""Before anything has been made."""

MODEL_BUCKET = "ModelBucket"
LUSTRE_ID, LUSTRE_DNS_NAME, LUSTRE_MOUNT_NAME = "LustreId", "LustreDnsName", "LustreMountName"
EFS_ID, EFS_ACCESS_POINTS = "EfsId", "EfsAccessPoints"

QUERY_OUTPUT = "QueryAddress"
"""Output of the observability stack: `StorageAddresses.metrics`."""

PLACEMENT_GROUPS_OUTPUT = "PlacementGroups"
"""Output of the capacity stack: `StorageAddresses.placement_groups`."""

OUTPUTS: Mapping[str, str] = {
    MODEL_BUCKET: "Upload weights to models/<name>/ in here",
    LUSTRE_ID: "FSx for Lustre file system",
    LUSTRE_DNS_NAME: "Where clients find it",
    LUSTRE_MOUNT_NAME: "FSx's name for its root",
    EFS_ID: "EFS file system",
    EFS_ACCESS_POINTS: "Access point of each claim: name=id, separated by commas",
}
"""Outputs of the storage stack by name, with what they are. Names are a contract: `outputs` files hold them."""


def outputs_of(addresses: StorageAddresses) -> dict[str, str]:
    """What the storage stack tells of these addresses."""
    found = {} if addresses.bucket is None else {MODEL_BUCKET: addresses.bucket}
    if addresses.fsx is not None:
        found[LUSTRE_ID] = addresses.fsx.file_system_id
        found[LUSTRE_DNS_NAME] = addresses.fsx.dns_name
        found[LUSTRE_MOUNT_NAME] = addresses.fsx.mount_name
    if addresses.efs is not None:
        found[EFS_ID] = addresses.efs.file_system_id
        if addresses.efs.access_points:
            found[EFS_ACCESS_POINTS] = pairs_text(addresses.efs.access_points)
    return found


def addresses_in(outputs: Mapping[str, str], region: str, lustre_zone: str | None) -> StorageAddresses:
    """The addresses that the stack's outputs tell. `lustre_zone` is that of the platform file, None without one."""
    fsx = efs = None
    if lustre_zone is not None and {LUSTRE_ID, LUSTRE_DNS_NAME, LUSTRE_MOUNT_NAME} <= set(outputs):
        fsx = LustreAddress(outputs[LUSTRE_ID], outputs[LUSTRE_DNS_NAME], outputs[LUSTRE_MOUNT_NAME], lustre_zone)
    if EFS_ID in outputs:
        efs = EfsAddress(outputs[EFS_ID], pairs_in(outputs.get(EFS_ACCESS_POINTS, "")))
    return StorageAddresses(bucket=outputs.get(MODEL_BUCKET), region=region, fsx=fsx, efs=efs)


def pairs_text(pairs: Mapping[str, str]) -> str:
    """Names with their values, as an output holds them."""
    return ",".join(f"{name}={value}" for name, value in pairs.items())


def pairs_in(text: str) -> dict[str, str]:
    """What `pairs_text` wrote."""
    pairs = (pair.partition("=") for pair in text.split(",") if pair)
    return {name: value for name, _, value in pairs}
