"""What a Bottlerocket node is told when it starts: settings in TOML. There is no shell, no nodeadm and no script.

pods          the limit of the type's interfaces; the image's own table lacks types that are newer than it
local disks   one RAID 0 that containerd, the kubelet and pod logs are moved to
Neuron        devices belong to the user of the pod's security context, or no pod without root could open them
NVIDIA        the image's own device plugin slices or divides the GPUs
EFA           huge pages; the image reserves none
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from ai_on_eks.catalog.efa import HUGE_PAGES
from ai_on_eks.catalog.mig import bottlerocket_gpu
from ai_on_eks.catalog.types import InstanceType, Vendor
from ai_on_eks.placement.partition import Partition

OS_DEVICE = "/dev/xvda"
DATA_DEVICE = "/dev/xvdb"
"""The first holds the system, read-only and a few GiB; images, pods and logs are on the second (Bottlerocket 1.54,
"Default volumes")."""

MOVED_FOLDERS = ("/var/lib/containerd", "/var/lib/kubelet", "/var/log/pods")

Settings = dict[str, Mapping[str, object]]
"""Values by TOML table."""


def bottlerocket_user_data(
    instance_type: InstanceType, *, local_disks: bool, partition: Partition | None = None, efa: bool = False
) -> str:
    """The settings as a document that EKS adds the cluster's own to (Bottlerocket 1.54, API settings, 2026)."""
    settings: Settings = {"settings.kubernetes": _kubernetes(instance_type)}
    if local_disks:
        # Both in one entry: entries run in order of their names, and `bind` before `init` does nothing and succeeds.
        bind = ["apiclient", "ephemeral-storage", "bind", "--dirs", *MOVED_FOLDERS]
        commands = [["apiclient", "ephemeral-storage", "init"], bind]
        settings["settings.bootstrap-commands.local-disks"] = {
            "commands": commands,
            "essential": True,
            "mode": "always",
        }
    if partition is not None:
        settings |= _division(instance_type, partition)
    if efa:
        settings["settings.kernel.sysctl"] = {"vm.nr_hugepages": str(HUGE_PAGES)}
    return "\n".join(_table(name, values) for name, values in settings.items())


def _kubernetes(instance_type: InstanceType) -> dict[str, object]:
    values: dict[str, object] = {"max-pods": instance_type.max_pods}
    accelerator = instance_type.accelerator
    if accelerator is not None and accelerator.vendor is Vendor.NEURON:
        values["device-ownership-from-security-context"] = True
    return values


def _division(instance_type: InstanceType, partition: Partition) -> Settings:
    plugin = "settings.kubelet-device-plugins.nvidia"
    if partition.mig_profile is None:
        slicing = {
            "replicas": partition.parts,
            # Else the GPUs are called nvidia.com/gpu.shared, which no pod asks for.
            "rename-by-default": False,
            "fail-requests-greater-than-one": True,
        }
        return {plugin: {"device-sharing-strategy": "time-slicing"}, f"{plugin}.time-slicing": slicing}
    accelerator = instance_type.accelerator
    gpu = bottlerocket_gpu(accelerator.name) if accelerator else None
    if gpu is None:
        raise ValueError(f"Bottlerocket does not divide the GPUs of {instance_type.name}")
    return {plugin: {"device-partitioning-strategy": "mig"}, f"{plugin}.mig.profile": {gpu: partition.mig_profile}}


def _table(name: str, values: Mapping[str, object]) -> str:
    """JSON's texts, numbers, booleans and lists are TOML's as well."""
    lines = [f"{json.dumps(key)} = {json.dumps(value)}" for key, value in values.items()]
    return "\n".join([f"[{name}]", *lines, ""])
