"""Instance types: EC2's record, corrected, joined with the facts about its accelerator, processor, AMI and price.

    record (instance_types.json, extra_types.json) -> corrections -> InstanceType

Whether a type is served is the first of these that speaks: not_served.json, unknown accelerator figures, no EKS AMI.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from msgspec import Struct

from ai_on_eks.catalog import kubelet
from ai_on_eks.catalog.accelerators import Facts, find
from ai_on_eks.catalog.quotas import load_quotas, quota_codes
from ai_on_eks.catalog.reading import read
from ai_on_eks.catalog.types import InstanceType, Price, PurchaseRoute
from ai_on_eks.units import MIB

BYTES_PER_TRANSFER = 8
"""Width of one DDR5 channel, both sub-channels together, in bytes (JEDEC DDR5)."""

BYTES_PER_SECOND_PER_MBPS = 1e6 / 8
"""One Mbit/s, the unit of EC2's EBS limits, in bytes per second."""

_FIXED_NETWORK = re.compile(r"(?:(\d+)x )?([\d.]+) Gigabit")
"""`100 Gigabit`, `8x 100 Gigabit`. `Up to …` is a burst and does not match."""

Record = Mapping[str, Any]


class HandFacts(Struct, frozen=True):
    """The hand-made files that apply to many types, read once."""

    ami_types: Mapping[str, Mapping[str, str]]
    without_bottlerocket: frozenset[str]
    quotas: Mapping[str, Any]
    processors: Mapping[str, Record]
    not_served: Mapping[str, str]


class Prices(NamedTuple):
    """By type, one mapping for each purchase route."""

    on_demand: Mapping[str, Price]
    spot: Mapping[str, Price]
    capacity_block: Mapping[str, Price]


def load_hand_facts() -> HandFacts:
    """AMI types by vendor and architecture; processors and reasons not to serve by family."""
    images = read("ami_types.json")
    return HandFacts(
        ami_types=images["ami_types"],
        without_bottlerocket=frozenset(images["without_bottlerocket"]["families"]),
        quotas=load_quotas(),
        processors={family: cpu for cpu in read("cpus.json")["cpus"].values() for family in cpu["families"]},
        not_served={family: e["reason"] for e in read("not_served.json")["not_served"] for family in e["families"]},
    )


def load_records() -> dict[str, Record]:
    """Every record by type, sorted, corrections applied. EC2's answer wins over a hand-made record."""
    records = read("extra_types.json")["instance_types"] | read("instance_types.json")["instance_types"]
    for correction in read("corrections.json")["corrections"]:
        for name in correction["instance_types"]:
            if name in records:
                records[name] = records[name] | correction["set"]
    return dict(sorted(records.items()))


def instance_type(
    name: str, record: Record, accelerators: Mapping[str, Facts], hand: HandFacts, prices: Prices
) -> InstanceType:
    """One type. Figures that nobody publishes are 0 or None, and the type is then not served."""
    family = name.partition(".")[0]
    architecture = "arm64" if "arm64" in record["architectures"] else "x86_64"
    device = record["accelerators"][0] if record["accelerators"] else {}
    facts = find(accelerators, device) if device else None
    accelerator = facts.in_family(family) if facts else None
    images = hand.ami_types.get(f"{accelerator.vendor.value if accelerator else 'cpu'}/{architecture}", {})
    ami_type = images.get("al2023")
    reason = hand.not_served.get(family) or _incomplete(facts, ami_type, architecture)
    quota, spot_quota = quota_codes(family, hand.quotas)
    network_gbps, network_burst_gbps = _network_gbps(record)
    share = device.get("partition", 1.0)
    pods = _pods(record)
    flops, bandwidth = _processor(record, hand.processors.get(family))
    return InstanceType(
        name=name,
        family=family,
        vcpus=record["vcpus"],
        memory_bytes=record["memory_mib"] * MIB,
        architecture=architecture,
        accelerator=accelerator,
        accelerator_count=device.get("count", 0),
        accelerator_memory_bytes=int(accelerator.memory_bytes * share) if accelerator else 0,
        network_gbps=network_gbps,
        network_cards=record["network_cards"] or 0,
        efa_interfaces=record["efa_interfaces"],
        local_nvme_bytes=record["nvme_gb"] * 10**9,
        max_pods=pods,
        allocatable_cpu_millicores=kubelet.allocatable_cpu_millicores(record["vcpus"]),
        allocatable_memory_bytes=(
            kubelet.allocatable_memory_bytes(record["memory_mib"], architecture, pods) if pods else 0
        ),
        ami_type=ami_type,
        purchase_routes=tuple(PurchaseRoute(route) for route in sorted(record["usage_classes"])),
        price=prices.on_demand.get(name),
        cpu_flops_per_vcpu=flops,
        memory_bandwidth_bytes_per_second=bandwidth,
        served=reason is None,
        not_served_reason=reason,
        accelerator_share=share,
        network_burst_gbps=network_burst_gbps,
        pod_network_gbps=record["default_card_gbps"] or 0.0,
        # The cards that carry EFA are those that carry everything else, or (p6-b300) the stated total is theirs.
        efa_gbps=network_gbps if record["efa_interfaces"] else 0.0,
        local_nvme_disks=record["nvme_disks"] or 0,
        ebs_baseline_bytes_per_second=(record["ebs_baseline_mbps"] or 0) * BYTES_PER_SECOND_PER_MBPS,
        ebs_burst_bytes_per_second=(record["ebs_burst_mbps"] or 0) * BYTES_PER_SECOND_PER_MBPS,
        bottlerocket_ami_type=None if family in hand.without_bottlerocket else images.get("bottlerocket"),
        vcpu_quota_code=quota,
        spot_vcpu_quota_code=spot_quota,
        spot_price=prices.spot.get(name),
        capacity_block_price=prices.capacity_block.get(name),
    )


def _incomplete(facts: Facts | None, ami_type: str | None, architecture: str) -> str | None:
    if facts and not facts.complete:
        return f"memory, bandwidth or peak figures of {facts.accelerator.title} are not published"
    if ami_type is None:
        return f"there is no EKS AMI for {facts.accelerator.title if facts else 'no accelerator'} on {architecture}"
    return None


def _pods(record: Record) -> int:
    """By formula from the interface limits; a hand-made record may give the number itself. 0 = not published."""
    if record["default_card_interfaces"] and record["ipv4_per_interface"]:
        return kubelet.max_pods(record["default_card_interfaces"], record["ipv4_per_interface"])
    return record.get("max_pods") or 0


def _network_gbps(record: Record) -> tuple[float, float]:
    """Sustained bandwidth of all cards and the most that they reach for a while, 0 where not published. A stated total
    wins over the sum of the cards, which is too high where cards share a limit (g6e.48xlarge: 4 × 400 share 400) and
    too low where EFA adds to it (p6-b200). It is also the most there is: only `Up to …` promises more for a while."""
    stated = _FIXED_NETWORK.fullmatch(record["network_performance"] or "")
    if stated:
        total = int(stated[1] or 1) * float(stated[2])
        return total, total
    sustained = float(record["network_baseline_gbps"] or 0.0)
    return sustained, max(sustained, record["network_burst_gbps"] or 0.0)


def _processor(record: Record, cpu: Record | None) -> tuple[float | None, float | None]:
    """FP32 peak of one vCPU and this type's share of its sockets' memory bandwidth; None without a derivation."""
    if cpu is None or record["clock_ghz"] is None:
        return None, None
    flops = cpu["fp32_flops_per_cycle_per_core"] * record["clock_ghz"] * 1e9 / record["threads_per_core"]
    socket_bandwidth = cpu["memory_channels"] * BYTES_PER_TRANSFER * cpu["memory_megatransfers_per_s"] * 1e6
    return flops, socket_bandwidth * record["vcpus"] / cpu["socket_vcpus"]
