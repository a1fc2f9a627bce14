"""What the kubelet of an EKS AMI leaves to pods.

    max pods          = interfaces of the default network card × (IPv4 addresses per interface − 1) + 2
    memory capacity   = instance memory − 64 MiB (arm64) − ⌈7.5 %⌉ for the hypervisor, firmware and kernel
    memory allocatable = capacity − (255 MiB + 11 MiB × max pods) − 100 MiB eviction threshold
    CPU allocatable   = vCPUs − (6 % of the first, 1 % of the second, 0.5 % of the third and fourth, 0.25 % of the rest)

Not simpler, because each term is a different party's: the VPC CNI (one address of an interface is its own; two pods
use the host's network), Karpenter's estimate of what the machine itself takes before it has seen a real node (most
have a little more), nodeadm's kube-reserved, the kubelet's hard eviction threshold. The caps of 110 and 250 pods that
go with prefix delegation are not applied: they would lower the reserve, and this package leaves prefix delegation off.
"""

from __future__ import annotations

from ai_on_eks.units import MIB, ceil_div

VM_OVERHEAD_PER_MILLE = 75
"""Share of memory that never reaches the kubelet, in 1/1000. Karpenter, VM_MEMORY_OVERHEAD_PERCENT (v1.x, 2026-08)."""

ARM64_RESERVED_MIB = 64
"""Memory that Graviton firmware keeps, in MiB. Karpenter, instancetype/types.go (2026-08)."""

KUBE_RESERVED_BASE_MIB = 255
KUBE_RESERVED_PER_POD_MIB = 11
"""kube-reserved memory, in MiB and MiB per pod. amazon-eks-ami, nodeadm kubelet configuration (v20260714)."""

EVICTION_THRESHOLD_MIB = 100
"""Hard eviction threshold memory.available, in MiB. amazon-eks-ami, nodeadm kubelet configuration (v20260714)."""

_CPU_RESERVED = ((1000, 600), (1000, 100), (2000, 50))
"""(millicores of the step, reserved share in 1/10,000). amazon-eks-ami, nodeadm kubelet configuration (v20260714)."""

_CPU_RESERVED_REST = 25
"""Share of every further millicore, in 1/10,000."""


def max_pods(default_card_interfaces: int, ipv4_per_interface: int) -> int:
    """Pods with an address of their own, plus the two system pods on the host's network."""
    return default_card_interfaces * (ipv4_per_interface - 1) + 2


def allocatable_memory_bytes(memory_mib: int, architecture: str, pods: int) -> int:
    """Memory the scheduler may hand out on an empty node, in bytes."""
    machine_mib = memory_mib - (ARM64_RESERVED_MIB if architecture == "arm64" else 0)
    capacity_mib = machine_mib - ceil_div(machine_mib * VM_OVERHEAD_PER_MILLE, 1000)
    reserved_mib = KUBE_RESERVED_BASE_MIB + KUBE_RESERVED_PER_POD_MIB * pods + EVICTION_THRESHOLD_MIB
    return max(0, capacity_mib - reserved_mib) * MIB


def allocatable_cpu_millicores(vcpus: int) -> int:
    """Processor time the scheduler may hand out on an empty node, in millicores."""
    remaining, reserved = vcpus * 1000, 0
    for step, share in _CPU_RESERVED:
        taken = min(step, remaining)
        reserved += taken * share
        remaining -= taken
    return vcpus * 1000 - ceil_div(reserved + remaining * _CPU_RESERVED_REST, 10_000)
