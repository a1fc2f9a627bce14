"""AWS::FSx::FileSystem of type LUSTRE: combinations that only FSx checks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ai_on_eks.review.rules.assembly import Resource
from ai_on_eks.review.rules.facts import nearest, read
from ai_on_eks.review.rules.rule import Rule
from ai_on_eks.review.rules.security_groups import groups_of, may_admit, may_release
from ai_on_eks.review.rules.values import Unknown, dig, is_known, number

PORTS = (988, *range(1018, 1024))
"""TCP ports of Lustre, all of them both ways (FSx user guide, limit-access-security-groups)."""

TIERED = "INTELLIGENT_TIERING"

LINKABLE = ("SCRATCH_2", "PERSISTENT_1", "PERSISTENT_2")
MOST_LINKS = 8
"""FSx for Lustre user guide, data repository associations, 2026-11."""


def _settings(system: Resource) -> tuple[Any, str, str] | None:
    """Lustre's own settings, deployment type and storage type; None where they are not known."""
    if system.get("FileSystemType") != "LUSTRE":
        return None
    settings = system.get("LustreConfiguration")
    deployment = dig(settings, "DeploymentType") or "SCRATCH_1"
    storage = system.get("StorageType") or "SSD"
    if not isinstance(deployment, str) or not isinstance(storage, str) or not is_known([deployment, storage]):
        return None
    return settings, deployment, storage


def _deployment(system: Resource) -> Iterator[str]:
    known = read("lustre.json")["versions"]
    if (found := _settings(system)) and found[1] not in known:
        yield f"FSx has no deployment type {found[1]}{nearest(found[1], known)}"


def _throughput(system: Resource) -> Iterator[str]:
    if not (found := _settings(system)):
        return
    settings, deployment, storage = found
    given = dig(settings, "PerUnitStorageThroughput")
    allowed = read("lustre.json")["throughput_mbps_per_tib"].get(f"{deployment}/{storage}")
    if isinstance(given, Unknown) or deployment not in read("lustre.json")["versions"]:
        return
    if allowed is None and given is not None:
        yield f"{deployment} on {storage} takes no PerUnitStorageThroughput"
    elif allowed is not None and number(given) not in allowed:
        shown = "none" if given is None else given
        yield f"{deployment} on {storage} has {', '.join(map(str, allowed))} MB/s per TiB, not {shown}"


def _size(system: Resource) -> Iterator[str]:
    if not (found := _settings(system)):
        return
    settings, deployment, storage = found
    capacity = system.get("StorageCapacity")
    size = number(capacity)
    if storage == TIERED:
        if capacity is not None:
            yield "intelligent tiering grows by itself and takes no StorageCapacity"
        return
    if size is None:
        return
    facts = read("lustre.json")
    if storage == "HDD":
        step = facts["hdd_step_gib"].get(f"{number(dig(settings, 'PerUnitStorageThroughput')) or 0:g}")
        if step and size % step:
            yield f"{size:g} GiB; hard disks come in steps of {step} GiB at this throughput"
        return
    if dig(settings, "EfaEnabled") in (True, "true"):
        step = facts["efa_step_gib"].get(f"{number(dig(settings, 'PerUnitStorageThroughput')) or 0:g}")
        if step and size % step:
            yield f"{size:g} GiB; with EFA sizes come in steps of {step} GiB at this throughput"
        return
    rule = facts["size_gib"].get(f"{deployment}/{storage}")
    if rule and size not in rule["smallest"] and (size <= 0 or size % rule["step"]):
        yield f"{size:g} GiB; {deployment} has {rule['smallest'][0]} GiB and multiples of {rule['step']} GiB"


def _version(system: Resource) -> Iterator[str]:
    if not (found := _settings(system)):
        return
    version = system.get("FileSystemTypeVersion")
    allowed = read("lustre.json")["versions"].get(found[1])
    if allowed is None or isinstance(version, Unknown):
        return
    wanted = read("lustre.json")["recommended_version"]
    if version is None:
        yield f"FSx would choose an old Lustre; the kernels of AL2023 and Bottlerocket need {wanted}"
    elif str(version) not in allowed:
        yield f"{found[1]} runs Lustre {', '.join(allowed)}, not {version}"
    elif str(version) != wanted:
        yield f"Lustre {version}; the kernels of AL2023 and Bottlerocket need {wanted}"


def _s3_link(system: Resource) -> Iterator[str]:
    if not (found := _settings(system)) or found[1] != "PERSISTENT_2":
        return
    for key in ("ImportPath", "ExportPath", "AutoImportPolicy", "ImportedFileChunkSize"):
        if dig(found[0], key) is not None:
            yield f"PERSISTENT_2 takes no {key}"


def _place(system: Resource) -> Iterator[str]:
    subnets = system.get("SubnetIds")
    if _settings(system) and isinstance(subnets, list) and len(subnets) != 1:
        yield f"{len(subnets)} subnets; Lustre lies in one"


def _efa(system: Resource) -> Iterator[str]:
    if not (found := _settings(system)) or dig(found[0], "EfaEnabled") not in (True, "true"):
        return
    if found[1] != "PERSISTENT_2":
        yield f"{found[1]} has no EFA"
    elif dig(found[0], "MetadataConfiguration") is None:
        yield "EFA needs a MetadataConfiguration"


def _ports(system: Resource) -> Iterator[str]:
    groups = groups_of(system, system.get("SecurityGroupIds")) if _settings(system) else None
    for way, passes in (("in", may_admit), ("out", may_release)):
        closed = [port for port in PORTS if groups and not passes(groups, port)]
        if closed:
            yield f"port {', '.join(map(str, closed))} is closed on the way {way}"


def _key(system: Resource) -> Iterator[str]:
    found = _settings(system)
    if found and found[1] in ("PERSISTENT_1", "PERSISTENT_2") and system.get("KmsKeyId") is None:
        yield "the file system is encrypted with a key that is not the account's"


def _link(link: Resource) -> Iterator[str]:
    """What a file system accepts of its links (FSx API reference, CreateDataRepositoryAssociation, 2026-11)."""
    owner = link.get("FileSystemId")
    system = link.template.follow(owner, "AWS::FSx::FileSystem")
    found = _settings(system) if system else None
    if found and found[1] not in LINKABLE:
        yield f"{found[1]} takes no link"
    if found and number(dig(found[0], "AutomaticBackupRetentionDays")):
        yield "FSx backs up no file system that is linked to a bucket"
    links = [
        one for one in link.template.of_type("AWS::FSx::DataRepositoryAssociation") if one.get("FileSystemId") == owner
    ]
    if system and links[0] is link and len(links) > MOST_LINKS:
        yield f"{len(links)} links; a file system has {MOST_LINKS} at most"
    for other in links[: links.index(link)] if system else ():
        if _overlap(link.get("FileSystemPath"), other.get("FileSystemPath")):
            yield f"its folder overlaps that of {other.name}"


def _overlap(one: Any, other: Any) -> bool:
    if not (isinstance(one, str) and isinstance(other, str) and is_known([one, other])):
        return False
    first, second = (f"{path.rstrip('/')}/" for path in (one, other))
    return first.startswith(second) or second.startswith(first)


_SYSTEM = ("AWS::FSx::FileSystem",)

RULES = (
    Rule(
        "fsx-deployment-unknown", _SYSTEM, "a deployment type that FSx does not have",
        "Neither cfn-lint nor CDK's validation knows them.", "use PERSISTENT_2", _deployment,
    ),
    Rule(
        "fsx-throughput", _SYSTEM, "a throughput per TiB that the deployment type does not have",
        "FSx rejects it; the CSI driver's own default of 200 is one of them.", "use one of the named steps",
        _throughput,
    ),
    Rule(
        "fsx-size", _SYSTEM, "a size that the deployment type does not come in", "FSx rejects it.",
        "round up to the next step", _size,
    ),
    Rule(
        "fsx-version", _SYSTEM, "an old Lustre version, or one the deployment type does not run",
        "Nodes with a newer kernel cannot mount it, and the version cannot be lowered or skipped later.",
        "set FileSystemTypeVersion to 2.15", _version,
    ),
    Rule(
        "fsx-s3-link", _SYSTEM, "an S3 path inside a PERSISTENT_2 file system",
        "The properties are for older types; FSx rejects them.", "use AWS::FSx::DataRepositoryAssociation", _s3_link,
    ),
    Rule(
        "fsx-subnets", _SYSTEM, "Lustre in none or several subnets", "FSx rejects it.", "name the GPUs' subnet", _place,
    ),
    Rule(
        "fsx-efa", _SYSTEM, "EFA on a file system that cannot have it", "FSx rejects it.",
        "use PERSISTENT_2 with a MetadataConfiguration", _efa,
    ),
    Rule(
        "fsx-link", ("AWS::FSx::DataRepositoryAssociation",), "a link that the file system does not take",
        "FSx rejects it: by deployment type, beside backups, beyond eight, or over another's folder.",
        "link a PERSISTENT_2 file system without backups, each folder once", _link,
    ),
    Rule(
        "fsx-ports", _SYSTEM, "a security group that closes one of Lustre's ports",
        "Mounts hang. Public blueprints open 1021 to 1023 only.", "open TCP 988 and 1018 to 1023 both ways", _ports,
    ),
    Rule(
        "fsx-key-missing", _SYSTEM, "a persistent file system without a key of the account",
        "Access to the weights cannot be withdrawn by key.", "set KmsKeyId", _key,
    ),
)  # fmt: skip
