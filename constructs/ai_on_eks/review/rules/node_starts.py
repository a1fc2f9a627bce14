"""What a managed node is told when it starts, against the operating system that has to understand it.

A user data that the image cannot read is no error anywhere: the node joins with the image's own settings, or never.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

from ai_on_eks.catalog.types import Vendor
from ai_on_eks.review.rules.assembly import Resource
from ai_on_eks.review.rules.facts import catalogued
from ai_on_eks.review.rules.node_groups import instance_types_of, launch_template_of
from ai_on_eks.review.rules.rule import Rule
from ai_on_eks.review.rules.values import dig, is_known, items

DATA_DEVICE = "/dev/xvdb"
LOCKED_MEMORY = "LimitMEMLOCK"
"""systemd's name of the limit that containers have from their runtime."""
OWNERSHIP = "device-ownership-from-security-context"


def _runs_bottlerocket(group: Resource) -> bool:
    image = group.get("AmiType")
    return isinstance(image, str) and image.startswith("BOTTLEROCKET")


def _user_data(group: Resource) -> str | None:
    """The text, where the whole of it is known."""
    template = launch_template_of(group)
    text = template.get("LaunchTemplateData", "UserData") if template else None
    return text if isinstance(text, str) and is_known(text) else None


def _settings(text: str | None) -> Any:
    """The settings of a Bottlerocket node; None where the text is no TOML."""
    try:
        return tomllib.loads(text or "").get("settings", {})
    except tomllib.TOMLDecodeError:
        return None


def _other_system(group: Resource) -> Iterator[str]:
    text, image = _user_data(group), group.get("AmiType")
    if not text or not isinstance(image, str):
        return
    if _runs_bottlerocket(group):
        if _settings(text) is None:
            yield f"{image} reads settings in TOML, and the user data is none"
    elif image.startswith("AL2023") and text.lstrip().startswith("[settings"):
        yield f"{image} does not read Bottlerocket's settings"


def _data_volume(group: Resource) -> Iterator[str]:
    template = launch_template_of(group)
    mappings = template.get("LaunchTemplateData", "BlockDeviceMappings") if template else None
    if not _runs_bottlerocket(group) or not isinstance(mappings, list) or not is_known(mappings):
        return
    if DATA_DEVICE not in [dig(one, "DeviceName") for one in items(mappings)]:
        yield f"{DATA_DEVICE}, where images and pods lie, is left at the image's 20 GiB"


def _neuron_ownership(group: Resource) -> Iterator[str]:
    kinds = [kind for kind in map(catalogued, instance_types_of(group)) if kind and kind.accelerator]
    neuron = [kind.name for kind in kinds if kind.accelerator and kind.accelerator.vendor is Vendor.NEURON]
    template = launch_template_of(group)
    if not neuron or not _runs_bottlerocket(group) or template is None:
        return
    given = template.get("LaunchTemplateData", "UserData")
    text = _user_data(group)
    if given is not None and text is None:
        return
    if dig(_settings(text) or {}, "kubernetes", OWNERSHIP) is not True:
        yield f"the devices of {neuron[0]} belong to root"


def _locked_memory(group: Resource) -> Iterator[str]:
    image, template = group.get("AmiType"), launch_template_of(group)
    if template is None or not isinstance(image, str) or not image.startswith("AL2023"):
        return
    interfaces = items(template.get("LaunchTemplateData", "NetworkInterfaces"))
    if not any(dig(one, "InterfaceType") in ("efa", "efa-only") for one in interfaces):
        return
    given, text = template.get("LaunchTemplateData", "UserData"), _user_data(group)
    if (given is None or text is not None) and LOCKED_MEMORY not in (text or ""):
        yield "its nodes have EFA interfaces and containers that may lock 8 MiB"


_GROUP = ("AWS::EKS::Nodegroup",)

RULES = (
    Rule(
        "node-user-data-system", _GROUP, "user data that the machine image does not read",
        "The node starts without it, or does not join: nothing says why.",
        "write TOML settings for Bottlerocket and a MIME document for Amazon Linux 2023", _other_system,
    ),
    Rule(
        "node-data-volume", _GROUP, "Bottlerocket nodes without a data volume of their own size",
        "The first serving image fills it, and the kubelet evicts what runs there.",
        "give /dev/xvdb in BlockDeviceMappings", _data_volume,
    ),
    Rule(
        "node-neuron-ownership", _GROUP, "Neuron devices on Bottlerocket that only root may open",
        "Pods without root, which are all that Pod Security admits, find no device.",
        f"set settings.kubernetes.{OWNERSHIP} to true", _neuron_ownership,
    ),
    Rule(
        "node-locked-memory", _GROUP, "EFA on Amazon Linux whose containers may lock 8 MiB of memory",
        "The adapter's buffers do not fit, and NCCL goes over to TCP without a word.",
        f"set {LOCKED_MEMORY}=infinity for containerd.service in the user data", _locked_memory,
    ),
)  # fmt: skip
