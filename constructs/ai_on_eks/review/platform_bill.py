"""The platform's part of the bill, counted in the templates.

    system nodes     node groups with the label of the system pool
    node disks       volumes of the node groups' launch templates
    control plane    by the support that its Kubernetes version is in on the day
    NAT gateways, public addresses, endpoints, load balancers, keys   number × hours or months × price
    FSx for Lustre   gigabytes × price of its throughput
    EFS, Prometheus, logs, model store   by use alone

Where EKS Auto Mode or Karpenter start the models' nodes, no template tells the nodes' disks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any

from ai_on_eks.catalog.platform_prices import PlatformPrices
from ai_on_eks.catalog.taints import ROLE_LABEL, SYSTEM_ROLE
from ai_on_eks.catalog.versions import standard_support_ends
from ai_on_eks.review.bill import Line
from ai_on_eks.review.rules.assembly import Resource
from ai_on_eks.review.rules.values import dig, items, number
from ai_on_eks.review.side import Side

PLATFORM = "platform"

INCLUDED_IOPS, INCLUDED_MBPS = 3000, 125
"""Of a gp3 volume, without further charge."""

BY_USE = (
    ("AWS::EFS::FileSystem", "EFS", "file system"),
    ("AWS::APS::Workspace", "Prometheus", "workspace"),
    ("AWS::Logs::LogGroup", "logs", "log group"),
    ("AWS::S3::Bucket", "buckets", "bucket"),
)
"""Type, name of the line, what is counted: nothing is paid for as long as nothing is stored or sent."""


def platform_lines(
    side: Side, prices: PlatformPrices, instances: Mapping[str, float], day: date, hours: float
) -> Iterator[Line]:
    """Every line of the platform. `instances` are dollars per hour by type, `hours` those of a month."""
    yield from _system_nodes(side, instances, hours)
    yield from _node_disks(side, prices)
    yield from _control_plane(side, prices, day, hours)
    yield from _hourly(side, prices, hours)
    yield from _lustre(side, prices)
    yield from _auto_mode(side)
    keys = _count(side, "AWS::KMS::Key")
    if keys:
        yield Line(PLATFORM, "keys", _times(keys, prices.usd.get("kms-key-month")), f"{keys} × key")
    for type_, name, noun in BY_USE:
        count = _count(side, type_)
        if count:
            yield Line(PLATFORM, name, None, f"{count} × {noun}", by_use="billed by use alone")


def _system_nodes(side: Side, instances: Mapping[str, float], hours: float) -> Iterator[Line]:
    for group in side.assembly.of_type("AWS::EKS::Nodegroup"):
        if dig(group.get("Labels"), ROLE_LABEL) != SYSTEM_ROLE:
            continue
        types = items(group.get("InstanceTypes"))
        count = number(group.get("ScalingConfig", "DesiredSize"))
        name = str(types[0]) if types else "the account's default type"
        price = instances.get(name)
        usd = None if price is None or count is None else round(count * price * hours, 2)
        yield Line(PLATFORM, "system nodes", usd, f"{_amount(count)} × {name}")


def _node_disks(side: Side, prices: PlatformPrices) -> Iterator[Line]:
    """All node groups in one line; unknown as soon as one volume is."""
    gigabytes, usd, known = 0.0, 0.0, True
    groups = list(side.assembly.of_type("AWS::EKS::Nodegroup"))
    for group in groups:
        count = number(group.get("ScalingConfig", "DesiredSize"))
        template = group.template.follow(group.get("LaunchTemplate", "Id"), "AWS::EC2::LaunchTemplate")
        volumes = items(template.get("LaunchTemplateData", "BlockDeviceMappings")) if template else []
        for volume in volumes:
            size, month = _volume(dig(volume, "Ebs"), prices)
            known = known and count is not None and month is not None
            gigabytes += (count or 0) * (size or 0)
            usd += (count or 0) * (month or 0.0)
        known = known and bool(volumes)
    if groups:
        yield Line(PLATFORM, "node disks", round(usd, 2) if known else None, f"{gigabytes:,.0f} GB of gp3")


def _volume(disk: Any, prices: PlatformPrices) -> tuple[float | None, float | None]:
    """Its size in GB and its dollars a month; None for what is not known."""
    size = number(dig(disk, "VolumeSize"))
    per_gb = prices.usd.get("ebs-gp3-gb-month")
    if size is None or per_gb is None or dig(disk, "VolumeType") != "gp3":
        return size, None
    usd = size * per_gb
    for key, included, unit in (("Iops", INCLUDED_IOPS, "iops"), ("Throughput", INCLUDED_MBPS, "mbps")):
        beyond = max(0.0, (number(dig(disk, key)) or included) - included)
        rate = prices.usd.get(f"ebs-gp3-{unit}-month")
        if beyond and rate is None:
            return size, None
        usd += beyond * (rate or 0.0)
    return size, usd


def _control_plane(side: Side, prices: PlatformPrices, day: date, hours: float) -> Iterator[Line]:
    for cluster in side.assembly.of_type("AWS::EKS::Cluster"):
        version = str(cluster.get("Version") or "")
        ends = standard_support_ends(version)
        over = ends is not None and ends < day.isoformat()
        paid = over and cluster.get("UpgradePolicy", "SupportType") != "STANDARD"
        usd = prices.usd.get("eks-extended-cluster-hour" if paid else "eks-cluster-hour")
        support = "extended support" if paid else "standard support"
        if ends is not None and not over:
            support += f" until {ends}"
        yield Line(PLATFORM, "control plane", _times(hours, usd), f"Kubernetes {version}, {support}")


def _hourly(side: Side, prices: PlatformPrices, hours: float) -> Iterator[Line]:
    """What is paid for by the hour, whatever goes through it."""
    endpoints = list(side.assembly.of_type("AWS::EC2::VPCEndpoint"))
    interfaces = [one for one in endpoints if one.get("VpcEndpointType") == "Interface"]
    counted = (
        ("NAT gateways", "nat-gateway", _count(side, "AWS::EC2::NatGateway")),
        ("public addresses", "public-ipv4", _count(side, "AWS::EC2::EIP")),
        ("interface endpoints", "interface-endpoint", sum(_zones(one) for one in interfaces)),
        ("gateway endpoints", "gateway-endpoint", len(endpoints) - len(interfaces)),
        ("load balancers", "load-balancer", _load_balancers(side)),
    )
    for name, key, count in counted:
        if count:
            usd = _times(count * hours, prices.usd.get(f"{key}-hour"))
            by_use = prices.by_use.get(key)
            yield Line(PLATFORM, name, usd, str(count), by_use=None if by_use is None else f"plus {by_use}")


def _zones(endpoint: Resource) -> int:
    """An interface endpoint has an interface in each of its subnets."""
    return max(1, len(items(endpoint.get("SubnetIds"))))


def _load_balancers(side: Side) -> int:
    services = (one for one in side.assembly.of_kind("Service") if one.get("spec", "type") == "LoadBalancer")
    made = (one for kind in ("Ingress", "LoadBalancerConfiguration") for one in side.assembly.of_kind(kind))
    return _count(side, "AWS::ElasticLoadBalancingV2::LoadBalancer") + _length(services) + _length(made)


def _lustre(side: Side, prices: PlatformPrices) -> Iterator[Line]:
    for system in side.assembly.of_type("AWS::FSx::FileSystem"):
        capacity = number(system.get("StorageCapacity"))
        deployment = str(system.get("LustreConfiguration", "DeploymentType") or "")
        throughput = number(system.get("LustreConfiguration", "PerUnitStorageThroughput"))
        scratch = deployment.startswith("SCRATCH")
        key = "fsx-lustre-scratch" if scratch else f"fsx-lustre-{_amount(throughput)}"
        is_ssd = system.get("StorageType") in (None, "SSD")
        price = prices.usd.get(f"{key}-gb-month") if is_ssd else None
        basis = f"{_amount(capacity)} GB {deployment}" + ("" if scratch else f" at {_amount(throughput)} MB/s/TiB")
        yield Line(PLATFORM, f"FSx for Lustre {system.name}", _times(capacity, price), basis)


def _auto_mode(side: Side) -> Iterator[Line]:
    for cluster in side.assembly.of_type("AWS::EKS::Cluster"):
        if cluster.get("ComputeConfig", "Enabled") is True:
            note = "a fee for each instance, by its type"
            yield Line(PLATFORM, "EKS Auto Mode", None, "management fee", by_use=note)


def _count(side: Side, type_: str) -> int:
    return _length(side.assembly.of_type(type_))


def _length(values: Iterable[Any]) -> int:
    return sum(1 for _ in values)


def _times(amount: float | None, usd: float | None) -> float | None:
    return None if amount is None or usd is None else round(amount * usd, 2)


def _amount(value: float | None) -> str:
    return "?" if value is None else f"{value:,.0f}".replace(",", "")
