"""What a node of Amazon Linux 2023 is told when it starts: a MIME document that EKS merges with its own.

NodeConfig    nodeadm makes one RAID 0 of the NVMe disks and moves containerd and the kubelet there
script        how many physical cores work as one; it runs before the kubelet, and the device plugin reads the file
script        pods may lock memory without limit, on nodes with Elastic Fabric Adapters
script        Lustre goes over these adapters (`aws.lustre_client`), where the file system has some too
"""

from __future__ import annotations

from ai_on_eks.aws.lustre_client import lustre_client_script
from ai_on_eks.catalog.types import InstanceType, Vendor

BOUNDARY = "BOUNDARY"
SCRIPT = "text/x-shellscript"

LOCAL_DISKS = "\n".join(
    (
        "apiVersion: node.eks.aws/v1alpha1",
        "kind: NodeConfig",
        "spec:",
        "  instance:",
        "    localStorage:",
        "      strategy: RAID0",
    )
)

LOGICAL_CORES_FOLDER = "/opt/aws/neuron"
LOGICAL_CORES_FILE = f"{LOGICAL_CORES_FOLDER}/logical_nc_config"
"""Read by driver, runtime and device plugin (Neuron SDK 2.33, EKS prerequisites, "Trn2 LNC configuration", 2026-10)."""


LOCKED_MEMORY = "\n".join(
    (
        "#!/bin/bash",
        "set -e",
        "mkdir -p /etc/systemd/system/containerd.service.d",
        "cat > /etc/systemd/system/containerd.service.d/10-locked-memory.conf << END",
        "[Service]",
        "LimitMEMLOCK=infinity",
        "END",
        "systemctl daemon-reload",
    )
)
"""EFA's buffers are locked memory. A container has its runtime's limit, 8 MiB under systemd; where it is too low, NCCL
goes over to TCP without a word. Kubernetes has no field for it, and IPC_LOCK does nothing for a user other than root
(nvidia-container-toolkit issue 2037, 2026-08). nodeadm starts the runtime after scripts have run (amazon-eks-ami,
nodeadm-run.service). Bottlerocket raises the limit itself where it finds an adapter (bottlerocket-core-kit pull request
141, 2024-09)."""


def al2023_user_data(
    instance_type: InstanceType, *, local_disks: bool, efa: bool = False, lustre_over_efa: bool = False
) -> str | None:
    """The document, or None where the image's own settings are right."""
    parts = [("application/node.eks.aws", LOCAL_DISKS)] if local_disks else []
    cores = _logical_cores(instance_type)
    if cores > 1:
        parts.append((SCRIPT, _logical_cores_script(cores)))
    if efa:
        parts.append((SCRIPT, LOCKED_MEMORY))
    if lustre_over_efa:
        parts.append((SCRIPT, lustre_client_script(instance_type)))
    return _mime(parts) if parts else None


def _logical_cores(instance_type: InstanceType) -> int:
    """Physical Neuron cores that work as one; 1 = nothing to set. The plan counts ranks by it, so it is written down
    instead of being left to the image's default."""
    accelerator = instance_type.accelerator
    return accelerator.cores_per_rank if accelerator and accelerator.vendor is Vendor.NEURON else 1


def _logical_cores_script(cores: int) -> str:
    return "\n".join(
        (
            "#!/bin/bash",
            "set -e",
            f"mkdir -p {LOGICAL_CORES_FOLDER}",
            f"echo NEURON_LOGICAL_NC_CONFIG={cores} > {LOGICAL_CORES_FILE}",
        )
    )


def _mime(parts: list[tuple[str, str]]) -> str:
    lines = ["MIME-Version: 1.0", f'Content-Type: multipart/mixed; boundary="{BOUNDARY}"', ""]
    for content_type, text in parts:
        lines += [f"--{BOUNDARY}", f"Content-Type: {content_type}", "", text, ""]
    return "\n".join([*lines, f"--{BOUNDARY}--", ""])
